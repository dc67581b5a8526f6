"""One face or plate over time, while it is being followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Kind, Track, Why
from anonymize.track.associate import grown
from anonymize.track.history import Drift
from anonymize.track.motion import Picture
from anonymize.track.pairs import iou

Floats = NDArray[np.float64]

MOST_GROWTH = 0.35
"""Share of its side by which a box grows on every side when nobody knows where exactly its subject went, at most."""
_MOSTLY = 0.7
"""Share of their common frames on which two tracks of one subject overlap, at least."""
_DISAGREE = 0.3
"""Share of its side by which each edge of a box may follow another find's."""
_SWELL = 1.15
"""Factor by which a box may take on the size of its neighbours in time, at most."""


@dataclass(slots=True, eq=False)
class Trajectory:
    """Boxes from frame `first` on, one a frame without gaps, in upright pixels; some of them finds.

    `cover` holds each row, and what the finds before and after it, carried to its frame, say besides: detectors do not
    agree with themselves about where a face ends. `doubt` says of each row how far, as a share of its side, the box may
    be off: 0 where it was found.
    """

    id: int
    kind: Kind
    first: int
    rows: list[Floats]
    cover: list[Floats]
    doubt: list[float]
    finds: dict[int, float]
    """Frame index → score, ascending."""
    last_time: float
    """When it was last found, seconds."""
    held_to: int
    """One past the last frame that is covered if it is not found again."""
    patch: Picture | None = None
    """What it looked like when last found."""
    drift: Drift = field(default_factory=Drift)
    """How it moves by itself."""
    begun: int = -1
    """The frame of the first find."""
    taken: int = 0
    """Frames before this one were packed into tracks already."""
    count: int = 1
    """Finds so far, forgotten ones included."""
    sure: bool = False
    """Its finds are good enough, or agree well enough, for it to be covered for long where no look finds it."""
    evidence: float = 0.0
    """What its scores came to, at most, over a few looks."""
    gone: bool = False
    """It is so far outside the picture, or so long out of sight, that it is not followed any more."""

    def __post_init__(self) -> None:
        self.begun = self.seen_last

    @property
    def trusted(self) -> bool:
        """Whether it is a subject: it had a strong find, or several weak ones that agree."""
        return self.id >= 0

    @property
    def end(self) -> int:
        """One past the last frame with a row."""
        return self.first + len(self.rows)

    @property
    def seen_last(self) -> int:
        """The frame of the last find."""
        return next(reversed(self.finds))

    def meet(self, index: int, box: Floats, score: float, clock: Floats, back: tuple[Floats, Floats] | None) -> None:
        """Take a find: the rows since the last one are bent so that they end in it.

        Args:
            index: its frame, after the last find's and not after the last row's.
            box: (4,) upright pixels.
            score: the detector's.
            clock: (N,) seconds of the frames from the last find's to `index`, both included.
            back: (N, 4) boxes and (N,) doubt on the same frames, as the pictures give them when followed backward from
                the find. If given, the way there and the way back are blended, each trusted where it began.
        """
        for rows in (self.rows, self.cover, self.doubt):
            del rows[index + 1 - self.first :]
        start = self.seen_last - self.first
        there, doubt = np.array(self.rows[start:]), np.array(self.doubt[start:])
        share = ((clock - clock[0]) / max(clock[-1] - clock[0], 1e-9))[:, None]
        if back is None:
            path, come = _bent(there, box, share), _bent(there, box, np.ones_like(share))
            doubt = np.minimum(doubt, doubt[-1] - doubt)
        else:
            come = back[0]
            path, doubt = (1 - share) * there + share * come, np.minimum(doubt, back[1])
        path[-1], doubt[-1] = box, 0.0
        self.rows[start + 1 :] = list(path[1:])
        self.cover[start:] = list(_hull(np.array(self.cover[start:]), _near(path, there), _near(path, come)))
        self.doubt[start + 1 :] = doubt[1:].tolist()
        self.finds[index] = score
        self.count += 1
        self.last_time = float(clock[-1])
        self.held_to = index + 1

    def precede(self, path: Sequence[tuple[Floats, float]]) -> None:
        """Put boxes and their doubt before the first row, the latest one first."""
        self.first -= len(path)
        self.rows[:0] = [box for box, _ in reversed(path)]
        self.cover[:0] = [box for box, _ in reversed(path)]
        self.doubt[:0] = [doubt for _, doubt in reversed(path)]

    def trim(self, index: int) -> None:
        """Forget frames before `index`, except what a later find may still bend."""
        drop = min(index, self.seen_last) - self.first
        if drop > 0:
            for rows in (self.rows, self.cover, self.doubt):
                del rows[:drop]
            self.first += drop
            last = max((i for i in self.finds if i < self.first), default=self.first)  # may be covered until later
            self.finds = {i: score for i, score in self.finds.items() if i >= last}

    def accompanies(self, other: Trajectory, alike: float) -> bool:
        """Whether it was where `other` was (IoU of `alike` or more) on most of the frames they share."""
        start, end = max(self.first, other.first), min(self.end, other.end)
        mine = np.array(self.rows[start - self.first : end - self.first]).reshape(-1, 4)
        its = np.array(other.rows[start - other.first : end - other.first]).reshape(-1, 4)
        return len(mine) > 0 and float(np.mean(iou(mine, its) >= alike)) >= _MOSTLY

    def fuse(self, other: Trajectory) -> None:
        """Take over the rows and finds of a subject that began no earlier: on common frames the box holds both."""
        shift = other.first - self.first
        common = min(self.end, other.end) - other.first
        for mine, its in ((self.rows, other.rows), (self.cover, other.cover)):
            mine[shift:] = [*_hull(np.array(mine[shift:][:common]), np.array(its[:common])), *its[common:]]
        least = np.minimum(self.doubt[shift:][:common], other.doubt[:common])
        self.doubt[shift:] = [*least.tolist(), *other.doubt[common:]]
        scores = {i: max(self.finds.get(i, 0.0), other.finds.get(i, 0.0)) for i in {*self.finds, *other.finds}}
        self.finds = dict(sorted(scores.items()))
        self.begun = min(self.begun, other.begun)
        self.count += other.count
        self.sure |= other.sure
        self.evidence = max(self.evidence, other.evidence)
        self.last_time = max(self.last_time, other.last_time)
        self.held_to = max(self.held_to, other.held_to)

    def track(self, start: int, stop: int, reach: int) -> Track | None:
        """What is to be covered on the frames ``start <= index < stop``, or None if nothing is.

        Args:
            start, stop: frame indices.
            reach: frames over which a box takes the largest size of its neighbours in time, so that a detector's
                jitter never makes it too small.
        """
        first, end = max(self.first, start), min(self.end, stop)
        if first >= end:
            return None
        boxes = self._covering(first, end, reach)
        indices = np.arange(first, end)
        seen = np.fromiter(self.finds, int)
        scores = np.fromiter(self.finds.values(), float)
        right = np.clip(np.searchsorted(seen, indices), 1, max(len(seen) - 1, 1))
        left = right - 1
        right = np.minimum(right, len(seen) - 1)
        nearest = np.where(np.abs(seen[right] - indices) < np.abs(indices - seen[left]), right, left)
        return Track(
            id=self.id,
            kind=self.kind,
            first=first,
            xyxy=boxes.astype(np.float32),
            score=scores[nearest].astype(np.float32),
            why=tuple(self._why(i) for i in range(first, end)),
        )

    def _covering(self, first: int, end: int, reach: int) -> Floats:
        """The boxes to cover on frames ``first <= index < end``: grown by doubt and to their neighbours' size."""
        low, high = max(first - reach, self.first), min(end + reach, self.end)
        rows = slice(low - self.first, high - self.first)
        boxes = grown(_swollen(np.array(self.cover[rows]), reach), np.minimum(self.doubt[rows], MOST_GROWTH))
        return boxes[first - low : end - low]

    def _why(self, index: int) -> Why:
        if index in self.finds:
            return Why.DETECTED
        return Why.INTERPOLATED if self.begun < index < self.seen_last else Why.HELD


def _bent(path: Floats, box: Floats, share: Floats) -> Floats:
    """`path` (N, 4) with centre and log size corrected by `share` (N, 1) of what its end lacks to reach `box`."""
    centre, size = (path[:, :2] + path[:, 2:]) / 2, path[:, 2:] - path[:, :2]
    centre = centre + share * ((box[:2] + box[2:]) / 2 - centre[-1])
    half = size * ((box[2:] - box[:2]) / size[-1]) ** share / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _near(boxes: Floats, other: Floats) -> Floats:
    """`other` (N, 4), each edge at most `_DISAGREE` of a side away from that of `boxes` (N, 4)."""
    most = _DISAGREE * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return np.clip(other, boxes - most, boxes + most)


def _hull(*boxes: Floats) -> Floats:
    """(N, 4) smallest boxes that hold the ones of the same row of each of `boxes` (N, 4)."""
    low, high = np.min([b[:, :2] for b in boxes], axis=0), np.max([b[:, 2:] for b in boxes], axis=0)
    return np.concatenate([low, high], axis=1)


def _swollen(boxes: Floats, reach: int) -> Floats:
    """Boxes (N, 4) about the same centres with the largest size within `reach` rows, at most `_SWELL` times theirs."""
    size = boxes[:, 2:] - boxes[:, :2]
    largest = cv2.dilate(size, np.ones((2 * reach + 1, 1), np.uint8))
    half = np.minimum(largest, size * _SWELL) / 2
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.concatenate([np.minimum(centre - half, boxes[:, :2]), np.maximum(centre + half, boxes[:, 2:])], axis=1)
