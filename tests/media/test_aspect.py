"""Pixels that are not square: faces are found in the shape in which people see them, wherever that shape is told."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pillow_heif
import pytest
from av.video.reformatter import VideoReformatter
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from anonymize import plan
from anonymize.aspect import ALIKE, SquareFrame, aspects_of, display_size, parse, shown
from anonymize.batch.inputs import only_item
from anonymize.data import Detections, Frame, Kind
from anonymize.detect import Detector, ScaleScheduler, build, detect
from anonymize.detect.multiscale import GROUPS
from anonymize.errors import PlanError, UsageError
from anonymize.kinds import Verdict
from anonymize.live.chain.canvas import Canvas, canvas_for
from anonymize.live.source.connection import Stream, way_to
from anonymize.media import open_source
from anonymize.media.frames import pixel_shape
from anonymize.media.frames.orient import Orientation
from anonymize.media.still.density import densities
from anonymize.media.video.inspect import thumbnail
from anonymize.media.video.source import VideoSource
from anonymize.parallel.segments import WorkerContext
from anonymize.recorded import job
from anonymize.settings import Detect, Settings
from anonymize.text.mapping import from_mapping
from anonymize.track import MotionSample
from anonymize.verify import Evidence, Wanted, examine
from anonymize.verify.variants import Variants
from tests.cli.test_cli import anonymize
from tests.conftest import astronaut
from tests.helpers.elements import in_matroska
from tests.helpers.formats import documented
from tests.helpers.media import Picture, make_video, probe

SIZE = (480, 360)
FACES = [(40, 30, 44), (170, 41, 46), (330, 30, 48), (60, 170, 50), (220, 181, 46), (350, 200, 48)]
"""Left, top and side of every portrait in the picture as people see it."""
SQUARE = Fraction(1)


def crowd() -> Picture:
    """Six portraits in square pixels: too small to be found when they are squeezed."""
    rng = np.random.default_rng(3)
    picture = cv2.resize(rng.integers(40, 220, (9, 12, 3), np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    for x, y, side in FACES:
        picture[y : y + side, x : x + side] = cv2.resize(
            astronaut()[20:220, 120:320], (side, side), interpolation=cv2.INTER_AREA
        )
    return np.asarray(picture, np.uint8)


def squeezed(aspect: Fraction, picture: Picture | None = None) -> Picture:
    """The picture as it is stored where pixels have `aspect`: never with more of them than it has."""
    across, down = min(SQUARE, 1 / aspect), min(SQUARE, aspect)
    size = (round(SIZE[0] * across / 2) * 2, round(SIZE[1] * down / 2) * 2)
    small = cv2.resize(crowd() if picture is None else picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def covered(found: Detections, frame: Frame) -> int:
    """On how many of the portraits something was found with its middle near theirs."""
    middle = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2 / [frame.width, frame.height] * SIZE
    return sum(
        bool((np.abs(middle - [x + side / 2, y + side / 2]) < side / 3).all(axis=1).any()) for x, y, side in FACES
    )


def first_frame(path: Path, **options: Any) -> Frame:
    with open_source(path, **options) as source:
        return next(iter(source.frames()))


@pytest.fixture(scope="module")
def detectors() -> list[Detector]:
    return build(["centerface"], [Kind.FACE])


def looked(frame: Frame, detectors: list[Detector]) -> Detections:
    return detect(frame, detectors, Detect(low=0.35), {Kind.FACE}).result()


def tagged(suffix: str, codec: str, *aspects: str) -> list[pytest.ParameterSet]:
    """Rows of a container and codec that say the shape of pixels."""
    return [
        pytest.param(
            suffix,
            codec,
            Fraction(aspect.replace(":", "/")),
            id=f"{suffix}-{codec}-{aspect}",
            marks=documented(
                "geometry",
                f"{suffix[1:]} with oblong pixels, {codec}",
                "faces are found in the shape that players show",
            ),
        )
        for aspect in aspects
    ]


@pytest.mark.parametrize(
    ("suffix", "codec", "aspect"),
    [
        *tagged(".mp4", "libx264", "2:1", "1:2", "24:11", "6:11", "40:33", "12:11", "8:9"),
        *tagged(".mov", "prores_ks", "24:11"),
        *tagged(".mkv", "libx264", "1:2"),
        *tagged(".mkv", "libx265", "2:1"),
        *tagged(".ts", "libx264", "24:11"),
        *tagged(".ts", "mpeg2video", "2:1"),
        *tagged(".avi", "mpeg4", "1:2"),
        *tagged(".webm", "libvpx-vp9", "2:1"),
    ],
)
def test_faces_are_found_in_display_shape(suffix, codec, aspect, detectors, tmp_path):
    fmt = "yuv422p10le" if codec == "prores_ks" else None
    picture = squeezed(aspect)
    if codec == "mpeg2video":  # it says the shape of the picture, 4:3 or 16:9
        aspect = Fraction(4, 3) / Fraction(picture.shape[1], picture.shape[0])
    options = {"b:v": "4M"} if codec in ("mpeg4", "mpeg2video", "libvpx-vp9") else {}
    video = make_video(
        tmp_path / f"a{suffix}", frames=[picture] * 2, sar=aspect, codec=codec, pix_fmt=fmt, options=options
    )
    frame = first_frame(video)
    if suffix == ".webm":  # FFmpeg's writer says nothing there
        frame = first_frame(in_matroska(video, display_width=SIZE[0], display_height=SIZE[1]))
    assert [float(each) for each in frame.aspects] == pytest.approx([float(aspect)], rel=0.01)
    assert covered(looked(frame, detectors), frame) == len(FACES)
    untold = first_frame(video, pixel_aspect=SQUARE)
    if max(aspect, 1 / aspect) >= 2:
        assert covered(looked(replace_aspects(untold), detectors), untold) < len(FACES), "this picture shows nothing"


def replace_aspects(frame: Frame) -> Frame:
    """`frame`, taken to have square pixels."""
    return SquareFrame(frame, frame.width, frame.height)


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(1, 2)])
@documented("geometry", "mp4 with oblong pixels, turned", "faces are found in the shape that players show")
def test_a_quarter_turn_turns_the_pixels(rotation, aspect, detectors, tmp_path):
    upright = 1 / aspect if rotation % 180 else aspect
    stored = np.rot90(squeezed(upright), -rotation // 90)
    video = make_video(tmp_path / "a.mp4", frames=[stored] * 2, sar=aspect, rotation=rotation)
    frame = first_frame(video)
    assert frame.aspects == (upright,)
    assert covered(looked(frame, detectors), frame) == len(FACES)


def test_square_pixels_cost_nothing(tmp_path):
    frame = first_frame(make_video(tmp_path / "a.mp4", frames=1, sar=SQUARE))
    assert shown(frame) == (frame,)
    assert shown(frame)[0] is frame
    assert first_frame(make_video(tmp_path / "b.mp4", frames=1)).aspects == (SQUARE,)


# Where it changes, or nobody can be sure


def _joined(path: Path, parts: list[tuple[Picture, Fraction]], frames: int = 4, between: int = 0) -> Path:
    """A transport stream whose pixels change their shape in mid-stream; all pictures have one size."""
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = parts[0][0].shape[1], parts[0][0].shape[0], "yuv420p"
        for number, (picture, aspect) in enumerate(parts):
            coder = av.CodecContext.create("libx264", "w")
            coder.width, coder.height, coder.pix_fmt = stream.width, stream.height, "yuv420p"
            coder.time_base, coder.framerate = Fraction(1, 25), Fraction(25)
            coder.sample_aspect_ratio = aspect
            coder.options = {"preset": "ultrafast", "crf": "10", "bf": str(between)}
            packets = []
            for index in range(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame.pts, frame.time_base = number * frames + index, Fraction(1, 25)
                packets += coder.encode(frame)
            for packet in [*packets, *coder.encode(None)]:
                packet.stream = stream
                out.mux(packet)
    return path


@documented(
    "geometry",
    "ts whose pixels change their shape midway",
    "every picture is looked at in its own shape; a note says so",
)
def test_every_picture_has_its_own_shape(detectors, tmp_path):
    wide = squeezed(Fraction(2))
    video = _joined(tmp_path / "a.ts", [(wide, Fraction(2)), (crowd()[:, :240], SQUARE), (wide, Fraction(2))])
    with open_source(video) as source:
        frames = list(source.frames())
        told = source.info.pixel_aspects
        assert isinstance(source, VideoSource)
        assert "pixel aspect ratio changes" in source.notes[0]
    assert [frame.aspects for frame in frames] == [(Fraction(2),)] * 4 + [(SQUARE,)] * 4 + [(Fraction(2),)] * 4
    assert told == (Fraction(2), Fraction(1))
    assert covered(looked(frames[0], detectors), frames[0]) == len(FACES)
    before, after = MotionSample.of(frames[3], None), MotionSample.of(replace_aspects(frames[3]), None)
    assert before.working.picture.shape == (360, 480), "motion is followed in display shape"
    assert after.step_from(before).cut, "another shape begins another scene"


@pytest.mark.parametrize("between", [0, 3])
def test_the_coded_shape_is_asked_where_it_may_change_and_not_at_every_picture(between, tmp_path, monkeypatch):
    asked: list[av.VideoFrame] = []

    def noted(picture: av.VideoFrame, scaler: VideoReformatter) -> av.VideoFrame:
        asked.append(picture)
        return thumbnail(picture, scaler)

    monkeypatch.setattr(pixel_shape, "thumbnail", noted)
    shapes = [Fraction(2), SQUARE, Fraction(3, 2)]
    video = _joined(tmp_path / "a.ts", [(crowd()[:, :240], aspect) for aspect in shapes], frames=40, between=between)
    with open_source(video) as source:
        asked.clear()
        assert [frame.aspects for frame in source.frames()] == [(aspect,) for aspect in shapes for _ in range(40)]
    assert 3 <= len(asked) < 40


def _without(path: Path, box: bytes) -> Path:
    """An MP4 file in which `box` is called free."""
    data = path.read_bytes()
    assert data.count(box) == 1
    path.write_bytes(data.replace(box, b"free"))
    return path


def _pasp(path: Path, wide: int, high: int) -> Path:
    """An MP4 file whose container says another shape than its stream."""
    data = path.read_bytes()
    at = data.index(b"pasp") + 4
    path.write_bytes(data[:at] + wide.to_bytes(4, "big") + high.to_bytes(4, "big") + data[at + 8 :])
    return path


@documented("geometry", "container and stream say different shapes of pixels", "faces are looked for in both")
def test_both_shapes_count_where_container_and_stream_disagree(detectors, tmp_path):
    def clip(name: str) -> Path:
        return make_video(tmp_path / name, frames=[squeezed(Fraction(2))] * 2, sar=Fraction(2))

    assert first_frame(_without(clip("stream alone.mp4"), b"pasp")).aspects == (Fraction(2),)
    frame = first_frame(_pasp(clip("both.mp4"), 1, 2))
    assert frame.aspects == (Fraction(1, 2), Fraction(2))
    assert covered(looked(frame, detectors), frame) == len(FACES)
    seen = ScaleScheduler(detectors, Settings(targets=frozenset({Kind.FACE})))
    found = seen.detect(frame, GROUPS).result().finds
    assert covered(found.select(found.score >= 0.5), frame) == len(FACES)
    both = first_frame(_pasp(clip("asked.mp4"), 1, 1), pixel_aspect=Fraction(3, 2))
    assert both.aspects == (Fraction(3, 2), Fraction(1), Fraction(2))


def test_detectors_get_absurd_pixels_as_squares_too(detectors, tmp_path):
    frame = first_frame(_pasp(make_video(tmp_path / "a.mp4", frames=[crowd()] * 2, sar=SQUARE), 255, 1))
    assert frame.aspects == (SQUARE, Fraction(16))
    assert all(picture.width * picture.height <= 4.01 * 480 * 360 for picture in shown(frame))
    assert covered(looked(frame, detectors), frame) == len(FACES)


@pytest.mark.parametrize("aspect", ["10:1", "16:1", "1:16", "60:1", "1:60"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_coded_stream_may_say_any_shape_of_pixels(tmp_path, aspect, suffix):
    """FFmpeg's scaler, which measures it, gives up where the columns become some 5,000 times as many."""
    stated = Fraction(*map(int, aspect.split(":")))
    path = make_video(tmp_path / f"a.{suffix}", frames=3, size=(128, 96), sar=stated)
    with open_source(path) as source:
        frames = list(source.frames())
    assert len(frames) == 3
    bounded = min(max(stated, Fraction(1, 16)), Fraction(16))
    assert any(max(each, bounded) <= ALIKE * min(each, bounded) for each in frames[0].aspects)
    assert (SQUARE in frames[0].aspects) is (bounded != stated) or stated == Fraction(1, 16)


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.fractions(Fraction(1, 300), 300).filter(bool))
def test_display_shape_is_bounded_and_right(width, height, aspect):
    for each in aspects_of(aspect):
        across, down = display_size(width, height, each)
        assert across * down <= 4.1 * width * height + 20_000
        assert max(across, down) <= max(width, height, 16_384)
        if min(across, down) > 100:
            assert across / down == pytest.approx(float(each) * width / height, rel=0.02)
    assert display_size(width, height, SQUARE) == (width, height)


def test_no_detail_is_lost():
    assert display_size(352, 576, Fraction(24, 11)) == (768, 576)
    assert display_size(704, 288, Fraction(6, 11)) == (704, 528)


# Pictures


def _png() -> dict[str, object]:
    return {"dpi": (100, 200)}


def _exif() -> dict[str, object]:
    exif = Image.Exif()
    exif[282], exif[283] = TiffImagePlugin.IFDRational(100), TiffImagePlugin.IFDRational(200)
    return {"exif": exif}


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        pytest.param(
            suffix,
            options,
            id=name,
            marks=documented(
                "pictures", f"{name}: unequal resolutions", "faces are looked for in both shapes, as viewers differ"
            ),
        )
        for name, suffix, options in (
            ("JPEG (JFIF)", ".jpg", _png()),
            ("JPEG (EXIF)", ".jpg", _exif()),
            ("PNG", ".png", _png()),
            ("TIFF", ".tif", _png()),
            ("BMP", ".bmp", _png()),
            ("WebP (EXIF)", ".webp", _exif()),
        )
    ],
)
def test_detectors_get_pictures_in_both_shapes(suffix, options, detectors, tmp_path):
    path = tmp_path / f"a{suffix}"
    quality: dict[str, Any] = {"quality": 95} if suffix in (".jpg", ".webp") else {}
    Image.fromarray(squeezed(Fraction(2))).save(path, **options, **quality)
    frame = first_frame(path)
    assert [float(each) for each in frame.aspects] == pytest.approx([1, 2], rel=0.01)
    assert covered(looked(frame, detectors), frame) == len(FACES)
    assert first_frame(path, pixel_aspect=Fraction(3)).aspects[0] == 3


def test_a_jpeg_may_say_the_shape_without_a_unit_and_a_gif_in_one_byte(tmp_path):
    memory = BytesIO()
    Image.fromarray(squeezed(Fraction(2))).save(memory, "JPEG")
    data = bytearray(memory.getvalue())
    at = data.index(b"JFIF\0") + 7
    data[at : at + 5] = bytes([0, 0, 1, 0, 2])
    (tmp_path / "a.jpg").write_bytes(bytes(data))
    assert first_frame(tmp_path / "a.jpg").aspects == (Fraction(1), Fraction(2))
    Image.fromarray(squeezed(Fraction(2))).quantize(32).save(tmp_path / "a.gif")
    data = bytearray((tmp_path / "a.gif").read_bytes())
    data[12] = 2 * 64 - 15
    (tmp_path / "a.gif").write_bytes(bytes(data))
    assert first_frame(tmp_path / "a.gif").aspects == (Fraction(1), Fraction(2))


def test_a_picture_turned_by_exif_has_its_pixels_turned(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(crowd()).save(tmp_path / "a.jpg", dpi=(100, 200), exif=exif)
    assert first_frame(tmp_path / "a.jpg").aspects == (Fraction(1), Fraction(1, 2))
    Image.fromarray(crowd()).save(tmp_path / "b.jpg", dpi=(300, 300))
    assert first_frame(tmp_path / "b.jpg").aspects == (Fraction(1),)


# The second look


def test_verification_gets_display_shape(detectors, tmp_path):
    clip = make_video(tmp_path / "a.mp4", frames=[squeezed(Fraction(24, 11))] * 3, sar=Fraction(24, 11))
    variants, frame = Variants(detectors, Detect(detectors=("centerface",)), [Kind.FACE]), first_frame(clip)
    found = variants.detect(frame).result()
    assert covered(found.select(found.score >= 0.5), frame) >= len(FACES) - 1
    settings = from_mapping(Settings, {"targets": ["face"], "verify": {"look_every": 0}}, Settings())
    verified = examine(clip, Evidence(), settings, detectors)
    assert verified.verdict is Verdict.FAIL
    assert len(verified.leaks) + len(verified.doubts) >= len(FACES) - 2


def test_detectors_get_an_output_as_its_source_is_shown(detectors, tmp_path):
    """It is one aspect for all that the output says, and the source may have had others."""
    clip = make_video(tmp_path / "a.mp4", frames=[squeezed(Fraction(2))] * 3)
    settings = from_mapping(Settings, {"targets": ["face"], "verify": {"look_every": 0}}, Settings())
    with open_source(clip, also=(Fraction(2),)) as source:
        times = [frame.pts * frame.time_base for frame in source.frames()]
        known = Wanted.of(source, times)
    blind = examine(
        clip, Evidence(replace(known, source=replace(known.source, pixel_aspects=(SQUARE,)))), settings, detectors
    )
    seeing = examine(clip, Evidence(known), settings, detectors)
    assert len(seeing.leaks) + len(seeing.doubts) >= len(FACES) - 2 > 1 >= len(blind.leaks) + len(blind.doubts)


def test_other_processes_know_it_too(tmp_path):
    clip = make_video(tmp_path / "a.mp4", frames=2)
    context = WorkerContext(clip, Settings(pixel_aspect="2:1"))
    assert next(context.source.frames()).aspects == (Fraction(2),)
    assert next(context.opened(clip, (Fraction(3),)).frames()).aspects == (Fraction(3),)


# What the user says


@pytest.mark.parametrize(
    ("text", "aspect"),
    [("2:1", 2), ("1:2", Fraction(1, 2)), ("40:33", Fraction(40, 33)), ("24/11", Fraction(24, 11)), ("", None)],
)
def test_the_option_as_it_is_written(text, aspect):
    assert parse(text) == aspect


@pytest.mark.parametrize("text", ["2", "0:1", "1:0", "-2:1", "2:1:1", "a:b", "17:1", "1:200", "2.5:1", "100000:1"])
def test_nonsense_is_refused(text):
    with pytest.raises(UsageError, match="pixel aspect"):
        Settings(pixel_aspect=text)
    with pytest.raises(UsageError, match="pixel aspect"):
        from_mapping(Settings, {"pixel_aspect": text}, Settings())


FAST = {
    "targets": ["face"],
    "output": {"speed": "ultrafast"},
    "detect": {"detectors": ["centerface"]},
    "verify": {"publish_unverified": True},
}


@documented(
    "geometry",
    "oblong pixels that nobody tells of",
    "looked at as square, unless `--pixel-aspect` says what they are; the output then says it",
)
def test_untold_pixels_are_what_the_user_says(tmp_path, detectors):
    clip = make_video(tmp_path / "a.mp4", frames=[squeezed(Fraction(2))] * 4, options={"crf": "10"})
    settings = from_mapping(Settings, {**FAST, "pixel_aspect": "2:1"}, Settings())
    made, _ = job.detect(only_item(str(clip), str(tmp_path / "plan.jsonl")), settings)
    assert all(_faces(made, frame) == len(FACES) for frame in range(4))
    without, _ = job.detect(only_item(str(clip), str(tmp_path / "b.jsonl")), replace(settings, pixel_aspect=""))
    assert _faces(without, 0) < len(FACES)
    read = plan.read(tmp_path / "plan.jsonl")
    assert read.about.settings.pixel_aspect == "2:1"
    plain = from_mapping(Settings, FAST, Settings())
    released = job.render(only_item(str(clip), str(tmp_path / "out.mp4")), read, plain).output
    assert probe(Path(str(released))).sar == 2
    assert covered(looked(first_frame(Path(str(released))), detectors), first_frame(clip)) == 0


@pytest.mark.parametrize(
    ("size", "options", "noted"),
    [
        ((352, 576), {}, True),
        ((352, 576), {"sar": SQUARE}, True),
        ((352, 576), {"sar": Fraction(24, 11)}, False),
        ((352, 576), {"rotation": 90}, False),
        ((352, 288), {}, False),
    ],
)
def test_a_size_that_recorders_use_for_oblong_pixels_is_noted(size, options, noted, tmp_path):
    clip = make_video(tmp_path / "a.mp4", frames=2, size=size, **options)
    zone = ("-t", "none", "--hide-zone", "0,0 9,0 9,9")
    done = anonymize("run", clip, "-o", tmp_path / "out.mp4", *zone)
    assert done.returncode == 0, done.stderr
    assert ("--pixel-aspect 24:11" in done.stdout + done.stderr) == noted
    if options == {}:
        again = anonymize("run", clip, "-o", tmp_path / "told.mp4", "--pixel-aspect", "24:11", *zone)
        assert "--pixel-aspect" not in again.stdout + again.stderr
        assert probe(tmp_path / "told.mp4").sar == Fraction(24, 11)


MADE = {"run": "out.mp4", "detect": "out.jsonl"}


@pytest.mark.parametrize("command", ["run", "detect", "live"])
def test_commands_refuse_nonsense(command, tmp_path):
    clip = make_video(tmp_path / "a.mp4", frames=1)
    to = ("--to", f"record:{tmp_path / 'rec'}") if command == "live" else ("-o", tmp_path / MADE[command])
    done = anonymize(command, clip, *to, "--pixel-aspect", "2")
    assert done.returncode == 2
    assert "W:H" in done.stderr


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@documented(
    "pictures", "HEIC and AVIF with a pixel aspect (pasp)", "faces are looked for in both shapes, as viewers differ"
)
def test_detectors_get_heif_pictures_in_both_shapes(suffix, tmp_path):
    picture = Image.fromarray(crowd())
    if suffix == ".heic":
        pillow_heif.from_pillow(picture).save(tmp_path / "a.heic")
    else:
        picture.save(tmp_path / "a.avif")
    data = (tmp_path / f"a{suffix}").read_bytes()
    assert first_frame(tmp_path / f"a{suffix}").aspects == (Fraction(1),)
    said = b"pasp" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
    assert densities(data[:100] + said + data[100:]) == (Fraction(2), Fraction(1, 2))


def _faces(made: plan.Plan, index: int) -> int:
    """How many of the portraits are redacted on a frame."""
    scale = SIZE[0] / made.about.width, SIZE[1] / made.about.height
    boxes = [region.xyxy for region in made.at(index)]
    centres = [((x + side / 2) / scale[0], (y + side / 2) / scale[1]) for x, y, side in FACES]
    return sum(any(b[0] < x < b[2] and b[1] < y < b[3] for b in boxes) for x, y in centres)


def test_a_plan_with_a_bad_aspect_is_refused(tmp_path):
    header = '{"format": "anonymize-plan", "version": 1, "pixel_aspect": "2", '
    path = tmp_path / "plan.jsonl"
    path.write_text(header + '"source": {"sha256": "0", "frames": 1, "width": 8, "height": 8}}\n')
    with pytest.raises(PlanError, match="pixel aspect"):
        plan.read(path)


# Live


def _pictures(
    path: Path, aspect: Fraction | None = None
) -> Iterator[tuple[av.VideoFrame, Orientation, tuple[Fraction, ...], Fraction]]:
    with Stream(way_to(str(path)), 5.0, "a", aspect) as stream:
        for item in stream.items():
            if isinstance(item, av.VideoFrame):
                orientation = stream.orientation(item)
                yield item, orientation, stream.aspects(item), stream.pixel_aspect


@pytest.mark.parametrize("told", [True, False])
@documented("live", "oblong pixels", "faces are found in the shape that players show; outputs say the shape")
def test_live_detectors_get_display_shape(told, detectors, tmp_path):
    clip = make_video(tmp_path / "a.mp4", frames=[squeezed(Fraction(2))] * 2, sar=Fraction(2) if told else None)
    picture, turned, aspects, said = next(_pictures(clip, None if told else Fraction(2)))
    canvas = canvas_for(picture.width, picture.height, 1920)
    canvas = Canvas(canvas.width, canvas.height, said)
    frame = canvas.frame(picture, turned, 0, 0, aspects)
    assert (said, frame.aspects) == (Fraction(2), (Fraction(2),))
    assert covered(looked(frame, detectors), frame) == len(FACES)
    passed = canvas.load(np.concatenate([plane.pixels.ravel() for plane in frame.planes]), 0, 0, frame.aspects)
    assert covered(looked(passed, detectors), passed) == len(FACES)


@documented("live", "pixels that change their shape midway", "shown in the shape of the beginning, undistorted")
def test_live_keeps_the_shape_of_the_beginning(tmp_path):
    disc = cv2.circle(np.zeros((120, 240, 3), np.uint8), (120, 60), 50, (255, 255, 255), -1)
    wide = cv2.resize(disc, (120, 120), interpolation=cv2.INTER_AREA)
    parts = [
        (np.asarray(wide, np.uint8), Fraction(2)),
        (np.asarray(cv2.resize(disc[:, 60:180], (120, 120)), np.uint8), SQUARE),
    ]
    canvas = Canvas(120, 120, Fraction(2))
    for picture, turned, aspects, _ in islice(_pictures(_joined(tmp_path / "a.ts", parts)), 8):
        frame = canvas.frame(picture, turned, 0, 0, aspects)
        lit = frame.luma(240, 120) > 128
        assert np.ptp(np.flatnonzero(lit.any(axis=0))) == pytest.approx(np.ptp(np.flatnonzero(lit.any(axis=1))), abs=4)
        assert frame.aspects == (Fraction(2),)
