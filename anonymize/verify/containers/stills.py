"""What a picture file holds besides its picture and what its reader reports: bytes that belong to nothing.

`anonymize.media.still.parts` knows the segments of JPEG, the chunks of PNG and WebP and the blocks of GIF; this module
adds TIFF, BMP, the contents of HEIC and AVIF, and colour profiles.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from anonymize.media.still.formats.png import PROFILE_NAME
from anonymize.media.still.parts import boxes, jpeg_parts, png_parts, webp_parts
from anonymize.verify.containers import profile

_TIFF_TAGS = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 290, 291, 292}
    | {293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 332, 334, 336, 338, 339, 340, 341, 347, 512, 513}
    | {514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 34675}
)
"""Tags that say how pixels are stored and what their colours mean (TIFF 6.0; 34675 is the colour profile)."""
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TIFF_DATA = {273: 279, 324: 325}
"""Tags of the offsets of pixel data, with those of their lengths."""
_TIFF_GAP = 2
"""Maximum padding in bytes before each piece: pieces begin at even offsets."""

_JPEG_PROFILE = b"ICC_PROFILE\0"
_PNG_LENGTHS = {
    "IHDR": (13, 13),
    "PLTE": (0, 768),
    "tRNS": (0, 256),
    "IEND": (0, 0),
    "acTL": (8, 8),
    "fcTL": (26, 26),
    "sBIT": (1, 4),
    "gAMA": (4, 4),
    "cHRM": (32, 32),
    "sRGB": (1, 1),
    "cICP": (4, 4),
    "mDCV": (24, 24),
    "cLLI": (8, 8),
}
"""Minimum and maximum length in bytes of PNG chunks."""

_HEIF_BOXES = frozenset({"ftyp", "meta", "mdat", "free", "skip"})
_HEIF_META = frozenset({"hdlr", "pitm", "iloc", "iinf", "iprp", "iref", "idat", "free"})
_HEIF_PROPERTIES = frozenset(
    {"ispe", "pixi", "colr", "hvcC", "av1C", "irot", "imir", "clap", "pasp", "auxC", "clli", "mdcv", "amve", "a1op"}
    | {"lsel", "a1lx", "ndwt", "cclv", "free"}
)
_HEIF_NAMES = {b"", b"Color", b"Alpha", b"Image"}
"""Item names that encoders write by default."""


def foreign(path: Path, container: str) -> Iterator[str]:
    """Everything in the picture file at `path` that no picture needs, in words."""
    walk = {"png": _png, "tiff": _tiff, "bmp": _bmp, "heic": _heif, "avif": _heif}.get(container)
    data = path.read_bytes()
    try:
        for held in profiles(data, container):
            yield from profile.foreign(held)
        if walk is not None:
            yield from dict.fromkeys(walk(data))
    except (struct.error, ValueError, IndexError, KeyError, zlib.error):
        yield "parts that do not follow the format"


def profiles(data: bytes, container: str) -> Iterator[bytes]:
    """Every colour profile in the picture file `data`, and anything that stands in its place."""
    if container == "jpg":
        heads = [body for name, body in jpeg_parts(data) if name == "APP2" and body.startswith(_JPEG_PROFILE)]
        yield b"".join(body[len(_JPEG_PROFILE) + 2 :] for body in heads)
    elif container == "png":
        for body in (body for name, body in png_parts(data) if name == "iCCP"):
            name, _, packed = body.partition(b"\0")
            unpacker = zlib.decompressobj()
            yield unpacker.decompress(packed[1:]) + unpacker.unused_data + (b"" if name == PROFILE_NAME else name)
    elif container == "webp":
        yield from (body for name, body in webp_parts(data) if name == "ICCP")
    elif container == "tiff":
        yield from tiff_values(data, 34675)
    elif container in ("heic", "avif"):
        yield from (body[4:] for kind, body in _properties(data) if kind == "colr" and body[:4] in (b"prof", b"rICC"))


def _properties(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The properties in a HEIC or AVIF file."""
    for meta in (payload for name, payload in boxes(data) if name == "meta"):
        for properties in (payload for name, payload in boxes(meta[4:]) if name == "iprp"):
            for held in (payload for name, payload in boxes(properties) if name == "ipco"):
                yield from boxes(held)


def _png(data: bytes) -> Iterator[str]:
    for name, body in png_parts(data):
        least, most = _PNG_LENGTHS.get(name, (0, len(body)))
        if not least <= len(body) <= most:
            yield f"bytes in a chunk {name} that mean nothing"


def _tiff(data: bytes) -> Iterator[str]:
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(f"{order}H", data, 2)[0] != 42:
        yield "a BigTIFF, which is not parsed"
        return
    (place,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, place)
    used, pieces = 8 + 2 + 12 * count + 4, 2
    values: dict[int, tuple[int, ...]] = {}
    for number in range(count):
        tag, kind, length = struct.unpack_from(f"{order}HHI", data, place + 2 + 12 * number)
        if tag not in _TIFF_TAGS:
            yield f"TIFF tag {tag}"
        size = _TIFF_SIZES[kind] * length
        if size > 4:
            used, pieces = used + size, pieces + 1
        if tag in (*_TIFF_DATA, *_TIFF_DATA.values()):
            values[tag] = _numbers(data, order, place + 2 + 12 * number, kind, length)
    if struct.unpack_from(f"{order}I", data, place + 2 + 12 * count)[0]:
        yield "further pictures"
    for lengths in (values.get(length, ()) for length in _TIFF_DATA.values()):
        used, pieces = used + sum(lengths), pieces + len(lengths)
    if len(data) > used + _TIFF_GAP * pieces:
        yield "bytes that belong to no picture"


def tiff_values(data: bytes, wanted: int) -> Iterator[bytes]:
    """The bytes of the tag `wanted` in the first directory of a TIFF."""
    order = "<" if data[:2] == b"II" else ">"
    (place,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, place)
    for number in range(count):
        tag, kind, length, start = struct.unpack_from(f"{order}HHII", data, place + 2 + 12 * number)
        if tag == wanted:
            yield data[start : start + _TIFF_SIZES[kind] * length]


def _numbers(data: bytes, order: str, entry: int, kind: int, length: int) -> tuple[int, ...]:
    """The integers of a TIFF tag."""
    code = {3: "H", 4: "I"}[kind]
    size = struct.calcsize(code) * length
    place = entry + 8 if size <= 4 else struct.unpack_from(f"{order}I", data, entry + 8)[0]
    return struct.unpack_from(f"{order}{length}{code}", data, place)


def _bmp(data: bytes) -> Iterator[str]:
    _, reserved, offset = struct.unpack_from("<III", data, 2)
    header, width, height, _, bits, packing = struct.unpack_from("<IiiHHI", data, 14)
    if reserved:
        yield "reserved bytes that are not empty"
    (colours,) = struct.unpack_from("<I", data, 46)
    palette = 4 * (colours or (1 << bits if bits <= 8 else 0)) + (12 if packing == 3 and header == 40 else 0)
    if offset > 14 + header + palette:
        yield "bytes before the picture"
    if header > 56:
        yield "a long header, which may hold a colour profile"
    if packing in (0, 3) and len(data) > offset + (width * bits + 31) // 32 * 4 * abs(height):
        yield "bytes after the picture"


def _heif(data: bytes) -> Iterator[str]:
    media = placed = 0
    for name, payload in boxes(data):
        if name == "mdat":
            media += len(payload)
        elif name == "meta":
            yield from _heif_meta(payload[4:])
            placed += sum(_extents(inner) for kind, inner in boxes(payload[4:]) if kind == "iloc")
        elif name not in _HEIF_BOXES:
            yield f"a box {name}"
        elif name in ("free", "skip") and payload.strip(b"\0"):
            yield f"a box {name} that is not empty"
    if media > placed:
        yield "bytes that belong to no picture"


def _heif_meta(content: bytes) -> Iterator[str]:
    for name, payload in boxes(content):
        if name not in _HEIF_META:
            yield f"a box {name} in meta"
        elif name == "free" and payload.strip(b"\0"):
            yield "a box free that is not empty"
        elif name == "hdlr" and payload[24:].strip(b"\0"):
            yield "a handler's name"
        elif name == "iinf":
            names = (entry.partition(b"\0")[0] for entry in _item_names(payload))
            yield from ("an item's name" for held in names if held not in _HEIF_NAMES)
        elif name == "iprp":
            for inner, held in boxes(payload):
                kinds = [kind for kind, _ in boxes(held)] if inner == "ipco" else []
                yield from (f"a property {kind}" for kind in kinds if kind not in _HEIF_PROPERTIES)


def _item_names(iinf: bytes) -> Iterator[bytes]:
    """What follows the type of each item: its name, and for some types more."""
    for name, entry in boxes(iinf[6 if iinf[:1] == b"\0" else 8 :]):
        if name == "infe":
            yield entry[12 if entry[:1] == b"\2" else 14 :]


def _extents(iloc: bytes) -> int:
    """Bytes of the media data that the items of an iloc box take."""
    version, sizes = iloc[0], iloc[4:6]
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version in (1, 2) else 0
    wide = 4 if version == 2 else 2
    place, total = 6 + wide, 0
    for _ in range(int.from_bytes(iloc[6 : 6 + wide], "big")):
        place += wide
        in_media = True
        if version in (1, 2):
            in_media = iloc[place + 1] & 15 == 0
            place += 2
        place += 2 + base_size
        extents = int.from_bytes(iloc[place : place + 2], "big")
        place += 2
        for _ in range(extents):
            place += index_size + offset_size
            total += int.from_bytes(iloc[place : place + length_size], "big") if in_media else 0
            place += length_size
    return total
