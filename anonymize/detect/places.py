"""Which parts of a picture detectors get where something changed: `places`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from anonymize.data import Detections, Frame
from anonymize.detect.changes import BLOCK, Mask
from anonymize.detect.multiscale import Part

EACH = 100_000
"""Pixels that a detector could see in the time that one more place takes."""


@dataclass(frozen=True, slots=True)
class Margins:
    """How changes become places.

    Args:
        around: blocks around a changed one that are detected again: a face is larger than what moves in it.
        context: pixels around these that a detector gets too; finds there do not count.
        most: share of the picture from which detecting on all of it costs no more.
        split: whether the changes in one place may be parted, where faces are small beside `context`.
    """

    around: int = 3
    context: int = 64
    most: float = 0.5
    split: bool = False


WIDE = Margins()
"""For faces of any size."""
MARGINS = {0: Margins(around=2, context=32, most=0.8, split=True), 1: Margins(most=0.8, split=True)}
"""By group of scales, where it is not `WIDE`. The two largest scales cost four fifths of all; larger faces are found at
the others."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the frame that is detected again.

    Args:
        core: finds with their centre in it count.
        shown: the part that the detectors get.
    """

    core: Part
    shown: Part

    @property
    def pixels(self) -> int:
        """How many the detectors get."""
        return _area(self.shown)


def places(changed: Mask, known: Detections, frame: Frame, margins: Margins) -> list[Place]:
    """The places that contain everything that changed, and the `known` finds that it touches.

    Args:
        changed: blocks of `frame`.
        known: finds in its pixels.
        frame: the frame.
        margins: around what changed.
    """
    size, context = (frame.width, frame.height), margins.context
    blocks = dilated(changed, margins.around)
    parts = _split(blocks, size, context) if margins.split else _connected(blocks)
    cores = [_with_known(_in_pixels(part, size), known, size) for part in parts]
    return [Place(core, _grown(core, size, context)) for core in _merged(cores, size, margins)]


def pixels_around(changed: Mask, frame: Frame, margins: Margins) -> int:
    """The least pixels that detectors get for all places together: those of the blocks around what `changed`."""
    sides = zip((frame.height, frame.width), changed.shape, strict=True)
    rows, columns = (np.minimum(BLOCK, length - BLOCK * np.arange(count)) for length, count in sides)
    return int(rows @ dilated(changed, margins.around) @ columns)


def dilated(changed: Mask, blocks: int) -> Mask:
    """`changed`, and so many blocks around it."""
    side = 2 * blocks + 1
    return np.asarray(cv2.dilate(changed.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def _connected(blocks: Mask) -> list[Part]:
    """Rectangles around all that is connected, in blocks."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(blocks.astype(np.uint8))
    return [(x, y, x + wide, y + high) for x, y, wide, high, _ in stats[1:count].tolist()]


def _split(blocks: Mask, size: tuple[int, int], context: int) -> list[Part]:
    """Rectangles around all `blocks`, parted wherever detectors then get fewer pixels; in blocks.

    Two of them share the row or column of blocks at which they are parted: no find between them is in neither.
    """
    rows, columns = np.flatnonzero(blocks.any(axis=1)), np.flatnonzero(blocks.any(axis=0))
    if not len(rows):
        return []
    done, left = [], [(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)]
    while left:
        part = left.pop()
        x0, y0, x1, y1 = part
        here = blocks[y0:y1, x0:x1]
        halves = [
            ((x0 + a, y0 + b, x0 + c, y0 + d), (x0 + e, y0 + f, x0 + g, y0 + h))
            for (a, b, c, d), (e, f, g, h) in [*_halves(here), *map(_turned, _halves(here.T))]
        ]
        costs = [sum(_cost(half, size, context) for half in both) for both in halves]
        if costs and min(costs) + EACH < _cost(part, size, context):
            left += halves[int(np.argmin(costs))]
        else:
            done.append(part)
    return done


def _halves(blocks: Mask) -> list[tuple[Part, Part]]:
    """The rectangles around the set blocks left of each column, itself included, and right of it, itself included."""
    height, width = blocks.shape
    top = np.where(blocks.any(axis=0), blocks.argmax(axis=0), height)
    bottom = np.where(blocks.any(axis=0), height - blocks[::-1].argmax(axis=0), 0)
    columns = np.flatnonzero(bottom)
    above = np.minimum.accumulate(top), np.minimum.accumulate(top[::-1])[::-1]
    below = np.maximum.accumulate(bottom), np.maximum.accumulate(bottom[::-1])[::-1]
    both: list[tuple[Part, Part]] = []
    for at in range(1, width - 1):
        ends = int(columns[np.searchsorted(columns, at, "right") - 1]), int(columns[np.searchsorted(columns, at)])
        one = (0, int(above[0][at]), ends[0] + 1, int(below[0][at]))
        both.append((one, (ends[1], int(above[1][at]), width, int(below[1][at]))))
    return both


def _turned(both: tuple[Part, Part]) -> tuple[Part, Part]:
    """Two parts with x and y exchanged."""
    (a, b, c, d), (e, f, g, h) = both
    return (b, a, d, c), (f, e, h, g)


def _cost(part: Part, size: tuple[int, int], context: int) -> int:
    """Pixels that detectors get for `part`, in blocks."""
    return _area(_grown(_in_pixels(part, size), size, context))


def _in_pixels(part: Part, size: tuple[int, int]) -> Part:
    """`part`, in blocks, in pixels."""
    x0, y0, x1, y1 = part
    return x0 * BLOCK, y0 * BLOCK, min(x1 * BLOCK, size[0]), min(y1 * BLOCK, size[1])


def _with_known(core: Part, known: Detections, size: tuple[int, int]) -> Part:
    """`core`, extended over the known finds that it touches: if a mouth moves, the whole face is detected again."""
    x0, y0, x1, y1 = core
    touched = known.xyxy[((known.xyxy[:, :2] < [x1, y1]) & (known.xyxy[:, 2:] > [x0, y0])).all(axis=1)]
    if not len(touched):
        return core
    low, high = np.floor(touched[:, :2].min(axis=0)), np.ceil(touched[:, 2:].max(axis=0))
    return (
        max(0, min(x0, int(low[0]))),
        max(0, min(y0, int(low[1]))),
        min(size[0], max(x1, int(high[0]))),
        min(size[1], max(y1, int(high[1]))),
    )


def _merged(cores: Sequence[Part], size: tuple[int, int], margins: Margins) -> list[Part]:
    """`cores` merged until no two overlap, context included; or, where they may be split, until that costs more."""

    def belong(one: Part, other: Part) -> bool:
        parts = [_grown(part, size, margins.context) for part in (one, other, _around(one, other))]
        if margins.split:
            return _area(parts[2]) <= _area(parts[0]) + _area(parts[1]) + EACH
        return _meet(parts[0], parts[1])

    merged: list[Part] = []
    for core in cores:
        while touching := [other for other in merged if belong(core, other)]:
            merged = [other for other in merged if other not in touching]
            for other in touching:
                core = _around(core, other)
        merged.append(core)
    return merged


def _around(one: Part, other: Part) -> Part:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _grown(part: Part, size: tuple[int, int], by: int) -> Part:
    """`part` with so many pixels around it, clipped to the picture."""
    x0, y0, x1, y1 = part
    return max(x0 - by, 0), max(y0 - by, 0), min(x1 + by, size[0]), min(y1 + by, size[1])


def _meet(a: Part, b: Part) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _area(part: Part) -> int:
    x0, y0, x1, y1 = part
    return (x1 - x0) * (y1 - y0)
