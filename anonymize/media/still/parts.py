"""Split image files into their parts: segments of JPEG, chunks of PNG and WebP, blocks of GIF, boxes of HEIF.

Used to report what an input holds besides its image, and to check that an output holds nothing else. Pixels are never
decoded here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

Part = tuple[str, bytes]
"""A part's name (`APP1`, `tEXt`, `EXIF`, `comment`, `trailing`) and its content."""

TRAILING = "trailing"
"""The name of data after the end of the image."""

_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
_VIDEO = re.compile(rb"ftyp(?:mp4[12v]|isom|iso[2-9]|avc1|qt  |M4V |3gp[4-9]|hvc1)")
_STANDALONE = {0xD8: "SOI", 0x01: "TEM"}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_NAMED = {0xC4: "DHT", 0xCC: "DAC", 0xDA: "SOS", 0xDB: "DQT", 0xDD: "DRI", 0xFE: "COM"}


def jpeg_parts(data: bytes) -> Iterator[Part]:
    """Segments up to the end of the first image, then the rest as one trailing part.

    The coded pixels after an SOS segment are left out. Raises `ValueError` where the file violates the format.
    """
    position = 0
    while position + 2 <= len(data):
        if data[position] != 0xFF:
            raise ValueError("JPEG: no marker where one must be")
        marker = data[position + 1]
        position += 2
        if marker == 0xFF:
            position -= 1
        elif marker == 0xD9:
            yield "EOI", b""
            yield from _rest(data, position)
            return
        elif marker in _STANDALONE:
            yield _STANDALONE[marker], b""
        else:
            size = _unpack(">H", data, position)
            yield _jpeg_name(marker), data[position + 2 : position + size]
            position += size
            if marker == 0xDA:
                found = _NEXT_MARKER.search(data, position)
                position = found.start() if found else len(data)
    raise ValueError("JPEG: ends before its end marker")


def jpeg_scans(data: bytes) -> list[tuple[int, int]]:
    """Start and end offsets of the coded pixels of each scan of the first image, up to the first invalid byte.

    Raises `ValueError` if the file ends before the image does.
    """
    scans: list[tuple[int, int]] = []
    position = 2
    while position + 2 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        position += 1
        if marker == 0xD9:
            return scans
        if marker == 0xFF:
            continue
        position += 1
        if marker in _STANDALONE:
            continue
        position += _unpack(">H", data, position)
        if marker == 0xDA:
            found = _NEXT_MARKER.search(data, position)
            end = found.start() if found else len(data)
            scans.append((position, end))
            position = end
    if position + 2 > len(data):
        raise ValueError("JPEG: ends before its end marker")
    return scans


def _jpeg_name(marker: int) -> str:
    if 0xE0 <= marker <= 0xEF:
        return f"APP{marker - 0xE0}"
    return "SOF" if marker in _FRAMES else _NAMED.get(marker, "unknown")


def png_parts(data: bytes) -> Iterator[Part]:
    """Chunks, then data after IEND as one trailing part. Raises `ValueError` where the file violates the format."""
    position = 8
    while True:
        size = _unpack(">I", data, position)
        name = data[position + 4 : position + 8].decode("latin-1")
        end = position + 12 + size
        if end > len(data):
            raise ValueError("PNG: a chunk reaches past the end of the file")
        yield name, data[position + 8 : end - 4]
        position = end
        if name == "IEND":
            yield from _rest(data, position)
            return


def webp_parts(data: bytes) -> Iterator[Part]:
    """Chunks, with those inside an animation frame after it. Raises `ValueError` where the file violates the format."""
    end = 8 + _unpack("<I", data, 4)
    yield from riff_parts(data, 12, min(end, len(data)))
    if end > len(data):
        raise ValueError("WebP: ends early")
    yield from _rest(data, end)


def riff_parts(data: bytes, position: int, end: int) -> Iterator[Part]:
    """The chunks of a WebP between two offsets. Raises `ValueError` where the file violates the format."""
    while position + 8 <= end:
        name = data[position : position + 4].decode("latin-1")
        size = _unpack("<I", data, position + 4)
        start = position + 8
        if start + size > end:
            raise ValueError("WebP: a chunk reaches past the end")
        yield name.strip(" \0"), data[start : start + size]
        if name == "ANMF":
            yield from riff_parts(data, start + 16, start + size)
        position = start + size + size % 2
    if position < end:
        yield TRAILING, data[position:end]


def gif_parts(data: bytes) -> Iterator[Part]:
    """Blocks: `image`, `control`, `comment`, `text`, `application:NAME`, and data after the trailer.

    An image consists of its descriptor, colour table, minimum code size and codes. Raises `ValueError` where the file
    violates the format.
    """
    position = 13 + colours(_unpack("B", data, 10))
    while True:
        kind = _unpack("B", data, position)
        if kind == 0x3B:
            yield from _rest(data, position + 1)
            return
        if kind == 0x2C:
            start = position + 10 + colours(_unpack("B", data, position + 9)) + 1
            head = data[position + 1 : start]
            payload, position = _blocks(data, start)
            yield "image", head + payload
        elif kind == 0x21:
            label = _unpack("B", data, position + 1)
            payload, position = _blocks(data, position + 2)
            name = {0xF9: "control", 0xFE: "comment", 0x01: "text", 0xFF: "application"}.get(label, "unknown")
            yield (f"application:{payload[:11].decode('latin-1')}" if label == 0xFF else name), payload
        else:
            raise ValueError("GIF: no block where one must be")


def colours(flags: int) -> int:
    """Size in bytes of the colour table given by `flags`."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(data: bytes, position: int) -> tuple[bytes, int]:
    """The joined sub-blocks from `position` on, and the offset of the next block."""
    pieces = []
    while size := _unpack("B", data, position):
        pieces.append(data[position + 1 : position + 1 + size])
        position += 1 + size
    return b"".join(pieces), position + 1


def heif_parts(data: bytes) -> Iterator[Part]:
    """The boxes of the file, and each item of its `meta` box as `item:TYPE` (ISO/IEC 23008-12)."""
    for name, payload in boxes(data):
        yield name, payload
        if name == "meta":
            for inner, content in boxes(payload[4:]):
                if inner == "iinf":
                    yield from ((f"item:{kind}", b"") for kind in _item_types(content))


def boxes(data: bytes) -> Iterator[Part]:
    """The ISO base media boxes in `data`, without descending into them. Raises `ValueError` on an invalid one."""
    position = 0
    while position < len(data):
        size, name = _unpack(">I", data, position), data[position + 4 : position + 8].decode("latin-1")
        head = 8
        if size == 1:
            size, head = _unpack(">Q", data, position + 8), 16
        size = size or len(data) - position
        if size < head or position + size > len(data):
            raise ValueError("HEIF: a box reaches past the end")
        yield name, data[position + head : position + size]
        position += size


def _item_types(iinf: bytes) -> Iterator[str]:
    """The four-character types of the items listed in an `iinf` box."""
    start = 6 if iinf[:1] == b"\0" else 8
    for name, entry in boxes(iinf[start:]):
        if name == "infe":
            place = 8 if entry[:1] == b"\2" else 10
            yield entry[place : place + 4].decode("latin-1")


def _rest(data: bytes, position: int) -> Iterator[Part]:
    if position < len(data):
        yield TRAILING, data[position:]


def _unpack(form: str, data: bytes, position: int) -> int:
    try:
        value: int = struct.unpack_from(form, data, position)[0]
    except struct.error:
        raise ValueError("ends early") from None
    return value


WALKERS: Mapping[str, Callable[[bytes], Iterator[Part]]] = MappingProxyType(
    {
        "jpg": jpeg_parts,
        "png": png_parts,
        "webp": webp_parts,
        "gif": gif_parts,
        "heic": heif_parts,
        "avif": heif_parts,
    }
)
"""Functions that split the files of a format into parts; TIFF and BMP have no such parts."""

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "COM": "comment",
        "APP13": "IPTC and Photoshop data",
        "tEXt": "text",
        "zTXt": "text",
        "iTXt": "text",
        "tIME": "modification time",
        "pHYs": "pixel density",
        "comment": "comment",
        "text": "text overlay",
        "XMP": "XMP",
        "item:mime": "XMP",
        "item:tmap": "gain map",
        "mpvd": "motion video",
        "moov": "moving pictures",
        TRAILING: "data after the picture's end",
    }
)

_PICTURE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "jpg": frozenset(("SOI", "APP0", "APP2", "APP14", "DQT", "SOF", "DHT", "DAC", "DRI", "SOS", "EOI")),
        "png": frozenset(("IHDR", "PLTE", "tRNS", "IDAT", "IEND", "acTL", "fcTL", "fdAT", "sBIT"))
        | {"gAMA", "cHRM", "sRGB", "iCCP", "cICP", "mDCV", "cLLI"},
        "webp": frozenset(("VP8", "VP8L", "VP8X", "ALPH", "ICCP", "ANIM", "ANMF")),
        "gif": frozenset(("image", "control", "application:NETSCAPE2.0")),
        "heic": frozenset(("ftyp", "meta", "mdat", "item:hvc1", "item:grid")),
        "avif": frozenset(("ftyp", "meta", "mdat", "item:av01", "item:grid")),
    }
)
"""The parts that make up an image, by format: all that an output may contain."""

_HARMLESS = frozenset(("eXIf", "EXIF", "item:Exif", "bKGD", "free", "hdlr", "TEM"))
"""Parts not named here: EXIF, which is described by its content, and padding."""


def foreign(container: str, data: bytes) -> list[str]:
    """The parts of an image file that the image does not need, and any violation of its format, in words.

    TIFF and BMP are not checked here: their reader sees every tag.
    """
    if container not in WALKERS:
        return []
    try:
        strange = {name for name, payload in WALKERS[container](data) if not _needed(container, name, payload)}
    except ValueError as error:
        return [f"the file breaks its format: {error}"]
    return [f"there is in it, beside the picture: {', '.join(sorted(strange))}"] if strange else []


def _needed(container: str, name: str, payload: bytes) -> bool:
    """Whether a part belongs to the image."""
    if name == "APP2":
        return payload.startswith(b"ICC_PROFILE\0")
    if name == "APP0":
        return payload[:5] == b"JFIF\0" and payload[12:] == b"\0\0"
    return name in _PICTURE[container]


def extras(container: str, data: bytes) -> list[str]:
    """What an image file holds besides its image and EXIF, in words; of an invalid file, up to the first error."""
    words: dict[str, None] = {}
    try:
        for name, payload in WALKERS[container](data):
            if name not in _HARMLESS and not _needed(container, name, payload):
                words[_word(name, payload)] = None
    except ValueError:
        if container in ("heic", "avif"):  # data after the last box, which phones of one maker write
            words[_WORDS[TRAILING]] = None
    return [word for word in words if word]


def _word(name: str, payload: bytes) -> str:
    """The name of a part in reports; empty for EXIF."""
    if name == "APP1":
        return "" if payload.startswith(b"Exif\0") else "XMP"
    if name == TRAILING and _VIDEO.search(payload):
        return "motion video"
    if name == "APP0":
        return "thumbnail"
    if name == "APP2":
        return "further pictures (MPF)" if payload.startswith(b"MPF\0") else "APP2 data"
    if name == "iTXt" and payload.startswith(b"XML:com.adobe.xmp\0"):
        return "XMP"
    if name.startswith("application:"):
        return "XMP" if "XMP" in name else "application data"
    plain = name.removeprefix("item:")
    return _WORDS.get(name, f"{plain} data" if plain.isalnum() and plain.isascii() else "unknown data")
