"""Merging several finds of the same thing: within a picture, between tiles, scales and detectors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind
from anonymize.track.pairs import area, iou, meetings, shares

SAME = 0.4
"""Two boxes of one kind with at least this intersection over union show the same thing."""
INSIDE = 0.8
"""So do two if this share of the smaller lies within the larger,"""
NESTED = 0.25
"""and the smaller has at least this share of the larger's area: a face in the crook of an arm is not the arm."""
HELD = 0.8
"""If a plate contains a smaller one with this share of its score, the smaller is the plate. Of 990 correct finds none
contained one above .71."""
MOST = 1000
"""How many finds of one picture, the best, are compared with each other; noise can give tens of thousands."""
TRUSTED = 0.5
"""A find with this share of the best find's score contributes to the common box."""


def alike(some: Detections, others: Detections, overlap: float) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The pairs of the same kind with at least this intersection over union, in batches: rows of `some` and `others`.

    There is no table of all pairs, which would take gigabytes for tens of thousands of finds.
    """
    for _, one, other in meetings(some.xyxy, others.xyxy):
        same = (iou(some.xyxy[one], others.xyxy[other]) >= overlap) & (some.kind[one] == others.kind[other])
        yield one[same], other[same]


def suppress(found: Detections, overlap: float = SAME) -> Detections:
    """Non-maximum suppression within each kind, of the `MOST` best finds; best first.

    Args:
        found: any detections.
        overlap: a find is dropped if a better one of its kind has at least this intersection over union with it.
    """
    order = np.argsort(-found.score, kind="stable")[:MOST]
    found = found.select(order)
    near = (iou(found.xyxy[:, None], found.xyxy[None, :]) >= overlap) & (found.kind[:, None] == found.kind[None, :])
    alive = np.ones(len(found), bool)
    for i in range(len(found)):
        if alive[i]:
            alive[i + 1 :] &= ~near[i, i + 1 :]
    return found.select(alive)


def fuse(found: Detections) -> Detections:
    """Merge finds of the same thing (`SAME`, or one inside the other) into one box that covers all trusted ones.

    Boxes of different scales and detectors differ by a few pixels. The common box is the union of the best find and
    those with at least `TRUSTED` of its score and `SAME` overlap, so it covers all that a good find covered. Its score
    is the best one's.

    Returns:
        The fused finds, best first.
    """
    rest = found.select(np.argsort(-found.score, kind="stable"))
    parts = [Detections.empty()]
    while len(rest):
        some, rest = _fused(rest)
        parts.append(some)
    return Detections.concatenate(parts)


def _fused(found: Detections) -> tuple[Detections, Detections]:
    """The first things among `found` (best first) as one box each, and the finds that belong to none of them."""
    rows, one, other = next(meetings(found.xyxy, found.xyxy))
    pairs = np.flatnonzero(one <= other)
    pairs = pairs[np.argsort(one[pairs], kind="stable")]
    one, other = one[pairs], other[pairs]
    union, inside = shares(found.xyxy[one], found.xyxy[other])
    areas = area(found.xyxy[one]), area(found.xyxy[other])
    alike = np.minimum(*areas) >= NESTED * np.maximum(*areas)
    kin = found.kind[one] == found.kind[other]
    near = kin & (union >= SAME)
    trusted = near & (found.score[other] >= TRUSTED * found.score[one])
    same = near | (kin & (inside >= INSIDE) & alike)
    one, other, trusted = one[same], other[same], trusted[same]
    ends = np.searchsorted(one, np.arange(rows + 1))
    alive, boxes = np.ones(len(found), bool), found.xyxy[:rows].copy()
    for row in np.flatnonzero(np.diff(ends) > 1).tolist():  # each is near itself
        if alive[row]:
            these = slice(ends[row], ends[row + 1])
            among = found.xyxy[other[these][trusted[these] & alive[other[these]]]]
            boxes[row, :2], boxes[row, 2:] = among[:, :2].min(axis=0), among[:, 2:].max(axis=0)
            alive[other[these]] = False
            alive[row] = True
    done = alive[:rows]
    whole = Detections(boxes[done], found.score[:rows][done], found.kind[:rows][done])
    return whole, found.select(rows + np.flatnonzero(alive[rows:]))


def without_holders(found: Detections) -> Detections:
    """`found` without plates that contain a much smaller one of similar score: the back of a van is not a plate."""
    areas, plates = area(found.xyxy), np.flatnonzero(found.kind == Kind.PLATE)
    holds = np.zeros(len(found), bool)
    outers, inners = _holding(found.score[plates], areas[plates])
    for some in np.array_split(inners, len(inners) // MOST + 1):
        outer, inner = (
            plates[outers[~holds[plates[outers]]]],
            plates[some],
        )  # of 10,000 in one place, few are compared twice
        for _, one, other in meetings(found.xyxy[outer], found.xyxy[inner]):
            _, inside = shares(found.xyxy[outer[one]], found.xyxy[inner[other]])
            held = (inside >= INSIDE) & (areas[inner[other]] < NESTED * areas[outer[one]])
            held &= found.score[inner[other]] >= HELD * found.score[outer[one]]
            holds[outer[one[held]]] = True
    return found.select(~holds)


def _holding(score: NDArray[np.float32], area: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which plates could contain others, and which could be contained, best first, by score and area alone."""
    order = np.argsort(area, kind="stable")
    surest = np.concatenate([np.full(1, -np.inf, np.float32), np.maximum.accumulate(score[order])])
    smaller = np.searchsorted(area[order], NESTED * area)
    outers = np.flatnonzero(surest[smaller] >= HELD * score)
    inners = np.flatnonzero(area < NESTED * area[outers].max(initial=0))
    return outers, inners[np.argsort(-score[inners], kind="stable")]
