"""Padding: the area that is drawn over a box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Shape
from anonymize.settings import Appearance

_TOUCH = 2.0
"""A box within this many pixels of the picture's border counts as cut off by it."""
_BEYOND = 0.5
"""Share of its side by which a box that is cut off is extended past the border."""

_ROUND = 1.2
"""The least an ellipse is wider and higher than the box of something round, whose corners do not matter."""


def outline(box: Box, appearance: Appearance, width: int, height: int) -> Box:
    """The bounding box of what is drawn over a box.

    The box is padded on every side. If it touches the picture's border, its subject is assumed to continue outside, so
    it is first extended past the border. An ellipse is drawn inscribed in the result, which is therefore grown about
    its centre until the inscribed ellipse contains all of the unpadded box; if its corners do not matter, until it is
    a tenth wider on each side, however small the padding.

    Args:
        box: in upright pixels.
        appearance: padding, shape and whether the corners matter.
        width, height: of the picture in pixels.
    """
    x0, x1 = _extended(box[0], box[2], width)
    y0, y1 = _extended(box[1], box[3], height)
    pad_x, pad_y = appearance.padding * (x1 - x0), appearance.padding * (y1 - y0)
    centre, half = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0]) / 2 + [pad_x, pad_y]
    if appearance.shape is Shape.ELLIPSE:
        side = np.array([x1 - x0, y1 - y0]) / 2 / half
        half = half * max(1.0, float(np.hypot(*side)) if appearance.corners else _ROUND * float(side.max()))
    (left, top), (right, bottom) = (centre - half).tolist(), (centre + half).tolist()
    return left, top, right, bottom


def undrawn(outlines: NDArray[np.float64], appearance: Appearance) -> NDArray[np.float64]:
    """The inverse of `outline`: boxes (N, 4) for `outlines` (N, 4), including any extension past the border."""
    share = 1 + 2 * appearance.padding
    if appearance.shape is Shape.ELLIPSE:
        share = max(share, float(np.sqrt(2)) if appearance.corners else _ROUND)
    centre, half = (outlines[:, :2] + outlines[:, 2:]) / 2, (outlines[:, 2:] - outlines[:, :2]) / (2 * share)
    return np.concatenate([centre - half, centre + half], axis=1)


def _extended(low: float, high: float, size: int) -> tuple[float, float]:
    """The interval, extended past 0 or `size` by half its length if it touches one."""
    beyond = _BEYOND * (high - low)
    return (min(low, -beyond) if low <= _TOUCH else low), (max(high, size + beyond) if high >= size - _TOUCH else high)
