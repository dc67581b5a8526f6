"""Cropping: what players do not show of a source is not in its output, whoever says that it is to be cropped."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from anonymize.batch.inputs import only_item
from anonymize.errors import UnsupportedInput
from anonymize.live.chain.canvas import Canvas
from anonymize.live.source.connection import Stream, way_to
from anonymize.media import open_source
from anonymize.recorded import job
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.helpers.elements import clap, in_matroska, in_mp4
from tests.helpers.formats import documented
from tests.helpers.media import Picture, make_video, probe, read_video

SIZE = (320, 240)
RED, GREEN, BLUE, GREY, WHITE = (220, 30, 30), (30, 200, 30), (40, 40, 220), (110, 110, 110), (235, 235, 235)
SETTINGS = {
    "targets": [],
    "zones": [{"polygon": [[0, 0], [20, 0], [20, 20]]}],
    "output": {"speed": "ultrafast", "quality": 4},
}


def framed(left: int, top: int, right: int, bottom: int) -> Picture:
    """White in grey within red, green, blue and white bars of these widths: what is cropped has a colour of its own."""
    # With some grain: a transport stream of a few hundred bytes is not recognised as one.
    picture = np.random.default_rng(5).integers(100, 120, (SIZE[1], SIZE[0], 1), np.uint8).repeat(3, axis=2)
    picture[100:140, 140:180] = WHITE
    for width, part, colour in (
        (top, np.s_[:top], GREEN),
        (bottom, np.s_[SIZE[1] - bottom :], WHITE),
        (left, np.s_[:, :left], RED),
        (right, np.s_[:, SIZE[0] - right :], BLUE),
    ):
        if width:
            picture[part] = colour
    return picture


def assert_cropped(pictures: list[Picture], left: int, top: int, right: int, bottom: int, *, zone: bool = True) -> None:
    """All that is left of `framed` is its middle, in the right place, but for two pixels at each side."""
    for picture in pictures:
        height, width = picture.shape[:2]
        assert SIZE[0] - left - right - 4 <= width <= SIZE[0] - left - right
        assert SIZE[1] - top - bottom - 4 <= height <= SIZE[1] - top - bottom
        y, x = np.nonzero((picture > 180).all(axis=2))
        assert abs(x.mean() + left - 159.5) < 2.5
        assert abs(y.mean() + top - 119.5) < 2.5
        border = np.ones((height, width), bool)
        border[3:-3, 3:-3] = False
        border[:30, :30] = not zone and border[:30, :30]
        assert np.abs(picture.astype(int) - GREY).max(axis=2)[border].max() < 50, "a cropped bar shows"


def run(source: Path, target: Path) -> Path:
    released = job.run(only_item(str(source), str(target)), from_mapping(Settings, SETTINGS, Settings())).output
    return Path(str(released))


SIDES = [(120, 0, 0, 0), (16, 10, 30, 8), (15, 9, 31, 7), (0, 0, 0, 64), (2, 2, 2, 2)]


@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
@documented("geometry", "Matroska and WebM with PixelCrop", "what is cropped is not in the output")
def test_matroska_crops(suffix, sides, tmp_path):
    codec = {"codec": "libvpx-vp9", "options": {"b:v": "4M"}} if suffix == ".webm" else {"options": {"crf": "4"}}
    video = make_video(tmp_path / f"a{suffix}", frames=[framed(*sides)] * 3, **codec)
    left, top, right, bottom = sides
    in_matroska(video, crop_left=left, crop_top=top, crop_right=right, crop_bottom=bottom)
    released = run(video, tmp_path / f"out{suffix}")
    assert_cropped(read_video(released), *sides)
    with open_source(released) as result, open_source(video) as source:
        assert not any("not show" in what for what in result.info.removed)
        assert any("not show" in what for what in source.info.removed)


MP4: dict[str, tuple[str, dict[str, Any]]] = {
    "libx264": (".mp4", {"options": {"crf": "4"}}),
    "libx265": (".mp4", {"options": {"crf": "4"}}),
    "libsvtav1": (".mp4", {"options": {"crf": "10", "preset": "12"}}),
    "mpeg4": (".mp4", {"options": {"b:v": "4M"}}),
    "prores_ks": (".mov", {"pix_fmt": "yuv422p10le"}),
    "mjpeg": (".mov", {"pix_fmt": "yuvj420p", "options": {"q:v": "2"}}),
    "qtrle": (".mov", {"pix_fmt": "rgb24"}),
    "rawvideo": (".mov", {"pix_fmt": "uyvy422"}),
    "cfhd": (".mov", {"pix_fmt": "yuv422p10le"}),
}


@pytest.mark.parametrize(
    "codec",
    [
        pytest.param(
            codec,
            marks=documented(
                "geometry",
                f"{suffix[1:]} with a clean aperture (clap), {codec}",
                "what is cropped is not in the output",
            ),
        )
        for codec, (suffix, _) in MP4.items()
    ],
)
def test_mp4_and_mov_crop(codec, tmp_path):
    suffix, options = MP4[codec]
    sides = (40, 10, 20, 30)
    video = make_video(tmp_path / f"a{suffix}", frames=[framed(*sides)] * 3, codec=codec, **options)
    left, top, right, bottom = sides
    in_mp4(video, b"clap", clap(SIZE[0] - left - right, SIZE[1] - top - bottom, left - right, top - bottom))
    with open_source(video) as source:
        frames = list(source.frames())
        assert (source.info.width, source.info.height) == (260, 200)
        assert_cropped([frame.bgr(frame.width, frame.height)[..., ::-1] for frame in frames], *sides, zone=False)
    if codec in ("libx264", "libx265", "prores_ks"):
        released = run(video, tmp_path / f"out{suffix}")
        assert_cropped(read_video(released), *sides)
        assert b"clap" not in released.read_bytes()


def filtered(source: Path, target: Path, spec: str) -> Path:
    """`source` with its coded stream changed by a bitstream filter."""
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        stream = before.streams.video[0]
        made = after.add_stream_from_template(stream)
        change = BitStreamFilterContext(spec, stream, made)
        for packet in before.demux(stream):
            for changed in change.filter(packet if packet.dts is not None else None):
                changed.stream = made
                after.mux(changed)
    return target


@pytest.mark.parametrize(
    "sides", [(16, 0, 0, 0), (2, 10, 30, 8), (100, 0, 0, 0), (0, 0, 14, 6), (62, 2, 2, 2)], ids=str
)
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("suffix", [".ts", ".mp4"])
@documented(
    "geometry", "H.264 and H.265 with a conformance window", "what is cropped is not in the output; all of the rest is"
)
def test_coded_streams_crop(suffix, codec, sides, tmp_path):
    """FFmpeg's decoders show up to 63 of the columns that a stream crops at the left, unless they are told not to."""
    left, top, right, bottom = sides
    name = {"libx264": "h264_metadata", "libx265": "hevc_metadata"}[codec]
    made = make_video(tmp_path / "a.ts", frames=[framed(*sides)] * 3, codec=codec, options={"crf": "4"})
    crop = f"{name}=crop_left={left}:crop_top={top}:crop_right={right}:crop_bottom={bottom}"
    video = filtered(made, tmp_path / "b.ts", crop)
    if suffix == ".mp4":
        video = _remuxed(video, tmp_path / "b.mp4")
    released = run(video, tmp_path / f"out{suffix}")
    assert_cropped(read_video(released), *sides)
    assert read_video(released)[0].shape[:2] == (SIZE[1] - top - bottom, SIZE[0] - left - right)


def _remuxed(source: Path, target: Path) -> Path:
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        stream = before.streams.video[0]
        made = after.add_stream_from_template(stream)
        for packet in before.demux(stream):
            if packet.dts is not None:
                packet.stream = made
                after.mux(packet)
    return target


def test_cropping_comes_before_turning_and_keeps_the_shape_of_pixels(tmp_path):
    sides = (40, 10, 20, 30)
    video = make_video(
        tmp_path / "a.mp4", frames=[framed(*sides)] * 3, rotation=90, sar=Fraction(2), options={"crf": "4"}
    )
    in_mp4(video, b"clap", clap(260, 200, 20, -20))
    with open_source(video) as source:
        frame = next(iter(source.frames()))
        assert (frame.width, frame.height) == (200, 260)
        assert frame.aspects == (Fraction(1, 2),)
        stored = np.rot90(frame.bgr(200, 260)[..., ::-1], -1)
        assert_cropped([stored], *sides, zone=False)
    released = run(video, tmp_path / "out.mp4")
    facts = probe(released)
    assert (facts.width, facts.height, facts.rotation, facts.sar) == (260, 200, 90, Fraction(2))


@pytest.mark.parametrize(
    "aperture",
    [
        pytest.param((Fraction(561, 2), Fraction(421, 2)), id="half pixels are hidden"),
        pytest.param((Fraction(280), Fraction(210)), id="whole pixels"),
    ],
)
def test_pixels_that_are_cut_through_are_hidden(aperture, tmp_path):
    across, down = aperture
    video = make_video(tmp_path / "a.mp4", frames=2)
    video = make_video(tmp_path / "a.mp4", frames=[framed(0, 0, 0, 0)] * 2)
    numbers = [across.numerator, across.denominator, down.numerator, down.denominator, 0, 1, 0, 1]
    in_mp4(video, b"clap", b"".join(number.to_bytes(4, "big") for number in numbers))
    with open_source(video) as source:
        assert (source.info.width, source.info.height) <= (280, 210)
        assert (source.info.width, source.info.height) >= (276, 206)


def test_nothing_left_is_refused(tmp_path):
    video = in_matroska(make_video(tmp_path / "a.mkv", frames=2), crop_left=40, crop_right=23)
    with pytest.raises(UnsupportedInput, match="nothing of the picture"):
        open_source(video)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@documented("live", "a file that its container crops", "what is cropped is not shown")
def test_live_crops_files(suffix, tmp_path):
    sides = (40, 10, 20, 30)
    video = make_video(tmp_path / f"a{suffix}", frames=[framed(*sides)] * 3, options={"crf": "4"})
    if suffix == ".mkv":
        in_matroska(video, crop_left=40, crop_top=10, crop_right=20, crop_bottom=30)
    else:
        in_mp4(video, b"clap", clap(260, 200, 20, -20))
    with Stream(way_to(str(video)), 5.0, "a") as stream:
        picture = next(item for item in stream.items() if isinstance(item, av.VideoFrame))
        frame = Canvas(picture.width, picture.height).frame(picture, stream.orientation(picture), 0, 0)
    assert_cropped([frame.bgr(frame.width, frame.height)[..., ::-1]], *sides, zone=False)


@documented("live", "H.264 with a conformance window", "what is cropped is not shown")
def test_live_crops_what_the_stream_crops(tmp_path):
    sides = (16, 0, 0, 0)
    made = make_video(tmp_path / "a.ts", frames=[framed(*sides)] * 3, options={"crf": "4"})
    video = filtered(made, tmp_path / "b.ts", "h264_metadata=crop_left=16")
    with Stream(way_to(str(video)), 5.0, "b") as stream:
        picture = next(item for item in stream.items() if isinstance(item, av.VideoFrame))
    assert (picture.width, picture.height) == (304, 240)


@pytest.mark.parametrize(("track", "size"), [(0, (280, 200)), (1, SIZE)])
def test_of_several_tracks_the_one_that_is_shown_is_cropped(track, size, tmp_path):
    """The second video track is half the size."""
    video = make_video(tmp_path / "a.mp4", frames=[framed(0, 0, 0, 0)] * 2, extra_video=True, audio=True)
    in_mp4(video, b"clap", clap(280, 200, 0, 0) if track == 0 else clap(100, 100, 0, 0), track)
    with open_source(video) as source:
        assert (source.info.width, source.info.height) == size


# Turned by the coded stream


ORIENTATIONS = {0: b"", 90: b"\x06\x2f\x03\x08\x00\x09\x80", 180: b"\x06\x2f\x03\x10\x00\x09\x80"}
"""SEI messages: a picture, and those after it, are to be turned by so many degrees."""


def turned(path: Path, *angles: int) -> Path:
    """H.264 of four pictures for each angle; the first of them, a key frame, says that they are turned by it."""
    plain = path.with_name("plain" + path.suffix.replace(".h264", ".ts"))
    options = {"g": "4", "bf": "0", "crf": "8", "sc_threshold": "0"}
    make_video(plain, frames=4 * len(angles), size=SIZE, options=options)
    said = iter(angles)
    with av.open(str(plain)) as before, av.open(str(path), "w") as after:
        stream = before.streams.video[0]
        made = after.add_stream_from_template(stream)
        for packet in before.demux(stream):
            if packet.dts is None:
                continue
            message = ORIENTATIONS[next(said)] if packet.is_keyframe else b""
            changed = av.Packet(_before_slices(bytes(packet), message) if message else bytes(packet))
            changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
            changed.is_keyframe, changed.duration, changed.stream = packet.is_keyframe, packet.duration, made
            after.mux(changed)
    return path


def _before_slices(data: bytes, unit: bytes) -> bytes:
    """A picture with a unit put before its first slice, in the form of MPEG-TS or in that of MP4."""
    if data.startswith((b"\0\0\1", b"\0\0\0\1")):
        at = data.index(b"\0\0\1\x65")
        return data[:at] + b"\0\0\1" + unit + data[at:]
    at = 0
    while data[at + 4] & 31 != 5:
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    return data[:at] + len(unit).to_bytes(4, "big") + unit + data[at:]


@pytest.mark.parametrize("suffix", [".ts", ".mp4", ".mkv", ".h264"])
@documented(
    "geometry",
    "H.264 whose key frames say that they are turned (display orientation SEI)",
    "turned, in the output by its container; it becomes mp4 where its own cannot say that",
)
def test_what_key_frames_say_of_their_orientation_holds(suffix, tmp_path):
    video = turned(tmp_path / f"a{suffix}", 90, 90, 90)
    released = run(video, tmp_path / "out.mp4")
    facts = probe(released)
    assert (facts.width, facts.height, facts.rotation, facts.frames) == (*SIZE, 90, 12)
    with open_source(released) as result:
        frames = list(result.frames())
        assert {(frame.width, frame.height) for frame in frames} == {(SIZE[1], SIZE[0])}
    with Stream(way_to(str(video)), 5.0, "a") as stream:
        seen = [stream.orientation(item) for item in stream.items() if isinstance(item, av.VideoFrame)]
    assert len(set(seen)) == 1
    assert seen[0].transposed


@pytest.mark.parametrize("angles", [(90, 180), (90, 0), (0, 90)])
@documented("geometry", "H.264 whose orientation changes (display orientation SEI)", "refused, with the reason")
def test_a_stream_that_turns_on_the_way_is_refused_for_what_it_is(angles, tmp_path):
    with pytest.raises(UnsupportedInput, match="display orientation"):
        run(turned(tmp_path / "a.ts", *angles), tmp_path / "out.mp4")
