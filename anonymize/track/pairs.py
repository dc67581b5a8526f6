"""Pairs of boxes: their overlap, and which of very many overlap, without comparing all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

PAIRS = 1 << 20
"""About how many pairs of boxes are compared at a time."""

LEAST = 1e-9
"""Least area of a box in a division."""

Boxes = NDArray[np.floating[Any]]
F = TypeVar("F", bound=np.floating[Any])


def shares(a: NDArray[F], b: NDArray[F]) -> tuple[NDArray[F], NDArray[F]]:
    """Intersection over union, and intersection over the smaller area, of boxes (..., 4), broadcast."""
    side = np.maximum(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0)
    shared = side[..., 0] * side[..., 1]
    area_a, area_b = area(a), area(b)
    union, smaller = area_a + area_b - shared, np.minimum(area_a, area_b)
    return shared / np.maximum(union, LEAST), shared / np.maximum(smaller, LEAST)


def iou(a: NDArray[F], b: NDArray[F]) -> NDArray[F]:
    """Intersection over union of boxes (..., 4), broadcast."""
    return shares(a, b)[0]


def area(boxes: NDArray[F]) -> NDArray[F]:
    """Areas (...) of boxes (..., 4)."""
    side = boxes[..., 2:] - boxes[..., :2]
    return side[..., 0] * side[..., 1]


def meetings(some: Boxes, boxes: Boxes) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """The pairs of boxes that overlap; only those that overlap along one axis are compared.

    Args:
        some: (N, 4).
        boxes: (M, 4).

    Yields:
        In batches of about `PAIRS` comparisons: one past the last row of `some` in the batch, and for each pair, in no
        particular order, its row of `some` and its row of `boxes`.
    """
    axis, counts = min(((axis, _met(some, boxes, axis)) for axis in (0, 1)), key=lambda way: int(way[1].sum()))
    upto, start = np.cumsum(counts), 0
    while start < len(some):
        before = int(upto[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(upto, before + PAIRS, "right")))
        one, other = _in_line(some[start:end], boxes, axis)
        one += start
        across = np.minimum(some[one, 3 - axis], boxes[other, 3 - axis])
        meet = across > np.maximum(some[one, 1 - axis], boxes[other, 1 - axis])
        yield end, one[meet], other[meet]
        start = end


def _met(some: Boxes, boxes: Boxes, axis: int) -> NDArray[np.intp]:
    """(N,) how many of `boxes` each of `some` overlaps along an axis: those that begin before it ends, less those that
    end before it begins."""
    begun = np.searchsorted(np.sort(boxes[:, axis]), some[:, axis + 2])
    return begun - np.searchsorted(np.sort(boxes[:, axis + 2]), some[:, axis], "right")


def _in_line(some: Boxes, boxes: Boxes, axis: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairs that overlap along an axis, each once: one of the two begins within the other."""
    one, other = _beginning(some, boxes, axis, "left")
    others, ones = _beginning(boxes, some, axis, "right")
    return np.concatenate([one, ones]), np.concatenate([other, others])


def _beginning(
    a: Boxes, b: Boxes, axis: int, side: Literal["left", "right"]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairs (row of `a`, row of `b`) in which the second begins within the first; equal starts only for "left"."""
    order = np.argsort(b[:, axis])
    starts = b[order, axis]
    first, last = np.searchsorted(starts, a[:, axis], side), np.searchsorted(starts, a[:, axis + 2])
    counts = np.maximum(last - first, 0)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(a)), counts), order[np.repeat(first, counts) + within]


def connected(group: NDArray[np.intp], one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
    """(N,) for each row the smallest row in its connected component.

    Args:
        group: (N,) the components so far, from this function; at first each row's own number.
        one, other: (M,) rows of the pairs that connect.
    """
    apart = group[one] != group[other]
    one, other = one[apart], other[apart]
    while True:
        reached = group.copy()
        np.minimum.at(reached, group[one], group[other])  # of whole groups, so that long chains take few rounds
        np.minimum.at(reached, group[other], group[one])
        reached = reached[reached]
        if (reached == group).all():
            return group
        group = reached
