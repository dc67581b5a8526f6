"""Frame numbers and recovery points of H.264 streams, which FFmpeg does not expose (ITU-T H.264).

Each reference frame has a `frame_num` one higher than the reference frame before it. For missing numbers, FFmpeg
silently makes up frames, and decodes others from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anonymize.media.damage.bits import Bits, of_unit, units

_SLICES, _INSTANT, _SEI, _SPS, _PPS = (1, 2, 5), 5, 6, 7, 8
_RECOVERY = 6
"""SEI type of recovery points."""
_INTRA = (2, 7)
_HIGH = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
"""Profiles whose sequence parameter sets have chroma and bit depth fields."""
_HEAD = 64
"""Bytes that contain the part of a slice header that is read here."""


@dataclass(frozen=True, slots=True)
class PacketFacts:
    """What a packet states about its frame.

    Args:
        follows: whether no frame is missing before it.
        instant: whether it is an IDR frame: nothing after it refers to anything before it.
        recovery: frame numbers until frames are exact if decoding starts here; None if not stated.
        intra: whether it refers to no other frame.
        alone: whether no other frame refers to it.
        number: its `frame_num`.
        numbers: the modulus of `frame_num`.
    """

    follows: bool
    instant: bool
    recovery: int | None
    intra: bool
    alone: bool
    number: int
    numbers: int


@dataclass(frozen=True, slots=True)
class _Sequence:
    bits: int
    gaps: bool
    planes: bool


class Order:
    """Follows the frames of one stream in decoding order.

    Args:
        extradata: the stream's codec data.
    """

    def __init__(self, extradata: bytes) -> None:
        self._length = (extradata[4] & 3) + 1 if extradata[:1] == b"\1" and len(extradata) > 6 else 0
        self._sequences: dict[int, _Sequence] = {}
        self._of_pictures: dict[int, int] = {}
        self._last: int | None = None
        for unit in _in_header(extradata) if self._length else units(extradata):
            self._learn(unit)

    def next(self, data: bytes) -> PacketFacts | None:
        """Read the next packet; None if it cannot be parsed."""
        recovery = None
        for unit in units(data, self._length):
            kind = unit[0] & 0x1F
            if kind in _SLICES:
                return self._coded(unit, recovery)
            if kind == _SEI:
                recovery = _recovery(unit) if recovery is None else recovery
            else:
                self._learn(unit)
        return None

    def _coded(self, unit: bytes, recovery: int | None) -> PacketFacts | None:
        bits = of_unit(unit[:_HEAD], 1)
        try:
            bits.number()
            slice_type = bits.number()
            sequence = self._sequences[self._of_pictures[bits.number()]]
            bits.skip(2 * sequence.planes)
            number = bits.take(sequence.bits)
        except (StopIteration, KeyError):
            return None
        numbers, instant = 1 << sequence.bits, unit[0] & 0x1F == _INSTANT
        known = self._last is not None and not instant and not sequence.gaps
        follows = not known or (number - (self._last or 0)) % numbers <= 1
        alone = not unit[0] >> 5 & 3
        if not (alone and follows):
            self._last = number
        return PacketFacts(follows, instant, recovery, instant or slice_type in _INTRA, alone, number, numbers)

    def _learn(self, unit: bytes) -> None:
        """Store a sequence or picture parameter set."""
        kind = unit[0] & 0x1F
        try:
            if kind == _SPS:
                bits = of_unit(unit, 1)
                profile, number = bits.take(24) >> 16, bits.number()
                self._sequences[number] = _sequence(bits, profile)
            elif kind == _PPS:
                bits = of_unit(unit[:_HEAD], 1)
                number = bits.number()
                self._of_pictures[number] = bits.number()
        except StopIteration:
            return


def _sequence(bits: Bits, profile: int) -> _Sequence:
    """A sequence parameter set, read from after its ID on (7.3.2.1.1)."""
    planes = False
    if profile in _HIGH:
        chroma = bits.number()
        planes = chroma == 3 and bool(bits.take())
        bits.numbers(2)
        bits.skip(1)
        if bits.take():
            for matrix in range(12 if chroma == 3 else 8):
                if bits.take():
                    _pass_matrix(bits, 16 if matrix < 6 else 64)
    size = bits.number() + 4
    kind = bits.number()
    if kind == 0:
        bits.numbers(1)
    elif kind == 1:
        bits.skip(1)
        bits.numbers(2)
        bits.numbers(bits.number())
    bits.numbers(1)
    return _Sequence(size, bool(bits.take()), planes)


def _pass_matrix(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.number()
            following = (last + (code + 1) // 2 * (1 if code % 2 else -1)) % 256
        last = following or last


def _recovery(unit: bytes) -> int | None:
    """The recovery frame count in an SEI unit; None if it has none."""
    data = unit[1:].replace(b"\0\0\3", b"\0\0")
    at = 0
    while at + 2 < len(data):
        kind = size = 0
        while at < len(data) - 1 and data[at] == 0xFF:
            kind, at = kind + 255, at + 1
        kind, at = kind + data[at], at + 1
        while at < len(data) - 1 and data[at] == 0xFF:
            size, at = size + 255, at + 1
        if at >= len(data):
            return None
        size, at = size + data[at], at + 1
        if kind == _RECOVERY:
            bits = Bits(data[at : at + size])
            try:
                count, exact = bits.number(), bits.take()
            except StopIteration:
                return None
            return count if exact or not count else None  # otherwise frames are only approximately right
        at += size
    return None


def _in_header(extradata: bytes) -> Iterator[bytes]:
    """The parameter sets in the codec data of MP4, Matroska or FLV (ISO/IEC 14496-15, avcC)."""
    at = 5
    for mask in (0x1F, 0xFF):
        if at >= len(extradata):
            return
        count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            size, at = int.from_bytes(extradata[at : at + 2], "big"), at + 2
            if size and at < len(extradata):
                yield extradata[at : at + size]
            at += size
