"""Association of finds with subjects.

Two passes as in ByteTrack (Zhang et al., arXiv 2110.06864): strong finds are matched first, then weak ones.
Closeness is the buffered IoU of C-BIoU (Yang et al., arXiv 2211.14317): both boxes are grown before they are compared,
so that a small face that moved by its own width still matches.
"""

from __future__ import annotations

from collections.abc import Iterator

import lap
import numpy as np
from numpy.typing import NDArray

from anonymize.track.pairs import connected, iou, meetings

MOST = 1000
"""The most subjects, or finds, for which the best sum is found: up to here that takes milliseconds."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def grown(boxes: Floats, share: Floats | float) -> Floats:
    """Boxes (N, 4) with `share` (a number, or (N,)) of their side added on every side."""
    extra = np.reshape(share, (-1, 1)) * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - extra, boxes[:, 2:] + extra], axis=1)


def overlapping(a: Floats, b: Floats, least: float) -> Iterator[tuple[Indices, Indices]]:
    """The pairs of boxes with an IoU of at least `least`, which is more than 0.

    Args:
        a: (N, 4).
        b: (M, 4).
        least: an IoU.

    Yields:
        In batches, rows of `a` and rows of `b`, ordered by both.
    """
    for _, one, other in meetings(a, b):
        close = iou(a[one], b[other]) >= least
        one, other = one[close], other[close]
        order = np.lexsort((other, one))
        yield one[order], other[order]


def match(expected: Floats, slack: Floats, found: Floats, least: float = 0.2) -> list[tuple[int, int]]:
    """The pairs (subject, find) with the largest sum of IoU, each used at most once, ordered by subject.

    Only boxes that may belong together are compared, and each group connected by such pairs is solved separately
    (Jonker and Volgenant's method), which gives the same sum. Ties are broken, always in the same way for the same
    boxes in the same order. If more than `MOST` subjects or finds are connected, as in pictures made of faces, the
    closest pair is taken, then the closest of the rest, and so on; of equal pairs that of the first subject, then that
    of the first find.

    Args:
        expected: (N, 4) where the subjects should be.
        slack: (N,) share of its side by which each expected box, and every find compared with it, is grown.
        found: (M, 4).
        least: buffered IoU below which two boxes are not the same subject.
    """
    row, column, closeness = near(expected, slack, found, least)
    if not len(row):
        return []
    group = connected(np.arange(len(expected) + len(found)), row, len(expected) + column)[row]
    order = np.argsort(group, kind="stable")
    pairs: list[tuple[int, int]] = []
    for some in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        pairs += _fitted(row[some], column[some], closeness[some])
    return sorted(pairs)


def near(expected: Floats, slack: Floats, found: Floats, least: float) -> tuple[Indices, Indices, Floats]:
    """Subject, find and buffered IoU, each (P,), of the pairs that `match` chooses from, ordered by subject and find.

    See `match` for the arguments.
    """
    wide = grown(expected, slack)
    none = np.zeros(0, np.intp)
    parts = [(none, none, np.zeros(0))]
    for _, one, other in meetings(wide, grown(found, np.max(slack, initial=0))):
        closeness = iou(wide[one], grown(found[other], slack[one]))
        close = closeness >= least
        parts.append((one[close], other[close], closeness[close]))
    row, column, closeness = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((column, row))
    return row[order], column[order], closeness[order]


def _fitted(row: Indices, column: Indices, closeness: Floats) -> list[tuple[int, int]]:
    """`match` for one group of connected subjects and finds, given the pairs that may belong together."""
    if len(row) == 1:
        return list(zip(row.tolist(), column.tolist(), strict=True))
    rows, at_row = np.unique(row, return_inverse=True)
    columns, at_column = np.unique(column, return_inverse=True)
    if max(len(rows), len(columns)) > MOST:
        return closest_first(row, column, closeness)
    table = np.zeros((len(rows), len(columns)))
    table[at_row, at_column] = closeness
    _, chosen, _ = lap.lapjv(1 - table, extend_cost=True)  # scipy's takes 0.4 s to load
    return [(int(rows[r]), int(columns[c])) for r, c in enumerate(chosen.tolist()) if c >= 0 and table[r, c] > 0]


def closest_first(row: Indices, column: Indices, closeness: Floats) -> list[tuple[int, int]]:
    """Pairs in which each row and column is used at most once, the closest first; of equal ones the first."""
    pairs: list[tuple[int, int]] = []
    rows: set[int] = set()
    columns: set[int] = set()
    order = np.lexsort((column, row, -closeness))
    for r, c in zip(row[order].tolist(), column[order].tolist(), strict=True):
        if r not in rows and c not in columns:
            rows.add(r)
            columns.add(c)
            pairs.append((r, c))
    return pairs
