"""A clock that machines read: a number drawn into a picture as black and white blocks, with a check."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BITS, CHECK_BITS = 14, 6
BLOCK = 16
"""Pixels of a block's side."""
LEFT, TOP = 16, 8
"""Where the first block stands."""
_BLACK, _WHITE = 76, 175
"""A block is dark or bright beyond these. Between them lies a cover, as a rule, which says nothing: a clock that is all
under one that is darker than half would read as 0."""
_MIXES = 2_654_435_761
"""Knuth's multiplier (The Art of Computer Programming 6.4): every bit of the number changes bits of the check."""
MOST, NEIGHBOURS = 25, 100
"""Frames that may be lost or hidden between two pictures; pictures among which the one before is looked for."""


def draw(picture: NDArray[np.uint8], number: int) -> None:
    """Draw `number` (below 2 ** 14) into a (height, width, 3) picture, in place."""
    for place, bit in enumerate(_blocks(number)):
        x = LEFT + place * BLOCK
        picture[TOP : TOP + BLOCK, x : x + BLOCK] = 235 if bit else 16


def read(luma: NDArray[np.uint8]) -> int | None:
    """The number in a (height, width) picture; None where there is none, or where it does not pass its check."""
    places = range(len(_blocks(0)))
    if luma.shape[0] < TOP + BLOCK or luma.shape[1] < LEFT + len(places) * BLOCK:
        return None
    inner = slice(TOP + BLOCK // 4, TOP + BLOCK - BLOCK // 4)
    means = [luma[inner, LEFT + p * BLOCK + BLOCK // 4 : LEFT + (p + 1) * BLOCK - BLOCK // 4].mean() for p in places]
    if any(_BLACK < mean < _WHITE for mean in means):
        return None
    bits = [mean >= _WHITE for mean in means]
    number = sum(1 << i for i, bit in enumerate(bits[2 : 2 + BITS]) if bit)
    return number if bits == _blocks(number) else None


def in_order(numbers: Iterable[int | None], frames: int) -> list[int | None]:
    """What was read from successive pictures of a clip of so many `frames`, which may be looped.

    A clock that a cover lies on may pass its check as another: a number that does not follow that of a picture before,
    `MOST` frames on at most, and that no later one follows, counts as not read.
    """
    read = list(numbers)
    known = [i for i, number in enumerate(read) if number is not None and number < frames]

    def follows(before: int, after: int) -> bool:
        one, other = read[before], read[after]
        assert one is not None
        assert other is not None
        return 0 <= (other - one) % frames <= MOST + after - before

    # The longest chain, each of which follows the one before it; a misread clock has few neighbours in it.
    length, previous = [1] * len(known), [-1] * len(known)
    for place in range(len(known)):
        for earlier in range(max(place - NEIGHBOURS, 0), place):
            if length[earlier] + 1 > length[place] and follows(known[earlier], known[place]):
                length[place], previous[place] = length[earlier] + 1, earlier
    at, good = int(np.argmax(length)) if known else -1, set[int]()
    while at >= 0:
        good.add(known[at])
        at = previous[at]
    return [number if i in good else None for i, number in enumerate(read)]


def _blocks(number: int) -> list[bool]:
    """White and black to tell a clock from a wall, the number, and the check of it."""
    check = (number * _MIXES & 0xFFFFFFFF) >> (32 - CHECK_BITS)
    return [True, False, *_bits(number, BITS), *_bits(check, CHECK_BITS)]


def _bits(value: int, count: int) -> list[bool]:
    return [bool(value >> i & 1) for i in range(count)]
