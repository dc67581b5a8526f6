"""The network's outputs as boxes: numpy only, so that `anonymize.detect` can do the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.geometry import Boxes, iou
from training.model_constants import STRIDE

Found = tuple[Boxes, npt.NDArray[np.float32], npt.NDArray[np.int64]]
"""Boxes in pixels of the input (xyxy, half-open), scores, and kinds (0 face, 1 plate); best score first."""


def decode(
    scores: npt.NDArray[np.float32],
    distances: npt.NDArray[np.float32],
    thresholds: tuple[float, ...],
    overlap: float = 0.45,
) -> Found:
    """Boxes of one picture.

    Args:
        scores: `(kinds, rows, columns)`, zero off the peaks.
        distances: `(4, rows, columns)`, the logarithm of the distance in cells from a cell's centre to the left, top,
            right and bottom edge.
        thresholds: least score, one for each kind.
        overlap: of two boxes of one kind that share this much of their union, the better scored stays.
    """
    keep = scores >= np.asarray(thresholds, dtype=np.float32)[:, None, None]
    kind, row, column = np.nonzero(keep)
    score = scores[kind, row, column]
    away = np.exp(np.minimum(distances[:, row, column], 8.0)) * STRIDE
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    boxes = np.stack([x - away[0], y - away[1], x + away[2], y + away[3]], axis=1).astype(np.float32)
    order = np.argsort(-score, kind="stable")
    boxes, score, kind = boxes[order], score[order], kind[order]
    kept = _suppress(boxes, kind, overlap)
    return boxes[kept], score[kept], kind[kept]


def _suppress(boxes: Boxes, kinds: npt.NDArray[np.int64], overlap: float) -> npt.NDArray[np.bool_]:
    """Which boxes stay, given best first, when a better one of the same kind overlaps them too much."""
    clash = (iou(boxes, boxes) >= overlap) & (kinds[:, None] == kinds[None, :])
    kept = np.ones(len(boxes), dtype=np.bool_)
    for i in range(len(boxes)):
        if kept[i]:
            kept[i + 1 :] &= ~clash[i, i + 1 :]
    return kept
