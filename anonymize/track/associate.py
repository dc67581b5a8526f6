"""Which find belongs to which subject.

Two passes as in ByteTrack (Zhang et al., arXiv 2110.06864): strong finds choose first, weak ones take what is left.
Closeness is the buffered IoU of C-BIoU (Yang et al., arXiv 2211.14317): both boxes are grown before they are compared,
so that a small face that moved by its own width still matches.
"""

from __future__ import annotations

import lap
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def grown(boxes: Floats, share: Floats | float) -> Floats:
    """Boxes (N, 4) with `share` (one, or (N,)) of their side added on every side."""
    extra = np.reshape(share, (-1, 1)) * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - extra, boxes[:, 2:] + extra], axis=1)


def iou(a: Floats, b: Floats) -> Floats:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    area = np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None] + np.prod(b[:, 2:] - b[:, :2], axis=1)[None]
    return np.asarray(common / np.maximum(area - common, 1e-9))


def pairwise_iou(a: Floats, b: Floats) -> Floats:
    """(N,) intersection over union of each box of (N, 4) with the one of the same row of (N, 4)."""
    common = np.prod(np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0), axis=1)
    area = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1)
    return np.asarray(common / np.maximum(area - common, 1e-9))


def match(expected: Floats, slack: Floats, found: Floats, least: float = 0.2) -> list[tuple[int, int]]:
    """Pairs (subject, find) that fit best in sum (Jonker and Volgenant's method), each used at most once.

    Args:
        expected: (N, 4) where the subjects should be.
        slack: (N,) share of its side by which each expected box, and every find compared with it, is grown.
        found: (M, 4).
        least: buffered IoU below which two boxes are not the same subject.
    """
    if not len(expected) or not len(found):
        return []
    closeness = np.concatenate([iou(grown(expected[i : i + 1], s), grown(found, s)) for i, s in enumerate(slack)])
    closeness[closeness < least] = 0
    _, columns, _ = lap.lapjv(1 - closeness, extend_cost=True)  # scipy has it too, and takes 0.4 s to load
    return [(r, c) for r, c in enumerate(columns.tolist()) if c >= 0 and closeness[r, c] > 0]
