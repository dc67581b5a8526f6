"""Whether the detail of a part of a picture survived: 4x4 cells of a box, 16x16 blocks of the rest.

Detail is the high-passed luma. Nothing here depends on videos, truth or detectors.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box

Luma = NDArray[np.uint8]
"""(height, width), upright, full range."""
Detail = NDArray[np.float32]

CELLS = 4
"""A truth box is cut into CELLS x CELLS."""
BLOCK = 16
"""Side in pixels of the blocks that collateral is measured on."""
DETAIL = 2.0
"""Minimum standard deviation, in 8-bit steps, of an informative cell or block."""
KEPT, ALIKE = 0.3, 0.5
"""A cell survives with more than this share of its detail, and more than this correlation."""
GROWTH = 0.6
"""Share of its width and height by which a truth box grows on every side; collateral is measured outside that."""


def survival(original: Luma, redacted: Luma, box: Box) -> tuple[int, int]:
    """Count the cells of `box` that are informative in `original`, and those of them that survive in `redacted`.

    Both pictures have the same shape; `box` lies within them. A box under 4 pixels wide or high has no cells.
    """
    x0, y0, x1, y1 = (round(v) for v in box)
    width, height = x1 - x0, y1 - y0
    if min(width, height) < CELLS:
        return 0, 0
    sigma = max(1.0, min(width, height) / 12)
    margin = ceil(3 * sigma)
    top, left = max(0, y0 - margin), max(0, x0 - margin)
    around = np.s_[top : y1 + margin, left : x1 + margin]
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    before = _high_pass(original[around], sigma)[inside]
    after = _high_pass(redacted[around], sigma)[inside]
    rows, columns = (np.arange(CELLS) * side // CELLS for side in (height, width))

    def mean(values: Detail) -> Detail:
        sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
        areas = np.outer(np.diff(rows, append=height), np.diff(columns, append=width))
        return np.asarray(sums / areas, np.float32)

    informative, survives = _compare(mean, before, after)
    return int(informative.sum()), int((informative & survives).sum())


def collateral(original: Luma, redacted: Luma, boxes: Iterable[Box]) -> tuple[int, int]:
    """Count the informative blocks outside all `boxes` grown by `GROWTH`, and those of them whose detail was lost.

    Blocks that only partly fit into the picture, at its right and lower border, are left out.
    """
    rows, columns = original.shape[0] // BLOCK, original.shape[1] // BLOCK
    if not rows or not columns:
        return 0, 0
    whole = np.s_[: rows * BLOCK, : columns * BLOCK]
    before, after = (_high_pass(picture, BLOCK / 12)[whole] for picture in (original, redacted))

    def mean(values: Detail) -> Detail:
        return np.asarray(cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)

    informative, survives = _compare(mean, before, after)
    for x0, y0, x1, y1 in boxes:
        dx, dy = GROWTH * (x1 - x0), GROWTH * (y1 - y0)
        informative[
            max(0, int((y0 - dy) // BLOCK)) : max(0, ceil((y1 + dy) / BLOCK)),
            max(0, int((x0 - dx) // BLOCK)) : max(0, ceil((x1 + dx) / BLOCK)),
        ] = False
    return int(informative.sum()), int((informative & ~survives).sum())


def _high_pass(picture: Luma, sigma: float) -> Detail:
    values = picture.astype(np.float32)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _compare(mean: Any, before: Detail, after: Detail) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each cell is informative before, and whether it survives; `mean` averages over the cells."""
    mean_before, mean_after = mean(before), mean(after)
    std_before = np.sqrt(np.maximum(mean(before * before) - mean_before**2, 0))
    std_after = np.sqrt(np.maximum(mean(after * after) - mean_after**2, 0))
    covariance = mean(before * after) - mean_before * mean_after
    survives = (std_after > KEPT * std_before) & (covariance > ALIKE * std_before * std_after)
    return std_before >= DETAIL, survives


LEAKING = 0.2
"""A box leaks when more than this share of its informative cells survives."""
