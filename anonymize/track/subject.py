"""One face or plate over time, while it is tracked."""

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
"""The most by which a box grows on every side if its subject's position is uncertain, as a share of its side."""
_MOSTLY = 0.7
"""The least share of their common frames on which two tracks of one subject overlap."""
_DISAGREE = 0.3
"""The most by which each edge of a box may follow another find's, as a share of the box's side."""
_STANDS = 1
"""So many finds in a row where the one before was make a subject one that stands still."""
_STILL = 0.15
"""How far a subject that stands still may be from where it was found before, as a share of its box's side."""
_PARTLY = 0.6
"""A find of less than this share of a subject's box may show a part of it."""
_SURELY = 0.7
"""The best score from which a subject that stands still keeps its size: signs taken for plates rarely have it."""
_EDGE = 0.1
"""How far a part of a subject that stands still may reach beyond its box, as a share of its side."""
_PASSED = 0.5
"""How far a subject was followed from where it would have gone if it is covered at both, as a share of its side."""
_END = 0.05
"""How far one end of a box may be from where it was, as a share of its side, if only the other one moved."""
_FADES = 0.99
"""What the best score of a subject's finds counts for after one more find."""
_PACE = 0.2
"""Seconds between finds over which a subject's pace is learnt."""
_SWELL = 1.15
"""The largest factor by which a box may grow to the size of its neighbours in time."""


@dataclass(slots=True, eq=False)
class Trajectory:
    """Boxes from frame `first` on, one for each frame without gaps, in upright pixels; some of them finds.

    `cover` is for each row the hull of its box and of the finds before and after, carried to its frame: detectors are
    not consistent about where a face ends. `doubt` is how far each box may be off, as a share of its side: 0 for finds.
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
    """When it was last found, in seconds."""
    held_to: int
    """One past the last frame that is covered if it is not found again."""
    patch: Picture | None = None
    """Its appearance when last found."""
    drift: Drift = field(default_factory=Drift)
    """Its own motion."""
    begun: int = -1
    """The frame of the first find."""
    taken: int = 0
    """Frames before this one were packed into tracks already."""
    count: int = 1
    """Number of finds so far, including forgotten ones."""
    sure: bool = False
    """Its finds are good enough, or agree well enough, to cover it for long where detection does not find it."""
    evidence: float = 0.0
    """The largest sum of its scores over a few detections."""
    best: float = 0.0
    """The best score of its finds; of those long ago it counts for less."""
    gone: bool = False
    """It was not found for so long that it is not followed any more."""
    stood: int = 0
    """Number of latest finds where the one before was, but for the camera's motion."""
    strayed: Floats = field(default_factory=lambda: np.zeros(2))
    """(2,) how far it was followed since the last find, relative to the camera."""
    astray: Floats | None = None
    """Where it was followed to since the last find, if it stands still."""
    pace: Floats | None = None
    """(2,) its speed from find to find, relative to the camera, upright pixels a second; None before there are two."""
    onward: Floats | None = None
    """(4,) where it is if it went on like that since the last find."""
    lost: bool = False
    """Since the last find who hides it took it along."""

    def __post_init__(self) -> None:
        self.begun = self.seen_last
        self.best = max(self.finds.values())

    @property
    def trusted(self) -> bool:
        """Whether it is a subject: it has a strong find, or several weak ones that agree."""
        return self.id >= 0

    @property
    def stands(self) -> bool:
        """Whether it stands still: what is then followed from its place may be somebody who passes before it."""
        return self.stood >= _STANDS

    @property
    def stands_surely(self) -> bool:
        """Whether it stands still and was found surely: weak finds hardly change where it is."""
        return self.stands and self.best >= _SURELY

    @property
    def followed(self) -> Floats:
        """(4,) the box that is followed from here."""
        return self.rows[-1] if self.astray is None else self.astray

    def advance(
        self,
        box: Floats,
        still: Floats | None,
        own: Floats,
        doubt: float,
        *,
        seen: bool,
        onward: Floats | None = None,
        lost: bool = False,
    ) -> None:
        """Add a row.

        Args:
            box: (4,) where `followed` went.
            still: (4,) where the last row went with the camera alone, if it stands still: it may have stayed there, or
                begun to move, so both are covered.
            own: (2,) how far `followed` went relative to the camera.
            doubt: what is added to it.
            seen: whether the picture shows it in `still`, so that it has not moved.
            onward: (4,) where `onward` went, while it may be there.
            lost: whether it is covered there as well as in `box`, from now until it is found.
        """
        self.strayed = self.strayed + own
        self.onward = onward
        row = cover = box
        self.lost |= lost
        if onward is not None and self.lost:
            cover = _hull(box[None], onward[None])[0]
        if still is not None:
            self.astray = still if seen else box
            row, cover = still, _hull(self.astray[None], still[None])[0]
        self.rows.append(row)
        self.cover.append(cover)
        self.doubt.append(self.doubt[-1] + doubt)

    def turned_back(self, own: Floats) -> bool:
        """Whether it was followed against the way that it went, if the next step is `own` (2,) relative to the camera:
        it may be hidden by who comes towards it."""
        return self.pace is not None and float((self.strayed + own) @ self.pace) < 0

    def also(self, index: int, box: Floats) -> None:
        """On frame `index`, cover `box` (4,) as well."""
        self.cover[index - self.first] = _hull(self.cover[index - self.first][None], box[None])[0]

    def whole(self, index: int, box: Floats, *, parts: bool, weak: bool) -> Floats:
        """All of the subject, where a find shows only a part of it; else the find.

        Args:
            index: of its frame.
            box: (4,) the find.
            parts: whether others may be looked for there than those of its size (`anonymize.track.Tracker.find`).
            weak: whether its score is, or is less than usual: somebody who passes before a subject that stands still
                leaves a part of it to be found.
        """
        row = self.rows[index - self.first]
        passed = weak and self.stands
        if weak and self.stands_surely:
            place: Floats = row + _common(box - row)
            around = grown(place[None], _EDGE)
            if bool((_hull(around, box[None]) == around).all()):
                return np.asarray(_hull(place[None], box[None])[0])
        if (parts or passed) and _area(box) < _PARTLY * _area(row):
            return np.asarray(_hull(row[None], box[None])[0])
        return box

    @property
    def end(self) -> int:
        """One past the last frame with a row."""
        return self.first + len(self.rows)

    @property
    def seen_last(self) -> int:
        """The frame of the last find."""
        return next(reversed(self.finds))

    def meet(
        self,
        index: int,
        box: Floats,
        score: float,
        clock: Floats,
        back: tuple[Floats, Floats] | None,
        *,
        weak: bool = False,
    ) -> None:
        """Take a find, and bend the rows since the last one so that they end in it.

        Args:
            index: its frame, after the last find's and not after the last row's.
            box: (4,) upright pixels.
            score: the detector's.
            clock: (N,) seconds of the frames from the last find's to `index`, both included.
            back: (N, 4) boxes and (N,) doubt on the same frames, followed backward from the find. If given, both paths
                are blended, each weighted towards its start.
            weak: whether its score is less than usual: one such find somewhere else does not show that it moved.
        """
        for rows in (self.rows, self.cover, self.doubt):
            del rows[index + 1 - self.first :]
        start = self.seen_last - self.first
        there, doubt = np.array(self.rows[start:]), np.array(self.doubt[start:])
        before = there[-1] - (0.0 if self.stands else np.tile(self.strayed, 2))
        moved = _centre(box) - _centre(before)
        stays = bool((np.abs(_shift(box, before)) <= _STILL * np.sqrt(_area(box))).all())
        doubtful = weak and self.stands_surely
        self.stood = self.stood + 1 if stays else min(self.stood, 2) - 1 if doubtful else 0
        span = float(clock[-1] - clock[0])
        if span > 0:
            went = moved / span
            self.pace = went if self.pace is None else self.pace + min(span / _PACE, 1.0) * (went - self.pace)
        self.onward, self.lost = (box if self.pace is not None else None), False
        if self.astray is not None and self.stood:
            self.cover[start + 1 :] = self.rows[start + 1 :]  # it was there all the time
        self.strayed, self.astray = np.zeros(2), None
        share = ((clock - clock[0]) / max(clock[-1] - clock[0], 1e-9))[:, None]
        if back is None:
            path, come = _bent(there, box, share), _bent(there, box, np.ones_like(share))
            doubt = np.minimum(doubt, doubt[-1] - doubt)
        else:
            come = back[0]
            path, doubt = (1 - share) * there + share * come, np.minimum(doubt, back[1])
        path[-1], doubt[-1] = box, 0.0
        self.rows[start + 1 :] = list(path[1:])
        taken = np.array(self.cover[start:])
        if not self.sure:  # two weak finds far apart may not be of one thing: not all between them is covered
            taken = _near(path, taken)
        self.cover[start:] = list(_hull(taken, _near(path, there), _near(path, come)))
        self.doubt[start + 1 :] = doubt[1:].tolist()
        self.finds[index] = score
        self.best = max(score, _FADES * self.best)
        self.count += 1
        self.last_time = float(clock[-1])
        self.held_to = index + 1

    def precede(self, path: Sequence[tuple[Floats, float]]) -> None:
        """Insert boxes and their doubt before the first row; `path` has the latest first."""
        self.first -= len(path)
        self.rows[:0] = [box for box, _ in reversed(path)]
        self.cover[:0] = [box for box, _ in reversed(path)]
        self.doubt[:0] = [doubt for _, doubt in reversed(path)]

    def trim(self, index: int) -> None:
        """Forget frames before `index`, except rows that a later find may still bend."""
        drop = min(index, self.seen_last) - self.first
        if drop > 0:
            for rows in (self.rows, self.cover, self.doubt):
                del rows[:drop]
            self.first += drop
            last = max((i for i in self.finds if i < self.first), default=self.first)  # may be covered until later
            self.finds = {i: score for i, score in self.finds.items() if i >= last}

    def accompanies(self, other: Trajectory, alike: float) -> bool:
        """Whether it overlaps `other` (IoU of `alike` or more) on most of their common frames."""
        start, end = max(self.first, other.first), min(self.end, other.end)
        mine = np.array(self.rows[start - self.first : end - self.first]).reshape(-1, 4)
        its = np.array(other.rows[start - other.first : end - other.first]).reshape(-1, 4)
        return len(mine) > 0 and float(np.mean(iou(mine, its) >= alike)) >= _MOSTLY

    def fuse(self, other: Trajectory) -> None:
        """Merge a subject that began no earlier into this one: on common frames, boxes become the hull of both."""
        if other.seen_last > self.seen_last:
            self.strayed, self.onward, self.lost = other.strayed, other.onward, other.lost
            self.pace = self.pace if other.pace is None else other.pace
        self.best = max(self.best, other.best)
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
        """The boxes to cover on the frames ``start <= index < stop``; None if there are none.

        Args:
            start, stop: frame indices.
            reach: frames before and after over which a box takes the largest size, so that a detector's jitter never
                makes it too small.
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
        """The boxes for frames ``first <= index < end``, grown by doubt and to their neighbours' size."""
        low, high = max(first - reach, self.first), min(end + reach, self.end)
        rows = slice(low - self.first, high - self.first)
        boxes = grown(_swollen(np.array(self.cover[rows]), reach), np.minimum(self.doubt[rows], MOST_GROWTH))
        return boxes[first - low : end - low]

    def _why(self, index: int) -> Why:
        if index in self.finds:
            return Why.DETECTED
        return Why.INTERPOLATED if self.begun < index < self.seen_last else Why.HELD


def apart(box: Floats, other: Floats) -> bool:
    """Whether a subject that was followed to `box` (4,) would hardly be there if it went as before, to `other` (4,)."""
    return bool((np.abs(_centre(other) - _centre(box)) > _PASSED * np.sqrt(_area(box))).any())


def _centre(box: Floats) -> Floats:
    return np.asarray((box[:2] + box[2:]) / 2)


def _area(box: Floats) -> float:
    return float(np.prod(box[2:] - box[:2]))


def _common(edges: Floats) -> Floats:
    """(4,) how far a box moved whose `edges` moved so far: as far as two opposite ones did, as who hides one does not
    move the other."""
    low, high = edges[:2], edges[2:]
    both = np.where(low * high > 0, np.sign(low) * np.minimum(np.abs(low), np.abs(high)), 0.0)
    return np.concatenate([both, both])


def _shift(box: Floats, before: Floats) -> Floats:
    """(2,) how far `box` (4,) moved from `before` (4,): its centre, or an end that stayed while the other did not."""
    edges, sides = box - before, before[2:] - before[:2]
    ends = np.minimum(np.abs(edges[:2]), np.abs(edges[2:]))
    return np.asarray(np.where(ends <= _END * sides, ends, (edges[:2] + edges[2:]) / 2))


def _bent(path: Floats, box: Floats, share: Floats) -> Floats:
    """`path` (N, 4) with centre and log size corrected by `share` (N, 1) of the difference of its end from `box`."""
    centre, size = (path[:, :2] + path[:, 2:]) / 2, path[:, 2:] - path[:, :2]
    centre = centre + share * ((box[:2] + box[2:]) / 2 - centre[-1])
    half = size * ((box[2:] - box[:2]) / size[-1]) ** share / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _near(boxes: Floats, other: Floats) -> Floats:
    """`other` (N, 4), with each edge limited to `_DISAGREE` of a side from that of `boxes` (N, 4)."""
    most = _DISAGREE * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return np.clip(other, boxes - most, boxes + most)


def _hull(*boxes: Floats) -> Floats:
    """(N, 4) the smallest boxes around the same rows of each of `boxes` (N, 4)."""
    low, high = np.min([b[:, :2] for b in boxes], axis=0), np.max([b[:, 2:] for b in boxes], axis=0)
    return np.concatenate([low, high], axis=1)


def _swollen(boxes: Floats, reach: int) -> Floats:
    """Boxes (N, 4) grown about their centres to the largest size within `reach` rows, up to `_SWELL` times."""
    size = boxes[:, 2:] - boxes[:, :2]
    largest = cv2.dilate(size, np.ones((2 * reach + 1, 1), np.uint8))
    half = np.minimum(largest, size * _SWELL) / 2
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.concatenate([np.minimum(centre - half, boxes[:, :2]), np.maximum(centre + half, boxes[:, 2:])], axis=1)
