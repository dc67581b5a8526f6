"""The main image of a HEIC or AVIF file: cropping and orientation in its boxes (ISO/IEC 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from anonymize.errors import UnsupportedInput
from anonymize.media.frames.orient import Orientation
from anonymize.media.still.file import PictureFile
from anonymize.media.still.frame import Pixels
from anonymize.media.still.parts import Part, boxes

Crop = tuple[int, int, int, int]
"""x0, y0, x1, y1 in stored pixels, half-open."""

_UPRIGHT = Orientation()
_TURNS = (_UPRIGHT, Orientation(True, False, True), Orientation(False, True, True), Orientation(True, True, False))
"""By number of quarter turns, counter-clockwise."""
_MOST_ITEM = 1 << 24
"""Bytes of an EXIF item, at most."""


@dataclass(frozen=True, slots=True)
class ShownArea:
    """How a viewer shows the stored picture.

    Args:
        crop: the visible part, in stored pixels; None for all.
        turn: quarter turns, applied after cropping.
        mirror: applied after turning.
        hides: whether more than the encoder's padding is cropped away.
    """

    crop: Crop | None = None
    turn: Orientation = _UPRIGHT
    mirror: Orientation = _UPRIGHT
    hides: bool = False

    def apply(self, stored: Pixels) -> Pixels:
        """The visible part of `stored`, (rows, columns, channels), upright."""
        if self.crop is not None:
            x0, y0, x1, y1 = self.crop
            stored = stored[y0:y1, x0:x1]
        return self.mirror.apply(self.turn.apply(stored))


@dataclass(frozen=True, slots=True)
class _Item:
    """An item of a file: its ID, four-character type, and properties in order."""

    number: int
    kind: str
    properties: tuple[Part, ...]


def shown_as(file: PictureFile) -> ShownArea:
    """How viewers show the main image.

    Raises:
        UnsupportedInput: its properties are in an unusual order, or it is cropped between pixels.
        ValueError: the boxes are invalid.
    """
    properties = main_properties(file.data)
    sizes = [struct.unpack_from(">II", body, 4) for name, body in properties if name == "ispe"]
    made = [(name, body) for name, body in properties if name in ("clap", "irot", "imir")]
    order = [name for name, _ in made]
    if order != sorted(set(order), key=("clap", "irot", "imir").index):
        raise UnsupportedInput(
            "it is cropped, turned and mirrored in an order that viewers handle differently; convert it to PNG",
            file.name,
        )
    held = dict(made)
    crop = _crop(held["clap"], sizes[0], file.name) if "clap" in held and sizes else None
    turn = _TURNS[held["irot"][0] & 3] if "irot" in held else _UPRIGHT
    mirror = _UPRIGHT
    if "imir" in held:
        mirror = Orientation(False, True, False) if held["imir"][0] & 1 else Orientation(False, False, True)
    return ShownArea(crop, turn, mirror, crop is not None and _filled((crop[2], crop[3])) != sizes[0])


def _filled(shown: tuple[int, int]) -> tuple[int, int]:
    """The size to which x265 pads an image (at the right and bottom): even, and at least 64."""
    return max(64, shown[0] + shown[0] % 2), max(64, shown[1] + shown[1] % 2)


def _crop(clap: bytes, size: tuple[int, int], name: str) -> Crop:
    """The clean aperture of an image of `size` in stored pixels (ISO/IEC 14496-12, 12.1.4)."""
    numbers = struct.unpack_from(">IIIIiIiI", clap)
    if not all(numbers[1::2]):
        raise UnsupportedInput("it is cropped in a way that makes no sense; convert it to PNG", name)
    wide, high, right, down = (Fraction(above, below) for above, below in zip(numbers[::2], numbers[1::2], strict=True))
    left, top = (size[0] - wide) / 2 + right, (size[1] - high) / 2 + down
    edges = (left, top, left + wide, top + high)
    if any(edge.denominator != 1 for edge in edges):
        raise UnsupportedInput("it is cropped between pixels; convert it to PNG", name)
    if not (0 <= left < left + wide <= size[0] and 0 <= top < top + high <= size[1]):
        raise UnsupportedInput("it is cropped in a way that makes no sense; convert it to PNG", name)
    return int(edges[0]), int(edges[1]), int(edges[2]), int(edges[3])


def main_properties(data: bytes) -> Sequence[Part]:
    """The properties of the main image, in order. Raises `ValueError` if the boxes are invalid."""
    meta = dict(_meta(data))
    if "pitm" not in meta:
        return ()
    main = int.from_bytes(meta["pitm"][4:], "big")
    return next((item.properties for item in _items(meta) if item.number == main), ())


def coded_pictures(data: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """The coded images that make up the main image: itself or its tiles, and those of its alpha.

    Yields each one's type (`hvc1`, `av01`), decoder configuration, and coded data. Raises `ValueError` if the boxes are
    invalid.
    """
    meta = dict(_meta(data))
    main = int.from_bytes(meta.get("pitm", b"")[4:], "big")
    refers = list(_references(meta.get("iref", b"")))
    wanted = [main, *(source for kind, source, to in refers if kind == "auxl" and main in to)]
    wanted += [tile for kind, source, to in refers if kind == "dimg" and source in wanted for tile in to]
    items = {item.number: item for item in _items(meta)}
    places = dict(_places(meta.get("iloc", b"")))
    left = len(data)
    for number in dict.fromkeys(wanted):
        if number not in items or items[number].kind not in ("hvc1", "av01"):
            continue
        extents = places.get(number, [])
        left -= sum(length for *_, length in extents)
        if left < 0:
            raise ValueError("its parts hold more than the file has")
        held = dict(items[number].properties)
        yield items[number].kind, held.get("hvcC", held.get("av1C", b"")), _joined(data, meta, extents)


def _references(iref: bytes) -> Iterator[tuple[str, int, list[int]]]:
    """References between items: type of reference, ID of the item, and IDs of the items it refers to."""
    wide = 4 if iref[:1] == b"\1" else 2
    for kind, body in boxes(iref[4:]):
        numbers = [int.from_bytes(body[at : at + wide], "big") for at in range(wide + 2, len(body), wide)]
        yield kind, int.from_bytes(body[:wide], "big"), numbers


def _joined(data: bytes, meta: dict[str, bytes], extents: list[tuple[bool, int, int]]) -> bytes:
    """An item's data."""
    return b"".join(
        (meta.get("idat", b"") if inside else data)[place : place + length] for inside, place, length in extents
    )


def exif_items(data: bytes) -> Iterator[bytes]:
    """The EXIF blocks of a file, up to the first error."""
    try:
        meta = dict(_meta(data))
        numbers = {item.number for item in _items(meta) if item.kind == "Exif"}
        for number, extents in _places(meta.get("iloc", b"")):
            if number in numbers and sum(length for *_, length in extents) <= _MOST_ITEM:
                held = _joined(data, meta, extents)
                yield held[4 + int.from_bytes(held[:4], "big") :]
    except (ValueError, struct.error, IndexError):
        return


def _meta(data: bytes) -> Iterator[Part]:
    """The boxes of the file's first `meta`."""
    yield from next((tuple(boxes(payload[4:])) for name, payload in boxes(data) if name == "meta"), ())


def _items(meta: dict[str, bytes]) -> Iterator[_Item]:
    """The items of a `meta` box."""
    properties = dict(boxes(meta.get("iprp", b"")))
    held = tuple(boxes(properties.get("ipco", b"")))
    uses = dict(_uses(properties.get("ipma", b"")))
    listed = meta.get("iinf", b"\0" * 6)
    for name, entry in boxes(listed[6 if listed[:1] == b"\0" else 8 :]):
        if name == "infe" and entry[0] in (2, 3):
            wide = 2 if entry[0] == 2 else 4
            number, kind = int.from_bytes(entry[4 : 4 + wide], "big"), entry[6 + wide : 10 + wide].decode("latin-1")
            used = tuple(held[index - 1] for index in uses.get(number, ()) if 0 < index <= len(held))
            yield _Item(number, kind, used)


def _uses(ipma: bytes) -> Iterator[tuple[int, list[int]]]:
    """ID of each item, and the indices of its properties, counted from 1."""
    if not ipma:
        return
    wide, large = (2 if ipma[0] == 0 else 4), ipma[3] & 1
    (count,), place = struct.unpack_from(">I", ipma, 4), 8
    for _ in range(count):
        number, uses = int.from_bytes(ipma[place : place + wide], "big"), ipma[place + wide]
        place += wide + 1
        step = 2 if large else 1
        mask = 0x7FFF if large else 0x7F
        found = [int.from_bytes(ipma[place + i * step : place + (i + 1) * step], "big") & mask for i in range(uses)]
        yield number, found
        place += uses * step


def _places(iloc: bytes) -> Iterator[tuple[int, list[tuple[bool, int, int]]]]:
    """ID of each item, and its extents: in the `idat` box (True) or the file, with offset and length."""
    if not iloc:
        return
    version, sizes = iloc[0], iloc[4:6]
    offset, length, base, index = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15
    wide, place = (4 if version == 2 else 2), 6

    def number(size: int) -> int:
        nonlocal place
        place += size
        return int.from_bytes(iloc[place - size : place], "big")

    for _ in range(number(wide)):
        item = number(wide)
        inside = version > 0 and number(2) & 15 == 1
        number(2)
        start, extents = number(base), []
        for _ in range(number(2)):
            number(index if version > 0 else 0)
            where = number(offset)
            extents.append((inside, start + where, number(length)))
        yield item, extents
