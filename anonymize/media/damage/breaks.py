"""Find missing pieces of a file by the numbers and sizes in its container, which FFmpeg does not check.

ASF     media objects have a number and a size, and their payloads an offset
FLV     every tag has a type, and is followed by its size
Ogg     every page is numbered
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import count
from typing import IO, TypeAlias

from anonymize.media.video.open import Input
from anonymize.storage import opened

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_TAGS = (8, 9, 15, 18, 22)
"""Types of FLV tags: audio, video, data in two forms, aggregate."""
_MOST_HEAD = 1 << 22
_BUFFER = 1 << 18
_TRUSTED = 8
"""At most one in this many pieces may be missing: a muxer with more gaps numbers them in its own way."""

_Step: TypeAlias = "tuple[int, bool | None]"
"""Byte offset of a piece, and whether none is missing before it; None if the file cannot be parsed any further."""


def breaks(source: Input, container: str) -> list[int]:
    """Byte offsets after which something is missing in `source`; `container` is FFmpeg's name of its format."""
    walks = {"asf": _in_asf, "flv": _in_flv, "ogg": _in_ogg}
    walk = walks.get(container)
    if walk is None:
        return []
    found: list[int] = []
    pieces = 0
    with suppress(OSError), _open(source) as file:
        for at, follows in walk(file):
            pieces += 1
            if not follows:
                found.append(at)
            if follows is None:
                return [*found[:-1][: pieces // _TRUSTED], at]
    return found if len(found) * _TRUSTED <= pieces else []


def _open(source: Input) -> AbstractContextManager[IO[bytes]]:
    return io.BytesIO(source) if isinstance(source, bytes) else opened(source, _BUFFER)


def _in_flv(file: IO[bytes]) -> Iterator[_Step]:
    """Every tag (Video File Format Specification 10, annex E)."""
    have = file.seek(0, io.SEEK_END)
    file.seek(0)
    at = int.from_bytes(file.read(9)[5:], "big") + 4
    file.seek(at)
    while len(tag := file.read(11)) == 11:
        behind = at + 11 + int.from_bytes(tag[1:4], "big")
        file.seek(behind)
        length = file.read(4)
        if behind > have:
            yield at, None
            return
        yield at, tag[0] & 31 in _TAGS and tag[8:] == bytes(3) and int.from_bytes(length, "big") in (0, behind - at)
        at = behind + 4
    if tag and tag[0] & 31 in _TAGS:  # not just bytes that something appended
        yield at, None


def _in_ogg(file: IO[bytes]) -> Iterator[_Step]:
    """Every page (RFC 3533, 6)."""
    numbers: dict[bytes, int] = {}
    at, have = 0, file.seek(0, io.SEEK_END)
    file.seek(0)
    while len(head := file.read(27)) == 27 and head[:4] == b"OggS":
        lengths = file.read(head[26])
        stream, number = head[14:18], int.from_bytes(head[18:22], "little")
        begins = head[5] & 2 > 0
        yield at, begins or stream not in numbers or number == (numbers[stream] + 1) % (1 << 32)
        numbers[stream] = number
        at += 27 + len(lengths) + sum(lengths)
        file.seek(at)
    file.seek(min(at, have))
    if at > have or file.read(_BUFFER).strip(b"\0"):  # not just room that was never used
        yield at, None


@dataclass(slots=True)
class _Object:
    """State of a media object (a frame, or a block of sound): its number, size, and bytes received."""

    number: int
    size: int
    came: int

    @property
    def whole(self) -> bool:
        return self.came == self.size


def _in_asf(file: IO[bytes]) -> Iterator[_Step]:
    """Every payload, by the offset of its packet."""
    head = file.read(_MOST_HEAD)
    told, begin = head.find(_ASF_FILE), head.find(_ASF_DATA)
    if not head.startswith(_ASF) or told < 0 or begin < 0:
        return
    size, most = (int.from_bytes(head[told + at : told + at + 4], "little") for at in (92, 96))
    live = head[told + 88] & 1  # the number of packets is unknown
    packets = int.from_bytes(head[begin + 40 : begin + 48], "little")
    if size != most or size < 16:
        return  # muxers write packets of one size
    at, objects = begin + 50, dict[int, _Object]()
    file.seek(at)
    first = b""
    for _ in count() if live else range(packets):
        packet = file.read(size)
        if live and not packet:
            return
        first = first or packet[:1]
        if len(packet) < size or packet[:1] != first:
            yield at, None
            return
        try:
            for stream, piece in _payloads(packet):
                yield at, _goes_on(objects, stream, piece)
        except IndexError:
            yield at, False
        at += size


@dataclass(frozen=True, slots=True)
class _Piece:
    """A payload: its object's number, its offset in the object, the object's size, its length; or `whole` objects."""

    number: int
    start: int
    size: int
    length: int
    whole: int = 0


def _goes_on(objects: dict[int, _Object], stream: int, piece: _Piece) -> bool:
    """Whether `piece` follows the one before it in its stream; updates `objects`."""
    last = objects.get(stream)
    if piece.whole:
        objects[stream] = _Object((piece.number + piece.whole - 1) % 256, 1, 1)
        return last is None or (last.whole and piece.number % 256 == (last.number + 1) % 256)
    if piece.start == 0:
        objects[stream] = _Object(piece.number % 256, piece.size, piece.length)
        return last is None or (last.whole and piece.number % 256 == (last.number + 1) % 256)
    if last is None or (last.number, last.size, last.came) != (piece.number % 256, piece.size, piece.start):
        objects[stream] = _Object(piece.number % 256, piece.size, piece.start + piece.length)
        return False
    last.came += piece.length
    return True


def _payloads(packet: bytes) -> Iterator[tuple[int, _Piece]]:
    """The payloads of an ASF data packet (Advanced Systems Format 1.20, 5.2), by stream.

    Raises:
        IndexError: it is no such packet.
    """
    fields = _Fields(packet)
    if packet[0] & 0x80:
        fields.at += 1 + (packet[0] & 15)
    lengths, kinds = fields.take(1), fields.take(1)
    end = fields.sized(lengths >> 5) or len(packet)
    fields.sized(lengths >> 1)
    end -= fields.sized(lengths >> 3)
    fields.at += 6  # times
    several = fields.take(1) if lengths & 1 else 0
    for _ in range(several & 0x3F if lengths & 1 else 1):
        stream, number = fields.take(1) & 0x7F, fields.sized(kinds >> 4)
        start, replicated = fields.sized(kinds >> 2), fields.sized(kinds)
        size = int.from_bytes(packet[fields.at : fields.at + 4], "little")
        fields.at += replicated
        length = fields.sized(several >> 6) if lengths & 1 else end - fields.at
        if length < 0 or fields.at + length > len(packet):
            raise IndexError
        if replicated == 1:
            yield stream, _Piece(number, 0, 0, 0, _counted(packet[fields.at : fields.at + length]))
        elif replicated >= 8:
            yield stream, _Piece(number, start, size, length)
        fields.at += length


def _counted(held: bytes) -> int:
    """Number of objects, each preceded by its length, in a compressed payload."""
    count = at = 0
    while at < len(held):
        count, at = count + 1, at + 1 + held[at]
    return count


@dataclass(slots=True)
class _Fields:
    """A reader of consecutive numbers."""

    data: bytes
    at: int = 0

    def take(self, size: int) -> int:
        """Read a number of `size` bytes."""
        if self.at + size > len(self.data):
            raise IndexError
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "little")

    def sized(self, kind: int) -> int:
        """Read a number of 0, 1, 2 or 4 bytes, as given by the lowest two bits of `kind`."""
        return self.take((0, 1, 2, 4)[kind & 3])
