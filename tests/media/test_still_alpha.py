"""What transparency hides stays hidden, and what it shows is seen: every format that can hold it."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image

import anonymize
from anonymize.data import readings
from anonymize.media.still.frame import StillFrame
from anonymize.media.still.headers import _NOISE, _shows
from anonymize.media.still.source import StillSource, check_still
from anonymize.settings import Output
from tests.conftest import astronaut
from tests.helpers import planting as p
from tests.helpers.formats import documented
from tests.helpers.heifs import encoded

Pixels = NDArray[Any]
KEPT = "transparency is kept; colours under full transparency become black, and that is listed"


def cutout(channels: int = 4, size: tuple[int, int] = (160, 96)) -> Pixels:
    """A picture whose left third is transparent, and holds a pattern there."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    shape = [128 + 100 * np.sin(x / (3 + i)) * np.cos(y / (4 + i)) for i in range(channels - 1)]
    alpha = np.where(x < width // 3, 0, 255)
    return np.stack([*shape, alpha], -1).astype(np.uint8)


def saved(path: Path, pixels: Pixels, **options: Any) -> Path:
    if path.suffix in (".heic", ".avif"):
        path.write_bytes(encoded(path.suffix[1:], pixels, **options))
    else:
        Image.fromarray(pixels).save(path, **options)
    return path


def stored(path: Path) -> Pixels:
    """What another reader finds, also under transparency."""
    if path.suffix == ".heic":
        return np.asarray(pillow_heif.open_heif(str(path))[0])
    with Image.open(path) as opened:
        return np.asarray(opened)


FORMATS = [
    pytest.param(".png", 4, {}, marks=documented("colour", "transparency in PNG", KEPT)),
    pytest.param(".png", 2, {}, id="png-grey"),
    pytest.param(
        ".webp", 4, {"lossless": True, "exact": True}, marks=documented("colour", "transparency in WebP", KEPT)
    ),
    pytest.param(".webp", 4, {"quality": 80, "exact": True}, id="webp-lossy"),
    pytest.param(".tiff", 4, {}, marks=documented("colour", "transparency in TIFF", KEPT)),
    pytest.param(".heic", 4, {}, marks=documented("colour", "transparency in HEIC", KEPT)),
    pytest.param(".heic", 4, {"chroma": 420, "quality": 50}, id="heic-420"),
    pytest.param(".avif", 4, {}, marks=documented("colour", "transparency in AVIF", KEPT)),
    pytest.param(".avif", 4, {"quality": 50, "subsampling": "4:2:0"}, id="avif-420"),
]


@pytest.mark.parametrize(("suffix", "channels", "options"), FORMATS)
def test_what_transparency_hides_is_gone(tmp_path: Path, suffix: str, channels: int, options: dict[str, Any]) -> None:
    path = saved(tmp_path / f"in{suffix}", cutout(channels), **options)
    source = StillSource(path)
    assert "colours hidden under full transparency" in source.info.removed
    target = p.carried(path, tmp_path / f"out{suffix}", Output())
    assert check_still(target, source.info, [Fraction(0)]) == []
    assert p.complaints(target, path) == p.complaints(target, None) == ""
    made = stored(target).astype(int)
    assert made[:, :45, -1].max() < 8
    assert made[:, 60:, -1].min() > 247
    assert made[:, :40, :-1].max() < 24, "nothing hides there any more"
    assert np.abs(made[:, 70:, :-1] - cutout(channels)[:, 70:, :-1]).mean() < 12
    assert "still in" in p.complaints(path, path), "and where something does, it is found"


@pytest.mark.parametrize("suffix", [".heic", ".avif", ".webp"])
@pytest.mark.parametrize("side", [24, 40])
def test_a_small_picture_hidden_in_a_lossy_output_is_found(tmp_path: Path, suffix: str, side: int) -> None:
    pixels = cutout()
    pixels[:, :53, :3] = 0
    pixels[30 : 30 + side, 10 : 10 + side, :3] = 140
    options = {"exact": True, "quality": 90} if suffix == ".webp" else {}
    path = saved(tmp_path / f"out{suffix}", pixels, **options)
    assert "colours hidden" in p.complaints(path, None)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_one_pixel_hidden_without_loss_is_found(tmp_path: Path, suffix: str) -> None:
    pixels = np.full((40, 40, 4), 255, np.uint8)
    pixels[7, 9] = (1, 0, 0, 0)
    path = saved(tmp_path / f"out{suffix}", pixels, **({"lossless": True, "exact": True} if suffix == ".webp" else {}))
    assert "colours hidden" in p.complaints(path, None)


def png(size: tuple[int, int], depth: int, kind: int, rows: list[bytes], chunks: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    ends = p.png_chunk(b"IDAT", body) + p.png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + p.png_chunk(b"IHDR", head) + chunks + ends


def grey_or_colour(depth: int, channels: int) -> tuple[Pixels, list[bytes]]:
    """Samples that take all values of few bits, and the rows of a PNG."""
    full = (1 << depth) - 1
    y, x = np.mgrid[:16, :32]
    samples = np.stack([(x * 7 + y * 3 + i * 5) * max(1, full // 269) % (full + 1) for i in range(channels)], -1)
    if depth >= 8:
        return samples, [row.astype(">u2" if depth == 16 else ">u1").tobytes() for row in samples]
    bits = ((samples >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
    return samples, [np.packbits(row).tobytes() for row in bits.reshape(16, -1)]


@pytest.mark.parametrize(
    ("depth", "channels"),
    [
        pytest.param(
            depth,
            channels,
            marks=documented(
                "colour", f"PNG, {'grey' if channels == 1 else 'RGB'} of {depth} bits, with a transparent colour",
                "becomes a channel of transparency",
            ),
        )
        for depth, channels in [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)]
    ],
)  # fmt: skip
def test_a_transparent_colour_of_a_png(tmp_path: Path, depth: int, channels: int) -> None:
    samples, rows = grey_or_colour(depth, channels)
    full = (1 << depth) - 1
    scale = 255 // full if depth < 8 else 1
    for key in {tuple(samples[y, x].tolist()) for y, x in ((0, 0), (3, 5), (9, 30), (15, 31))}:
        chunk = p.png_chunk(b"tRNS", struct.pack(f">{channels}H", *key))
        (tmp_path / "in.png").write_bytes(png((32, 16), depth, 0 if channels == 1 else 2, rows, chunk))
        clear = (samples == key).all(axis=2)
        assert clear.any()
        assert not clear.all()
        alpha = np.where(clear, 0, max(255, full))[..., None]
        wanted = np.concatenate((samples * scale, alpha), axis=2) * ~clear[..., None]
        frame = next(StillSource(tmp_path / "in.png").frames())
        assert isinstance(frame, StillFrame)
        assert np.array_equal(frame.pixels, wanted)
        target = p.carried(tmp_path / "in.png", tmp_path / "out.png", Output())
        assert p.complaints(target, tmp_path / "in.png") == ""
        again = next(StillSource(target).frames())
        assert isinstance(again, StillFrame)
        assert np.array_equal(again.pixels, wanted)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_transparent_entries_of_a_palette(depth: int) -> None:
    samples, rows = grey_or_colour(depth, 1)
    index = np.arange(1 << depth)
    palette = np.stack([index * 37 % 256, index * 91 % 256, 255 - index, index * 53 % 256], -1).astype(np.uint8)
    chunks = p.png_chunk(b"PLTE", palette[:, :3].tobytes()) + p.png_chunk(b"tRNS", palette[:, 3].tobytes())
    wanted = palette[samples[..., 0]]
    frame = next(StillSource(png((32, 16), depth, 3, rows, chunks)).frames())
    assert isinstance(frame, StillFrame)
    assert np.array_equal(frame.pixels, wanted * (wanted[..., 3:] > 0))


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_a_transparent_colour_of_an_animated_png(depth: int) -> None:
    samples, rows = grey_or_colour(depth, 1)
    key = int(samples[3, 5, 0])
    control = p.png_chunk(b"acTL", struct.pack(">II", 2, 0)) + p.png_chunk(b"tRNS", struct.pack(">H", key))
    shown = [p.png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", n, 32, 16, 0, 0, 1, 10, 0, 0)) for n in (0, 1)]
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    head = b"\x89PNG\r\n\x1a\n" + p.png_chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 16, depth, 0, 0, 0, 0))
    second = p.png_chunk(b"fdAT", struct.pack(">I", 2) + body)
    data = head + control + shown[0] + p.png_chunk(b"IDAT", body) + shown[1] + second + p.png_chunk(b"IEND", b"")
    for frame in StillSource(data).frames():
        assert isinstance(frame, StillFrame)
        assert np.array_equal(frame.pixels[..., 3] == 0, samples[..., 0] == key)


def frame_of(pixels: Pixels, channels: str) -> StillFrame:
    return StillFrame(0, 0, Fraction(1), Fraction(0), pixels, channels)


def test_detectors_get_every_way_of_showing_transparency() -> None:
    """A pattern shows in at least one of them, however it is hidden."""
    y, x = np.mgrid[:96, :160]
    pattern = (((x // 8) + (y // 8)) % 2 * 200 + 20).astype(np.uint8)
    flat = np.full_like(pattern, 90)
    cases = {
        "faint colours": np.stack([pattern, pattern, pattern, np.full_like(flat, 3)], -1),
        "drawn in transparency, grey": np.stack([flat, flat, flat, pattern], -1),
        "drawn in transparency, half black and half white": np.stack(
            [np.where(x < 80, 0, 255).astype(np.uint8)] * 3 + [pattern], -1
        ),
        "seen on white alone": np.stack([np.where(x < 110, 255, 0).astype(np.uint8)] * 3
                                        + [np.where(x < 110, 255, pattern)], -1),
    }  # fmt: skip
    for case, pixels in cases.items():
        frame = frame_of(pixels.astype(np.uint8), "RGBA")
        ways = [frame, *(reading.frame for reading in readings(frame))]
        contrast = [way.luma(160, 96)[10:86, 112:150].std() for way in ways]
        assert max(contrast) > 60, case


def test_detectors_get_opaque_pictures_once() -> None:
    assert readings(frame_of(np.full((8, 8, 4), 255, np.uint8), "RGBA")) == ()
    assert readings(frame_of(np.full((8, 8, 3), 255, np.uint8), "RGB")) == ()


def face_under(hidden: str) -> Pixels:
    """A face that transparency hides from whoever looks at the picture on a page."""
    ground = np.full((240, 320, 4), (40, 60, 50, 255), np.uint8)
    face = cv2.resize(astronaut()[:256, 96:352], (120, 120), interpolation=cv2.INTER_AREA)
    if hidden == "faint":
        ground[60:180, 100:220] = np.dstack((face, np.full((120, 120), 6, np.uint8)))
    elif hidden == "drawn":
        grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
        ground[60:180, 100:220] = np.dstack((np.full((120, 120, 3), 128, np.uint8), grey))
    else:
        ground[60:180, 100:220] = np.dstack((face, np.zeros((120, 120), np.uint8)))
    return ground


FACE = np.s_[94:144, 140:180]
"""Where it is."""
OUTCOMES = {
    "faint": documented("colour", "a face in colours that are nearly transparent", "found and hidden"),
    "drawn": documented("colour", "a face drawn in transparency alone", "found and hidden"),
    "clear": documented("colour", "a face in colours that are fully transparent", "gone, and listed"),
}


PLACES = [
    *(("faint", suffix) for suffix in (".png", ".heic", ".avif")),
    *(("drawn", suffix) for suffix in (".webp", ".heic")),
    ("clear", ".tiff"),
]


@pytest.mark.parametrize(
    ("hidden", "suffix"), [pytest.param(hidden, suffix, marks=OUTCOMES[hidden]) for hidden, suffix in PLACES]
)
def test_a_face_hidden_by_transparency_does_not_come_out(tmp_path: Path, hidden: str, suffix: str) -> None:
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    path, target = saved(tmp_path / f"in{suffix}", face_under(hidden), **options), tmp_path / f"out{suffix}"
    anonymize.run(path, target)
    made = stored(target).astype(int)[FACE]
    if hidden == "drawn":
        assert made[..., 3].std() < 8
    else:
        assert made[8:-8, 8:-8, :3].max() < 40


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_noise_of_compression_in_invisible_pixels_is_no_picture(kind: type[np.unsignedinteger]) -> None:
    noise = _NOISE << (8 * (np.dtype(kind).itemsize - 1))
    held, invisible = np.full((64, 64, 3), noise, kind), np.ones((64, 64), bool)
    assert not _shows(held, invisible)
    held[32, 32] += 1
    assert _shows(held, invisible)
