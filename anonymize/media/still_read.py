"""Picture files are decoded here: every format to upright pixels, and to what its output must take over."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageFile, TiffTags
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from anonymize.errors import DamagedInput, UnreadableInput, UnsupportedInput
from anonymize.media.orient import Orientation
from anonymize.media.still_frame import Pixels
from anonymize.media.still_parts import Part, extras, gif_parts, png_parts, webp_parts

MOST_PIXELS = 180_000_000
"""Pixels of one picture, at most; more is taken for an attack on memory."""

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "jpg": "JPEG",
        "png": "PNG",
        "webp": "WEBP",
        "gif": "GIF",
        "tiff": "TIFF",
        "bmp": "BMP",
        "avif": "AVIF",
        "heic": "HEIF",
    }
)
"""Canonical suffixes of the picture formats that can be read, with Pillow's names for them."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"MiHE")
_SEQUENCES = (b"avis", b"msf1", b"hevc", b"hevx")
_COLOUR_CHUNKS = frozenset(("gAMA", "cHRM", "sRGB", "iCCP", "cICP", "mDCV", "cLLI"))
_ORIENTATIONS = {
    2: Orientation(False, True, False),
    3: Orientation(False, True, True),
    4: Orientation(False, False, True),
    5: Orientation(True, False, False),
    6: Orientation(True, True, False),
    7: Orientation(True, True, True),
    8: Orientation(True, False, True),
}
"""EXIF's orientations other than upright."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What an output takes over from its source beside the pixels.

    Args:
        container: canonical suffix, a key of `FORMATS`.
        channels: as in `still_frame.CHANNELS`.
        depth: bits per sample that the file holds.
        icc: the colour profile.
        qtables: JPEG: one quantisation table (64 values, row by row of the upright picture) for each component.
        subsampling: JPEG: Pillow's number, 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
        progressive: JPEG: whether it is.
        rgb_coded: JPEG: stored as R, G, B.
        chunks: PNG: the chunks that say what its colours mean.
        lossless: WebP: whether it is.
        loop: animations: the file's own number of repetitions; None if it gives none.
        compression: TIFF: Pillow's name of it.
        heif: HEIC and AVIF: chroma and colour properties, by `pillow_heif` names.
        notes: what is stored differently in any output, and why.
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
    loop: int | None = None
    compression: str = ""
    heif: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture file, decoded as far as it could be.

    Args:
        traits: what the output takes over.
        size: upright (width, height).
        durations: how long each picture is shown, in seconds, as stored; a single 0 for a still.
        removed: what the file holds beside its pictures, in words.
        losses: what could not be read, in words.
        pictures: gives the pixels of every picture, upright, each time anew.
    """

    traits: Traits
    size: tuple[int, int]
    durations: tuple[Fraction, ...]
    removed: tuple[str, ...]
    losses: tuple[str, ...]
    pictures: Callable[[], Iterator[Pixels]]


def container_of(head: bytes) -> str:
    """The canonical suffix of the picture format that a file beginning with `head` (32 bytes) has; empty if none."""
    for magic, container in (
        (b"\xff\xd8\xff", "jpg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"BM", "bmp"),
        *((magic, "tiff") for magic in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ):
        if head.startswith(magic):
            return container
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return "avif"
    return "heic" if head[4:8] == b"ftyp" and head[8:12] in (*_HEIC_BRANDS, *_SEQUENCES) else ""


def decode(data: bytes, name: str, *, allow_damaged: bool) -> Decoded:
    """Decode the picture file `data`.

    Args:
        data: the whole file.
        name: what messages call it.
        allow_damaged: give what can be read of a damaged file, and say what is lost.

    Raises:
        UnreadableInput: not a picture, empty, or of absurd dimensions.
        DamagedInput: part of it is lost.
        UnsupportedInput: it holds what no output can hold without changing it.
    """
    container = container_of(data[:32])
    if not container:
        raise UnreadableInput(f"{name}: not a picture of a known format")
    if data[4:8] == b"ftyp" and data[8:12] in _SEQUENCES:
        raise UnsupportedInput(f"{name}: picture sequences in HEIF and AVIF are not supported; convert it to a video")
    file = _File(data, name, container, allow_damaged)
    with _quiet():
        if container == "heic":
            return _heif(file)
        opened = _opened(file)
        if container in ("gif", "webp", "png") and _animated(file):
            return _animation(file, opened)
        return _still(file, opened)


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    name: str
    container: str
    allow_damaged: bool

    def damaged(self, what: str) -> DamagedInput:
        advice = "" if self.allow_damaged else "; --allow-damaged writes what can be read"
        return DamagedInput(f"{self.name}: damaged: {what}{advice}")


_truncation = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings: they are about metadata, which goes anyway, or about sizes, which are checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _lenient() -> Iterator[None]:
    """With Pillow taking truncated pictures; the switch is a global of its own."""
    with _truncation:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False


def _opened(file: _File) -> Image.Image:
    """The file with its headers read. JPEG is opened as such even where further pictures follow (MPO)."""
    try:
        opened: Image.Image = (
            JpegImageFile(BytesIO(file.data))
            if file.container == "jpg"
            else Image.open(BytesIO(file.data), formats=(FORMATS[file.container],))
        )
    except (Image.DecompressionBombError, MemoryError):
        raise UnreadableInput(f"{file.name}: absurd dimensions") from None
    except Exception as error:
        raise UnreadableInput(
            f"{file.name}: not a readable {FORMATS[file.container]} picture ({_reason(error)})"
        ) from error
    _check_size(file, opened.size)
    return opened


def _check_size(file: _File, size: tuple[int, int]) -> None:
    if not 0 < size[0] * size[1] <= MOST_PIXELS:
        raise UnreadableInput(
            f"{file.name}: absurd dimensions, {size[0]} x {size[1]}; at most {MOST_PIXELS} pixels are read"
        )


def _reason(error: Exception) -> str:
    """The first line of a decoder's message, without the memory addresses that Pillow puts in."""
    text = str(error).partition("\n")[0]
    return "unknown format" if "cannot identify" in text else text or type(error).__name__


def _still(file: _File, opened: Image.Image) -> Decoded:
    """A file with one picture."""
    traits = _traits(file, opened)
    orientation = _orientation(file, opened)
    removed = _removed(file, opened)
    losses: tuple[str, ...] = ()
    try:
        pixels, channels, notes = _pixels(file, opened)
    except UnsupportedInput:
        raise
    except Exception as error:
        if not file.allow_damaged:
            raise file.damaged(_reason(error)) from error
        pixels, channels, notes = _salvaged(file)
        losses = (f"part of the picture: {_reason(error)}",)
    upright, hidden = _shown(orientation.apply(pixels), channels)
    if orientation.transposed:
        traits = _transposed(traits)
    traits = replace(traits, channels=channels, depth=8 * pixels.dtype.itemsize, notes=notes)
    return _single(traits, upright, (*removed, *hidden), losses)


def _single(traits: Traits, pixels: Pixels, removed: Sequence[str], losses: Sequence[str]) -> Decoded:
    size = (pixels.shape[1], pixels.shape[0])
    return Decoded(traits, size, (Fraction(0),), tuple(removed), tuple(losses), lambda: iter((pixels,)))


def _shown(pixels: Pixels, channels: str) -> tuple[Pixels, tuple[str, ...]]:
    """Read-only `pixels` without colour where they are fully transparent, and what that removed, in words.

    Nobody looks for faces where nothing is to be seen; so nothing may be left there.
    """
    pixels = np.ascontiguousarray(pixels)
    hidden: tuple[str, ...] = ()
    if channels in ("LA", "RGBA"):
        invisible = pixels[..., -1] == 0
        if pixels[invisible].any():
            pixels = np.where(invisible[..., None], 0, pixels).astype(pixels.dtype)
            hidden = ("colours hidden under full transparency",)
    pixels.flags.writeable = False
    return pixels, hidden


def _pixels(file: _File, opened: Image.Image) -> tuple[Pixels, str, tuple[str, ...]]:
    """The pixels as stored, (rows, columns, channels); their channels; what will be stored differently.

    Raises:
        UnsupportedInput: no output can hold them unchanged.
    """
    if file.container == "jpg" and opened.mode == "RGB" and not _rgb_coded(opened):
        opened.draft("YCbCr", None)  # JPEG's own colours: a way to RGB and back would change them
    if file.container == "png" and file.data[24] == 16 and opened.mode != "I;16":
        opened.load()
        return _png16(file)
    if file.container == "tiff" and opened.mode != "I;16" and max(_tags(opened).get(258, (8,))) > 8:
        raise UnsupportedInput(f"{file.name}: TIFF with more than 8 bits in colour is not supported; convert it to PNG")
    return _plain(opened, file.name)


def _plain(opened: Image.Image, name: str) -> tuple[Pixels, str, tuple[str, ...]]:
    """What Pillow decoded, as pixels of one of the kinds that are handled."""
    stored = opened.mode
    wanted = {"1": "L", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA"}.get(stored, stored)
    if "transparency" in opened.info and wanted in ("L", "RGB"):
        wanted = {"L": "LA", "RGB": "RGBA"}[wanted]
    if stored.startswith("I;16"):
        wide = np.asarray(opened)
        return wide.astype(np.uint16)[..., None], "L", ()
    if wanted not in ("L", "LA", "RGB", "RGBA", "YCbCr", "CMYK"):
        raise UnsupportedInput(f"{name}: pixels of the kind {stored} are not supported; convert it to 8-bit RGB")
    pixels = np.asarray(opened if stored == wanted else opened.convert(wanted))
    notes = {"1": ("black and white became 8-bit grey",), "P": ("the palette became full colour",)}.get(stored, ())
    return pixels.reshape(*pixels.shape[:2], -1), wanted, notes


def _png16(file: _File) -> tuple[Pixels, str, tuple[str, ...]]:
    """A PNG with 16 bits per sample in more than one channel; Pillow would halve them."""
    wide = cv2.imdecode(np.frombuffer(file.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if wide is None or wide.dtype != np.uint16:
        raise ValueError("its pixels cannot be decoded")
    if file.data[25] == 4:  # grey with transparency comes as colour
        return wide[..., [0, 3]], "LA", ()
    return (wide[..., [2, 1, 0, 3]], "RGBA", ()) if wide.shape[2] == 4 else (wide[..., ::-1], "RGB", ())


def _salvaged(file: _File) -> tuple[Pixels, str, tuple[str, ...]]:
    """What can be decoded of a damaged still; the rest is black."""
    try:
        with _lenient():
            opened = _opened(file)
            opened.load()
            return _plain(opened, file.name)
    except UnsupportedInput:
        raise
    except Exception as error:
        raise file.damaged(f"nothing of the picture can be read ({_reason(error)})") from error


def _traits(file: _File, opened: Image.Image) -> Traits:
    """What the output takes over, as far as the headers say."""
    icc = opened.info.get("icc_profile")
    traits = Traits(file.container, "", icc=icc if isinstance(icc, bytes) else b"")
    if isinstance(opened, JpegImageFile):
        return replace(
            traits,
            qtables=_qtables(opened),
            subsampling=max(0, get_sampling(opened)),
            progressive=bool(opened.info.get("progressive")),
            rgb_coded=opened.mode == "RGB" and _rgb_coded(opened),
        )
    if file.container == "png":
        return replace(traits, chunks=tuple(part for part in _parts(png_parts, file) if part[0] in _COLOUR_CHUNKS))
    if file.container == "webp":
        return replace(traits, lossless="VP8" not in {name for name, _ in _parts(webp_parts, file)})
    if file.container == "tiff":
        _check_pages(file, opened)
        return replace(traits, compression=str(opened.info.get("compression", "")))
    if file.container == "avif":
        return replace(traits, heif={"chroma": _avif_chroma(file)})
    return traits


def _parts(walk: Callable[[bytes], Iterator[Part]], file: _File) -> Iterator[Part]:
    """The parts of a file up to where it is broken."""
    try:
        yield from walk(file.data)
    except ValueError:
        return


def _qtables(opened: JpegImageFile) -> tuple[tuple[int, ...], ...]:
    """The quantisation table of each component, row by row."""
    tables = opened.quantization
    return tuple(tuple(tables[layer[3]]) for layer in opened.layer if layer[3] in tables)


def _rgb_coded(opened: Image.Image) -> bool:
    """Whether a JPEG's three components are R, G and B, by libjpeg's rules."""
    if "jfif" in opened.info:
        return False
    if "adobe_transform" in opened.info:
        return bool(opened.info["adobe_transform"] == 0)
    return isinstance(opened, JpegImageFile) and [layer[0] for layer in opened.layer] == [82, 71, 66]


def _transposed(traits: Traits) -> Traits:
    """`traits` for a picture whose rows have become columns."""
    tables = tuple(tuple(np.reshape(table, (8, 8)).T.ravel().tolist()) for table in traits.qtables)
    return replace(traits, qtables=tables, subsampling=0 if traits.subsampling == 1 else traits.subsampling)


def _check_pages(file: _File, opened: Image.Image) -> None:
    """Raises `UnsupportedInput` if a TIFF has further pages that are no smaller copies of the first."""
    for page in range(1, getattr(opened, "n_frames", 1)):
        opened.seek(page)
        if not int(_tags(opened).get(254, 0)) & 1:
            raise UnsupportedInput(f"{file.name}: TIFF with several pages is not supported; split it into pictures")
    opened.seek(0)


def _tags(opened: Image.Image) -> Mapping[int, Any]:
    """The tags of a TIFF's present page."""
    return getattr(opened, "tag_v2", {})


def _avif_chroma(file: _File) -> str:
    """The chroma subsampling of an AVIF. Raises `UnsupportedInput` for what would not survive (AV1-ISOBMFF, 2.3)."""
    place = file.data.find(b"av1C")
    flags = file.data[place + 6] if 0 < place < len(file.data) - 6 else 0
    if flags & 0x60:
        raise UnsupportedInput(f"{file.name}: AVIF with more than 8 bits is not supported; convert it to PNG or HEIC")
    nclx = file.data.find(b"colrnclx")
    if nclx > 0 and int.from_bytes(file.data[nclx + 8 : nclx + 10], "big") not in (1, 2):
        raise UnsupportedInput(f"{file.name}: AVIF in a wide colour space is not supported; convert it to PNG")
    return {0x0C: "4:2:0", 0x08: "4:2:2"}.get(flags & 0x0C, "4:4:4")


def _orientation(file: _File, opened: Image.Image) -> Orientation:
    """How the stored picture is turned upright. Players look at EXIF only, so XMP does not count."""
    if file.container == "tiff":
        value = _tags(opened).get(274, 1)
    else:
        value = _exif(opened.info.get("exif")).get(ExifTags.Base.Orientation, 1)
    return _ORIENTATIONS.get(value if isinstance(value, int) else 1, Orientation())


def _exif(data: Any) -> Image.Exif:
    """EXIF, as far as it can be read."""
    exif = Image.Exif()
    if isinstance(data, bytes):
        try:
            exif.load(data)
        except Exception:  # noqa: BLE001 - it is thrown away in any case, and players cannot read it either
            return Image.Exif()
    return exif


def _removed(file: _File, opened: Image.Image) -> tuple[str, ...]:
    """What the file holds beside its picture, in words."""
    words = _exif_words(opened.info.get("exif"))
    if file.container == "tiff":
        return (*words, *_tiff_words(opened))
    if file.container == "bmp":
        return tuple(words)
    return (*words, *extras(file.container, file.data))


def _exif_words(data: Any) -> list[str]:
    """What an EXIF block holds, in words; empty without one."""
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
    """One of EXIF's further directories, empty where it cannot be read."""
    try:
        return exif.get_ifd(number)
    except Exception:  # noqa: BLE001 - it is thrown away in any case
        return {}


STRUCTURAL_TAGS = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 320, 322, 323, 324, 325)
) | {330, 338, 339, 347, 530, 532, 34675}
"""TIFF tags without which the picture could not be shown; 34675 is the colour profile."""


def _tiff_words(opened: Image.Image) -> list[str]:
    """The tags of a TIFF beside its picture, and its smaller copies."""
    words = [f"TIFF tag {TiffTags.lookup(tag).name}" for tag in _tags(opened) if tag not in STRUCTURAL_TAGS]
    return [*words, "thumbnail"] if getattr(opened, "n_frames", 1) > 1 else words


def _animated(file: _File) -> bool:
    """Whether a GIF, WebP or PNG has more than one picture, as far as its parts say."""
    if file.container == "gif":
        return sum(name == "image" for name, _ in _parts(gif_parts, file)) > 1
    if file.container == "webp":
        return any(name == "ANMF" for name, _ in _parts(webp_parts, file))
    return any(name == "acTL" for name, _ in _parts(png_parts, file))


def _animation(file: _File, opened: Image.Image) -> Decoded:
    """A file with several pictures, each shown for a time. It is decoded to its end to know what is there."""
    if file.container == "png" and file.data[24] == 16:
        raise UnsupportedInput(f"{file.name}: animated PNG with 16 bits is not supported; convert it to 8 bits")
    durations, losses, transparent, hidden = _survey(file, opened)
    channels = "RGBA" if transparent else "RGB"
    if not durations:
        raise file.damaged("none of its pictures can be read")
    if losses and not file.allow_damaged:
        raise file.damaged(losses[0])
    traits = replace(_traits(file, opened), channels=channels, loop=_loop(file, opened))
    count = len(durations)

    def pictures() -> Iterator[Pixels]:
        with _quiet():
            for pixels, _ in _walk(file, _opened(file), count):
                yield _shown(pixels if transparent else pixels[..., :3], channels)[0]

    removed = (*_removed(file, opened), *hidden)
    return Decoded(traits, opened.size, tuple(durations), removed, tuple(losses), pictures)


def _survey(file: _File, opened: Image.Image) -> tuple[list[Fraction], list[str], bool, tuple[str, ...]]:
    """Of an animation: durations, losses, whether anything is transparent, and what is hidden, in words."""
    durations: list[Fraction] = []
    losses = _ending(file)
    transparent = False
    hidden: dict[str, None] = {}
    try:
        for pixels, duration in _walk(file, opened, None):
            durations.append(duration)
            transparent |= bool((pixels[..., 3] < 255).any())
            hidden.update(dict.fromkeys(_shown(pixels, "RGBA")[1]))
    except Exception as error:  # noqa: BLE001 - decoders raise anything on hostile bytes
        losses.append(f"all pictures from number {len(durations) + 1} on: {_reason(error)}")
    return durations, losses, transparent, tuple(hidden)


def _ending(file: _File) -> list[str]:
    """What is lost because the file breaks off; Pillow takes the end of a file for the end of an animation."""
    walk = {"gif": gif_parts, "webp": webp_parts, "png": png_parts}[file.container]
    try:
        for _ in walk(file.data):
            pass
    except ValueError as error:
        return [f"what should follow where the file breaks off ({error})"]
    return []


def _walk(file: _File, opened: Image.Image, count: int | None) -> Iterator[tuple[Pixels, Fraction]]:
    """The first `count` pictures of an animation (all if None) as RGBA, with their durations in seconds."""
    exact = _png_durations(file) if file.container == "png" else []
    hidden_first = int(bool(opened.info.get("default_image")))  # shown only where animations are not
    total = getattr(opened, "n_frames", 1) - hidden_first if count is None else count
    if exact and total != len(exact) and count is None:
        raise ValueError("its count of pictures is wrong")
    for index in range(total):
        opened.seek(index + hidden_first)
        pixels = np.asarray(opened.convert("RGBA"))
        shown = exact[index] if exact else Fraction(round(opened.info.get("duration", 0))) / 1000
        yield pixels, shown


def _png_durations(file: _File) -> list[Fraction]:
    """How long each picture of an animated PNG is shown, in seconds (fcTL: numerator, denominator; 0 means 100)."""
    durations = []
    for name, payload in _parts(png_parts, file):
        if name == "fcTL":
            above, below = int.from_bytes(payload[20:22], "big"), int.from_bytes(payload[22:24], "big")
            durations.append(Fraction(above, below or 100))
    return durations


def _loop(file: _File, opened: Image.Image) -> int | None:
    """How often an animation is shown, in the number its own format uses; None if it does not say."""
    if file.container == "png":
        return next((int.from_bytes(body[4:8], "big") for name, body in _parts(png_parts, file) if name == "acTL"), 0)
    loop = opened.info.get("loop")
    return loop if isinstance(loop, int) else None


def _heif(file: _File) -> Decoded:
    """A HEIC file: its main picture; libheif turns it upright."""
    try:
        opened = pillow_heif.open_heif(BytesIO(file.data), convert_hdr_to_8bit=False)
        primary = opened[opened.primary_index]
        info, mode = primary.info, primary.mode
        size = primary.size
    except Exception as error:
        raise UnreadableInput(f"{file.name}: not a readable HEIC picture ({_reason(error)})") from error
    _check_size(file, size)
    channels = {"RGBa": "RGBA", "La": "LA"}.get(mode.partition(";")[0], mode.partition(";")[0])
    if channels not in ("L", "LA", "RGB", "RGBA") or mode[0:4] in ("RGBa", "La"):
        raise UnsupportedInput(f"{file.name}: HEIC pixels of the kind {mode} are not supported; convert it to PNG")
    try:
        pixels = np.asarray(primary)
    except Exception as error:
        raise file.damaged(_reason(error)) from error
    pixels, hidden = _shown(pixels.reshape(*pixels.shape[:2], -1), channels)
    traits = Traits(
        "heic",
        channels,
        depth=8 * pixels.dtype.itemsize,
        icc=bytes(info.get("icc_profile") or b""),
        heif={key: info[key] for key in _HEIF_KEPT if info.get(key) is not None},
    )
    return _single(traits, pixels, (*_heif_words(info, len(opened)), *hidden), ())


_HEIF_KEPT = (
    "chroma",
    "bit_depth",
    "nclx_profile",
    "icc_profile_type",
    "pixel_aspect_ratio",
    "content_light_level",
    "mastering_display_colour_volume",
    "ambient_viewing_environment",
    "nominal_diffuse_white_luminance",
)


def _heif_words(info: Mapping[str, Any], pictures: int) -> list[str]:
    """What a HEIC file holds beside its main picture, in words."""
    held = {
        "XMP": info.get("xmp"),
        "thumbnail": info.get("thumbnails"),
        "depth map": info.get("depth_images"),
        "auxiliary pictures": info.get("aux"),
        f"further pictures ({pictures - 1})": pictures > 1,
        "metadata": [m for m in info.get("metadata") or [] if m.get("type") not in ("Exif", "mime")],
    }
    return [*_exif_words(info.get("exif")), *(word for word, there in held.items() if there)]
