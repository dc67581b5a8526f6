"""Containers taken apart and put together again: boxes, elements, chunks, segments, packets, blocks, entries.

A file is a list of parts, each with a header, a body or parts of its own, and a tail. `joined` writes lengths and
checksums anew, but where `Fragment.raw` holds a header that is to be written as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fragment:
    """A piece of a container.

    Args:
        name: its type, as stored; empty for bytes between parts.
        body: what it holds besides its header; where it has parts, what comes before the first of them.
        parts: those within it.
        raw: a header to be written instead of the one that fits.
    """

    name: bytes
    body: bytes
    parts: list[Fragment] = field(default_factory=list)
    raw: bytes | None = None

    def copy(self) -> Fragment:
        """The same, to be changed by itself."""
        return Fragment(self.name, self.body, [part.copy() for part in self.parts], self.raw)


Take = Callable[[bytes], list[Fragment]]
Write = Callable[[Fragment, bytes], bytes]
"""Writes a part that holds these bytes."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of container: how it is taken apart, and how one of its parts is written."""

    take: Take
    write: Write

    def joined(self, parts: list[Fragment]) -> bytes:
        """The file that is made of `parts`."""
        return b"".join(self._one(part) for part in parts)

    def _one(self, part: Fragment) -> bytes:
        held = part.body + self.joined(part.parts)
        if part.raw is not None:
            return part.raw + held
        return self.write(part, held) if part.name else held


def everything(parts: list[Fragment]) -> Iterator[tuple[list[Fragment], int]]:
    """Every part at every depth, as the list that holds it and its place there."""
    for index, part in enumerate(parts):
        if part.name:
            yield parts, index
        yield from everything(part.parts)


_DEEP = 50
"""Parts within parts that are taken apart, at most: what was nested without end stays one."""


# ISO media: MP4, QuickTime, HEIF.

_BOXES: Mapping[bytes, int] = {
    **dict.fromkeys((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta", b"moof", b"traf"), 0),
    **dict.fromkeys((b"mvex", b"iprp", b"ipco", b"mfra"), 0),
    **dict.fromkeys((b"meta",), 4),
    **dict.fromkeys((b"stsd", b"dref"), 8),
    **dict.fromkeys((b"avc1", b"hvc1", b"hev1", b"jpeg", b"mp4v"), 78),
    **dict.fromkeys((b"mp4a",), 28),
}
"""Boxes that hold boxes, and how many bytes come before the first."""


def _boxes(data: bytes, depth: int = 0) -> list[Fragment]:
    found, at = [], 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8 or at + length > len(data):
            break
        name, body = data[at + 4 : at + 8], data[at + 8 : at + length]
        before = _BOXES.get(name)
        inner = [] if before is None or depth == _DEEP else _boxes(body[before:], depth + 1)
        found.append(Fragment(name, body[:before] if inner else body, inner))
        at += length
    return [*found, Fragment(b"", data[at:])] if at < len(data) else found


def _box(part: Fragment, held: bytes) -> bytes:
    return (len(held) + 8).to_bytes(4, "big") + part.name + held


# Matroska and WebM.

_MASTERS = frozenset(
    number.to_bytes((number.bit_length() + 7) // 8, "big")
    for number in (
        *(0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0xE1, 0x1F43B675, 0xA0),
        *(0x114D9B74, 0x4DBB, 0x1C53BB6B, 0xBB, 0xB7, 0x1254C367, 0x7373, 0x67C8),
    )
)


def _elements(data: bytes, depth: int = 0) -> list[Fragment]:
    found, at = [], 0
    while at < len(data) and data[at]:
        width = 9 - data[at].bit_length()
        name, sized = data[at : at + width], at + width
        if sized >= len(data) or not data[sized]:
            break
        length = 9 - data[sized].bit_length()
        size = int.from_bytes(data[sized : sized + length], "big") & (1 << 7 * length) - 1
        start = sized + length
        if start + size > len(data):
            break
        body = data[start : start + size]
        inner = _elements(body, depth + 1) if name in _MASTERS and depth < _DEEP else []
        found.append(Fragment(name, b"" if inner else body, inner))
        at = start + size
    return [*found, Fragment(b"", data[at:])] if at < len(data) else found


def _element(part: Fragment, held: bytes) -> bytes:
    return part.name + (len(held) | 1 << 56).to_bytes(8, "big") + held


# RIFF: AVI, WebP.


def _riff(data: bytes, depth: int = 0) -> list[Fragment]:
    found, at = [], 0
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > len(data):
            break
        body = data[at + 8 : at + 8 + length]
        inner = _riff(body[4:], depth + 1) if name in (b"RIFF", b"LIST") and depth < _DEEP else []
        found.append(Fragment(name, body[:4] if inner else body, inner))
        at += 8 + length + length % 2
    return [*found, Fragment(b"", data[at:])] if at < len(data) else found


def _chunk(part: Fragment, held: bytes) -> bytes:
    return part.name + len(held).to_bytes(4, "little") + held + bytes(len(held) % 2)


# PNG: checksums are right, so that what was changed is not refused for them alone.


def _png(data: bytes) -> list[Fragment]:
    found, at = [Fragment(b"", data[:8])], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            break
        found.append(Fragment(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return [*found, Fragment(b"", data[at:])] if at < len(data) else found


def _png_chunk(part: Fragment, held: bytes) -> bytes:
    return len(held).to_bytes(4, "big") + part.name + held + zlib.crc32(part.name + held).to_bytes(4, "big")


# JPEG: a segment's name is its marker; what is coded after a start of scan belongs to it.


def _jpeg(data: bytes) -> list[Fragment]:
    found, at = [Fragment(b"", data[:2])], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xD9:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        name, end = data[at : at + 2], at + 2 + length
        found.append(Fragment(name, data[at + 4 : end]))
        if name == b"\xff\xda":
            coded = end
            while (
                (end := data.find(b"\xff", end)) >= 0
                and end + 1 < len(data)
                and data[end + 1] in (0, *range(0xD0, 0xD8))
            ):
                end += 2
            end = len(data) if end < 0 else end
            found.append(Fragment(b"", data[coded:end]))
        at = end
    return [*found, Fragment(b"", data[at:])] if at < len(data) else found


def _segment(part: Fragment, held: bytes) -> bytes:
    return part.name + (len(held) + 2 & 0xFFFF).to_bytes(2, "big") + held


# MPEG-TS: packets of 188 bytes, which have no length.


def _packets(data: bytes) -> list[Fragment]:
    return [Fragment(data[at : at + 4], data[at + 4 : at + 188]) for at in range(0, len(data), 188)]


def _packet(part: Fragment, held: bytes) -> bytes:
    return part.name + held


# GIF: a block's name is its first byte; those that it consists of have their lengths for names.


def _gif(data: bytes) -> list[Fragment]:
    at = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    found = [Fragment(b"", data[:at])]
    while at < len(data) and data[at] in (0x21, 0x2C):
        start = at
        if data[at] == 0x21:
            at += 2
        else:
            flags = data[at + 9] if at + 9 < len(data) else 0
            at += 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0) + 1
        body, inner = data[start + 1 : at], []
        while at < len(data):
            inner.append(Fragment(data[at : at + 1], data[at + 1 : at + 1 + data[at]]))
            at += 1 + data[at]
            if not inner[-1].body:
                break
        found.append(Fragment(data[start : start + 1], body, inner))
    return [*found, Fragment(b"", data[at:])] if at < len(data) else found


# TIFF: the entries of the first directory are parts of twelve bytes; what lies before and after keeps its place only as
# long as their number does, which is the point.


def _tiff(data: bytes) -> list[Fragment]:
    order = "little" if data[:2] == b"II" else "big"
    start = int.from_bytes(data[4:8], order)  # type: ignore[arg-type]  # it is one of the two
    count = int.from_bytes(data[start : start + 2], order)  # type: ignore[arg-type]
    entries = [data[at : at + 12] for at in range(start + 2, start + 2 + 12 * count, 12)]
    rest = data[start + 2 + 12 * count :]
    return [Fragment(b"", data[: start + 2]), *(Fragment(one[:2], one[2:]) for one in entries), Fragment(b"", rest)]


_ISO, _EBML, _RIFF = Family(_boxes, _box), Family(_elements, _element), Family(_riff, _chunk)
FAMILIES: Mapping[str, Family] = {
    "mp4": _ISO,
    "mov": _ISO,
    "heic": _ISO,
    "mkv": _EBML,
    "webm": _EBML,
    "ts": Family(_packets, _packet),
    "avi": _RIFF,
    "webp": _RIFF,
    "png": Family(_png, _png_chunk),
    "jpg": Family(_jpeg, _segment),
    "gif": Family(_gif, _packet),
    "tif": Family(_tiff, _packet),
}
"""By format."""
