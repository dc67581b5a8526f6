"""A clock that machines read: a number drawn into a picture as black and white blocks, with a check."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS, CHECK_BITS = 14, 6
BLOCK = 16
"""Pixels of a block's side."""
LEFT, TOP = 16, 8
"""Where the first block stands."""
_HALF = 128


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
    bits = [
        luma[inner, LEFT + p * BLOCK + BLOCK // 4 : LEFT + (p + 1) * BLOCK - BLOCK // 4].mean() > _HALF for p in places
    ]
    number = sum(1 << i for i, bit in enumerate(bits[2 : 2 + BITS]) if bit)
    return number if bits == _blocks(number) else None


def _blocks(number: int) -> list[bool]:
    """White and black to tell a clock from a wall, the number, and the check of it."""
    check = (number * 37 + 11) % (1 << CHECK_BITS)
    return [True, False, *_bits(number, BITS), *_bits(check, CHECK_BITS)]


def _bits(value: int, count: int) -> list[bool]:
    return [bool(value >> i & 1) for i in range(count)]
