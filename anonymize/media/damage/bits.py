"""Read the NAL units of H.264 and H.265 bit by bit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator


class Bits:
    """A bit reader over `data`, most significant bit first.

    Raises:
        StopIteration: from every method, at the end of the data.
    """

    def __init__(self, data: Iterable[int]) -> None:
        self._bits = (byte >> shift & 1 for byte in data for shift in range(7, -1, -1))

    def take(self, count: int = 1) -> int:
        """Read an unsigned number of `count` bits."""
        value = 0
        for _ in range(count):
            value = value << 1 | next(self._bits)
        return value

    def number(self) -> int:
        """Read an unsigned Exp-Golomb code."""
        zeros = 0
        while not self.take():
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def skip(self, count: int) -> None:
        """Skip `count` bits."""
        self.take(count)

    def numbers(self, count: int) -> None:
        """Skip `count` Exp-Golomb codes."""
        for _ in range(count):
            self.number()


def of_unit(unit: bytes, header: int) -> Bits:
    """The payload bits of a NAL unit whose header has `header` bytes."""
    return Bits(unit[header:].replace(b"\0\0\3", b"\0\0"))


def units(data: bytes, length: int = 0) -> Iterator[bytes]:
    """The NAL units in `data`, each preceded by its size in `length` bytes, or by a start code if `length` is 0."""
    if not length:
        starts = [*re.finditer(b"\0\0\1", data)]
        ends = [*(start.start() for start in starts[1:]), len(data)]
        yield from (unit for start, end in zip(starts, ends, strict=False) if (unit := data[start.end() : end]))
        return
    at = 0
    while at + length <= len(data):
        size, at = int.from_bytes(data[at : at + length], "big"), at + length
        if size and at < len(data):
            yield data[at : at + size]
        at += size
