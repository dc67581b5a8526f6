"""Where a cover comes off for a moment: places that were black just before, are not now, and soon are again.

Without the plan, nobody knows what was redacted. But a face that shows for some frames, and is black before and after
them, gives itself away; there, the faintest find is enough.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Frame

BLOCK = 4
"""Side, in pixels, of the blocks that are tested for black."""
BLACK = 8.0
"""Maximum mean of a covered block, in 8-bit steps above black."""
NEAR = 3
"""Frames before and after within which a place must be covered: on one or two between, a detector may miss the find."""
CORE = 0.5
"""Share of a box's sides, around its middle, that is tested."""
COVERED, CLEAR = 0.5, 0.3
"""Minimum share of black blocks in it where it is covered, and maximum where it is not."""

BRIGHT = 16.0
"""8-bit steps above black from which a block certainly shows something."""
GAP = 7
"""Minimum side, in blocks, of a place lit for some frames only; smaller gaps appear as covers pass each other."""
LARGEST_HOLE = 3.0
"""Maximum size of a hole in a cover, as a multiple of the part of it that was covered before and is again."""
OFF = 0.6
"""Minimum share of a cover that is no longer black once it is off; what was behind it may be dark."""

Blacks = NDArray[np.bool_]
"""(rows, columns): which blocks are black."""


@dataclass(frozen=True, slots=True)
class Flash:
    """A place that showed something for a few frames only: it was black before them, and is again.

    Args:
        box: in pixels of the frame.
        frames: how many; the last of them is the one before the current frame.
    """

    box: Box
    frames: int


class Uncovered:
    """Remembers what was black on the last few frames."""

    def __init__(self) -> None:
        self._blacks: deque[Blacks] = deque(maxlen=NEAR + 2)
        self._lit: deque[Blacks] = deque(maxlen=NEAR + 1)

    def see(self, frame: Frame) -> None:
        """Take the next frame."""
        rows, columns = max(1, frame.height // BLOCK), max(1, frame.width // BLOCK)
        plane = frame.planes[0]
        mean = cv2.resize(plane.pixels, (columns, rows), interpolation=cv2.INTER_AREA)
        unit = 1 << (frame.depth - 8)
        if self._blacks and self._blacks[-1].shape != mean.shape:
            self._blacks.clear()
            self._lit.clear()
        self._blacks.append(np.asarray(mean <= plane.black + BLACK * unit))
        self._lit.append(np.asarray(mean > plane.black + BRIGHT * unit))

    def flashes(self) -> list[Flash]:
        """The places that are covered now and were a moment ago, but not on the frames between.

        A moving cover leaves such places too, where another one follows it closely. They do not count: that cover is
        still there beside them, while one that came off is gone, or has a hole.
        """
        found: list[Flash] = []
        for frames in range(1, min(NEAR, len(self._blacks) - 2) + 1):
            before, first, now = (self._blacks[i] for i in (-frames - 2, -frames - 1, -1))
            shown = np.logical_and.reduce(list(self._lit)[-1 - frames : -1])
            solid = cv2.morphologyEx((before & shown & now).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
            _, places, parts, _ = cv2.connectedComponentsWithStats(solid)
            covers, holes = _numbered(before), _numbered(~first)
            for number, (x, y, wide, high, area) in enumerate(parts[1:].tolist(), start=1):
                place = places == number
                if min(wide, high) < GAP or 2 * area < wide * high:
                    continue
                hole = holes == np.bincount(holes[place]).argmax()
                cover = covers == np.bincount(covers[place]).argmax()
                if hole.sum() <= LARGEST_HOLE * area or (~first)[cover].mean() >= OFF:
                    box = (x * 1.0 * BLOCK, y * 1.0 * BLOCK, (x + wide) * 1.0 * BLOCK, (y + high) * 1.0 * BLOCK)
                    found.append(Flash(box, frames))
        return found

    def covered_before(self, box: Box) -> bool:
        """Whether `box` was covered on one of the frames just before the current one, and is not now."""
        return _share(self._blacks[-1], box) <= CLEAR and any(
            _share(blacks, box) >= COVERED for blacks in list(self._blacks)[-1 - NEAR : -1]
        )

    def covered_now(self, box: Box) -> bool:
        """Whether `box` is covered on the current frame."""
        return _share(self._blacks[-1], box) >= COVERED


def _numbered(blocks: Blacks) -> NDArray[np.int32]:
    """(rows, columns) labels of the connected parts of `blocks`, 0 elsewhere."""
    return np.asarray(cv2.connectedComponents(blocks.astype(np.uint8))[1], np.int32)


def _share(blacks: Blacks, box: Box) -> float:
    """The share of the blocks in the middle of `box` that are black; 0 outside the picture."""
    x0, y0, x1, y1 = box
    half_x, half_y = CORE * (x1 - x0) / 2, CORE * (y1 - y0) / 2
    left, right = int(((x0 + x1) / 2 - half_x) / BLOCK), int(((x0 + x1) / 2 + half_x) / BLOCK) + 1
    top, bottom = int(((y0 + y1) / 2 - half_y) / BLOCK), int(((y0 + y1) / 2 + half_y) / BLOCK) + 1
    part = blacks[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    return float(part.mean()) if part.size else 0.0
