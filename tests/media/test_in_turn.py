"""Encoders take their turn: SVT-AV1 makes itself real-time where the user is root."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anonymize.settings import Codec

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="threads are listed by Linux's /proc"),
    pytest.mark.skipif(
        sys.platform == "linux" and os.geteuid() != 0, reason="only root's encoders become real-time; CI runs as root"
    ),
]

CARRIED = """
import os, sys
from pathlib import Path
from anonymize.settings import Codec, Output
from tests.helpers.carry import carry
carry(Path(sys.argv[1]), Path(sys.argv[2]), Output(codec=Codec(sys.argv[3]), speed="ultrafast"))
"""
MADE = """
import os, sys
from pathlib import Path
from tests.helpers.media import make_video
make_video(Path(sys.argv[2]), frames=3, codec="libsvtav1")
"""
LISTED = """
for thread in os.listdir("/proc/self/task"):
    print(os.sched_getscheduler(int(thread)), os.sched_getparam(int(thread)).sched_priority)
"""


def schedules(code: str, *arguments: str) -> set[str]:
    """Policy and priority of all threads that a process has after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code + LISTED, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines())


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265, Codec.AV1, Codec.VP9, Codec.FFV1])
def test_no_encoder_is_left_in_real_time(face_clip: Path, tmp_path: Path, codec: Codec) -> None:
    assert schedules(CARRIED, str(face_clip), str(tmp_path / "out.mkv"), codec.value) == {"0 0"}


def test_nor_are_the_tests_own(tmp_path: Path) -> None:
    assert schedules(MADE, "", str(tmp_path / "out.mp4")) == {"0 0"}


def test_whoever_was_in_real_time_stays_so(face_clip: Path, tmp_path: Path) -> None:
    chosen = "import os\nos.sched_setscheduler(0, os.SCHED_RR, os.sched_param(3))\n"
    assert "2 3" in schedules(chosen + CARRIED, str(face_clip), str(tmp_path / "out.mkv"), "av1")
    assert "1 99" not in schedules(chosen + CARRIED, str(face_clip), str(tmp_path / "out2.mkv"), "av1")
