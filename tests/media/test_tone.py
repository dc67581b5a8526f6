"""HDR in a live stream: brought to BT.709 in 8 bit, and tagged so; other colours keep their tags."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from anonymize.live.chain.canvas import Canvas
from anonymize.live.protocols import Picture
from anonymize.live.sinks.encode import LiveEncoder, Muxer
from anonymize.live.source.connection import Stream, way_to
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.tone import BT709, mapped, shown_as
from tests.helpers.formats import documented
from tests.helpers.media import BT601, BT709_FULL, HDR10, HLG, Colour, make_video, probe

SIZE = (128, 96)
X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}


def level(code: int, colour: Colour) -> av.VideoFrame:
    """A grey picture of this code value, of 1023, in limited range."""
    frame = av.VideoFrame(*SIZE, "yuv420p10le")
    for plane, value in zip(frame.planes, (64 + round(code * 876 / 1023), 512, 512), strict=True):
        np.frombuffer(memoryview(plane), np.uint16)[...] = value
    frame.color_primaries, frame.color_trc = colour.primaries, colour.trc
    frame.colorspace, frame.color_range = colour.space, colour.range
    return frame


@pytest.mark.parametrize(
    ("colour", "code", "wanted"),
    [
        (HDR10, 0, 0),
        (HDR10, 594, 191),  # 203 cd/m2, the white of a page
        (HDR10, 675, 225),  # 426 cd/m2
        (HDR10, 769, 255),  # 1000 cd/m2
        (HDR10, 1023, 255),
        (HLG, 0, 0),
        (HLG, 767, 191),  # 203 cd/m2
        (HLG, 1023, 255),
    ],
)
def test_grey_has_the_brightness_that_it_is_graded_for(colour: Colour, code: int, wanted: int) -> None:
    made = mapped(level(code, colour), *SIZE, VideoReformatter())
    assert made.format.name == "yuv420p"
    luma = np.frombuffer(memoryview(made.planes[0]), np.uint8)
    assert abs((int(np.median(luma)) - 16) * 255 / 219 - wanted) <= 4
    assert abs(int(np.median(np.frombuffer(memoryview(made.planes[1]), np.uint8))) - 128) <= 1


@pytest.mark.parametrize(
    ("colour", "form", "codec", "shown"),
    [
        pytest.param(
            HDR10,
            "yuv420p10le",
            "libx265",
            BT709,
            marks=documented("live", "HDR (PQ)", "tone-mapped to BT.709, 8 bit, tagged"),
        ),
        pytest.param(
            HLG,
            "yuv420p10le",
            "libx265",
            BT709,
            marks=documented("live", "HDR (HLG)", "tone-mapped to BT.709, 8 bit, tagged"),
        ),
        (HLG, "yuv420p", "libx264", BT709),
        (BT601, "yuv420p", "libx264", None),
        (BT709_FULL, "yuv420p", "libx264", None),
        (None, "yuv420p", "libx264", None),
    ],
)
def test_what_a_sink_gets_is_tagged_as_what_it_is(
    colour: Colour | None, form: str, codec: str, shown: object, tmp_path: Path
) -> None:
    options = X265 if codec == "libx265" else {}
    path = make_video(tmp_path / "a.mkv", frames=3, size=SIZE, codec=codec, pix_fmt=form, color=colour, options=options)
    target = tmp_path / "out.mp4"
    with Stream(way_to(str(path)), 5.0, "camera") as stream:
        pictures = [item for item in stream.items() if isinstance(item, av.VideoFrame)]
    tags = shown_as(pictures[0])
    assert shown is None or tags == shown
    canvas = Canvas(*SIZE)
    encoder = LiveEncoder(Picture(*SIZE, Fraction(25), colour=tags), 20, sound=False)
    muxer = Muxer(str(target), "mp4", encoder.streams)
    for number, picture in enumerate(pictures):
        for packet in encoder.picture(canvas.frame(picture, Orientation(), number, number * 3600)):
            muxer.write(packet)
    muxer.close()
    found = probe(target)
    assert found.pix_fmt == "yuv420p"
    wanted = (tags.primaries, tags.transfer, tags.matrix)
    assert (found.colour.primaries, found.colour.trc, found.colour.space) == wanted
    if colour is not None and shown is None:
        assert wanted == (colour.primaries, colour.trc, colour.space)
    assert found.colour.range in (0, 1)


@pytest.mark.parametrize("colour", [HDR10, HLG])
def test_the_canvas_gets_it_mapped(colour: Colour) -> None:
    made = Canvas(*SIZE).frame(level(594 if colour is HDR10 else 767, colour), Orientation(), 0, 0)
    assert abs((int(np.median(made.planes[0].pixels)) - 16) * 255 / 219 - 191) <= 4
