"""The units that H.264 and H.265 are made of, read bit by bit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator


class Bits:
    """The bits of `data`, the most significant one of each byte first.

    Raises:
        StopIteration: from every method, where the data end.
    """

    def __init__(self, data: Iterable[int]) -> None:
        self._bits = (byte >> shift & 1 for byte in data for shift in range(7, -1, -1))

    def take(self, count: int = 1) -> int:
        """A number of `count` bits."""
        value = 0
        for _ in range(count):
            value = value << 1 | next(self._bits)
        return value

    def number(self) -> int:
        """A number in Exp-Golomb code."""
        zeros = 0
        while not self.take():
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def skip(self, count: int) -> None:
        """Pass over bits."""
        self.take(count)

    def numbers(self, count: int) -> None:
        """Pass over numbers in Exp-Golomb code."""
        for _ in range(count):
            self.number()


def of_unit(unit: bytes, header: int) -> Bits:
    """The bits of a unit of H.264 or H.265 behind its header of so many bytes."""
    return Bits(unit[header:].replace(b"\0\0\3", b"\0\0"))


def units(data: bytes, length: int = 0) -> Iterator[bytes]:
    """The units in `data`: behind their lengths, of so many bytes, or behind start codes."""
    if not length:
        yield from _after_start_codes(data)
        return
    at = 0
    while at + length <= len(data):
        size, at = int.from_bytes(data[at : at + length], "big"), at + length
        if size and at < len(data):
            yield data[at : at + size]
        at += size


def _after_start_codes(data: bytes) -> Iterator[bytes]:
    starts = re.finditer(b"\0\0\1", data)
    start = next(starts, None)
    while start is not None:
        following = next(starts, None)
        unit = data[start.end() : following.start() if following else len(data)]
        start = following
        if unit:
            yield unit
