"""What changed in the picture since each part of it was last looked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Frame

BLOCK = 16
"""Pixels of the side of the blocks that are compared: no wanted face or plate is much smaller."""
SHRINK = 2
"""Pixels of the frame for one that is compared."""
QUIET = 0.25
"""Share of the blocks that show nothing but noise, at least, unless everything changes."""
NOISIEST = 2.5
"""Grey levels; what differs by more in most of the picture is no noise but motion."""
ABOVE = 1.6
"""A block changed if it differs by this much more than the noise does,"""
LEAST = 0.7
"""and by so many grey levels on top."""

Mask = NDArray[np.bool_]
"""(rows, columns): one value for each block of the frame, those at the right and lower border perhaps smaller."""


class Changes:
    """Compares frames with what was last looked at, block by block.

    A block's difference is the mean of the absolute differences of its grey values, averaged two by two. Noise is what
    the quietest quarter of the blocks differ by. What changes slowly adds up until it is seen, since a block is
    compared with what it showed when it was last looked at, however long ago.
    """

    def __init__(self) -> None:
        self._known: NDArray[np.uint8] | None = None
        self._now: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)

    def see(self, frame: Frame) -> Mask:
        """Take the next frame: the blocks that changed since they were looked at; all of them at first."""
        self._now = frame.luma(max(1, frame.width // SHRINK), max(1, frame.height // SHRINK))
        if self._known is None or self._known.shape != self._now.shape:
            self._known = None
            return np.ones(_blocks(self._now), bool)
        differ = _block_means(np.asarray(cv2.absdiff(self._now, self._known), np.uint8))
        noise = min(float(np.quantile(differ, QUIET)), NOISIEST)
        return np.asarray(differ > ABOVE * noise + LEAST)

    def looked(self, where: Mask | None = None) -> None:
        """The latest frame was looked at: in the blocks `where`, or all over."""
        if where is None or self._known is None:
            self._known = self._now
            return
        height, width = self._now.shape
        side = BLOCK // SHRINK
        pixels = where.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
        self._known = np.where(pixels, self._now, self._known)


def _blocks(picture: NDArray[np.uint8]) -> tuple[int, int]:
    side = BLOCK // SHRINK
    return -(-picture.shape[0] // side), -(-picture.shape[1] // side)


def _block_means(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(rows, columns) the mean of every block; those that the border cuts are filled up with what is there."""
    rows, columns = _blocks(picture)
    side = BLOCK // SHRINK
    below, right = rows * side - picture.shape[0], columns * side - picture.shape[1]
    whole = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT) if below or right else picture
    return cv2.resize(whole.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
