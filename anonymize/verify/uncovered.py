"""Where a cover comes off for a while: places that were black just before, are not now, and are black again soon.

Without the plan nobody knows what was redacted. But a face that shows for some frames, and is black before and after
them, gives itself away; there, the faintest find is enough.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Frame

BLOCK = 4
"""Pixels of the side of the blocks in which black is looked for."""
BLACK = 8.0
"""8-bit steps above black that a covered block has, at most, on average."""
NEAR = 3
"""Frames before and after within which a place must be covered: a detector may miss one or two on which it is not."""
CORE = 0.5
"""Share of a box's sides, around its middle, that is looked at."""
COVERED, CLEAR = 0.5, 0.3
"""Share of it that is black where it is covered, at least, and where it is not, at most."""

Blacks = NDArray[np.bool_]
"""(rows, columns): which blocks are black."""


class Uncovered:
    """Remembers what was black on the last few frames."""

    def __init__(self) -> None:
        self._past: deque[Blacks] = deque(maxlen=NEAR)
        self._now: Blacks = np.zeros((1, 1), bool)

    def see(self, frame: Frame) -> None:
        """Take the next frame."""
        self._past.append(self._now)
        rows, columns = max(1, frame.height // BLOCK), max(1, frame.width // BLOCK)
        plane = frame.planes[0]
        mean = cv2.resize(plane.pixels, (columns, rows), interpolation=cv2.INTER_AREA)
        self._now = np.asarray(mean <= plane.black + BLACK * (1 << (frame.depth - 8)))

    def covered_before(self, box: Box) -> bool:
        """Whether `box` was covered on one of the frames just before the present one, and is not now."""
        return _share(self._now, box) <= CLEAR and any(_share(blacks, box) >= COVERED for blacks in self._past)

    def covered_now(self, box: Box) -> bool:
        """Whether `box` is covered on the present frame."""
        return _share(self._now, box) >= COVERED


def _share(blacks: Blacks, box: Box) -> float:
    """The share of the blocks in the middle of `box` that are black; 0 outside the picture."""
    x0, y0, x1, y1 = box
    half_x, half_y = CORE * (x1 - x0) / 2, CORE * (y1 - y0) / 2
    left, right = int(((x0 + x1) / 2 - half_x) / BLOCK), int(((x0 + x1) / 2 + half_x) / BLOCK) + 1
    top, bottom = int(((y0 + y1) / 2 - half_y) / BLOCK), int(((y0 + y1) / 2 + half_y) / BLOCK) + 1
    part = blacks[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    return float(part.mean()) if part.size else 0.0
