"""Every kind of fault, put into an output on purpose, is found."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from anonymize.data import Timestamps
from anonymize.media import MediaInfo, open_source
from anonymize.settings import Audio, Output
from tests.helpers.media import BT601, BT709, HDR10, HLG, Colour, make_video, truncate
from tests.helpers.structure import check_structure


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """A video without anything that an output must not hold."""

    def build(name: str = "made.mkv", **changes: object) -> Path:
        plain = {"frames": 10, "codec": "ffv1", "color": BT709, "options": {"level": "1"}}
        return make_video(tmp_path / name, **(plain | changes), container_options={"fflags": "+bitexact"})  # type: ignore[arg-type]

    return build


def known(path: Path) -> tuple[MediaInfo, Timestamps]:
    times = Timestamps()
    with open_source(path) as source:
        for frame in source.frames():
            times.append(frame)
        return source.info, times


def faults(made: Path, wanted: Path, output: Output | None = None) -> str:
    """What the check says of `made`, where `wanted` is what it should be."""
    info, times = known(wanted)
    return "; ".join(check_structure(made, info, times, output or Output()))


def test_a_faithful_output_passes(make: Callable[..., Path]) -> None:
    wanted = make(audio=True)
    assert faults(wanted, wanted) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frames": 9}, "expected 10 frames, got 9"),
        ({"frames": 11}, "expected 10 frames, got 11"),
        ({"rate": 24}, "9 frames are at the wrong time: frame 1 is at 0.042000 s instead of 0.040000 s"),
        ({"size": (64, 46)}, r"size: expected \(64, 48\), got \(64, 46\)"),
        ({"rotation": 90}, "rotation: expected 0, got 90"),
        (
            {"sar": Fraction(4, 3), "codec": "libx264", "options": {"crf": "0"}},
            "sample aspect ratio: expected 1, got 4/3",
        ),
        ({"color": BT601}, "colour: expected"),
        ({"pix_fmt": "yuv420p10le"}, "bit depth: expected 8, got 10"),
        ({"audio": True}, "expected 0 sound tracks, got 1"),
        ({"subtitle": True}, "still in it: subtitle stream"),
        ({"extra_video": True}, "still in it: further video stream"),
        ({"chapters": [(0.0, 0.2, "one")]}, "still in it: .*chapters"),
        ({"attachment": b"x"}, "still in it: .*attachment"),
        ({"metadata": {"title": "x"}}, "still in it: titles"),
        ({"metadata": {"location": "+1+1/"}}, "still in it: GPS"),
        ({"stream_metadata": {"title": "x"}}, "still in it: titles"),
    ],
)
def test_a_fault_is_found(make: Callable[..., Path], changes: dict[str, object], words: str) -> None:
    import re

    found = faults(make("wrong.mkv", **changes), make())
    assert re.search(words, found), found


def test_sound_that_ends_early_is_found(make: Callable[..., Path]) -> None:
    found = faults(make("wrong.mkv", audio=True, frames=10), make(audio=True, frames=30))
    assert "sound track 0: expected it to end at" in found
    assert "packets" in found


def test_sound_that_should_be_mute_is_found(make: Callable[..., Path]) -> None:
    wanted = make(audio=True)
    assert "expected 0 sound tracks, got 1" in faults(wanted, wanted, Output(audio=Audio.MUTE))
    assert faults(make("mute.mkv"), wanted, Output(audio=Audio.MUTE)) == ""


def test_another_hdr_is_found(tmp_path: Path) -> None:
    def hdr(name: str, light: str, colour: Colour) -> Path:
        options = {"preset": "ultrafast", "x265-params": f"log-level=none:info=0:max-cll={light}"}
        return make_video(
            tmp_path / name,
            frames=6,
            codec="libx265",
            pix_fmt="yuv420p10le",
            color=colour,
            options=options,
        )

    wanted = hdr("a.mp4", "1000,400", HDR10)
    assert "HDR metadata" in faults(hdr("b.mp4", "900,400", HDR10), wanted)
    assert "colour" in faults(hdr("c.mp4", "1000,400", HLG), wanted)


def test_a_broken_output_is_found(make: Callable[..., Path]) -> None:
    wanted = make()
    assert "it cannot be read back" in faults(truncate(make("half.mkv"), 0.5), wanted)
    empty = wanted.with_name("empty.mkv")
    empty.touch()
    assert "it cannot be read back: empty.mkv: the file is empty" in faults(empty, wanted)
