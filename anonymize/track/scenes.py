"""Whether two pictures belong to one scene: how much of the later one is in the earlier one.

Their thumbnails are compared part by part: a part of the later one is *kept* if it correlates with the earlier one,
moved with the camera or not at all. Correlation ignores brightness and contrast, so that everything is kept in fades
and dips. A caption, a station's logo or bars only keep the parts that they hide: what counts is the share of the
picture that is new.
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
"""Size of one part in thumbnail pixels."""
_KEPT = 0.6
"""Correlation from which a part is kept."""
_FAINT = 0.5
"""Variance up to which a part shows nothing ..."""
_NOISE = 3.0
"""... in addition to so many times that of its noise."""
_OVERLAP = 0.5
"""Share of the picture that must have been in view before, given the camera's motion."""
_SHOWN = 0.01
"""Share of the parts that must show something, in either picture, for a scene to begin."""
_ROUGH = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""Filter that keeps noise at its strength and removes nearly everything else (Immerkaer 1996)."""


class Thumb:
    """A thumbnail, and what is computed from it once.

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
        """Whether there is anything but noise. Only noise differs so much from pixel to pixel."""

    def kept(self, other: _Parts) -> NDArray[np.bool_]:
        """(h, w) whether each part is the same in `other`, independent of brightness and contrast."""
        common = _blurred(self.pixels * other.pixels) - self.mean * other.mean
        alike = common * common > _KEPT * _KEPT * self.variance * other.variance
        return np.asarray((common > 0) & alike)


def new_share(before: Thumb, after: Thumb, affine: Floats | None = None) -> float:
    """Share of the parts of `after` that are not in `before`, among those that show anything in either.

    Args:
        before: the earlier picture.
        after: the later one, of the same size.
        affine: (2, 3) the camera's motion, from thumbnail pixels to thumbnail pixels; None if it stood still. What the
            motion brought into view, up to half of the picture, is ignored.

    Returns:
        0 if neither shows anything; 1 if the camera turned too far to tell.
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
