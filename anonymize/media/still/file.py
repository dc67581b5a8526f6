"""An image file as bytes, and opening it with Pillow, whose globals and warnings are kept in check."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType

from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from anonymize.errors import DamagedInput, UnreadableInput, UnsupportedInput
from anonymize.media.still.parts import Part

MOST_SAMPLES: Mapping[str, int] = MappingProxyType(
    {"jpg": 330_000_000, "webp": 180_000_000, "avif": 150_000_000, "heic": 150_000_000, "jp2": 240_000_000}
)
"""Bytes of all samples of an image in memory, at most, by format: leaves room for its encoder and second decoder, so
that no step takes over 2 GiB (measured, with 16-pixel faces)."""
MOST_SAMPLES_ELSE = 300_000_000
"""The same for all other formats."""
MOST_PIXELS = 178_000_000
"""Pixels of one image, at most, however few bytes they take: Pillow's own limit."""
LONGEST = 65_535
"""Pixels of a side, at most: JPEG's limit."""

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
        "ppm": "PPM",
        "tga": "TGA",
        "jp2": "JPEG2000",
    }
)
"""Canonical suffixes of the image formats that can be read, with Pillow's names for them."""
READ_ONLY = frozenset(("ppm", "tga", "jp2"))
"""Formats that are not written; they become PNG (`anonymize.media.still.formats.read_only`)."""
CODESTREAM = b"\xff\x4f\xff\x51"
"""First bytes of a JPEG 2000 code stream, with boxes around it or without."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"MiHE")
_SEQUENCES = (b"avis", b"msf1", b"hevc", b"hevx")

logging.getLogger("PIL").addHandler(logging.NullHandler())  # otherwise it prints about invalid headers

_truncation = threading.Lock()


@dataclass(frozen=True, slots=True)
class PictureFile:
    """An image file that is being read.

    Args:
        data: the whole file.
        name: for messages.
        container: its format, a key of `FORMATS`.
        allow_damaged: whether to decode as much as possible of a damaged file.
    """

    data: bytes
    name: str
    container: str
    allow_damaged: bool

    def damaged(self, what: str) -> DamagedInput:
        """The error for the loss `what`."""
        advice = "" if self.allow_damaged else "; --allow-damaged writes what can be read"
        return DamagedInput(f"damaged: {what}{advice}", self.name)


def picture_format(head: bytes) -> str:
    """The canonical suffix of the image format of a file that starts with `head` (32 bytes); empty if unknown."""
    for magic, container in (
        (b"\xff\xd8\xff", "jpg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"BM", "bmp"),
        (b"\0\0\0\x0cjP  ", "jp2"),
        (CODESTREAM, "jp2"),
        *((b"P%d%c" % (kind, space), "ppm") for kind in range(1, 7) for space in b"\n\r\t #"),
        *((magic, "tiff") for magic in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ):
        if head.startswith(magic):
            return container
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return "avif"
    if head[4:8] == b"ftyp" and head[8:12] in (*_HEIC_BRANDS, *_SEQUENCES):
        return "heic"
    return "tga" if is_targa(head) else ""


def is_targa(head: bytes) -> bool:
    """Whether `head` (18 bytes or more) is that of a Targa image, which has no magic number."""
    if len(head) < 18:
        return False
    mapped, kind, bits = head[1], head[2], head[16]
    width, height = (int.from_bytes(head[place : place + 2], "little") for place in (12, 14))
    if mapped > 1 or kind not in (1, 2, 3, 9, 10, 11) or (kind in (1, 9)) != bool(mapped):
        return False
    if not mapped and any(head[3:8]):
        return False
    fits = bits in ((8,) if kind in (1, 9) else (8, 16) if kind in (3, 11) else (15, 16, 24, 32))
    return fits and width > 0 and height > 0 and not head[17] & 0xC0


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Pillow's warnings: they are about metadata, which is dropped, or about sizes, which are checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def lenient() -> Iterator[None]:
    """Let Pillow load truncated images; the switch is global, hence the lock."""
    with _truncation:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False


def opened_by_pillow(file: PictureFile) -> Image.Image:
    """Read the headers of the file. JPEG is opened as such even if further images follow (MPO).

    Raises:
        UnreadableInput: it cannot be read, or is too large.
        UnsupportedInput: a TIFF that Pillow does not support.
    """
    try:
        opened: Image.Image = (
            JpegImageFile(BytesIO(file.data))
            if file.container == "jpg"
            else Image.open(BytesIO(file.data), formats=(FORMATS[file.container],))
        )
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        raise _bomb(file, error) from None
    except Exception as error:
        if file.container == "tiff" and isinstance(error, UnidentifiedImageError):
            raise UnsupportedInput("TIFF stored in this way is not supported; convert it to PNG", file.name) from error
        raise UnreadableInput(
            f"not a readable {FORMATS[file.container]} picture ({reason(error)})", file.name
        ) from error
    check_size(file, opened.size, _bytes_a_pixel(file, opened))
    depth, colour = file.data[24:26] if file.container == "png" else (8, 0)
    if depth in (2, 4) and colour == 0 and "transparency" in opened.info:
        opened.info["transparency"] *= 255 // ((1 << depth) - 1)  # Pillow scales the pixels alone
    return opened


def check_size(file: PictureFile, size: tuple[int, int], wide: int) -> None:
    """Refuse an image with invalid or too large dimensions before memory is allocated for it.

    Args:
        file: the image.
        size: width and height in its headers.
        wide: bytes per pixel in memory.

    Raises:
        UnreadableInput: it is empty or too large.
    """
    if min(size) <= 0:
        raise UnreadableInput(f"the picture is empty, {size[0]} x {size[1]} pixels", file.name)
    if max(size) > LONGEST:
        raise too_large(file.name, size, f"sides of at most {LONGEST} pixels")
    most = min(MOST_PIXELS, MOST_SAMPLES.get(file.container, MOST_SAMPLES_ELSE) // wide)
    if size[0] * size[1] > most:
        kind = f"{FORMATS[file.container]} with {wide} byte{'s' * (wide > 1)} a pixel"
        raise too_large(file.name, size, f"at most {most // 1_000_000} megapixels of {kind}")


def too_large(name: str, size: tuple[int, int], taken: str) -> UnreadableInput:
    """The error for an image that is too large; `taken` states the limit."""
    return _too_large(name, f"{size[0]} x {size[1]} pixels, {size[0] * size[1] / 1_000_000:.1f} megapixels", taken)


def _too_large(name: str, large: str, taken: str) -> UnreadableInput:
    return UnreadableInput(
        f"the picture is too large ({large}): {taken} are read, so that memory suffices; scale it down or cut "
        "it into parts",
        name,
    )


def _bomb(file: PictureFile, error: Image.DecompressionBombError) -> UnreadableInput:
    """Our error for an image that Pillow refuses as too large."""
    counted = re.search(r"\((\d+) pixels\)", str(error))
    large = f"{int(counted[1]) // 1_000_000}" if counted else "far too many"
    return _too_large(file.name, f"{large} megapixels", f"at most {MOST_PIXELS // 1_000_000} megapixels")


def _bytes_a_pixel(file: PictureFile, opened: Image.Image) -> int:
    """Bytes per pixel of an image in memory, according to its headers."""
    channels = {"1": 1, "L": 1, "I;16": 1, "LA": 2, "La": 2, "P": 3, "RGB": 3, "YCbCr": 3}.get(opened.mode[:4], 4)
    if "transparency" in opened.info and opened.mode in ("L", "P", "RGB", "I;16"):
        channels += 1
    wide = opened.mode.startswith("I;16") or (file.container == "png" and file.data[24] == 16)
    return channels * (2 if wide else 1)


def reason(error: Exception) -> str:
    """The first line of a decoder's message, without memory addresses."""
    text = str(error).partition("\n")[0]
    if "unpack" in text:
        return "it ends early"
    return "unknown format" if "cannot identify" in text else text or type(error).__name__


def parts_of(walk: Callable[[bytes], Iterator[Part]], file: PictureFile) -> Iterator[Part]:
    """The parts of a file up to the first error."""
    try:
        yield from walk(file.data)
    except ValueError:
        return
