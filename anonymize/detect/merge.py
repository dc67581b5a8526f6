"""Several finds of one thing become one: overlaps inside a picture, between tiles, scales and detectors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind

SAME = 0.4
"""Two boxes of one kind with at least this intersection over union show the same thing."""
INSIDE = 0.8
"""So do two of which this share of the smaller lies within the larger,"""
NESTED = 0.25
"""if the smaller has at least this share of the larger's area: a face in the crook of an arm is not the arm."""
HELD = 0.8
"""A plate inside a larger one with this share of its score is the plate. In 990 right finds none was above .71."""
MOST = 1000
"""Finds of one picture that are compared with one another, the best; noise can give tens of thousands of faint ones."""
PAIRS = 1 << 20
"""Pairs of finds that are compared at a time."""
TRUSTED = 0.5
"""A find with this share of the best find's score has a say in where the common box lies."""


def overlaps(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Intersection over union, and over the smaller area, of every pair: (N, M) each, from (N, 4) and (M, 4)."""
    corner = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.clip(corner, 0, None).prod(axis=2)
    area_a, area_b = _area(a)[:, None], _area(b)[None, :]
    return shared / (area_a + area_b - shared), shared / np.minimum(area_a, area_b)


def _area(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    side = xyxy[:, 2:] - xyxy[:, :2]
    return side[:, 0] * side[:, 1]


def suppress(found: Detections, overlap: float = SAME) -> Detections:
    """Non-maximum suppression within each kind: the best of every group, best first, of the `MOST` best finds.

    Args:
        found: any detections.
        overlap: a find is dropped where a better one of its kind overlaps it by this intersection over union.
    """
    order = np.argsort(-found.score, kind="stable")[:MOST]
    found = found.select(order)
    near = (overlaps(found.xyxy, found.xyxy)[0] >= overlap) & (found.kind[:, None] == found.kind[None, :])
    alive = np.ones(len(found), bool)
    for i in range(len(found)):
        if alive[i]:
            alive[i + 1 :] &= ~near[i, i + 1 :]
    return found.select(alive)


def fuse(found: Detections) -> Detections:
    """Finds of the same thing (`SAME`, or one inside the other) become one box that covers all that are trusted.

    Between scales and detectors boxes differ by a few pixels. The common box is the union of the best find and those
    with at least `TRUSTED` of its score and `SAME` overlap, so nothing that a good find covered is uncovered. The score
    is the best one's.

    Returns:
        The fused finds, best first.
    """
    order = np.argsort(-found.score, kind="stable")
    found = found.select(order)
    alive = np.ones(len(found), bool)
    boxes = found.xyxy.copy()
    for rows in blocks(len(found)):
        rest = found.select(np.arange(rows.start, len(found)))
        same, near = _alike(found.select(np.arange(rows.start, rows.stop)), rest)
        for row in range(rows.stop - rows.start):
            i, after = rows.start + row, slice(rows.start + row + 1, None)
            if not alive[i]:
                continue
            heard = alive[rows.start :] & near[row] & (rest.score >= TRUSTED * found.score[i])
            heard[:row] = False
            boxes[i, :2] = rest.xyxy[heard, :2].min(axis=0)
            boxes[i, 2:] = rest.xyxy[heard, 2:].max(axis=0)
            alive[after] &= ~same[row, row + 1 :]
    return Detections(boxes[alive], found.score[alive], found.kind[alive])


def _alike(some: Detections, rest: Detections) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N, M) bool each: which of `rest` are the same thing as each of `some`, and which of them overlap it well."""
    union, inside = overlaps(some.xyxy, rest.xyxy)
    areas = _area(some.xyxy)[:, None], _area(rest.xyxy)[None, :]
    alike = np.minimum(*areas) >= NESTED * np.maximum(*areas)
    kin = some.kind[:, None] == rest.kind[None, :]
    return kin & ((union >= SAME) | ((inside >= INSIDE) & alike)), kin & (union >= SAME)


def blocks(count: int) -> Iterator[slice]:
    """`count` finds in such parts that comparing each with all takes little memory."""
    rows = max(1, PAIRS // max(1, count))
    return (slice(start, min(start + rows, count)) for start in range(0, count, rows))


def without_holders(found: Detections) -> Detections:
    """`found` without plates that hold a much smaller one, about as sure: the back of a van is no plate."""
    area, plate = _area(found.xyxy), found.kind == Kind.PLATE
    holds = np.zeros(len(found), bool)
    for rows in blocks(len(found)):
        _, inside = overlaps(found.xyxy[rows], found.xyxy)
        held = plate[rows, None] & plate[None, :] & (inside >= INSIDE) & (area[None, :] < NESTED * area[rows, None])
        held &= found.score[None, :] >= HELD * found.score[rows, None]
        holds[rows] = held.any(axis=1)
    return found.select(~holds)
