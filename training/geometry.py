"""Boxes as `(n, 4)` float arrays: x0, y0, x1, y1 in pixels, half-open."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from anonymize.track import pairs

Boxes = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def floats(values: object) -> Floats:
    """Numbers as a float32 array."""
    return np.asarray(values, dtype=np.float32)


def as_boxes(rows: object) -> Boxes:
    """Rows of four numbers as an `(n, 4)` float32 array; no rows give shape `(0, 4)`."""
    return np.asarray(rows, dtype=np.float32).reshape(-1, 4)


def area(boxes: Boxes) -> Floats:
    """Area of each box in square pixels; an inverted box has none."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def intersection(a: Boxes, b: Boxes) -> Floats:
    """Shared area of every pair, shape `(len(a), len(b))`."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], dtype=np.float32)


def iou(a: Boxes, b: Boxes) -> Floats:
    """Intersection over union of every pair, shape `(len(a), len(b))`."""
    return np.asarray(pairs.iou(a[:, None], b[None, :]), dtype=np.float32)


def inside(a: Boxes, b: Boxes) -> Floats:
    """Share of each box of `a` that lies in each box of `b`, shape `(len(a), len(b))`."""
    return np.asarray(intersection(a, b) / np.maximum(area(a)[:, None], 1e-9), dtype=np.float32)


def grow(boxes: Boxes, share: float) -> Boxes:
    """Each box pushed out by `share` of its width and height on every side."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return floats(boxes + sides * floats([-share, -share, share, share]))


def clip(boxes: Boxes, width: int, height: int) -> Boxes:
    """Each box cut to a picture of `width` x `height` pixels."""
    return np.asarray(np.clip(boxes, 0, [width, height, width, height]), dtype=np.float32)


def covered(truth: Boxes, found: Boxes) -> Floats:
    """Share of each truth box that the union of `found` covers, on a 32 x 32 grid of points in it."""
    steps = (np.arange(32, dtype=np.float32) + 0.5) / 32
    shares = np.zeros(len(truth), np.float32)
    for i, (x0, y0, x1, y1) in enumerate(truth):
        x, y = x0 + steps * (x1 - x0), y0 + steps * (y1 - y0)
        in_x = (x >= found[:, :1]) & (x < found[:, 2:3])
        in_y = (y >= found[:, 1:2]) & (y < found[:, 3:4])
        shares[i] = (in_y[:, :, None] & in_x[:, None, :]).any(axis=0).mean()
    return shares


def cut_out(area: Boxes, holes: Boxes) -> Boxes:
    """Boxes that together cover each box of `area` but for `holes`, one per strip of rows and gap between holes."""
    parts: list[list[float]] = []
    for x0, y0, x1, y1 in area.tolist():
        rows = sorted({y0, y1, *(float(np.clip(y, y0, y1)) for y in holes[:, [1, 3]].ravel())})
        for top, bottom in itertools.pairwise(rows):
            across = holes[(holes[:, 1] < bottom) & (holes[:, 3] > top)]
            left = x0
            for from_x, to_x in sorted(across[:, [0, 2]].tolist()):
                if from_x > left:
                    parts.append([left, top, min(from_x, x1), bottom])
                left = max(left, to_x)
            if left < x1:
                parts.append([left, top, x1, bottom])
    return as_boxes([part for part in parts if part[2] > part[0] and part[3] > part[1]])
