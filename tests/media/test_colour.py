"""Where chroma samples lie is carried; colours that change on the way are named."""

from pathlib import Path
from typing import Any

import av
import pytest

from anonymize.errors import UnsupportedInput
from anonymize.media import open_source
from anonymize.settings import Codec, Output
from tests.helpers.carry import carry
from tests.helpers.formats import documented
from tests.helpers.media import BT601, BT709, BT709_FULL, HDR10, HLG, Colour, make_video

X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}
SAYS_ALL = {Codec.AUTO: ".mp4", Codec.H265: ".mp4"}
SAYS_SOME = {Codec.AV1: ".mkv", Codec.FFV1: ".mkv", Codec.VP9: ".webm"}
PLACES = ("left", "center", "topleft", "top", "bottomleft", "bottom")


def placed(path: Path, place: str) -> Path:
    return make_video(path, frames=8, size=(128, 96), options={"chroma_sample_location": place})


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(
            p,
            marks=documented(
                "colour", f"chroma samples at {p}", "kept; where the output's codec has no place for it, that is said"
            ),
        )
        for p in PLACES
    ],
)
@pytest.mark.parametrize("codec", [*SAYS_ALL, *SAYS_SOME])
def test_where_chroma_samples_lie_is_carried_or_said(codec: Codec, place: str, tmp_path: Path) -> None:
    source = placed(tmp_path / "a.mp4", place)
    done = carry(source, tmp_path / f"out{(SAYS_ALL | SAYS_SOME)[codec]}", Output(speed="ultrafast", codec=codec))
    assert done.failures == []
    assert done.info.chroma_location == place
    with open_source(done.path) as result:
        found = result.info.chroma_location
    said = any("position of the chroma samples" in note for note in done.notes)
    assert (found == place) is not said or place == "left"
    assert not said or (codec in SAYS_SOME and place.startswith("bottom"))


@pytest.mark.parametrize(
    ("codec", "suffix", "form", "place"),
    [
        ("mpeg1video", ".mpg", "yuv420p", "center"),
        ("mjpeg", ".avi", "yuvj420p", "center"),
        ("mpeg2video", ".mpg", "yuv420p", "left"),
    ],
)
def test_codecs_that_put_them_elsewhere_are_known(
    codec: str, suffix: str, form: str, place: str, tmp_path: Path
) -> None:
    path = make_video(tmp_path / f"a{suffix}", frames=4, codec=codec, pix_fmt=form, options={})
    done = carry(path, tmp_path / "out")
    assert done.failures == []
    with open_source(done.path) as result:
        assert (done.info.chroma_location, result.info.chroma_location) == (place, place)


def joined(folder: Path, *parts: tuple[Colour | None, str, str, tuple[int, int]]) -> Path:
    """Transport streams one after the other, as a camera sends them when somebody turns its knobs."""
    data = b""
    for number, (colour, form, codec, size) in enumerate(parts):
        options = X265 if codec == "libx265" else {}
        path = folder / f"{number}.ts"
        make_video(path, frames=6, size=size, codec=codec, pix_fmt=form, color=colour, options=options)
        data += path.read_bytes()
    path = folder / "both.ts"
    path.write_bytes(data)
    return path


PLAIN = (BT709, "yuv420p", "libx264", (64, 48))
TEN = (HDR10, "yuv420p10le", "libx265", (64, 64))
REASONS = {
    "size": (PLAIN, (BT709, "yuv420p", "libx264", (96, 48)), "changes its size partway through"),
    "colour range": (
        PLAIN,
        (BT709_FULL, "yuvj420p", "libx264", (64, 48)),
        r"colour range changes partway through \(limited, then full\)",
    ),
    "chroma subsampling": (PLAIN, (BT709, "yuv422p", "libx264", (64, 48)), "pixel format changes partway through"),
    "bit depth": (
        PLAIN,
        (BT709, "yuv420p10le", "libx264", (64, 48)),
        r"bit depth changes partway through \(from 8 to 10 bits\)",
    ),
    "primaries": (
        PLAIN,
        (BT601, "yuv420p", "libx264", (64, 48)),
        "(transfer function|primaries) changes? partway through",
    ),
    "transfer function": (TEN, (HLG, *TEN[1:]), r"transfer function changes partway through \(PQ, then HLG\)"),
}


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(w, marks=documented("video", f"{w} that changes partway through", "refused, with the reason"))
        for w in REASONS
    ],
)
def test_what_changes_on_the_way_is_named(what: str, tmp_path: Path) -> None:
    before, after, words = REASONS[what]
    path = joined(tmp_path, before, after)
    with pytest.raises(UnsupportedInput, match=words), open_source(path) as source:
        for _ in source.frames():
            pass


def test_tags_that_are_left_out_change_nothing(tmp_path: Path) -> None:
    path = joined(tmp_path, PLAIN, (None, *PLAIN[1:]))
    with open_source(path) as source:
        frames: list[Any] = list(source.frames())
    assert sum(isinstance(frame.picture, av.VideoFrame) for frame in frames) == 12
