"""Estimate the quality of a lossy WebP from its quantiser (VP8, RFC 6386)."""

from __future__ import annotations

from statistics import fmean

_START = b"\x9d\x01\x2a"


def quality_of(payload: bytes) -> int | None:
    """The quality of a `VP8` chunk on libwebp's scale (0 to 100); None if it does not start with a key frame."""
    if len(payload) < 12 or payload[0] & 1 or payload[3:6] != _START:
        return None
    index = _quantiser(_Booleans(payload[10:]))
    compression = (1 - index / 127) ** 3
    return round(100 * (1.5 * compression if compression < 0.5 else (compression + 1) / 2))


def _quantiser(bits: _Booleans) -> float:
    """The mean quantiser index, 0 (finest) to 127, of all segments of a key frame (9.3, 9.6 and 19.2)."""
    bits.number(2)  # colour space, clamping
    values: list[int] = []
    absolute = 0
    if bits.number(1):
        maps, data = bits.number(1), bits.number(1)
        if data:
            absolute = bits.number(1)
            values = [bits.optional(7) for _ in range(4)]
            for _ in range(4):
                bits.optional(6)
        if maps:
            for _ in range(3):
                if bits.number(1):
                    bits.number(8)
    bits.number(1 + 6 + 3)  # loop filter
    if bits.number(1) and bits.number(1):
        for _ in range(8):
            bits.optional(6)
    bits.number(2)  # partitions
    base = bits.number(7)
    segments = [value if absolute else base + value for value in values] or [base]
    return fmean(min(127, max(0, index)) for index in segments)


class _Booleans:
    """The boolean decoder (section 7), with even probabilities only."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data[:64].ljust(64, b"\0"), "big")
        self._left = 8 * 64 - 16
        self._value = self._bits >> self._left
        self._range = 255

    def number(self, width: int) -> int:
        """An unsigned number of `width` bits."""
        value = 0
        for _ in range(width):
            value = value << 1 | self._bit()
        return value

    def optional(self, width: int) -> int:
        """A flagged number followed by its sign; 0 if the flag is not set."""
        if not self.number(1):
            return 0
        value = self.number(width)
        return -value if self.number(1) else value

    def _bit(self) -> int:
        split = 1 + ((self._range - 1) * 128 >> 8)
        bit = int(self._value >= split << 8)
        if bit:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < 128:
            self._range <<= 1
            self._left -= 1
            self._value = (self._value << 1 | self._bits >> self._left & 1) & 0xFFFF
        return bit
