"""Examples and labels for the tests of training."""

from __future__ import annotations

import numpy as np

from training.geometry import as_boxes
from training.model_constants import STRIDE
from training.sources import KINDS, Example
from training.targets import Labels

FACE, HEAD, PERSON, PLATE = range(4)


def example(boxes: list[list[float]], kind: int = PLATE, source: str = "cars433", side: int = 128) -> Example:
    return Example("a.png", source, side, side, as_boxes(boxes), (kind,) * len(boxes))


def labels(boxes: list[list[float]], kind: int = PLATE, ignored: list[list[float]] | None = None) -> Labels:
    areas = as_boxes(ignored or [])
    return Labels(as_boxes(boxes), np.full(len(boxes), kind), areas, np.full(len(areas), kind))


def outputs_saying(boxes: list[list[float]], kind: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """What a perfect net would put out for these boxes."""
    scores = np.zeros((len(KINDS), side // STRIDE, side // STRIDE), np.float32)
    distances = np.zeros((4 * len(KINDS), side // STRIDE, side // STRIDE), np.float32)
    for x0, y0, x1, y1 in boxes:
        column, row = int((x0 + x1) / 2 // STRIDE), int((y0 + y1) / 2 // STRIDE)
        x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
        scores[kind, row, column] = 0.9
        own = slice(4 * kind, 4 * kind + 4)
        distances[own, row, column] = np.log(np.array([x - x0, y - y0, x1 - x, y1 - y]) / STRIDE)
    return scores, distances
