import calendar
import os
import re
import secrets
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from anonymize.errors import OutputError
from anonymize.live.health import Limits
from anonymize.live.metrics import Metrics
from anonymize.live.sinks.encode import LiveEncoder
from anonymize.live.sinks.hls import Hls
from anonymize.live.sinks.open import Options, open_sinks
from anonymize.live.sinks.recording import Keep, Recording
from tests.helpers.servers import until
from tests.live.test_sinks import PICTURE, coded, feed, frames, quiet, state, times


def test_a_recording_is_cut_at_key_pictures_and_loses_nothing(tmp_path):
    encoder, packets = coded(175, start=12.5)
    shown = []
    recording = Recording(tmp_path, encoder.streams, Keep(segment=3, room=0), lambda s, d: shown.append((s, d)))
    for packet in packets:
        recording.write(packet)
        assert all(len(times(path)) >= 75 for path in tmp_path.glob("*.mp4")), "a segment that is not finished is seen"
    recording.close()
    segments = sorted(tmp_path.glob("*.mp4"))
    assert [len(times(path)) for path in segments] == [100, 75]
    assert all(re.fullmatch(r"2026-\d\d-\d\dT\d\d-\d\d-\d\dZ\.mp4", path.name) for path in segments)
    assert all(times(path)[0] == 0 for path in segments)
    assert shown == [("ok", "recording"), *(("ok", f"newest segment {path.name}") for path in segments)]


@pytest.mark.parametrize("start", [0.01, 0.26, 0.51])
def test_a_segment_is_as_long_as_asked_for_though_times_are_rounded(tmp_path, start):
    """Two seconds from these are a little less than two, as floats."""
    encoder, packets = coded(125, start=start)
    recording = Recording(tmp_path, encoder.streams, Keep(segment=2, room=0), quiet)
    for packet in packets:
        recording.write(packet)
    recording.close()
    assert [len(times(path)) for path in sorted(tmp_path.glob("*.mp4"))] == [50, 50, 25]


def test_segments_are_named_after_the_capture_of_their_first_picture_however_late_they_are_written(tmp_path):
    """As after a full disk: what waited for room is of an hour ago."""
    encoder = LiveEncoder(replace(PICTURE, begun=time.monotonic() - 3600), 23, sound=False)
    captured = time.time() - 3600 + 100
    recording = Recording(tmp_path, encoder.streams, Keep(segment=2, room=0), quiet)
    for frame in frames(150, start=100.0):
        for packet in encoder.picture(frame):
            recording.write(packet)
    recording.close()
    assert [
        calendar.timegm(time.strptime(path.name, "%Y-%m-%dT%H-%M-%SZ.mp4")) for path in sorted(tmp_path.glob("*.mp4"))
    ] == [pytest.approx(captured + later, abs=1.1) for later in (0, 2, 4)]


ANOTHER = """
import sys
from pathlib import Path
from anonymize.live.sinks.part import Part
part = Part(Path(sys.argv[1]), sys.argv[2])
part.write(b"what it has recorded")
print(part.path.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def another(tmp_path):
    """Another process that writes into the folder; its part. It ends when the test does."""

    @contextmanager
    def writing(stem):
        arguments = [sys.executable, "-c", ANOTHER, str(tmp_path), stem]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield tmp_path / process.stdout.readline().strip()
            process.kill()

    return writing


def test_another_process_that_records_into_the_folder_loses_nothing(tmp_path, another):
    """Two supervisors of one file of cameras: the second deleted what the first was writing."""
    encoder, packets = coded(10)
    with another("2026-11-29T10-00-00Z") as part:
        with pytest.raises(OutputError, match="another process writes into this folder"):
            Recording(tmp_path, encoder.streams, Keep(room=0), quiet)
        assert part.read_bytes() == b"what it has recorded"
    recording = Recording(tmp_path, encoder.streams, Keep(room=0), quiet)
    assert not part.exists(), "it is dead"
    with another("2026-11-29T10-00-00Z") as part, pytest.raises(OutputError, match="another process"):
        recording.write(packets[0])  # a segment begins
    recording.abandon()


def test_another_process_that_plays_into_the_folder_loses_nothing(tmp_path, another):
    (tmp_path / "live-7.ts").write_bytes(b"of the other one")
    encoder, _ = coded(1)
    with another("live") as part, pytest.raises(OutputError, match="another process writes into this folder"):
        Hls(tmp_path / "live.m3u8", encoder.streams, quiet)
    assert part.exists()
    assert (tmp_path / "live-7.ts").exists()


def dated(packets):
    """Packets, the first of which was captured on 18 November 2026 at 11:06:40."""
    return [replace(packet, at=1_795_000_000 + packet.time) for packet in packets]


def test_old_segments_go_and_nothing_else(tmp_path):
    old = time.time() - 8 * 86_400
    for name in ("2026-01-01T00-00-00Z.mp4", "2026-01-01T00-01-00Z-2.mp4", "holiday.mp4", "2026-01-01.mp4"):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (old, old))
    (tmp_path / "2026-01-07T00-00-00Z.mp4").write_bytes(b"x")
    (tmp_path / ".2026-01-01T00-00-00Z-0123456789abcdef.part").write_bytes(b"left by a process that was killed")
    (tmp_path / ".2026-01-02T00-00-00Z-0123456789abcdef.part").mkdir()  # no file of ours
    encoder, _ = coded(1)
    Recording(tmp_path, encoder.streams, Keep(age=7 * 86_400.0, room=0), quiet)
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [
        "2026-01-01.mp4",
        "2026-01-07T00-00-00Z.mp4",
        "custody.jsonl",
        "custody.jsonl.head",
        "holiday.mp4",
    ]


@pytest.mark.parametrize("planted", [".{}.part", ".{}-0123456789abcdef.part", "{}.mp4"])
def test_a_planted_link_is_not_followed(planted, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    encoder, packets = coded(5)
    recording = Recording(
        tmp_path / "out", encoder.streams, Keep(age=7 * 86_400.0, room=0), quiet, lambda: 1_795_000_000
    )
    packets = dated(packets)
    (tmp_path / "out" / planted.format("2026-11-18T11-06-40Z")).symlink_to(tmp_path / "elsewhere")
    for packet in packets:
        recording.write(packet)
    hidden = [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".") and not path.is_symlink()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in hidden] == [0o600]
    recording.close()
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"
    made = [path for path in (tmp_path / "out").glob("*.mp4") if not path.is_symlink()]
    assert [len(times(path)) for path in made] == [5]
    assert stat.S_IMODE(made[0].stat().st_mode) == 0o666 & ~umask()


def test_not_even_a_name_that_was_guessed_is_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(secrets, "token_hex", lambda n: n * "ab")
    (tmp_path / "elsewhere").write_bytes(b"precious")
    encoder, packets = coded(5)
    packets, recording = dated(packets), Recording(tmp_path, encoder.streams, Keep(room=0), quiet)
    (tmp_path / f".2026-11-18T11-06-40Z-{8 * 'ab'}.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        recording.write(packets[0])
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_a_file_that_takes_a_segments_place_is_not_released(tmp_path):
    encoder, packets = coded(5)
    recording = Recording(tmp_path, encoder.streams, Keep(room=0), quiet)
    for packet in packets:
        recording.write(packet)
    (part,) = tmp_path.iterdir()
    part.unlink()
    part.write_bytes(b"somebody else's")
    with pytest.raises(OutputError, match="another file has taken the place"):
        recording.close()
    assert not list(tmp_path.glob("*.mp4"))
    recording.abandon()


def umask():
    """The mode bits that new files do not get."""
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


def test_two_segments_of_one_second_have_two_names(tmp_path):
    encoder, packets = coded(10)
    for _ in range(2):
        recording = Recording(tmp_path, encoder.streams, Keep(room=0), quiet)
        for packet in dated(packets):
            recording.write(packet)
        recording.close()
    assert len(list(tmp_path.glob("*.mp4"))) == 2


def test_a_segment_that_does_not_hold_what_went_in_is_given_up(tmp_path, monkeypatch):
    encoder, packets = coded(5)
    recording = Recording(tmp_path, encoder.streams, Keep(room=0), quiet)
    for packet in packets:
        recording.write(packet)
    recording._pictures += 1
    with pytest.raises(OutputError, match="holds 5 pictures instead of 6"):
        recording.close()
    recording.abandon()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can only be mounted by root: CI runs this as root")
def test_a_full_disk_stops_the_recording_alone_until_there_is_room(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        metrics = Metrics(limits=Limits(lost=0.3))
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 300_000)
        options = Options(keep=Keep(segment=1, room=16_384))
        record, other = f"record:{disk}/r", f"record:{tmp_path}/other"
        (sink,) = open_sinks([record, other], PICTURE, metrics, options)
        feed(sink, frames(600))
        until(lambda: state(metrics, record)["detail"].startswith("the disk is full"), what="it says that it is full")
        assert not list(disk.glob("r/*.part"))
        until(lambda: not metrics.health().ok, what="an alarm is raised")
        assert "the disk is full" in metrics.health().why
        ballast.unlink()
        before = len(list(disk.glob("r/*.mp4")))
        until(lambda: state(metrics, record)["state"] != "lost", what="it tries again")
        feed(sink, frames(200, start=100))
        until(lambda: len(list(disk.glob("r/*.mp4"))) > before, what="it goes on")
        assert metrics.health().ok
        sink.close(5)
        assert sum(len(times(path)) for path in (tmp_path / "other").glob("*.mp4")) == 800
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
