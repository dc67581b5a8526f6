"""Damage in pictures that Pillow shows without a word."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, TiffImagePlugin

from anonymize.errors import DamagedInput, InputError
from anonymize.media import open_source
from anonymize.media.damage.hevc import spoiled
from anonymize.media.frames.orient import Orientation
from anonymize.media.still.damage import Harm, damage, first_damaged, obscured
from anonymize.media.still.formats.lzw import unpacked_length
from tests.helpers.formats import documented

SIZE = (256, 192)


def ground(seed: int = 5) -> Image.Image:
    rng = np.random.default_rng(seed)
    made = np.repeat(np.repeat(rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), dtype=np.uint8), 8, 0), 8, 1)
    return Image.fromarray(np.clip(made + rng.integers(0, 9, made.shape), 0, 255).astype(np.uint8))


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    if form == "HEIF":
        pillow_heif.from_pillow(image).save(target, **options)
    else:
        image.save(target, form, **options)
    return target.getvalue()


def moving(form: str, **options: object) -> bytes:
    first, *others = (ground(seed) for seed in range(4))
    if form == "GIF":
        first, *others = (image.quantize(256) for image in (first, *others))
    return saved(first, form, save_all=True, append_images=others, duration=100, loop=0, **options)


def with_alpha(image: Image.Image) -> Image.Image:
    made = image.convert("RGBA")
    made.putalpha(ground(9).convert("L"))
    return made


WAYS: dict[str, tuple[str, Callable[[], bytes], float]] = {
    "JPEG": ("jpg", lambda: saved(ground(), "JPEG", quality=90), 0.5),
    "JPEG in 4:4:4": ("jpg", lambda: saved(ground(), "JPEG", quality=90, subsampling=0), 0.5),
    "progressive JPEG": ("jpg", lambda: saved(ground(), "JPEG", quality=90, progressive=True), 0.8),
    "grey JPEG": ("jpg", lambda: saved(ground().convert("L"), "JPEG", quality=90), 0.5),
    "PNG": ("png", lambda: saved(ground(), "PNG"), 1),
    "WebP": ("webp", lambda: saved(ground(), "WEBP", quality=80), 0.8),
    "WebP with transparency": ("webp", lambda: saved(with_alpha(ground()), "WEBP", quality=80), 0.8),
    "lossless WebP": ("webp", lambda: saved(ground(), "WEBP", lossless=True), 0.8),
    "HEIC": ("heic", lambda: saved(ground(), "HEIF", quality=70), 0.8),
    "AVIF": ("avif", lambda: saved(ground(), "AVIF", quality=70), 0.8),
    "GIF": ("gif", lambda: saved(ground().quantize(256), "GIF"), 1),
    "TIFF in LZW": ("tiff", lambda: saved(ground(), "TIFF", compression="tiff_lzw"), 1),
    "TIFF in deflate": ("tiff", lambda: saved(ground(), "TIFF", compression="tiff_adobe_deflate"), 1),
    "TIFF in LZMA": ("tiff", lambda: saved(ground(), "TIFF", compression="lzma"), 1),
    "TIFF in JPEG": ("tiff", lambda: saved(ground(), "TIFF", compression="jpeg", quality=90), 0.5),
    "TIFF in PackBits": ("tiff", lambda: saved(ground().quantize(4), "TIFF", compression="packbits"), 0.8),
    "TIFF in CCITT group 3": ("tiff", lambda: saved(ground().convert("1"), "TIFF", compression="group3"), 0.6),
    "TIFF in CCITT group 4": ("tiff", lambda: saved(ground().convert("1"), "TIFF", compression="group4"), 0.8),
}
"""How a picture is stored: its suffix, its bytes, and the least share of accidents that must be noticed."""
ALL = "refused; with `--allow-damaged` it, or what follows the damage, is black"
PIECES = "refused; with `--allow-damaged` the damaged strips and tiles are black"


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(w, marks=documented("damage", f"a damaged picture: {w}", PIECES if w[:4] == "TIFF" else ALL))
        for w in WAYS
    ],
)
def test_a_picture_whose_middle_is_noise_is_refused(way: str, tmp_path: Path) -> None:
    suffix, make, least = WAYS[way]
    data = make()
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    with open_source(path) as whole:
        assert whole.losses == []
    noticed = 0
    for seed in range(8):
        harmed = bytearray(data)
        at = len(data) * (4 + seed % 4) // 10
        noise = np.random.default_rng(seed).bytes(60) if way != "lossless WebP" else bytes(512)
        harmed[at : at + len(noise)] = noise
        path.write_bytes(harmed)
        try:
            open_source(path)
        except InputError as error:
            noticed += 1
            if isinstance(error, DamagedInput):
                shown_in_part(path)
    assert noticed >= 8 * least  # noise often is a possible picture


def shown_in_part(path: Path) -> None:
    """What may be damaged anywhere shows nothing."""
    try:
        source = open_source(path, allow_damaged=True)
    except DamagedInput:
        return  # nothing of it can be read
    with source:
        (frame,) = source.frames()
        assert source.losses
        if source.losses[0].startswith("the whole"):
            assert frame.bgr(*SIZE).max() < 8


@pytest.mark.parametrize(
    ("form", "options"),
    [
        pytest.param("GIF", {}, marks=documented("damage", "a damaged picture: animated GIF", "it and all after go")),
        pytest.param(
            "WEBP",
            {"quality": 80},
            marks=documented("damage", "a damaged picture: animated WebP", "it and all after go"),
        ),
    ],
)
def test_an_animation_ends_where_damage_begins(form: str, options: dict[str, int], tmp_path: Path) -> None:
    data = moving(form, **options)
    path = tmp_path / f"a.{form.lower()}"
    noticed = 0
    for seed in range(4):
        harmed = bytearray(data)
        at = len(data) * 6 // 10
        harmed[at : at + 20] = np.random.default_rng(seed).bytes(20)
        path.write_bytes(harmed)
        with pytest.raises(InputError):
            open_source(path)
        number, words = first_damaged(bytes(harmed), form.lower())
        if words:
            noticed += 1
            with open_source(path, allow_damaged=True) as source:
                assert len(list(source.frames())) <= number == 2
    assert noticed >= 3


@pytest.mark.parametrize("way", WAYS)
def test_what_follows_the_picture_is_no_damage(way: str) -> None:
    suffix, make, _ = WAYS[way]
    if suffix not in ("heic", "avif"):
        assert damage(make() + make(), suffix) is None


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 33), (64, 64), (301, 5), (130, 190)])
def test_whole_pictures_of_any_size_are_whole(size: tuple[int, int]) -> None:
    flat, grad = Image.new("RGB", size, (3, 90, 200)), Image.linear_gradient("L").resize(size).convert("RGB")
    for image in (flat, grad, ground().resize(size)):
        for suffix, form, options in (
            ("jpg", "JPEG", {"quality": 30}),
            ("jpg", "JPEG", {"quality": 95, "subsampling": 1}),
            ("jpg", "JPEG", {"restart_marker_blocks": 2}),
            ("webp", "WEBP", {"quality": 10}),
            ("webp", "WEBP", {"lossless": True}),
            ("avif", "AVIF", {"quality": 30}),
            ("heic", "HEIF", {"quality": 30}),
            ("tiff", "TIFF", {"compression": "tiff_lzw"}),
        ):
            if form == "HEIF" and min(size) < 2:
                continue
            assert damage(saved(image, form, **options), suffix) is None, (form, options)
        bilevel = image.convert("1")
        for how in ("tiff_ccitt", "group3", "group4", "packbits", "tiff_lzw"):
            assert damage(saved(bilevel, "TIFF", compression=how), "tiff") is None, how
        assert damage(saved(image.quantize(16), "GIF"), "gif") is None


def test_only_the_damaged_strip_is_black(tmp_path: Path) -> None:
    data = bytearray(saved(ground(), "TIFF", compression="jpeg", quality=90, strip_size=SIZE[0] * 3 * 48))
    path = tmp_path / "a.tiff"
    path.write_bytes(data)
    with open_source(path) as source:
        (intact,) = (frame.bgr(*SIZE) for frame in source.frames())
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        start, size = image.tag_v2[273][1], image.tag_v2[279][1]
    data[start + size // 2 : start + size // 2 + 200] = bytes(200)
    path.write_bytes(data)
    with open_source(path, allow_damaged=True) as source:
        (frame,) = source.frames()
        shown = frame.bgr(*SIZE)
    assert source.losses == ["part of the picture: its coded data are damaged"]
    assert shown[48:96].max() == 0
    assert (shown[:48] == intact[:48]).all()
    assert (shown[96:] == intact[96:]).all()


def test_damaged_parts_are_black_where_they_are_shown() -> None:
    stored = np.full((6, 4, 3), 200, np.uint8)
    turn = Orientation(True, True, False)
    got = obscured(turn.apply(stored), "RGB", Harm("x", ((0, 0, 4, 2),)), turn)
    assert got.shape == (4, 6, 3)
    assert got[:, 4:].max() == 0
    assert got[:, :4].min() == 200


@pytest.mark.parametrize("colours", [2, 16, 256])
def test_the_length_of_lzw_data(colours: int) -> None:
    """Tables that are full, cleared, and grown, in both orders of bits."""
    for image in (Image.new("P", (900, 700)), ground().resize((700, 500)).quantize(colours)):
        data = saved(image, "GIF")
        at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
        while data[at] != 0x2C:
            at += 2
            while data[at]:
                at += data[at] + 1
            at += 1
        at += 10 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0)
        letters, codes, at = data[at], b"", at + 1
        while data[at]:
            codes += data[at + 1 : at + 1 + data[at]]
            at += data[at] + 1
        assert unpacked_length(codes, letters=letters) == (image.width * image.height, 0)
        assert unpacked_length(codes + b"abc", letters=letters)[1] == 3
        tiff = saved(image, "TIFF", compression="tiff_lzw", strip_size=1 << 24)
        with Image.open(io.BytesIO(tiff)) as opened:
            assert isinstance(opened, TiffImagePlugin.TiffImageFile)
            start, size = opened.tag_v2[273][0], opened.tag_v2[279][0]
        assert unpacked_length(tiff[start : start + size], tiff=True) == (image.width * image.height, 0)
    with pytest.raises(ValueError, match="not defined yet"):
        unpacked_length(b"\xff" * 9, tiff=True)


def test_a_slice_with_another_end() -> None:
    slices = b"\0\0\1\x26" + b"s" * 40 + b"\0\0\1\x4e" + b"m" * 9
    assert spoiled(b"", slices, b"END") == b"\0\0\1\x26" + b"s" * 37 + b"END"
    units = [b"\x26" + b"s" * 40, b"\x4e" + b"m" * 9]
    header = b"\1" + bytes(20) + b"\3" + bytes(1)
    packet = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
    assert spoiled(header, packet, b"END") == struct.pack(">I", 41) + b"\x26" + b"s" * 37 + b"END"
    assert spoiled(b"", b"\0\0\1\x26abc", b"END") == b""
