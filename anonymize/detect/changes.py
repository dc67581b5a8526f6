"""Which parts of the picture changed since detectors last ran on them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Frame

BLOCK = 16
"""Side in pixels of the blocks that are compared: no wanted face or plate is much smaller."""
SHRINK = 2
"""Factor by which frames are scaled down before they are compared."""
NOISIEST = 3.5
"""Grey levels. If half of the blocks differ by more, it is not noise: the camera moves, or the light changes."""
ABOVE, LEAST = 2.0, 1.2
"""A block changed if it differs by more than this many times the noise plus so many grey levels. Noise after coding
varies a lot between blocks: the noisiest of thousands reach that."""

Mask = NDArray[np.bool_]
"""(rows, columns): one value for each block of the frame; those at the right and lower border may be smaller."""


class Changes:
    """Compares each block of a frame with its content when detectors last ran on it.

    A block's difference is the mean absolute difference of its grey values, averaged two by two. Noise is the median
    difference of all blocks. Slow changes add up until they count, since a block is compared with its content at the
    last detection, however long ago.
    """

    def __init__(self) -> None:
        self._known: NDArray[np.uint8] | None = None
        self._now: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)

    def see(self, frame: Frame) -> Mask:
        """Take the next frame. Return the blocks that changed since detectors ran on them; all of them at first."""
        self._now = frame.luma(max(1, frame.width // SHRINK), max(1, frame.height // SHRINK))
        if self._known is None or self._known.shape != self._now.shape:
            self._known = None
            return np.ones(_blocks(self._now), bool)
        differ = _block_means(np.asarray(cv2.absdiff(self._now, self._known), np.uint8))
        noise = float(np.median(differ))
        return np.asarray(differ > ABOVE * noise + LEAST) | (noise > NOISIEST)

    def detected(self, where: Mask | None = None) -> None:
        """Record that detectors ran on the latest frame: on the blocks `where`, or on all of it."""
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
    """(rows, columns) the mean of every block; blocks cut by the border are filled by reflection."""
    rows, columns = _blocks(picture)
    side = BLOCK // SHRINK
    below, right = rows * side - picture.shape[0], columns * side - picture.shape[1]
    whole = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT) if below or right else picture
    return cv2.resize(whole.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
