"""The tracks of a plan, frame by frame, and on which frames each could be mistaken for another, or holds another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from anonymize.kinds import Answer, Grounds, Kind
from anonymize.plan.compose import stretches
from anonymize.plan.model import Plan
from anonymize.plan.regions import Columns
from anonymize.track.associate import grown
from anonymize.track.padding import undrawn
from anonymize.track.pairs import iou

SEEN_WITHIN = 0.3
"""The most seconds from a frame to the nearest find of a track for it to be visible there."""
REACH = 0.3
"""Share of its side by which a box is grown on every side before it is compared with another ..."""
NEAR = 0.1
"""... and their overlap (IoU) from which one may be mistaken for the other: for two heads of the same size, 1.3 widths
from centre to centre."""
STRONG = 0.5
"""Score from which another track surely shows somebody."""
MISSED = 1.6
"""A gap between two finds longer than this many times the usual one means that a detection in between missed it."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TrackPath:
    """One track: unpadded boxes (N, 4) on the frames from `first` on, without gaps."""

    track: int
    kind: Kind
    first: int
    boxes: Floats
    clear: Flags
    """(N,) whether it cannot be mistaken for another on that frame."""
    near: dict[int, int]
    """Frame → a track that came near on it."""
    strong: bool
    """It surely shows somebody."""
    several: Mapping[int, int] | None
    """Of a person's track, frame → people in its box, where they are more than one; None if nothing is known of them:
    neither faces nor heads were looked for. Of all other kinds there are none."""

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.first + len(self.boxes)

    def stretch(self, index: int, grounds: Grounds = Grounds.CONSENT) -> tuple[int, int] | None:
        """The frames around `index` on which it may stay visible, half-open; None if it may not on `index` itself."""
        return next(((first, end) for first, end in self.stretches(grounds) if first <= index < end), None)

    def stretches(self, grounds: Grounds = Grounds.CONSENT) -> Iterator[tuple[int, int]]:
        """All runs of frames on which it may stay visible, half-open: it is clear there, and in the box of a person who
        consented there is nobody else. A thing may show many, as a poster does."""
        free = self.clear
        if grounds is Grounds.CONSENT:
            free = free & (self.several is not None)
            free[[index - self.first for index in self.several or ()]] = False
        yield from ((self.first + first, self.first + end) for first, end in stretches(free))


class TrackPaths:
    """The tracks of a plan, each computed on demand."""

    def __init__(self, plan: Plan, times: Sequence[Fraction]) -> None:
        nobody = [one.track for one in plan.doubts if one.answer is Answer.NOTHING]
        rows = plan.regions.columns()
        there = ~np.isin(rows.track, nobody)
        self._rows: Columns = Columns._make(column[there] for column in rows) if nobody else rows
        self._redact = plan.about.redact
        self._knows_people = bool({Kind.FACE, Kind.HEAD} & plan.about.kinds)
        self._seconds = np.array([float(time) for time in times])
        best = np.zeros(int(self._rows.track.max(initial=-1)) + 2)
        np.maximum.at(best, self._rows.track, self._rows.score)
        self._strong = np.flatnonzero((best[self._rows.track] >= STRONG) | (self._rows.track < 0))

    def tracks(self) -> list[int]:
        """The numbers of all tracks, ascending."""
        return sorted({*self._rows.track[self._rows.found].tolist()} - {-1})

    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(N,) track and (N,) frame of all tracked regions that detection led to."""
        row, frame = _expanded(self._rows, np.flatnonzero(self._rows.found & (self._rows.track >= 0)))
        return self._rows.track[row], frame

    def at(self, index: int, kind: Kind | None = None) -> list[int]:
        """The tracks on frame `index`, of one kind if it is given."""
        rows = self._rows
        here = rows.found & (rows.start <= index) & (index < rows.end)
        here = here if kind is None else here & (rows.kind == kind)
        return sorted({*rows.track[here].tolist()} - {-1})

    def of(self, track: int) -> TrackPath | None:
        """Track `track`; None if it does not exist."""
        rows = self._rows
        mine = np.flatnonzero((rows.track == track) & rows.found)
        if not len(mine):
            return None
        source, frames = _expanded(rows, mine)
        first, length = int(frames.min()), int(frames.max() - frames.min()) + 1
        kind = Kind(int(rows.kind[mine[0]]))
        boxes = np.full((length, 4), np.nan)
        boxes[frames - first] = undrawn(rows.xyxy[source], self._redact.of(kind))
        there = ~np.isnan(boxes[:, 0])
        seen = np.zeros(length, bool)
        seen[frames[rows.detected[source]] - first] = True
        near = self._near(track, kind, first, boxes, self._missed(seen, first))
        clear = there & self._soon(seen, first)
        clear[[index - first for index in near]] = False
        several = self._several(first, boxes) if kind is Kind.PERSON else {}
        return TrackPath(track, kind, first, boxes, clear, near, bool(np.isin(mine[0], self._strong)), several)

    def _soon(self, seen: Flags, first: int) -> Flags:
        """(N,) which frames from `first` on have a find within `SEEN_WITHIN`."""
        seconds = self._seconds[first : first + len(seen)]
        finds = seconds[seen]
        if not len(finds):
            return np.zeros(len(seen), bool)
        after = np.clip(np.searchsorted(finds, seconds), 0, len(finds) - 1)
        before = np.maximum(after - 1, 0)
        away = np.minimum(np.abs(finds[after] - seconds), np.abs(finds[before] - seconds))
        return np.asarray(away <= SEEN_WITHIN)

    def _missed(self, seen: Flags, first: int) -> Flags:
        """(N,) which frames from `first` on lie between finds so far apart that a detection in between missed it."""
        finds = np.flatnonzero(seen)
        missed = np.ones(len(seen), bool)
        missed[finds] = False
        gaps = np.diff(self._seconds[first + finds])
        for before, after, gap in zip(finds, finds[1:], gaps, strict=False):
            missed[before + 1 : after] = gap > MISSED * np.median(gaps)
        return missed

    def _near(self, track: int, kind: Kind, first: int, boxes: Floats, missed: Flags) -> dict[int, int]:
        """The frames on which another region of its kind is near enough to be mistaken for it → that region's track."""
        rows, end = self._rows, first + len(boxes)
        others = (rows.kind == kind) & (rows.start < end) & (rows.end > first) & ((rows.track != track) | ~rows.found)
        row, frame = _expanded(rows, np.flatnonzero(others))
        among = (first <= frame) & (frame < end)
        row, frame = row[among], frame[among]
        mine, its = boxes[frame - first], undrawn(rows.xyxy[row], self._redact.of(kind))
        close = iou(grown(mine, REACH), grown(its, REACH)) >= NEAR
        close &= missed[frame - first] | np.isin(row, self._strong)
        return dict(zip(frame[close].tolist(), rows.track[row[close]].tolist(), strict=True))

    def _several(self, first: int, boxes: Floats) -> dict[int, int] | None:
        """The frames on which the middles of more than one face or head lie in the boxes (N, 4) of a person → how many
        people these are: a face whose middle lies in one of these heads is no other person, of several such one is not.
        None if neither faces nor heads were looked for.
        """
        if not self._knows_people:
            return None
        (head, head_frame), (face, face_frame) = (self._inside(kind, first, boxes) for kind in (Kind.HEAD, Kind.FACE))
        order = np.argsort(head_frame, kind="stable")
        head, head_frame = head[order], head_frame[order]
        low, high = (np.searchsorted(head_frame, face_frame, side) for side in ("left", "right"))
        row = np.repeat(np.arange(len(face)), high - low)
        within = np.arange(len(row)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
        held = np.zeros(len(face), bool)
        held[row[_has_middle(head[low[row] + within], face[row])]] = True
        faces, heads, bare = (
            np.bincount(frames - first, minlength=len(boxes)) for frames in (face_frame, head_frame, face_frame[~held])
        )
        people = np.maximum(heads + bare, faces)
        return {first + index: int(people[index]) for index in np.flatnonzero(people > 1).tolist()}

    def _inside(self, kind: Kind, first: int, boxes: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """The boxes (M, 4) of `kind`, drawn by hand or not, whose middles lie in `boxes` (N, 4), and their frames."""
        rows = self._rows
        those = (rows.kind == kind) & (rows.start < first + len(boxes)) & (rows.end > first)
        row, frame = _expanded(rows, np.flatnonzero(those))
        among = (first <= frame) & (frame < first + len(boxes))
        row, frame = row[among], frame[among]
        found = undrawn(rows.xyxy[row], self._redact.of(kind))
        inside = _has_middle(boxes[frame - first], found)
        return found[inside], frame[inside]


def _has_middle(boxes: Floats, others: Floats) -> Flags:
    """(N,) whether the middles of `others` (N, 4) lie in `boxes` (N, 4)."""
    middle = (others[:, :2] + others[:, 2:]) / 2
    return np.asarray(((boxes[:, :2] <= middle) & (middle < boxes[:, 2:])).all(axis=1))


def _expanded(rows: Columns, chosen: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """(N,) row and (N,) frame of each frame of the rows `chosen`, which may span several."""
    lengths = rows.end[chosen] - rows.start[chosen]
    row = np.repeat(chosen, lengths)
    within = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return row, rows.start[row] + within
