"""What the network should say about a crop: heat around each centre, edges near it, and where neither counts.

After TTFNet (arXiv 1909.00700): the heat is a Gaussian with the box's aspect, and every cell under it learns the edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.geometry import Boxes
from training.model_constants import STRIDE

SPREAD = 0.54
"""Share of a box's width and height that its Gaussian's three-sigma reach covers."""

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labels:
    """Boxes and areas to ignore, in pixels of a crop; kinds are indices."""

    boxes: Boxes
    kinds: npt.NDArray[np.int64]
    ignored: Boxes
    ignored_kinds: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TargetMaps:
    """`heat`, `counts`, `weight` `(kinds, rows, columns)`, `edges` `(kinds, 4, rows, columns)` in pixels."""

    heat: Array
    counts: Array
    edges: Array
    weight: Array


def make_targets(labels: Labels, kinds: int, height: int, width: int) -> TargetMaps:
    """Targets of one crop of `height` x `width` pixels."""
    rows, columns = height // STRIDE, width // STRIDE
    heat = np.zeros((kinds, rows, columns), np.float32)
    counts = np.ones((kinds, rows, columns), np.float32)
    edges = np.zeros((kinds, 4, rows, columns), np.float32)
    weight = np.zeros((kinds, rows, columns), np.float32)
    for kind, (x0, y0, x1, y1) in zip(labels.ignored_kinds, labels.ignored, strict=True):
        counts[kind, _cells(y0, y1, rows), _cells(x0, x1, columns)] = 0
    sizes = (labels.boxes[:, 2] - labels.boxes[:, 0]) * (labels.boxes[:, 3] - labels.boxes[:, 1])
    for i in np.argsort(-sizes):
        kind = labels.kinds[i]
        _draw(heat[kind], counts[kind], edges[kind], weight[kind], labels.boxes[i])
    return TargetMaps(heat, counts, edges, weight)


def _cells(low: float, high: float, count: int) -> slice:
    """The cells that a stretch of pixels touches."""
    return slice(max(0, int(low // STRIDE)), min(count, max(0, int(-(-high // STRIDE)))))


def _draw(heat: Array, counts: Array, edges: Array, weight: Array, box: npt.NDArray[np.float32]) -> None:
    """Adds one box; smaller ones of its kind come later and take the cells they share.

    On its bell and one cell around, the heat counts even where an area to ignore lies over the box.
    """
    rows, columns = heat.shape
    w, h = box[2] - box[0], box[3] - box[1]
    cx = min(columns - 1, max(0, int((box[0] + box[2]) / 2 // STRIDE)))
    cy = min(rows - 1, max(0, int((box[1] + box[3]) / 2 // STRIDE)))
    reach_x, reach_y = int(SPREAD * w / 2 / STRIDE), int(SPREAD * h / 2 / STRIDE)
    x = np.arange(max(0, cx - reach_x), min(columns, cx + reach_x + 1))
    y = np.arange(max(0, cy - reach_y), min(rows, cy + reach_y + 1))
    sigma_x, sigma_y = (2 * reach_x + 1) / 6, (2 * reach_y + 1) / 6
    bell = np.exp(-((x - cx) ** 2) / (2 * sigma_x**2))[None, :] * np.exp(-((y - cy) ** 2) / (2 * sigma_y**2))[:, None]
    area = np.ix_(y, x)
    heat[area] = np.maximum(heat[area], bell)
    counts[max(0, y[0] - 1) : y[-1] + 2, max(0, x[0] - 1) : x[-1] + 2] = 1
    edges[:, y[:, None], x[None, :]] = box[:, None, None]
    weight[area] = bell / bell.sum()
