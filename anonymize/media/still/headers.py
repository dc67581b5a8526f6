"""Read the headers of an image file: what the output keeps, and what it drops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffTags
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from anonymize.errors import UnsupportedInput
from anonymize.media.frames.orient import Orientation
from anonymize.media.still.file import READ_ONLY, PictureFile, parts_of
from anonymize.media.still.formats.heif import exif_items, main_properties
from anonymize.media.still.formats.read_only import foreign_profile, foreign_words
from anonymize.media.still.formats.tiff import directories
from anonymize.media.still.formats.webp import quality_of
from anonymize.media.still.frame import Pixels
from anonymize.media.still.parts import Part, extras, png_parts, webp_parts
from anonymize.media.still.turned import BY_NUMBER, exif_orientation

_COLOUR_CHUNKS = {"gAMA": 4, "cHRM": 32, "sRGB": 1, "cICP": 4, "mDCV": 24, "cLLI": 8}
"""PNG chunks that define the colour space, with their lengths; the profile is `StillTraits.icc`."""


@dataclass(frozen=True, slots=True)
class StillTraits:
    """What an output keeps of its source besides the pixels.

    Args:
        container: canonical suffix, a key of `FORMATS`.
        channels: as in `frame.CHANNELS`.
        depth: bits per sample.
        icc: the colour profile, reduced by `anonymize.media.still.profile`.
        qtables: JPEG: one quantisation table (64 values, row by row of the upright image) per component.
        subsampling: JPEG: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0, as in Pillow.
        progressive: JPEG: whether it is progressive.
        rgb_coded: JPEG: whether it stores R, G, B.
        chunks: PNG: the chunks that define the colour space, except for the profile.
        lossless: WebP: whether it is lossless.
        quality: WebP: of a lossy one, 0 to 100 on libwebp's scale; None if unknown.
        loop: animations: the loop count as stored; None if there is none.
        compression: TIFF: Pillow's name of it.
        heif: HEIC and AVIF: chroma and colour properties, by their names in `pillow_heif`.
        notes: what any output stores differently, and why.
    """

    container: str
    channels: str
    depth: int = 8
    icc: bytes = b""
    qtables: tuple[tuple[int, ...], ...] = ()
    subsampling: int = 0
    progressive: bool = False
    rgb_coded: bool = False
    chunks: tuple[Part, ...] = ()
    lossless: bool = True
    quality: int | None = None
    loop: int | None = None
    compression: str = ""
    heif: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded image file.

    Args:
        traits: what the output keeps.
        size: upright (width, height).
        durations: of each frame in seconds, as stored; a single 0 for a still image.
        removed: what the file holds besides its frames, in words.
        losses: what could not be read, in words.
        pictures: returns the upright pixels of every frame, from the first again on each call.
        turns: other orientations in which viewers may show `pictures`.
    """

    traits: StillTraits
    size: tuple[int, int]
    durations: tuple[Fraction, ...]
    removed: tuple[str, ...]
    losses: tuple[str, ...]
    pictures: Callable[[], Iterator[Pixels]]
    turns: tuple[Orientation, ...] = ()


def traits_of(file: PictureFile, opened: Image.Image) -> StillTraits:
    """What the output keeps, according to the headers."""
    icc = opened.info.get("icc_profile")
    traits = StillTraits(file.container, "", icc=icc if isinstance(icc, bytes) else b"")
    if isinstance(opened, JpegImageFile):
        return replace(
            traits,
            qtables=_qtables(opened),
            subsampling=max(0, get_sampling(opened)),
            progressive=bool(opened.info.get("progressive")),
            rgb_coded=opened.mode == "RGB" and rgb_coded(opened),
        )
    if file.container == "png":
        parts = (part for part in parts_of(png_parts, file) if _COLOUR_CHUNKS.get(part[0]) == len(part[1]))
        return replace(traits, chunks=tuple(parts))
    if file.container == "webp":
        lossy = [payload for name, payload in parts_of(webp_parts, file) if name == "VP8"]
        return replace(traits, lossless=not lossy, quality=quality_of(lossy[0]) if lossy else None)
    if file.container == "tiff":
        return replace(traits, compression=str(opened.info.get("compression", "")))
    if file.container == "jp2":
        return replace(traits, icc=traits.icc or foreign_profile(file))
    if file.container == "avif":
        return replace(traits, heif={"chroma": _avif_chroma(file)})
    return traits


def transposed(traits: StillTraits) -> StillTraits:
    """`traits` for an image whose rows have become columns."""
    tables = tuple(tuple(np.reshape(table, (8, 8)).T.ravel().tolist()) for table in traits.qtables)
    return replace(traits, qtables=tables, subsampling=0 if traits.subsampling == 1 else traits.subsampling)


def _qtables(opened: JpegImageFile) -> tuple[tuple[int, ...], ...]:
    """The quantisation table of each component, row by row."""
    tables = opened.quantization
    return tuple(tuple(tables[layer[3]]) for layer in opened.layer if layer[3] in tables)


def rgb_coded(opened: Image.Image) -> bool:
    """Whether a JPEG's three components are R, G and B, by libjpeg's rules."""
    if "jfif" in opened.info:
        return False
    if "adobe_transform" in opened.info:
        return bool(opened.info["adobe_transform"] == 0)
    return isinstance(opened, JpegImageFile) and [layer[0] for layer in opened.layer] == [82, 71, 66]


def tags(opened: Image.Image) -> Mapping[int, Any]:
    """The tags of a TIFF's current page."""
    return getattr(opened, "tag_v2", {})


def _avif_chroma(file: PictureFile) -> str:
    """The chroma subsampling of an AVIF. Raises `UnsupportedInput` for over 8 bits or a wide gamut."""
    properties = main_properties(file.data)
    place = file.data.find(b"av1C")
    coded = dict(properties).get("av1C", file.data[place + 4 : place + 8] if place > 0 else b"")
    flags = coded[2] if len(coded) > 2 else 0
    if flags & 0x60:
        raise UnsupportedInput("AVIF with more than 8 bits is not supported; convert it to PNG or HEIC", file.name)
    named = [body[4:6] for name, body in properties if name == "colr" and body[:4] == b"nclx"]
    if any(int.from_bytes(primaries, "big") not in (1, 2) for primaries in named):
        raise UnsupportedInput("AVIF in a wide colour space is not supported; convert it to PNG", file.name)
    return {0x0C: "4:2:0", 0x08: "4:2:2"}.get(flags & 0x0C, "4:4:4")


def orientation_of(file: PictureFile, opened: Image.Image) -> Orientation:
    """How the decoded image must be turned upright: by EXIF, unless it does not apply or Pillow has done it."""
    if file.container in ("tiff", "avif"):
        return Orientation()
    return BY_NUMBER[exif_orientation(opened.info.get("exif") or b"")]


def _exif(data: Any) -> Image.Exif:
    """EXIF, as far as it is readable."""
    exif = Image.Exif()
    if isinstance(data, bytes):
        try:
            exif.load(data)
        except Exception:  # noqa: BLE001 - it is dropped anyway, and viewers cannot read it either
            return Image.Exif()
    return exif


def removed_from(file: PictureFile, opened: Image.Image) -> tuple[str, ...]:
    """What the file holds besides its image, in words."""
    words = exif_words(next(exif_items(file.data), b"") if file.container == "avif" else opened.info.get("exif"))
    if file.container == "tiff":
        return (*words, *_tiff_words(file, opened))
    if file.container == "bmp":
        return (*words, *_bmp_words(file.data))
    if file.container in READ_ONLY:
        return (*words, *foreign_words(file))
    return (*words, *extras(file.container, file.data))


def exif_words(data: Any) -> list[str]:
    """What an EXIF block holds, in words; empty if there is none."""
    if not data:
        return []
    exif = _exif(data)
    held = {
        "camera": exif.keys() & {ExifTags.Base.Make, ExifTags.Base.Model},
        "position": ExifTags.IFD.GPSInfo in exif,
        "time": ExifTags.Base.DateTime in exif or ExifTags.IFD.Exif in exif,
        "thumbnail": _ifd(exif, ExifTags.IFD.IFD1),
    }
    named = [word for word, there in held.items() if there]
    return [f"EXIF ({', '.join(named)})" if named else "EXIF"]


def _ifd(exif: Image.Exif, number: int) -> Mapping[int, Any]:
    """One of EXIF's further directories; empty if unreadable."""
    try:
        return exif.get_ifd(number)
    except Exception:  # noqa: BLE001 - it is dropped anyway
        return {}


_BLOCK = 17
"""Side in pixels of the neighbourhood that must be invisible for hidden colours to count."""
_NOISE = 24
"""Largest 8-bit value that still counts as black there."""
STRUCTURAL_TAGS = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 320, 322, 323, 324, 325)
) | {330, 338, 339, 347, 530, 532, 34675}
"""TIFF tags that viewers need to show the image; 34675 is the colour profile."""


def _tiff_words(file: PictureFile, opened: Image.Image) -> list[str]:
    """The non-structural tags of a TIFF, and its smaller copies."""
    words = [f"TIFF tag {TiffTags.lookup(tag).name}" for tag in tags(opened) if tag not in STRUCTURAL_TAGS]
    copies = sum(1 for _ in directories(file.data)) - 1
    return [*words, "thumbnail" if copies == 1 else f"smaller copies ({copies})"] if copies > 0 else words


def _bmp_words(data: bytes) -> list[str]:
    """What a BMP holds besides its image: a profile, or the name of one, and data after its stated end."""
    size, header = (int.from_bytes(data[place : place + 4], "little") for place in (2, 14))
    held = {
        "colour profile": header >= 124 and data[70:74] in (b"DEBM", b"KNIL"),
        "data after the picture's end": 54 <= size < len(data),
    }
    return [word for word, there in held.items() if there]


def shown(pixels: Pixels, channels: str, *, lossy: bool = False) -> tuple[Pixels, tuple[str, ...]]:
    """Read-only `pixels` with fully transparent ones set to black, and what that removed, in words.

    Detection cannot find faces in invisible pixels, so nothing may remain there.

    Args:
        pixels: (rows, columns, channels).
        channels: one of `frame.CHANNELS`.
        lossy: whether the file is lossy, so that black may not be exactly black.
    """
    pixels = np.ascontiguousarray(pixels)
    hidden: tuple[str, ...] = ()
    if channels in ("LA", "RGBA"):
        invisible = pixels[..., -1] == 0
        held = pixels[..., :-1].max(axis=2) * invisible
        if held.any():
            if not lossy or _shows(held, invisible):
                hidden = ("colours hidden under full transparency",)
            pixels = pixels.copy()
            pixels[invisible] = 0
    pixels.flags.writeable = False
    return pixels, hidden


def _shows(held: Pixels, invisible: NDArray[np.bool_]) -> bool:
    """Whether the colours (rows, columns) of a lossy file's invisible pixels are more than compression noise.

    Near visible pixels they are not: those spread as far as a codec's blocks. In entirely invisible blocks, anything
    brighter than `_NOISE` counts.
    """
    noise = _NOISE << (8 * (held.dtype.itemsize - 1))
    away = cv2.erode(invisible.astype(np.uint8), np.ones((_BLOCK, _BLOCK), np.uint8)) > 0
    return bool((held[away] > noise).any())
