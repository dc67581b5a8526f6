"""What H.265 streams say of themselves that FFmpeg does not pass on (ITU-T H.265)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_PPS, _SEI, _ALPHA = 34, 39, 165
"""Kinds of units, and of a message."""


def wavefronts(extradata: bytes, packet: bytes) -> bool:
    """Whether an H.265 stream says where each row of blocks begins (entropy_coding_sync_enabled_flag)."""
    return any(_synced(unit) for unit in _units(extradata, packet) if unit[0] >> 1 & 0x3F == _PPS)


def has_alpha_layer(extradata: bytes, packet: bytes) -> bool:
    """Whether an H.265 stream says that it has a layer of transparency (alpha_channel_info, F.14.2.8)."""
    return any(unit[0] >> 1 & 0x3F == _SEI and unit[2:3] == bytes([_ALPHA]) for unit in _units(extradata, packet))


def _units(extradata: bytes, packet: bytes) -> list[bytes]:
    """The units of a stream's header and of its first packet."""
    if extradata[:1] == b"\1" and len(extradata) > 22:
        length = (extradata[21] & 3) + 1
        units = [*_in_header(extradata), *_prefixed(packet, length)]
    else:
        units = [unit for data in (extradata, packet) for unit in data.split(b"\0\0\1")]
    return [unit for unit in units if unit]


def _in_header(extradata: bytes) -> Iterator[bytes]:
    """The parameter sets in an MP4's or Matroska's header (ISO/IEC 14496-15, hvcC)."""
    at = 23
    for _ in range(extradata[22]):
        count, at = int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size, at = int.from_bytes(extradata[at : at + 2], "big"), at + 2
            yield extradata[at : at + size]
            at += size


def _prefixed(packet: bytes, length: int) -> Iterator[bytes]:
    at = 0
    while at + length <= len(packet):
        size, at = int.from_bytes(packet[at : at + length], "big"), at + length
        yield packet[at : at + size]
        at += size


def _synced(pps: bytes) -> bool:
    """The flag in a picture parameter set (ITU-T H.265, 7.3.2.3.1)."""
    bits = _Bits(pps[2:].replace(b"\0\0\3", b"\0\0"))
    try:
        bits.numbers(2)  # the set's own number and its sequence's
        bits.skip(1 + 1 + 3 + 1 + 1)
        bits.numbers(3)  # default references, initial quantiser
        bits.skip(1 + 1)
        if bits.take():
            bits.numbers(1)
        bits.numbers(2)
        bits.skip(1 + 1 + 1 + 1 + 1)  # chroma offsets, weights, transquant bypass, tiles
        return bool(bits.take())
    except StopIteration:
        return False


class _Bits:
    def __init__(self, data: Iterable[int]) -> None:
        self._bits = (byte >> shift & 1 for byte in data for shift in range(7, -1, -1))

    def take(self) -> int:
        return next(self._bits)

    def skip(self, count: int) -> None:
        for _ in range(count):
            next(self._bits)

    def numbers(self, count: int) -> None:
        """Pass over numbers in Exp-Golomb code."""
        for _ in range(count):
            zeros = 0
            while not self.take():
                zeros += 1
            self.skip(zeros)
