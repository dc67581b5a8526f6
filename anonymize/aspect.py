"""Pixels that are not square, and pictures in the shape in which players show them.

Coordinates are those of the upright picture as stored. Only detectors and motion estimation get the picture in display
shape: a detector does not recognise a face squeezed to half its width.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from anonymize.data import SQUARE, Detections, Frame, Plane
from anonymize.errors import UsageError

T = TypeVar("T")

ALIKE = Fraction(103, 100)
"""Aspects that differ by a smaller factor count as equal: containers round, and detectors do not mind."""
WIDEST = Fraction(16)
"""The widest (or, inverted, highest) pixel that is believed. Beyond it, detectors get both this shape and square
pixels, since the file is probably wrong."""
STRETCHED = 4.0
"""How many times as many pixels as the stored picture its display shape may have; beyond, both sides are shrunk."""
LONGEST = 16_384
"""The longest side of a stretched picture, in pixels."""

_WRITTEN = re.compile(r"(\d{1,5})[:/](\d{1,5})")


def parse(text: str) -> Fraction | None:
    """The pixel aspect (width over height) in `text`, as 'W:H'; None if `text` is empty.

    Raises:
        UsageError: `text` is not of that form, or beyond `WIDEST`.
    """
    if not text:
        return None
    found = _WRITTEN.fullmatch(text.strip())
    width, height = (int(number) for number in found.groups()) if found else (0, 0)
    if not width or not height or not 1 / WIDEST <= Fraction(width, height) <= WIDEST:
        raise UsageError(
            f"pixel aspect {text!r}: expected the width of a pixel and its height as W:H, 1:{WIDEST} to {WIDEST}:1; "
            "2:1 for pixels twice as wide as high"
        )
    return Fraction(width, height)


def aspects_of(*stated: Fraction | None) -> tuple[Fraction, ...]:
    """The distinct pixel aspects among `stated`, in that order; square if none is stated."""
    found: list[Fraction] = []
    for aspect in stated:
        for each in () if aspect is None or aspect <= 0 else _credible(aspect):
            if not any(max(each, other) < ALIKE * min(each, other) for other in found):
                found.append(each)
    return tuple(found) or (SQUARE,)


def _credible(aspect: Fraction) -> tuple[Fraction, ...]:
    if max(aspect, 1 / aspect) < ALIKE:
        return (SQUARE,)
    bounded = min(max(aspect, 1 / WIDEST), WIDEST)
    return (bounded,) if bounded == aspect else (SQUARE, bounded)


def upright(aspect: Fraction, *, transposed: bool) -> Fraction:
    """The aspect of a stored pixel in the upright picture, which is `transposed` or not; its own inverse."""
    return 1 / aspect if transposed else aspect


def display_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The width and height at which a picture of `width` x `height` pixels of this `aspect` has square pixels.

    One side is stretched, so that no detail is lost; very large results are shrunk, to bound memory.
    """
    if aspect == SQUARE:
        return width, height
    across, down = float(max(aspect, SQUARE)), float(max(1 / aspect, SQUARE))
    shrink = min(
        1.0,
        math.sqrt(STRETCHED / (across * down)),
        max(LONGEST, width, height) / max(width * across, height * down),
    )
    return max(1, round(width * across * shrink)), max(1, round(height * down * shrink))


@dataclass(frozen=True, slots=True, eq=False)
class SquareFrame:
    """A frame in display shape, for detectors: a `Frame` whose pixels are square.

    Args:
        frame: the frame as stored.
        width, height: of the display shape, in square pixels.
    """

    frame: Frame
    width: int
    height: int

    @property
    def index(self) -> int:
        """See `Frame.index`."""
        return self.frame.index

    @property
    def pts(self) -> int:
        """See `Frame.pts`."""
        return self.frame.pts

    @property
    def time_base(self) -> Fraction:
        """See `Frame.time_base`."""
        return self.frame.time_base

    @property
    def depth(self) -> int:
        """See `Frame.depth`."""
        return self.frame.depth

    @property
    def aspects(self) -> tuple[Fraction, ...]:
        """Square."""
        return (SQUARE,)

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes of the frame as stored."""
        return self.frame.planes

    def bgr(self, width: int, height: int) -> NDArray[np.uint8]:
        """See `Frame.bgr`."""
        return self.frame.bgr(width, height)

    def luma(self, width: int, height: int) -> NDArray[np.uint8]:
        """See `Frame.luma`."""
        return self.frame.luma(width, height)

    def writable(self) -> Frame:
        """A writable copy of the frame as stored."""
        return self.frame.writable()


def shown(frame: Frame) -> tuple[Frame, ...]:
    """`frame` in each of its display shapes; itself where its pixels are square."""
    return tuple(
        frame if aspect == SQUARE else SquareFrame(frame, *display_size(frame.width, frame.height, aspect))
        for aspect in frame.aspects
    )


def stored(found: Detections, picture: Frame, frame: Frame) -> Detections:
    """Detections in `picture`, one of `shown(frame)`, mapped to pixels of `frame`."""
    if picture is frame:
        return found
    return found.moved((frame.width / picture.width, frame.height / picture.height), (0.0, 0.0))


class PerShape(Generic[T]):
    """State that is kept from frame to frame, one for each display shape.

    Args:
        make: makes the state for a new shape.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: list[T] = []

    def of(self, frame: Frame) -> list[tuple[Frame, T]]:
        """`frame` in each of its display shapes, with the state kept for that shape."""
        pictures = shown(frame)
        self._kept += [self._make() for _ in range(len(pictures) - len(self._kept))]
        return list(zip(pictures, self._kept, strict=False))
