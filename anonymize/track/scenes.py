"""Whether two pictures are of one scene: how much of the later one is anywhere in the earlier one.

Both are compared on their thumbnails, part by part: a part of the later one is *kept* if it correlates with the earlier
one, moved as the camera moved or not moved at all. Correlation does not heed brightness and contrast, so that fades and
dips keep everything. A caption, a station's logo or bars keep what they hide, and no more: what counts is the share of
the picture that is new.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Grey = NDArray[np.float32]

_SIDE = 128
"""Longer side of a thumbnail."""
_PART = (9, 9)
"""Thumbnail pixels of one part."""
_KEPT = 0.6
"""Correlation from which a part is kept."""
_FAINT = 0.5
"""Variance up to which a part shows nothing ..."""
_NOISE = 3.0
"""... beside so many times that of its noise."""
_OVERLAP = 0.5
"""Share of the picture that must have been in sight before, the camera's motion considered."""
_SHOWN = 0.01
"""Share of the parts that must show something, in either picture, for a scene to begin."""
_ROUGH = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""What is left of noise, as strong as it was, and of little else (Immerkaer 1996)."""


class Thumb:
    """A thumbnail and what is worked out from it, once.

    Args:
        grey: (h, w) uint8, the picture at any size.
    """

    def __init__(self, grey: NDArray[np.uint8]) -> None:
        height, width = grey.shape
        scale = _SIDE / max(width, height)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        shrunk = cv2.resize(grey.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        self.pixels: Grey = np.asarray(shrunk, np.float32)

    @cached_property
    def level(self) -> tuple[float, float]:
        """Mean and standard deviation."""
        mean, deviation = cv2.meanStdDev(self.pixels)
        return float(mean[0, 0]), float(deviation[0, 0])

    @cached_property
    def parts(self) -> _Parts:
        """The parts around all pixels."""
        return _Parts(self.pixels)


class _Parts:
    """The part around each pixel of `pixels`, (h, w)."""

    def __init__(self, pixels: Grey) -> None:
        self.pixels = pixels
        self.mean = _blurred(pixels)
        self.variance = np.maximum(_blurred(pixels * pixels) - self.mean * self.mean, 0)
        rough = cv2.filter2D(pixels, cv2.CV_32F, _ROUGH)
        self.shows = self.variance > _FAINT + _NOISE * _blurred(rough * rough)
        """Whether there is anything but noise to see. Noise differs from pixel to pixel as nothing else does."""

    def kept(self, other: _Parts) -> NDArray[np.bool_]:
        """Whether each part is the same in `other`, whatever its brightness and contrast."""
        common = _blurred(self.pixels * other.pixels) - self.mean * other.mean
        alike = common * common > _KEPT * _KEPT * self.variance * other.variance
        return np.asarray((common > 0) & alike)


def new_share(before: Thumb, after: Thumb, affine: Floats | None = None) -> float:
    """Share of the parts of `after` that are not in `before`, among those that show anything in either.

    Args:
        before: the earlier picture.
        after: the later one, as large.
        affine: (2, 3) how the camera moved, from thumbnail pixels to thumbnail pixels; None if it stood still. What it
            brought into sight is left out of account, up to half of the picture.

    Returns:
        0 where neither shows anything; 1 if the camera turned too far to tell.
    """
    kept, shows = after.parts.kept(before.parts), before.parts.shows | after.parts.shows
    if affine is not None:
        size = (after.pixels.shape[1], after.pixels.shape[0])
        inside = cv2.warpAffine(np.ones_like(before.pixels), affine, size)
        seen = np.asarray(cv2.erode(inside, np.ones(_PART, np.uint8)) > 0.999)
        if seen.mean() < _OVERLAP:
            return 1.0
        moved = _Parts(np.asarray(cv2.warpAffine(before.pixels, affine, size), np.float32))
        kept, shows = kept | after.parts.kept(moved), (moved.shows | after.parts.shows) & seen
    shown = np.count_nonzero(shows)
    return 1 - np.count_nonzero(kept & shows) / shown if shown >= _SHOWN * shows.size else 0.0


def _blurred(values: Grey) -> Grey:
    return np.asarray(cv2.blur(values, _PART), np.float32)
