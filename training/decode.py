"""Boxes from an exported net's outputs, of the first edition (face and plate, one shared box) and of those since."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.geometry import Boxes, as_boxes, floats, iou
from training.model_constants import STRIDE
from training.sources import KINDS

FIRST_EDITION = ("face", "plate")
"""Kinds of the heat maps of files that don't say theirs."""
OVERLAP = 0.45
"""Of two boxes of one kind that share this much of their union, the better one stays."""
PLATE_POWER = 0.75
"""Raw scores of plates are raised to this power, as the product does (`anonymize.detect.argus`)."""

Array = npt.NDArray[np.float32]
Found = tuple[Boxes, Array, npt.NDArray[np.int64]]
"""Boxes, scores and kinds (indices into `sources.KINDS`); best score first."""


def decode(scores: Array, distances: Array, names: tuple[str, ...] = KINDS, floor: float = 0.05) -> Found:
    """What a net found.

    Args:
        scores: `(kinds, rows, columns)`, zero off the peaks.
        distances: `(4, rows, columns)` for all kinds, or `(4 * kinds, rows, columns)`.
        names: the kind of each heat map.
        floor: least score.
    """
    shared = len(distances) == 4
    parts = []
    for number, name in enumerate(names):
        score = scores[number] ** np.float32(PLATE_POWER if name == "plate" else 1)
        rows, columns = np.nonzero(score >= floor)
        own = distances if shared else distances[4 * number : 4 * number + 4]
        left, top, right, bottom = np.exp(np.minimum(own[:, rows, columns], 8)) * STRIDE
        x, y = (columns + 0.5) * STRIDE, (rows + 0.5) * STRIDE
        boxes = as_boxes(np.stack([x - left, y - top, x + right, y + bottom], axis=1))
        kept = suppress(boxes, score[rows, columns])
        parts.append((boxes[kept], score[rows, columns][kept], np.full(len(kept), KINDS.index(name))))
    boxes, found, kinds = (np.concatenate([part[i] for part in parts]) for i in range(3))
    order = np.argsort(-found, kind="stable")
    return boxes[order], floats(found[order]), np.asarray(kinds[order], dtype=np.int64)


def suppress(boxes: Boxes, scores: Array, at: float = OVERLAP) -> list[int]:
    """Which boxes of one kind stay, best first."""
    kept: list[int] = []
    overlap = iou(boxes, boxes)
    for i in np.argsort(-scores, kind="stable"):
        if not kept or overlap[i, kept].max() < at:
            kept.append(int(i))
    return kept
