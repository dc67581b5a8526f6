"""Where a file ends: one that is whole is never called damaged, whatever its container says of its length."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from anonymize.errors import DamagedInput
from anonymize.media import open_source
from tests.helpers.boxes import set_edits
from tests.helpers.formats import documented
from tests.helpers.media import make_video, truncate

CONTAINERS = [".mp4", ".mov", ".mkv", ".webm", ".flv", ".wmv", ".avi", ".ts", ".mpg"]
CODECS = {".wmv": "wmv2", ".mpg": "mpeg2video", ".webm": "libvpx"}
SOUNDS: dict[str, str | bool] = {".wmv": False, ".mpg": "mp2", ".flv": "aac"}


def read(path: Path) -> int:
    """How many pictures are played; raises `DamagedInput` where some are lost."""
    with open_source(path) as source:
        return sum(1 for _ in source.frames())


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param(s, marks=documented("times", f"`{s}` whose first picture comes late", "read as a whole file"))
        for s in CONTAINERS
    ],
)
def test_a_file_that_starts_late_is_whole(tmp_path: Path, suffix: str) -> None:
    """A segment of a recording: some muxers write when it ends, some how long it is."""
    path = make_video(
        tmp_path / f"in{suffix}",
        frames=50,
        pts=[100 + i for i in range(50)],
        codec=CODECS.get(suffix),
        audio=SOUNDS.get(suffix, True),
    )
    assert read(path) >= 50  # AVI repeats a picture for the time before


@pytest.mark.parametrize("suffix", [s for s in CONTAINERS if s != ".mpg"])
def test_a_last_picture_that_is_shown_long_is_whole(tmp_path: Path, suffix: str) -> None:
    """One picture in four seconds: the packets of some containers do not tell for how long."""
    path = make_video(
        tmp_path / f"in{suffix}",
        frames=4,
        pts=[0, 4, 8, 12],
        rate=Fraction(1, 4),
        time_base=Fraction(1),
        codec=CODECS.get(suffix),
    )
    assert read(path) >= 4


@pytest.mark.parametrize("suffix", CONTAINERS[:7])
def test_a_file_that_breaks_off_is_damaged(tmp_path: Path, suffix: str) -> None:
    path = make_video(
        tmp_path / f"in{suffix}",
        frames=75,
        codec=CODECS.get(suffix),
        audio=SOUNDS.get(suffix, True),
        container_options={"movflags": "+faststart"} if suffix in (".mp4", ".mov") else {},
    )
    with pytest.raises(
        DamagedInput,
        match=r"missing|it ends at \d\.\d\d s, and should go on to [23]\.\d\d s|not be decoded|are damaged",
    ):
        read(truncate(path, 0.6))


def test_sound_that_breaks_off_is_damage(tmp_path: Path) -> None:
    """All pictures are there: an MP4's index tells that sound is not."""
    path = make_video(tmp_path / "in.mp4", frames=25, audio=True, container_options={"movflags": "+faststart"})
    content = path.read_bytes()
    path.write_bytes(content[:-3000])
    with pytest.raises(DamagedInput, match=r"of 48 pieces of a sound track are missing"):
        read(path)


@pytest.mark.parametrize(
    ("edits", "shown"),
    [
        pytest.param(
            edits,
            shown,
            marks=documented("times", f"MP4 and MOV edit list: {what}", "what it hides is not in the output"),
        )
        for what, edits, shown in [
            ("the start is cut off", [(1.0, 1.0)], 25),
            ("the end is cut off", [(1.0, 0.0)], 25),
            ("both ends are cut off", [(0.48, 1.0)], 12),
            ("a pause comes first", [(0.5, None), (1.0, 0.6)], 25),
            ("several parts are played", [(0.4, 0.2), (0.4, 1.4)], 20),
            ("one part is played twice", [(0.4, 1.0), (0.4, 1.0)], 20),
        ]
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("version", [0, 1])
def test_a_trimmed_file_is_whole(
    tmp_path: Path, suffix: str, version: int, edits: Sequence[tuple[float, float | None]], shown: int
) -> None:
    path = make_video(tmp_path / f"in{suffix}", frames=50, audio=True, options={"preset": "medium", "bf": "0"})
    for kind in ("vide", "soun"):
        set_edits(path, kind, edits, version=version)
    assert read(path) == shown
