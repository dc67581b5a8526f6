"""TIFF files of every layout, written byte by byte."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFLATE = 8
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 13: 4, 16: 8}
_CODES = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q"}


@dataclass(frozen=True)
class Page:
    """A picture of a TIFF.

    Args:
        pixels: (rows, columns, samples), whole numbers of `bits` bits, or floating-point numbers.
        bits: per sample.
        photometric: what the samples mean.
        planar: 1 for samples side by side, 2 for planes.
        tile: side of tiles, a multiple of 16; 0 for strips.
        rows: of a strip; 0 for all.
        compression: 1 or `DEFLATE`.
        predictor: 1 or 2.
        fill: 1, or 2 for bits from the lowest on.
        tags: further ones, by number: their values, all SHORT; text where they are bytes; `None` leaves one out.
        sub: pages that tag 330 points to.
    """

    pixels: NDArray[Any]
    bits: int = 8
    photometric: int = 1
    planar: int = 1
    tile: int = 0
    rows: int = 0
    compression: int = 1
    predictor: int = 1
    fill: int = 1
    tags: Mapping[int, Any] = field(default_factory=dict)
    sub: tuple["Page", ...] = ()


def tiff(*pages: Page, order: str = "<", big: bool = False) -> bytes:
    """A file of `pages`; `order` is `<` or `>`, `big` makes it a BigTIFF."""
    made = bytearray(b"II" if order == "<" else b"MM")
    made += struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else struct.pack(f"{order}HI", 42, 8)
    link = len(made) - (8 if big else 4)
    for page in pages:
        start, end = _page(made, page, order, big)
        struct.pack_into(f"{order}{'Q' if big else 'I'}", made, link, start)
        link = end
    return bytes(made)


def _page(made: bytearray, page: Page, order: str, big: bool) -> tuple[int, int]:
    """Append a page; where its directory is, and where the place of the next one stands."""
    below = [_page(made, inner, order, big)[0] for inner in page.sub]
    places, lengths = [], []
    for piece in _pieces(page, order):
        places.append(len(made))
        lengths.append(len(piece))
        made += piece + b"\0" * (len(piece) % 2)
    height, width, samples = page.pixels.shape
    wide = 16 if big else 4
    entries: dict[int, tuple[int, Sequence[int]]] = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, [page.bits] * samples),
        259: (3, [page.compression]),
        262: (3, [page.photometric]),
        277: (3, [samples]),
        284: (3, [page.planar]),
        317: (3, [page.predictor]),
    }
    entries |= {266: (3, [2])} if page.fill == 2 else {}
    if page.tile:
        entries |= {322: (3, [page.tile]), 323: (3, [page.tile]), 324: (wide, places), 325: (4, lengths)}
    else:
        entries |= {273: (wide, places), 278: (3, [page.rows or height]), 279: (4, lengths)}
    entries |= {330: (wide, below)} if below else {}
    for tag, value in page.tags.items():
        if value is None:
            entries.pop(tag, None)
        else:
            entries[tag] = (2, value) if isinstance(value, bytes) else (3, list(value))
    return _directory(made, entries, order, big)


def _directory(
    made: bytearray, entries: Mapping[int, tuple[int, Sequence[int]]], order: str, big: bool
) -> tuple[int, int]:
    inline, offset = (8, "Q") if big else (4, "I")
    rows = []
    for tag, (kind, values) in sorted(entries.items()):
        data = bytes(values) if kind == 2 else struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)
        if len(data) > inline:
            place, data = len(made), data + b"\0" * (len(data) % 2)
            made += data
            data = struct.pack(f"{order}{offset}", place)
        rows.append(struct.pack(f"{order}HH{offset}", tag, kind, len(values)) + data.ljust(inline, b"\0"))
    start = len(made)
    made += struct.pack(f"{order}{'Q' if big else 'H'}", len(rows)) + b"".join(rows)
    made += bytes(inline)
    return start, len(made) - inline


def _pieces(page: Page, order: str) -> Iterator[bytes]:
    """The strips or tiles, plane after plane."""
    planes = [page.pixels] if page.planar == 1 else [page.pixels[..., i : i + 1] for i in range(page.pixels.shape[2])]
    for plane in planes:
        height, width = plane.shape[:2]
        if page.tile:
            side = page.tile
            padded = np.pad(plane, ((0, -height % side), (0, -width % side), (0, 0)))
            parts = [padded[y : y + side, x : x + side] for y in range(0, height, side) for x in range(0, width, side)]
        else:
            rows = page.rows or height
            parts = [plane[y : y + rows] for y in range(0, height, rows)]
        for part in parts:
            packed = _packed(part, page, order)
            yield _reversed(zlib.compress(packed), page) if page.compression == DEFLATE else packed


def _reversed(data: bytes, page: Page) -> bytes:
    """Compressed bytes in the order of `page`: what counts for them is how the bits are stored."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    return np.packbits(bits, bitorder="little").tobytes() if page.fill == 2 else data


def _packed(part: NDArray[Any], page: Page, order: str) -> bytes:
    """Rows of samples as bytes."""
    if page.predictor == 2:
        part = np.concatenate((part[:, :1], part[:, 1:] - part[:, :-1]), axis=1)
    if page.bits >= 8:
        size = page.bits // 8
        kind = part.dtype.kind if part.dtype.kind in "fi" else "u"
        data = part.astype(f"{order}{kind}{size}").tobytes()
        if page.fill == 2:
            return np.packbits(np.unpackbits(np.frombuffer(data, np.uint8)), bitorder="little").tobytes()
        return data
    flat = part.reshape(part.shape[0], -1)
    bits = (flat[..., None] >> np.arange(page.bits - 1, -1, -1)) & 1
    return np.packbits(
        bits.reshape(part.shape[0], -1).astype(np.uint8),
        axis=1,
        bitorder="little" if page.fill == 2 and page.compression == 1 else "big",
    ).tobytes()
