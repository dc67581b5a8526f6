"""A picture file as bytes, and Pillow's way into it with its globals and warnings kept in check."""

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
    {"webp": 180_000_000, "avif": 150_000_000, "heic": 150_000_000, "jp2": 240_000_000}
)
"""Bytes of all samples of a picture in memory, at most, by format: as many as leave room for what its encoder and its
second decoder hold beside them, so that nothing of the whole way takes over 2 GiB (measured, with 16-pixel faces)."""
MOST_SAMPLES_ELSE = 300_000_000
"""Of all other formats."""
MOST_PIXELS = 178_000_000
"""Pixels of one picture, at most, however few bytes they take: Pillow opens no larger ones."""
LONGEST = 65_535
"""Pixels of a side, at most: no camera makes longer ones, and JPEG knows none."""


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
"""Canonical suffixes of the picture formats that can be read, with Pillow's names for them."""
READ_ONLY = frozenset(("ppm", "tga", "jp2"))
"""Those that are not written: what is read from them becomes PNG (`anonymize.media.still.formats.netpbm`)."""
CODESTREAM = b"\xff\x4f\xff\x51"
"""How the pixels of a JPEG 2000 begin, with boxes around them or without."""


_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"MiHE")


_SEQUENCES = (b"avis", b"msf1", b"hevc", b"hevx")


logging.getLogger("PIL").addHandler(logging.NullHandler())  # else it prints about headers that make no sense

_truncation = threading.Lock()


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture file that is being read.

    Args:
        data: the whole of it.
        name: what messages call it.
        container: its format, a key of `FORMATS`.
        allow_damaged: whether to give what can be read of a damaged one.
    """

    data: bytes
    name: str
    container: str
    allow_damaged: bool

    def damaged(self, what: str) -> DamagedInput:
        """The error that says what is lost."""
        advice = "" if self.allow_damaged else "; --allow-damaged writes what can be read"
        return DamagedInput(f"damaged: {what}{advice}", self.name)


def picture_format(head: bytes) -> str:
    """The canonical suffix of the picture format that a file beginning with `head` (32 bytes) has; empty if none."""
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
    """Whether `head` (18 bytes or more) is that of a Targa picture, which has no mark of its own."""
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
    """Without Pillow's warnings: they are about metadata, which goes anyway, or about sizes, which are checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def lenient() -> Iterator[None]:
    """With Pillow taking truncated pictures; the switch is a global of its own."""
    with _truncation:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False


def opened_by_pillow(file: PictureFile) -> Image.Image:
    """The file with its headers read. JPEG is opened as such even where further pictures follow (MPO)."""
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
    """Refuse a picture that is empty, too long or too large, before memory is taken for it.

    Args:
        file: the picture.
        size: its width and height, as its headers say.
        wide: bytes of each of its pixels in memory.

    Raises:
        UnreadableInput: it is.
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
    """The error that says how large the picture `name` is, what is `taken` instead, and what to do."""
    return _too_large(name, f"{size[0]} x {size[1]} pixels, {size[0] * size[1] / 1_000_000:.1f} megapixels", taken)


def _too_large(name: str, large: str, taken: str) -> UnreadableInput:
    return UnreadableInput(
        f"the picture is too large ({large}): {taken} are read, so that memory suffices; scale it down or cut "
        "it into parts",
        name,
    )


def _bomb(file: PictureFile, error: Image.DecompressionBombError) -> UnreadableInput:
    """What Pillow says of a picture for which it would not take memory, in our words."""
    counted = re.search(r"\((\d+) pixels\)", str(error))
    large = f"{int(counted[1]) // 1_000_000}" if counted else "far too many"
    return _too_large(file.name, f"{large} megapixels", f"at most {MOST_PIXELS // 1_000_000} megapixels")


def _bytes_a_pixel(file: PictureFile, opened: Image.Image) -> int:
    """How many bytes each pixel of a picture takes in memory, as far as its headers say."""
    channels = {"1": 1, "L": 1, "I;16": 1, "LA": 2, "La": 2, "P": 3, "RGB": 3, "YCbCr": 3}.get(opened.mode[:4], 4)
    if "transparency" in opened.info and opened.mode in ("L", "P", "RGB", "I;16"):
        channels += 1
    wide = opened.mode.startswith("I;16") or (file.container == "png" and file.data[24] == 16)
    return channels * (2 if wide else 1)


def reason(error: Exception) -> str:
    """The first line of a decoder's message, without the memory addresses that Pillow puts in."""
    text = str(error).partition("\n")[0]
    if "unpack" in text:
        return "it ends early"
    return "unknown format" if "cannot identify" in text else text or type(error).__name__


def parts_of(walk: Callable[[bytes], Iterator[Part]], file: PictureFile) -> Iterator[Part]:
    """The parts of a file up to where it is broken."""
    try:
        yield from walk(file.data)
    except ValueError:
        return
