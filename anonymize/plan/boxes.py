"""The boxes of one track, frame by frame, and how they follow a box that a person sets.

*Anchors* are the frames on which a track's box was found or set by hand; between them it is inferred, and follows when
one of them moves (key frames and interpolation, as in CVAT).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind, Region, Shape, Why
from anonymize.plan.regions import WHYS

Floats = NDArray[np.float64]


class Rows(NamedTuple):
    """A track, frame by frame: N rows, ascending."""

    frame: NDArray[np.int64]
    xyxy: Floats
    """(N, 4), padding included."""
    score: Floats
    why: NDArray[np.uint8]
    """Positions in `WHYS`."""
    anchor: NDArray[np.bool_]
    kind: Kind
    shape: Shape
    polygon: tuple[tuple[float, float], ...] = ()

    def at(self, which: NDArray[Any]) -> Rows:
        """Some of the rows."""
        return self._replace(
            frame=self.frame[which],
            xyxy=self.xyxy[which],
            score=self.score[which],
            why=self.why[which],
            anchor=self.anchor[which],
        )


MANUAL = WHYS.index(Why.MANUAL)
DETECTED = WHYS.index(Why.DETECTED)


def by_hand(first: int, boxes: Sequence[Box], kind: Kind, shape: Shape) -> Rows:
    """The rows of a track that a person drew: `boxes` on the frames from `first` on, the first one an anchor."""
    count = len(boxes)
    return Rows(
        frame=np.arange(first, first + count),
        xyxy=np.array(boxes, np.float64).reshape(-1, 4),
        score=np.ones(count),
        why=np.full(count, MANUAL, np.uint8),
        anchor=np.arange(count) == 0,
        kind=kind,
        shape=shape,
    )


def placed(rows: Rows, first: int, boxes: Floats) -> Rows:
    """`rows` with `boxes` (N, 4) on the frames from `first` on.

    The first and the last of them are anchors. Frames up to the nearest anchors on both sides follow, by a share that
    falls to nothing there; where there is no anchor on a side, the whole side follows. Gaps up to the track are filled.
    """
    frames = np.arange(first, first + len(boxes))
    low, high = int(min(frames[0], rows.frame[0])), int(max(frames[-1], rows.frame[-1]))
    gap = np.setdiff1d(np.arange(low, high + 1), rows.frame)
    outside = gap[(gap > rows.frame[-1]) | (gap < rows.frame[0])]
    rows = _extended(rows, np.union1d(np.intersect1d(frames, gap), outside))
    moved, anchor, why = rows.xyxy.copy(), rows.anchor.copy(), rows.why.copy()
    at = np.searchsorted(rows.frame, frames)
    start, stop = boxes[0] - moved[at[0]], boxes[-1] - moved[at[-1]]
    anchors = rows.frame[anchor]
    _follow(rows.frame, moved, int(frames[0]), start, anchors, back=True)
    _follow(rows.frame, moved, int(frames[-1]), stop, anchors, back=False)
    moved[at] = boxes
    why[at] = MANUAL
    anchor[at] = False
    anchor[at[[0, -1]]] = True
    return rows._replace(xyxy=moved, anchor=anchor, why=why)


def _follow(
    frame: NDArray[np.int64], boxes: Floats, at: int, by: Floats, anchors: NDArray[np.int64], *, back: bool
) -> None:
    """Move `boxes` before (`back`) or after the frame `at` by a falling share of `by` (4,), up to the next anchor."""
    if back:
        until = anchors[bisect_left(anchors, at) - 1] if bisect_left(anchors, at) else None
        some = np.flatnonzero((frame < at) & (frame > (until if until is not None else -1)))
    else:
        after = bisect_right(anchors, at)
        until = anchors[after] if after < len(anchors) else None
        some = np.flatnonzero((frame > at) & ((frame < until) if until is not None else True))
    share = np.ones(len(some)) if until is None else np.abs(frame[some] - until) / abs(at - int(until))
    boxes[some] = _whole(boxes[some] + share[:, None] * by, boxes[some])


def _whole(moved: Floats, before: Floats) -> Floats:
    """`moved` (N, 4); a box that its neighbour's change of size turned inside out keeps the size it had `before`."""
    middle, side = (moved[:, :2] + moved[:, 2:]) / 2, before[:, 2:] - before[:, :2]
    kept = np.hstack([middle - side / 2, middle + side / 2])
    small = moved[:, 2:] - moved[:, :2] < np.minimum(side, 1.0)
    return np.where(np.hstack([small, small]), kept, moved)


def _extended(rows: Rows, frames: NDArray[np.int64]) -> Rows:
    """`rows` with further `frames`, on which the box is that of the nearest row; by hand."""
    if not len(frames):
        return rows
    right = np.clip(np.searchsorted(rows.frame, frames), 0, len(rows.frame) - 1)
    left = np.maximum(right - 1, 0)
    near = np.where(np.abs(rows.frame[left] - frames) <= np.abs(rows.frame[right] - frames), left, right)
    joined = rows._replace(
        frame=np.concatenate([rows.frame, frames]),
        xyxy=np.concatenate([rows.xyxy, rows.xyxy[near]]),
        score=np.concatenate([rows.score, np.ones(len(frames))]),
        why=np.concatenate([rows.why, np.full(len(frames), MANUAL, np.uint8)]),
        anchor=np.concatenate([rows.anchor, np.zeros(len(frames), bool)]),
    )
    return joined.at(np.argsort(joined.frame, kind="stable"))


def merged(one: Rows, other: Rows) -> Rows:
    """The rows of both; on common frames the hull of their boxes, and the higher score."""
    both = one._replace(
        frame=np.concatenate([one.frame, other.frame]),
        xyxy=np.concatenate([one.xyxy, other.xyxy]),
        score=np.concatenate([one.score, other.score]),
        why=np.concatenate([one.why, other.why]),
        anchor=np.concatenate([one.anchor, other.anchor]),
    )
    both = both.at(np.argsort(both.frame, kind="stable"))
    starts = np.flatnonzero(np.diff(both.frame, prepend=both.frame[0] - 1))
    return both.at(starts)._replace(
        xyxy=np.hstack([np.minimum.reduceat(both.xyxy[:, :2], starts), np.maximum.reduceat(both.xyxy[:, 2:], starts)]),
        score=np.maximum.reduceat(both.score, starts),
        anchor=np.logical_or.reduceat(both.anchor, starts),
    )


def regions(track: int, rows: Rows) -> Iterator[tuple[int, int, Region]]:
    """The rows of a plan for a track: first frame, end, region; equal boxes on successive frames make one row."""
    if not len(rows.frame):
        return
    xyxy, score = np.round(rows.xyxy, 2), np.round(rows.score, 3)
    same = (np.diff(rows.frame) == 1) & (np.diff(xyxy, axis=0) == 0).all(axis=1)
    same &= (np.diff(score) == 0) & (np.diff(rows.why.astype(int)) == 0) & (rows.why[1:] == MANUAL)
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    ends = np.concatenate([starts[1:], [len(rows.frame)]]) - 1
    for start, last in zip(starts.tolist(), ends.tolist(), strict=True):
        x0, y0, x1, y1 = xyxy[start].tolist()
        region = Region(
            xyxy=(x0, y0, x1, y1),
            kind=rows.kind,
            why=WHYS[rows.why[start]],
            track=track,
            shape=rows.shape,
            polygon=rows.polygon,
            score=float(score[start]),
        )
        yield int(rows.frame[start]), int(rows.frame[last]) + 1, region
