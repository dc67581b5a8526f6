import gc
import io
import struct
import weakref
from collections.abc import Sequence
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin

from anonymize.data import Frame, Kind, Region, Shape, Why, seconds
from anonymize.errors import (
    AnonymizeError,
    DamagedInput,
    InputError,
    OutputError,
    UnreadableInput,
    UnsupportedInput,
    UsageError,
)
from anonymize.media.still.encode import indexed
from anonymize.media.still.file import FORMATS, MOST_PIXELS, MOST_SAMPLES, MOST_SAMPLES_ELSE, PictureFile, check_size
from anonymize.media.still.frame import StillFrame
from anonymize.media.still.parts import foreign, jpeg_parts
from anonymize.media.still.profile import colour_profile
from anonymize.media.still.source import StillSource, check_still, open_still, open_still_sink
from anonymize.redact import Memory, obscure, redact
from anonymize.settings import Output, Redact
from tests.helpers.formats import documented

Picture = NDArray[Any]
SIZE = (53, 37)
SECRET = b"Jane Doe, 59.91 N 10.75 E"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photo(channels: int = 3, *, depth: int = 8, seed: int = 0, size: tuple[int, int] = SIZE) -> Picture:
    """A smooth, colourful picture, (rows, columns, channels); the second or fourth channel is at its highest."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 7, channels)).astype(np.float32)
    fine = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).reshape(size[1], size[0], channels)
    picture = np.clip(fine * (257 if depth == 16 else 1), 0, 2**depth - 1)
    if channels in (2, 4):
        picture[..., -1] = 2**depth - 1
    return picture.astype(np.uint16 if depth == 16 else np.uint8)


def pillow(mode: str, **kwargs: Any) -> Image.Image:
    """The photo as a Pillow picture of `mode`."""
    if mode in ("1", "P"):
        return pillow("RGB", **kwargs).convert(mode)
    if mode == "I;16":
        return Image.frombytes(mode, SIZE, photo(1, depth=16).tobytes())
    return Image.frombytes(mode, kwargs.get("size", SIZE), sample(mode, **kwargs).tobytes())


def sample(mode: str, **kwargs: Any) -> Picture:
    """The photo's pixels in `mode`; CMYK with some black."""
    picture = photo({"L": 1, "LA": 2, "RGB": 3, "YCbCr": 3, "RGBA": 4, "CMYK": 4}[mode], **kwargs)
    if mode == "CMYK":
        picture[..., 3] = picture[..., 0] // 3
    return picture


def pixels(path: Path) -> list[Picture]:
    return [frame.pixels for frame in StillSource(path).frames() if isinstance(frame, StillFrame)]


def pass_through(path: Path, target: Path, regions: Sequence[Region] = ()) -> StillSource:
    """What the pipeline does with a picture: redact, write, check."""
    memory = Memory()
    with open_still(path) as source, open_still_sink(target, source, Output()) as sink:
        times = []
        for frame in source.frames():
            copy = frame.writable()
            redact(copy.planes, regions, Redact(), memory)
            times.append(frame.pts * frame.time_base)
            sink.write(copy)
        sink.finish()
    assert check_still(target, source.info, times) == []
    return source


FACE = Region((10, 8, 30, 28), Kind.FACE, Why.DETECTED, track=0, shape=Shape.BOX)

LOSSLESS = [
    *(("png", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("tiff", mode, {"compression": "tiff_lzw"}) for mode in ("L", "LA", "RGB", "RGBA", "CMYK", "P")),
    ("tiff", "1", {"compression": "group4"}),
    ("tiff", "I;16", {}),
    *(("bmp", mode, {}) for mode in ("1", "L", "P", "RGB")),
    *(("webp", mode, {"lossless": True, "exact": True}) for mode in ("RGB", "RGBA")),
    ("gif", "P", {}),
]


@pytest.mark.parametrize(("suffix", "mode", "options"), LOSSLESS)
def test_lossless_formats_keep_every_pixel_outside_regions(
    tmp_path: Path, suffix: str, mode: str, options: dict[str, Any]
) -> None:
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    pillow(mode).save(path, **options)
    source = pass_through(path, target, [FACE])
    (before,), (after,) = pixels(path), pixels(target)
    assert source.info.frame_count == 1
    assert before.dtype == after.dtype
    outside = np.ones(before.shape[:2], bool)
    outside[8:28, 10:30] = False
    assert np.array_equal(before[outside], after[outside])
    assert len(np.unique(after[8:28, 10:30].reshape(400, -1), axis=0)) == 1
    assert (StillSource(target).frames().__next__().bgr(*SIZE)[8:28, 10:30] == 0).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_keeps_sixteen_bits(tmp_path: Path, channels: int) -> None:
    wide = photo(channels, depth=16)
    path, again = tmp_path / "in.png", tmp_path / "out.png"
    kinds = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
    seed = tmp_path / "seed.png"
    pillow(kinds[channels]).save(seed)
    with open_still(seed) as source, open_still_sink(path, source, Output()) as sink:
        sink.write(StillFrame(0, 0, Fraction(1), Fraction(0), wide, kinds[channels]))
        sink.finish()
    (read,) = pixels(path)
    assert np.array_equal(read, wide)
    pass_through(path, again)
    assert np.array_equal(pixels(again)[0], wide)
    assert StillSource(path).info.depth == 16
    if channels in (1, 3, 4):  # another decoder reads the same
        other = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
        assert np.array_equal(other.reshape(wide.shape)[..., order], wide)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_tables_subsampling_profile_and_scan(tmp_path: Path, subsampling: int, progressive: bool) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    pillow("RGB").save(path, quality=83, subsampling=subsampling, progressive=progressive, icc_profile=SRGB)
    pass_through(path, target)
    with opened(path) as before, opened(target) as after:
        assert before.quantization == after.quantization
        assert before.layer == after.layer
        assert bool(after.info.get("progressive")) is progressive
        assert after.info["icc_profile"] == colour_profile(SRGB, "RGB")
        assert np.abs(np.asarray(before).astype(int) - np.asarray(after)).mean() < 2.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_orientation_is_applied_to_the_pixels(tmp_path: Path, suffix: str, orientation: int) -> None:
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    lossless: dict[str, dict[str, Any]] = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}
    options = lossless.get(suffix, {})
    pillow("RGB").save(path, exif=exif.tobytes() if suffix != "tiff" else exif, **options)
    source = pass_through(path, target)
    with Image.open(path) as stored, Image.open(target) as after:
        upright = ImageOps.exif_transpose(stored)
        assert upright.size == after.size == (source.info.width, source.info.height)
        assert np.abs(np.asarray(upright).astype(int) - np.asarray(after.convert("RGB"))).mean() < 1.5
        assert ExifTags.Base.Orientation not in after.getexif() or after.getexif()[ExifTags.Base.Orientation] == 1


def test_jpeg_tables_turn_with_the_picture(tmp_path: Path) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pillow("RGB").save(path, quality=70, subsampling=1, exif=exif.tobytes())
    pass_through(path, target)
    with opened(path) as before, opened(target) as after:
        stored = np.reshape(before.quantization[0], (8, 8))
        assert np.array_equal(np.reshape(after.quantization[0], (8, 8)), stored.T)
        assert after.layer[0][1:3] == (1, 1)  # 4:2:2 would now lie across the other axis


@pytest.mark.parametrize(("mode", "options"), [("L", {}), ("CMYK", {}), ("RGB", {"keep_rgb": True, "subsampling": 0})])
def test_jpeg_in_other_colours(tmp_path: Path, mode: str, options: dict[str, Any]) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    pillow(mode).save(path, quality=90, **options)
    source = pass_through(path, target, [FACE])
    with opened(path) as before, opened(target) as after:
        assert after.mode == mode
        assert [layer[0] for layer in before.layer] == [layer[0] for layer in after.layer]
        assert np.abs(np.asarray(before).astype(int) - np.asarray(after))[32:].mean() < 2
        assert np.asarray(after.convert("RGB"))[10:26, 12:28].max() < 12
    assert source.info.pixel_format == mode.lower()


def described() -> Image.Exif:
    """EXIF with a camera, a position, a time and a secret."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif[ExifTags.Base.ImageDescription] = SECRET.decode()
    exif[ExifTags.Base.DateTime] = "2026:01:01 00:00:00"
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (59.0, 54.0, 50.0)}
    return exif


def opened(path: Path) -> Any:
    """A picture with the attributes that only its format has."""
    return Image.open(path)


def with_metadata(path: Path) -> None:
    """Write the photo with a secret in every place that the format has for one."""
    picture, suffix = pillow("RGB"), path.suffix[1:]
    xmp = b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    if suffix == "jpg":
        picture.save(path, exif=described().tobytes(), xmp=xmp, comment=SECRET)
        path.write_bytes(path.read_bytes() + b"\xff\xd8" + SECRET)
    elif suffix == "png":
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", SECRET.decode())
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        picture.save(path, exif=described().tobytes(), pnginfo=text, dpi=(72, 72))
        path.write_bytes(path.read_bytes() + SECRET)
    elif suffix == "webp":
        picture.save(path, exif=described().tobytes(), xmp=xmp)
    elif suffix == "gif":
        picture.save(path, comment=SECRET)
    elif suffix == "tiff":
        picture.save(path, tiffinfo={315: SECRET.decode(), 700: xmp})
    else:
        also: dict[str, Any] = {"xmp": xmp} if suffix == "avif" else {}
        picture.save(path, exif=described().tobytes(), **also)


REMOVED = {
    "jpg": {"EXIF (camera, position, time)", "XMP", "comment", "data after the picture's end"},
    "png": {"EXIF (camera, position, time)", "XMP", "text", "pixel density", "data after the picture's end"},
    "webp": {"EXIF (camera, position, time)", "XMP"},
    "gif": {"comment"},
    "tiff": {"TIFF tag Artist", "TIFF tag XMP"},
    "avif": {"EXIF (camera, position, time)", "XMP"},
}


@pytest.mark.parametrize("suffix", REMOVED)
def test_metadata_is_named_and_gone(tmp_path: Path, suffix: str) -> None:
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    with_metadata(path)
    assert SECRET in path.read_bytes()
    source = pass_through(path, target)
    assert set(source.info.removed) == REMOVED[suffix]
    assert SECRET not in target.read_bytes()
    assert SECRET.decode() not in str(source.info)


def test_heic_metadata_and_thumbnails_are_gone(tmp_path: Path) -> None:
    path, target = tmp_path / "in.heic", tmp_path / "out.heic"
    picture = photo(3, size=(128, 96))
    pillow_heif.encode(
        "RGB",
        (128, 96),
        picture.tobytes(),
        str(path),
        quality=90,
        exif=described().tobytes(),
        xmp=SECRET,
        thumbnails=[32],
    )
    source = pass_through(path, target, [FACE])
    assert set(source.info.removed) == {"EXIF (camera, position, time)", "XMP", "thumbnail"}
    assert SECRET not in target.read_bytes()
    (after,) = pixels(target)
    assert np.abs(after.astype(int) - picture)[40:].mean() < 4
    assert after[12:24, 14:26].max() < 12


def test_heic_keeps_depth_and_colour_space(tmp_path: Path) -> None:
    path, target = tmp_path / "in.heic", tmp_path / "out.heic"
    wide = photo(3, depth=16, size=(64, 64))
    nclx = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9, "full_range_flag": 1}
    pillow_heif.encode(
        "RGB;16", (64, 64), wide.tobytes(), str(path), quality=90, bit_depth=10, nclx_profile=nclx, **nclx
    )
    source = pass_through(path, target)
    made, stored = (pillow_heif.open_heif(str(p), convert_hdr_to_8bit=False).info for p in (target, path))
    assert source.info.depth == 16
    assert made["bit_depth"] == stored["bit_depth"] == 10
    keys = ("color_primaries", "transfer_characteristics")
    assert [made["nclx_profile"][k] for k in keys] == [stored["nclx_profile"][k] for k in keys]


def test_avif(tmp_path: Path) -> None:
    path, target = tmp_path / "in.avif", tmp_path / "out.avif"
    pillow("RGB").save(path, quality=90, icc_profile=SRGB)
    pass_through(path, target, [FACE])
    with Image.open(target) as after:
        assert after.info["icc_profile"] == colour_profile(SRGB, "RGB")
        assert np.abs(np.asarray(after.convert("RGB")).astype(int) - pixels(path)[0])[32:].mean() < 5


def moving(mode: str = "RGB", count: int = 5) -> list[Image.Image]:
    """Pictures with a square that moves; the third is the second again. With alpha, a part is clear."""
    base = Image.fromarray(photo(3) // 64 * 64).convert("P", palette=Image.Palette.ADAPTIVE, colors=60).convert(mode)
    frames = []
    for index in (0, 1, 1, 3, 4)[:count]:
        array = np.asarray(base).copy()
        array[5:15, 3 + 7 * index : 13 + 7 * index, :3] = (200, 40 * index, 10)
        if mode == "RGBA":
            array[20:30, 5 * index : 5 * index + 8] = 0
        frames.append(Image.fromarray(array))
    return frames


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animations_keep_pictures_times_and_loop(tmp_path: Path, suffix: str, mode: str) -> None:
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    frames, durations = moving(mode), [40, 70, 110, 200, 30]
    options: dict[str, Any] = {"lossless": True, "exact": True} if suffix == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=3, disposal=2, **options)
    source = pass_through(path, target)
    merged = len(source.decoded.durations) == 4  # writers join pictures that are alike
    shown = [40, 180, 200, 30] if merged else durations
    assert [duration * 1000 for duration in source.decoded.durations] == shown
    assert source.info.duration == Fraction(450, 1000)
    assert source.decoded.traits.loop == 3
    assert StillSource(target).decoded.traits.loop == 3
    for before, after in zip(pixels(path), pixels(target), strict=True):
        assert np.array_equal(before, after)
    with opened(target) as again:  # another decoder's word for it
        assert again.n_frames == len(shown)
        for index, before in enumerate(pixels(path)):
            again.seek(index)
            assert np.array_equal(np.asarray(again.convert(mode)), before)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animations_keep_pictures_that_redaction_made_alike(tmp_path: Path, suffix: str) -> None:
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    frames = moving()
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[50, 60, 70, 80, 90], lossless=True)
    whole = Region((0, 0, 90, 90), Kind.AREA, Why.ZONE)
    source = pass_through(path, target, [whole])
    assert all((picture == 0).all() for picture in pixels(target))
    assert len(pixels(target)) == len(source.decoded.durations)


def test_a_gif_without_times_gets_a_clock_and_stays_without(tmp_path: Path) -> None:
    path, target = tmp_path / "in.gif", tmp_path / "out.gif"
    frames = moving(count=4)[::3]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=0)
    source = pass_through(path, target)
    assert [seconds(frame) for frame in source.frames()] == [0, Fraction(1, 10)]
    assert StillSource(target).decoded.durations == (Fraction(0), Fraction(0))


def test_apng_times_are_exact(tmp_path: Path) -> None:
    path, target = tmp_path / "in.png", tmp_path / "out.png"
    frames = moving(count=2)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 100])
    third = path.read_bytes()
    for name, payload in [(n, p) for n, p in _png_chunks(third) if n == b"fcTL"]:
        third = third.replace(name + payload, name + payload[:20] + b"\0\1\0\x1e" + payload[24:])
    path.write_bytes(_with_crcs(third))
    pass_through(path, target)
    assert StillSource(target).decoded.durations == (Fraction(1, 30), Fraction(1, 30))


def _png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    position, found = 8, []
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        found.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + size]))
        position += 12 + size
    return found


def _with_crcs(data: bytes) -> bytes:
    import zlib

    out = data[:8]
    for name, payload in _png_chunks(data):
        out += len(payload).to_bytes(4, "big") + name + payload + zlib.crc32(name + payload).to_bytes(4, "big")
    return out


@pytest.mark.parametrize(("suffix", "mode"), [("png", "RGBA"), ("png", "LA"), ("webp", "RGBA"), ("tiff", "RGBA")])
def test_colours_hidden_under_transparency_are_gone(tmp_path: Path, suffix: str, mode: str) -> None:
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    array = photo(len(mode))
    array[:20, :, -1] = 0
    options: dict[str, Any] = {"lossless": True, "exact": True} if suffix == "webp" else {}
    Image.fromarray(array).save(path, **options)
    source = pass_through(path, target)
    assert "colours hidden under full transparency" in source.info.removed
    with Image.open(target) as after:
        assert not np.asarray(after)[:20].any()
        assert np.array_equal(np.asarray(after)[20:], array[20:])


def test_redaction_leaves_no_outline_in_transparency(tmp_path: Path) -> None:
    path, target = tmp_path / "in.png", tmp_path / "out.png"
    array = photo(4)
    array[..., 3] = np.random.default_rng(1).integers(0, 256, array.shape[:2])
    Image.fromarray(array).save(path)
    pass_through(path, target, [FACE])
    assert (pixels(target)[0][8:28, 10:30] == (0, 0, 0, 255)).all()


def test_a_shape_drawn_in_transparency_alone_is_seen() -> None:
    array = np.zeros((40, 40, 4), np.uint8)
    array[10:30, 10:30, 3] = 255
    frame = StillFrame(0, 0, Fraction(1), Fraction(0), array, "RGBA")
    seen = frame.bgr(40, 40)
    assert (seen[15:25, 15:25] == 0).all()
    assert (seen[:5] == 255).all()
    array[..., :3] = 255
    assert (frame.bgr(40, 40)[:5] == 0).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "YCbCr", "CMYK"])
@pytest.mark.parametrize("depth", [8, 16])
def test_what_detectors_see(mode: str, depth: int) -> None:
    if depth == 16 and mode in ("YCbCr", "CMYK"):
        return
    frame: Frame = StillFrame(0, 0, Fraction(1), Fraction(0), sample(mode, depth=depth), mode)
    expected = np.asarray(pillow(mode).convert("RGB"))[..., ::-1]
    assert np.abs(frame.bgr(*SIZE).astype(int) - expected).max() <= 2
    assert frame.bgr(20, 11).shape == (11, 20, 3)
    assert frame.bgr(200, 110).dtype == np.uint8
    assert frame.luma(20, 11).shape == (11, 20)
    copy = frame.writable()
    obscure(copy.planes)
    assert copy.bgr(*SIZE).max() == 0
    assert frame.bgr(*SIZE).max() > 0


def test_frames_are_read_only_and_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    pillow("RGB").save(path)
    source = StillSource(path)
    (first,), (second,) = source.frames(), source.frames()
    assert not first.planes[0].pixels.flags.writeable
    assert np.array_equal(first.planes[0].pixels, second.planes[0].pixels)
    assert first.writable().planes[0].pixels.flags.writeable


@pytest.mark.parametrize(
    ("suffix", "target", "mode"),
    [("png", "jpg", "RGB"), ("jpg", "png", "RGB"), ("png", "webp", "LA"), ("bmp", "tiff", "L")],
)
def test_another_format_on_request(tmp_path: Path, suffix: str, target: str, mode: str) -> None:
    path, made = tmp_path / f"in.{suffix}", tmp_path / f"out.{target}"
    pillow(mode).save(path)
    pass_through(path, made)
    source = StillSource(path)
    assert f"{suffix} became {target}" in open_still_sink(made, source, Output()).notes[-1]
    before, after = (next(StillSource(p).frames()).bgr(*SIZE).astype(int) for p in (path, made))
    assert np.abs(before - after).mean() < 2


@pytest.mark.parametrize(
    ("suffix", "target", "mode"),
    [
        ("png", "jpg", "RGBA"),
        ("png", "gif", "RGBA"),
        ("png", "bmp", "I;16"),
        ("png", "heic", "I;16"),
        ("jpg", "png", "CMYK"),
        ("gif", "webp", ""),
    ],
)
def test_a_format_that_cannot_hold_the_picture_is_refused(tmp_path: Path, suffix: str, target: str, mode: str) -> None:
    path = tmp_path / f"in.{suffix}"
    if mode:
        pillow(mode).save(path)
    else:
        moving()[0].save(path, save_all=True, append_images=moving()[3:], duration=100)
    with pytest.raises(UnsupportedInput, match="name the output"):
        open_still_sink(tmp_path / f"out.{target}", StillSource(path), Output())


def test_a_suffix_of_no_picture_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    pillow("RGB").save(path)
    with pytest.raises(UsageError, match=r"\.heic"):
        open_still_sink(tmp_path / "out.txt", StillSource(path), Output())


def test_what_would_change_silently_is_refused(tmp_path: Path) -> None:
    pages = tmp_path / "pages.tiff"
    pillow("RGB").save(pages, save_all=True, append_images=[pillow("L")])
    floats, wide = tmp_path / "float.tiff", tmp_path / "wide.tiff"
    Image.fromarray(photo(1)[..., 0].astype(np.float32)).save(floats)
    cv2.imwrite(str(wide), photo(3, depth=16))
    for path, reason in ((pages, "several pages"), (floats, "floating-point"), (wide, "16 bits")):
        with pytest.raises(UnsupportedInput, match=reason):
            StillSource(path)


def test_smaller_copies_in_a_tiff_go(tmp_path: Path) -> None:
    path, target = tmp_path / "in.tiff", tmp_path / "out.tiff"
    copy = pillow("RGB").resize((10, 7))
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    pillow("RGB").save(path, save_all=True, append_images=[copy])
    source = pass_through(path, target)
    assert "thumbnail" in source.info.removed


def test_a_size_that_the_format_does_not_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    Image.new("RGB", (17_000, 2)).save(path)
    source = StillSource(path)
    sink = open_still_sink(tmp_path / "out.webp", source, Output())
    with pytest.raises(OutputError, match="16383"):
        sink.write(next(source.frames()))


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_what_is_left_of_a_broken_animation_may_be_a_still(tmp_path: Path, suffix: str) -> None:
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    frames = moving()
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    data = path.read_bytes()
    marker = {"gif": b"!\xf9", "png": b"fcTL"}[suffix]
    path.write_bytes(data[: data.index(marker, data.index(marker) + 4) + 6])
    with pytest.raises(DamagedInput):
        StillSource(path)
    source = StillSource(path, allow_damaged=True)
    assert source.info.duration is None
    assert source.losses
    with open_still_sink(target, source, Output()) as sink:
        for frame in source.frames():
            sink.write(frame)
        sink.finish()
    assert check_still(target, source.info, [Fraction(0)]) == []


LIMITS = ", ".join(
    f"{name} {min(MOST_PIXELS, most // 3) // 1_000_000}"
    for name, most in (
        *((FORMATS[container], most) for container, most in MOST_SAMPLES.items()),
        ("others", MOST_SAMPLES_ELSE),
    )
)
"""Megapixels of RGB in 8 bits; the more bytes a pixel has, the fewer pixels are read."""


@pytest.mark.parametrize(("size", "fits"), [((12_000, 9_000), True), ((9_000, 12_000), True), ((12_000, 9_200), False)])
def test_what_phones_with_108_megapixels_make_is_read(size: tuple[int, int], fits: bool) -> None:
    with nullcontext() if fits else pytest.raises(UnreadableInput, match="at most 110 megapixels of JPEG"):
        check_size(PictureFile(b"", "a.jpg", "jpg", allow_damaged=False), size, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_picture_whose_memory_was_released_is_decoded_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in.{suffix}"
    pillow("RGB").save(path)
    source = StillSource(path)
    before = next(iter(source.frames()))
    alive = weakref.ref(before.pixels)  # type: ignore[attr-defined]
    held = before.pixels.copy()  # type: ignore[attr-defined]
    del before
    assert alive() is not None
    source.release_memory()
    gc.collect()
    assert alive() is None
    for _ in range(2):
        assert np.array_equal(next(iter(source.frames())).pixels, held)  # type: ignore[attr-defined]
    path.write_bytes(b"something else")
    with pytest.raises(UnreadableInput):
        list(source.frames())


@documented("pictures", "megapixels of a picture with 3 bytes a pixel, at most", LIMITS)
@pytest.mark.parametrize(
    ("suffix", "size", "words"),
    [
        ("png", (60_000, 60_000), r"in.png: the picture is too large \(3600 megapixels\): at most 178 megapixels"),
        (
            "png",
            (13_000, 13_000),
            r"13000 x 13000 pixels, 169.0 megapixels\): at most \d+ megapixels of PNG with 3",
        ),
        ("jpg", (20_000, 20_000), r"400.0 megapixels\): at most \d+ megapixels of JPEG with 3 bytes a pixel are read"),
        ("bmp", (12_000, 13_000), r"156.0 megapixels\): at most \d+ megapixels of BMP"),
    ],
)
def test_pictures_too_large_for_memory_are_refused_before_it_is_taken(
    tmp_path: Path, suffix: str, size: tuple[int, int], words: str
) -> None:
    path = tmp_path / f"in.{suffix}"
    pillow("RGB").save(path)
    data = path.read_bytes()
    width, height = size
    if suffix == "png":
        data = _with_crcs(data[:16] + struct.pack(">II", width, height) + data[24:])
    elif suffix == "jpg":
        place = data.index(b"\xff\xc0") + 5
        data = data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]
    else:
        data = data[:18] + struct.pack("<II", width, height) + data[26:]
    path.write_bytes(data)
    with pytest.raises(UnreadableInput, match=words + ".*scale it down or cut it into parts"):
        StillSource(path)


SMALL: dict[str, dict[str, Any]] = {
    "jpg": {}, "png": {}, "webp": {"lossless": True}, "gif": {}, "tiff": {"compression": "tiff_lzw"}, "bmp": {},
    "heic": {}, "avif": {},
}  # fmt: skip


def encoded(suffix: str) -> bytes:
    """The photo in a format, as bytes."""
    if suffix == "heic":
        target = io.BytesIO()
        pillow_heif.encode("RGB", SIZE, photo(3).tobytes(), target)
        return target.getvalue()
    target = io.BytesIO()
    pillow("RGB").save(target, {"jpg": "JPEG"}.get(suffix, suffix.upper()), **SMALL[suffix])
    return target.getvalue()


@pytest.mark.parametrize("suffix", SMALL)
def test_truncated_pictures_fail_or_say_what_is_lost(suffix: str) -> None:
    data = encoded(suffix)
    half = data[: len(data) * 6 // 10]
    with pytest.raises((DamagedInput, UnreadableInput)) as caught:
        StillSource(half)
    assert "\n" not in str(caught.value)
    if isinstance(caught.value, DamagedInput):
        assert "--allow-damaged" in str(caught.value)
    try:
        source = StillSource(half, allow_damaged=True)
    except InputError:
        assert suffix in ("webp", "heic", "avif", "png", "tiff")
    else:
        assert source.losses
        assert len(list(source.frames())) == 1


def test_a_truncated_animation_says_what_is_lost(tmp_path: Path) -> None:
    path, target = tmp_path / "in.gif", tmp_path / "out.gif"
    frames = moving()
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 19 // 20])
    with pytest.raises(DamagedInput, match="--allow-damaged"):
        StillSource(path)
    source = StillSource(path, allow_damaged=True)
    assert source.losses
    with open_still_sink(target, source, Output()) as sink:
        shown = list(source.frames())
        for frame in shown:
            sink.write(frame)
        sink.finish()
    assert 0 < len(shown) < 5
    assert check_still(target, source.info, [frame.pts * frame.time_base for frame in shown]) == []


_ENCODED = {suffix: encoded(suffix) for suffix in SMALL}


@given(
    suffix=st.sampled_from(sorted(SMALL)),
    place=st.floats(0, 1, exclude_max=True),
    noise=st.binary(min_size=1, max_size=8),
    cut=st.floats(0, 1),
    allow=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hostile_bytes_end_in_a_picture_or_one_line(
    suffix: str, place: float, noise: bytes, cut: float, allow: bool
) -> None:
    data = bytearray(_ENCODED[suffix])
    position = int(place * len(data))
    data[position : position + len(noise)] = noise
    hostile = bytes(data[: max(1, int(len(data) * (0.3 + cut)))])
    message = "standard input: "
    try:
        source = StillSource(hostile, allow_damaged=allow)
        assert len(list(source.frames())) == source.info.frame_count
    except AnonymizeError as error:
        message = str(error)
    assert message.startswith("standard input: ")
    assert "\n" not in message


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"BM"])
def test_what_is_no_picture_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableInput):
        StillSource(data)


def test_the_check_finds_what_should_not_be_there(tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    with_metadata(path)
    source = StillSource(path)
    failures = " ".join(check_still(path, source.info, [Fraction(0)]))
    assert "EXIF" in failures
    assert "APP1, COM, trailing" in failures
    other = tmp_path / "other.jpg"
    pillow("RGB", size=(20, 20)).save(other)
    failures = " ".join(check_still(other, source.info, [Fraction(0), Fraction(1)]))
    assert "expected width and height (53, 37), got (20, 20)" in failures
    assert "times" in failures
    assert "cannot be read back" in check_still(tmp_path / "none.jpg", source.info, [])[0]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "heic", "avif"])
def test_the_check_knows_every_part_of_a_clean_picture(suffix: str) -> None:
    data = _ENCODED[suffix]
    assert foreign(suffix, data) == []
    if suffix not in ("heic", "avif"):
        assert "trailing" in foreign(suffix, data + b"x")[0]
        assert "breaks its format" in foreign(suffix, data[: len(data) // 2])[0]


def test_a_picture_hidden_in_jpeg_headers_is_foreign() -> None:
    data = _ENCODED["jpg"]
    assert next(name for name, _ in jpeg_parts(data)) == "SOI"
    thumbnail = b"\xff\xe0\x00\x13JFXX\0\x13" + bytes(11)
    assert "APP0" in foreign("jpg", data[:2] + thumbnail + data[2:])[0]


def test_a_palette_keeps_256_colours_exactly_and_merges_the_rarest_of_more() -> None:
    ramp = np.zeros((16, 16, 3), np.uint8)
    ramp[..., 0] = np.arange(256).reshape(16, 16)
    indices, palette, transparent, merged = indexed(ramp)
    assert np.array_equal(palette[indices], ramp)
    assert transparent is None
    assert not merged
    more = np.vstack((ramp, ramp, np.full((1, 16, 3), (7, 0, 9), np.uint8)))
    more[-1, 0] = (200, 1, 0)
    indices, palette, _, merged = indexed(more)
    assert merged
    assert len(palette) == 256
    assert (np.abs(palette[indices].astype(int) - more).max(axis=2) > 0).sum() <= 3
    clear = np.dstack((ramp, np.full((16, 16, 1), 9, np.uint8)))
    clear[0, 0, 3] = 0
    indices, palette, transparent, merged = indexed(clear)
    assert transparent == indices[0, 0] == 255
    assert (indices == 255).sum() == 1


def test_colours_that_only_the_source_format_can_name_are_not_carried_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "in.heic"
    nclx = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9, "full_range_flag": 1}
    pillow_heif.encode("RGB", SIZE, photo(3).tobytes(), str(path), nclx_profile=nclx, **nclx)
    with pytest.raises(UnsupportedInput, match="unchanged"):
        open_still_sink(tmp_path / "out.png", StillSource(path), Output())


@pytest.mark.parametrize(("suffix", "target"), [("heic", "avif"), ("avif", "heic"), ("heic", "jpg")])
def test_between_modern_formats(tmp_path: Path, suffix: str, target: str) -> None:
    path, made = tmp_path / f"in.{suffix}", tmp_path / f"out.{target}"
    path.write_bytes(_ENCODED[suffix])
    pass_through(path, made)
    before, after = (next(StillSource(p).frames()).bgr(*SIZE).astype(int) for p in (path, made))
    assert np.abs(before - after).mean() < 3
