"""Read the directories of a TIFF: which images it holds, and whether the first can be decoded reliably.

Camera raws are TIFFs whose first image is often a small preview. Anything that our decoders do not decode reliably is
refused, with the reason.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from anonymize.errors import UnreadableInput, UnsupportedInput
from anonymize.media.still.file import PictureFile

_SIZES: Mapping[int, int] = MappingProxyType(
    {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
)
_CODES: Mapping[int, str] = MappingProxyType({1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q", 18: "Q"})
_MOST_DIRECTORIES = 1000
_MOST_VALUES = 1 << 20
"""Entries and values read in all directories together, at most: the same bytes may be referenced many times."""
_REPEATED = 4
"""Largest ratio of the bytes that entries refer to and the file's size: files with more are made to take hours."""

_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
_FILL, _SAMPLES, _PLANAR, _COLOUR_MAP, _BELOW, _INKS, _EXTRAS, _FORMAT = 266, 277, 284, 320, 330, 332, 338, 339
_STRIPS, _ROWS, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 273, 278, 279, 322, 323, 324, 325
_TABLES, _SUBSAMPLING = 347, 530
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_READ = frozenset((_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL, _SAMPLES)) | {
    *(_PLANAR, _COLOUR_MAP, _BELOW, _INKS, _EXTRAS, _FORMAT, _TABLES, _SUBSAMPLING),
    *(_STRIPS, _ROWS, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES),
}
_RAW_TAGS = frozenset((50706, 37398, 33421, 50710))
"""DNGVersion, TIFF/EP standard ID, and the size and colours of the colour filter array pattern."""
_RAW_PHOTOMETRIC = frozenset((32803, 34892, 51177, 52527))
_RAW_COMPRESSION = frozenset((262, 32767, 32769, 32770, 34713, 52546, 65000, 65535))

_COLOURS: Mapping[int, tuple[int, frozenset[int]]] = MappingProxyType(
    {
        0: (1, frozenset((1, 2, 4, 8, 16))),
        1: (1, frozenset((1, 2, 4, 8, 16))),
        2: (3, frozenset((8,))),
        3: (1, frozenset((1, 2, 4, 8))),
        5: (4, frozenset((8,))),
        6: (3, frozenset((8,))),
    }
)
"""Supported photometric interpretations -> number of samples, and bits per sample."""
_NAMES: Mapping[int, str] = MappingProxyType(
    {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "Lab", 10: "Lab"}
)


@dataclass(frozen=True, slots=True)
class Directory:
    """An image's tags.

    Args:
        tags: tag number -> integer values; empty for tags of other types.
        below: whether another directory points to it (SubIFD), rather than the chain of pages.
    """

    tags: Mapping[int, tuple[int, ...]]
    below: bool

    def first(self, tag: int, default: int = 0) -> int:
        """The first value of `tag`."""
        return next(iter(self.tags.get(tag, ())), default)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.first(_WIDTH) * self.first(_HEIGHT)

    @property
    def reduced(self) -> bool:
        """Whether it is marked as a smaller copy of another image."""
        return bool(self.first(_SUBFILE) & 1) or self.first(_OLD_SUBFILE) == 2


def directories(data: bytes) -> Iterator[Directory]:
    """The pages of a TIFF or BigTIFF, each followed by the images that it points to.

    Ends at the first error. Raises `ValueError` if there are more entries or pages than any camera writes.
    """
    order, big = "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")
    try:
        waiting = [(struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)[0], False)]
        seen: set[int] = set()
        left = _MOST_VALUES
        while waiting:
            place, below = waiting.pop()
            if not place or place in seen:
                continue
            seen.add(place)
            if len(seen) > _MOST_DIRECTORIES:
                raise ValueError(f"more than {_MOST_DIRECTORIES} pages")
            tags, following, taken = _directory(data, order, big, place, left)
            left -= taken
            yield Directory(tags, below)
            if not below:
                waiting.append((following, False))
            waiting += [(inner, True) for inner in reversed(tags.get(_BELOW, ()))]
    except (struct.error, KeyError):
        return


def _directory(
    data: bytes, order: str, big: bool, place: int, most: int
) -> tuple[dict[int, tuple[int, ...]], int, int]:
    """Read one directory.

    Args:
        data: the file.
        order: `struct`'s byte order.
        big: whether it is BigTIFF.
        place: offset of the directory.
        most: entries and values it may have.

    Returns:
        The tags, the offset of the next directory, and the number of entries and values.

    Raises:
        ValueError: it has more than `most`.
    """
    counted, entry, inline, offset = ("Q", 20, 8, "Q") if big else ("H", 12, 4, "I")
    (count,) = struct.unpack_from(f"{order}{counted}", data, place)
    place += struct.calcsize(counted)
    tags: dict[int, tuple[int, ...]] = {}
    taken, held = int(count), 0
    for number in range(count):
        at = place + number * entry
        tag, kind, length = struct.unpack_from(f"{order}HH{offset}", data, at)
        tags[tag] = ()
        taken += length if tag in _READ and kind in _CODES else 0
        held += min(length * _SIZES.get(kind, 0), len(data))
        if taken > most or held > _REPEATED * len(data):
            raise ValueError("its entries hold more than the file has")
        if tag in _READ and kind in _CODES:
            where = at + 4 + inline
            if _SIZES[kind] * length > inline:
                (where,) = struct.unpack_from(f"{order}{offset}", data, where)
            tags[tag] = struct.unpack_from(f"{order}{length}{_CODES[kind]}", data, where)
    return tags, struct.unpack_from(f"{order}{offset}", data, place + count * entry)[0], taken


@dataclass(frozen=True, slots=True)
class Piece:
    """A strip or a tile.

    Args:
        coded: its compressed data.
        x, y: its top left pixel.
        width, height: of its visible part in pixels.
        unpacked: its unpacked size in bytes.
    """

    coded: bytes
    x: int
    y: int
    width: int
    height: int
    unpacked: int


def compression(data: bytes) -> int:
    """TIFF's number of the first image's compression; 1 for none."""
    return next(directories(data)).first(_COMPRESSION, 1)


def pieces(data: bytes) -> tuple[bytes, list[Piece]]:
    """The JPEG tables shared by the strips or tiles of the first image of a TIFF, and these.

    Raises `ValueError` if they do not make up the image.
    """
    page = next(directories(data))
    width, height = page.first(_WIDTH), page.first(_HEIGHT)
    tiled = _TILES in page.tags
    across = page.first(_TILE_WIDTH) if tiled else width
    down = page.first(_TILE_HEIGHT) if tiled else min(page.first(_ROWS) or height, height)
    planes = page.first(_SAMPLES, 1) if page.first(_PLANAR, 1) == 2 else 1
    places, sizes = (page.tags.get(tag, ()) for tag in ((_TILES, _TILE_BYTES) if tiled else (_STRIPS, _STRIP_BYTES)))
    if not across or not down:
        raise ValueError("its pieces have no size")
    corners = [(x, y) for _ in range(planes) for y in range(0, height, down) for x in range(0, width, across)]
    if not len(corners) == len(places) == len(sizes):
        raise ValueError("its pieces do not make up the picture")
    if sum(sizes) > _REPEATED * len(data):
        raise ValueError("its pieces hold more than the file has")
    made = []
    for (x, y), place, size in zip(corners, places, sizes, strict=True):
        shown = min(across, width - x), min(down, height - y)
        coded = data[place : place + size]
        coded = coded.translate(_REVERSED) if page.first(_FILL, 1) == 2 else coded
        made.append(Piece(coded, x, y, *shown, _unpacked(page, across, down if tiled else shown[1], planes)))
    return bytes(page.tags.get(_TABLES, ())), made


def _unpacked(page: Directory, across: int, down: int, planes: int) -> int:
    """Unpacked size in bytes of a strip or tile of `across` x `down` pixels."""
    if page.first(_PHOTOMETRIC) == 6 and planes == 1:
        wide, high = (*page.tags.get(_SUBSAMPLING, ()), 2, 2)[:2]
        return -(-across // max(wide, 1)) * -(-down // max(high, 1)) * (wide * high + 2)
    return down * -(-across * page.first(_BITS, 1) * page.first(_SAMPLES, 1) // planes // 8)


def check_exif(blocks: Sequence[bytes]) -> None:
    """Check that the EXIF blocks of an image, which are small TIFFs, can be read quickly.

    Raises:
        ValueError: there are more of them, or more in them, than any camera writes.
    """
    if len(blocks) > _MOST_DIRECTORIES:
        raise ValueError(f"more than {_MOST_DIRECTORIES} blocks of EXIF")
    for block in blocks:
        for _ in directories(block.removeprefix(b"Exif\0\0")):
            pass


def check_tiff(file: PictureFile) -> None:
    """Check that the first image of a TIFF is the one that it shows, and can be decoded reliably.

    Raises:
        UnreadableInput: it has no images.
        UnsupportedInput: it is a camera raw, starts with a preview, has several images, or is stored in a way that is
            not decoded reliably.
    """
    found = list(directories(file.data))
    if not found:
        raise UnreadableInput("not a readable TIFF picture (it has no directory of pictures)", file.name)
    if file.data[8:10] == b"CR" or file.data[8:12] in (b"IIII", b"MMMM") or any(map(_is_raw, found)):
        raise raw(file.name)
    first, *others = found
    if first.reduced:
        raise UnsupportedInput(
            "the first picture in this TIFF is a small preview of another one; "
            "save the full picture as a TIFF, PNG or JPEG of its own",
            file.name,
        )
    for other in others:
        smaller = other.size < first.size and other.size > 0
        if other.first(_SUBFILE) & 4 or not (smaller and (other.below or other.reduced)):
            raise UnsupportedInput("TIFF with several pages is not supported; split it into pictures", file.name)
    reason = _not_read(first)
    if reason:
        raise UnsupportedInput(f"TIFF {reason} is not supported; convert it to PNG", file.name)


def raw(name: str) -> UnsupportedInput:
    """The error for a camera raw."""
    return UnsupportedInput(
        "a camera raw, of which only a preview could be read; develop it into a JPEG, PNG or TIFF first", name
    )


def _is_raw(directory: Directory) -> bool:
    return bool(
        _RAW_TAGS & directory.tags.keys()
        or directory.first(_PHOTOMETRIC) in _RAW_PHOTOMETRIC
        or directory.first(_COMPRESSION) in _RAW_COMPRESSION
    )


def _not_read(page: Directory) -> str:
    """How an image is stored, if that is not decoded reliably; empty if it is."""
    photometric, bits = page.first(_PHOTOMETRIC, -1), page.tags.get(_BITS, (1,))
    name = _NAMES.get(photometric, f"of the kind {photometric}")
    if set(page.tags.get(_FORMAT, (1,))) - {1, 4}:
        return "with signed or floating-point numbers"
    if len(set(bits)) > 1:
        return "with samples of different sizes"
    if photometric not in _COLOURS:
        return f"in {name}" if photometric in _NAMES else name
    colours, depths = _COLOURS[photometric]
    if bits[0] not in depths:
        return f"in {name} with {bits[0]} bits"
    if page.first(_FILL, 1) != 1 and (bits[0] != 1 or photometric > 1):
        return "with bits in the reverse order"
    if page.first(_PLANAR, 1) != 1 and (photometric not in (2, 5) or page.first(_EXTRAS) == 1):
        return f"in {name} with a plane for each sample"
    if photometric == 3 and max(page.tags.get(_COLOUR_MAP, (0,))) < 256:
        return "with a palette of 8 bits"
    if photometric == 5 and page.first(_INKS, 1) != 1:
        return "in other inks than CMYK"
    return _extra(page, photometric, page.first(_SAMPLES, 1) - colours)


def _extra(page: Directory, photometric: int, count: int) -> str:
    """The same for samples besides the colours."""
    if count < 0:
        return "with too few samples"
    if count > 1 or (count and photometric not in (1, 2)):
        return f"in {_NAMES[photometric]} with further samples"
    if count and page.first(_BITS) > 8:
        return "with more than 8 bits and transparency"
    if count and page.first(_EXTRAS) not in (1, 2):
        return "with a further sample that does not say whether it is transparency"
    return ""
