"""The tracks of a plan, frame by frame, and on which frames each could be mistaken for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from anonymize.kinds import Answer, Kind
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

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.first + len(self.boxes)

    def stretch(self, index: int) -> tuple[int, int] | None:
        """The clear frames around `index`, half-open; None if `index` itself is not clear."""
        return next(((first, end) for first, end in self.stretches() if first <= index < end), None)

    def stretches(self) -> Iterator[tuple[int, int]]:
        """All runs of clear frames, half-open."""
        yield from ((self.first + first, self.first + end) for first, end in stretches(self.clear))


class TrackPaths:
    """The tracks of a plan, each computed on demand."""

    def __init__(self, plan: Plan, times: Sequence[Fraction]) -> None:
        nobody = [one.track for one in plan.doubts if one.answer is Answer.NOTHING]
        rows = plan.regions.columns()
        there = ~np.isin(rows.track, nobody)
        self._rows: Columns = Columns._make(column[there] for column in rows) if nobody else rows
        self._redact = plan.about.redact
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
        return TrackPath(track, kind, first, boxes, clear, near, bool(np.isin(mine[0], self._strong)))

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


def _expanded(rows: Columns, chosen: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """(N,) row and (N,) frame of each frame of the rows `chosen`, which may span several."""
    lengths = rows.end[chosen] - rows.start[chosen]
    row = np.repeat(chosen, lengths)
    within = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return row, rows.start[row] + within
