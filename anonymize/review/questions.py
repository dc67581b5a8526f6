"""What a person should look at first: questions about places in the pictures, those that matter most first.

Each is answered with "hide" or "nothing". A doubt of the plan is one of them; the others are about what was found too
faintly to be covered, about tracks that may show nobody, and about where tracks begin, end, pause, or go on without a
find. Once a track is said to show nobody, nothing more is asked about it; no other track is judged with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind
from anonymize.kinds import Answer, Raised, Topic
from anonymize.pages.words import place
from anonymize.plan.boxes import DETECTED, MANUAL, Rows
from anonymize.plan.doubts import Doubt
from anonymize.plan.edited import Edited
from anonymize.plan.faint import Faint
from anonymize.plan.model import About, Plan
from anonymize.plan.regions import Columns
from anonymize.track.padding import undrawn
from anonymize.track.pairs import LEAST, area, shares

LONGEST_GAP = 5.0
"""Seconds of the longest gap of a track that is asked about."""
LEAST_HELD = 0.6
"""Seconds without a find from which a cover is asked about."""
_COVERED = 0.6
"""Share of a box within another region from which nothing is asked about it."""
_LOOKED_AT = 16
"""The most boxes of a face for which it is found out whether they lie in a head."""
_CUT_OFF = 0.5
"""What a picture of somebody of whom a part lies outside is worth, beside a whole one."""
_NEAR = 1e-6
"""Numbers that differ by less are the same."""
_LIKELY = {Raised.FIND: 0.3, Raised.CHECK: 0.5, Raised.ALONE: 0.1, Raised.BEHIND: 0.05}
"""About how likely an open doubt shows somebody, by what raised it."""
_WHISPERED = 0.3
"""How much less likely somebody is where all finds are below the least score."""
_EXPOSED = 0.4
"""About how many people a film of a few seconds shows in spite of everything: what one more is measured against."""
_WASTED = 0.02
"""About what share of a film is covered for nothing: what any other share is measured against."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a person is asked about a place.

    Args:
        topic: what is asked; None for a doubt of the plan.
        number: of the track; of the faint find where that is the topic.
        kind: what it may be.
        frame: index of the frame to look at.
        box: there, without padding; pixels of the upright picture.
        span: the frames that the answer is about, half-open.
        place: where the box is, in words, such as "top left".
        size: height of a face there, width of a plate, in pixels.
        score: confidence of what was found, 0 to 1.
        weight: how much an answer may matter.
        doubt: as in the plan, if it is one.
    """

    topic: Topic | None
    number: int
    kind: Kind
    frame: int
    box: Box
    span: tuple[int, int]
    place: str
    size: float
    score: float
    weight: float
    doubt: Doubt | None = None

    @property
    def id(self) -> str:
        """What tells it from all others of a plan."""
        return f"{self.topic.value if self.topic else 'doubt'}-{self.number}-{self.span[0]}"

    @property
    def frames(self) -> tuple[int, int]:
        """The first and the last frame that an answer applies to."""
        return self.span[0], self.span[1] - 1

    @property
    def _raised(self) -> str:
        """What raised a doubt, for the page: "doubt" if it is covered, else "check", "alone" or "behind"."""
        return self.doubt.raised.value if self.doubt and self.doubt.raised is not Raised.FIND else "doubt"

    @property
    def covered(self) -> bool:
        """Whether the place is covered while nobody has answered."""
        return self.doubt.drawn if self.doubt else self.topic in (Topic.SURE, Topic.HELD)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "id": self.id,
            "topic": self.topic.value if self.topic else self._raised,
            "number": self.number,
            "kind": self.kind.label,
            "frame": self.frame,
            "frames": list(self.span),
            "box": [round(value, 1) for value in self.box],
            "place": self.place,
            "size": round(self.size, 1),
            "score": round(self.score, 3),
            "covered": self.covered,
        }


class Questions:
    """The open questions about a plan.

    Args:
        edited: the plan.
        times: when each frame is shown, in seconds.
    """

    def __init__(self, edited: Edited, times: Sequence[Fraction]) -> None:
        self._edited, self._about = edited, edited.base.about
        self._step = float(times[-1] - times[0]) / max(len(times) - 1, 1) or 1.0
        self._there = _There(edited.base.regions.columns())
        self._by_track: dict[int, list[Question]] = {}
        self._heads: dict[int, set[int]] = {}
        """Of each face that always lies in covered heads: theirs."""
        self._faint = [_faint(one, self._about) for one in edited.base.faint]
        tracks = np.unique(self._there.track[self._there.track >= 0]).tolist()
        self._left = [*{*tracks, *edited.changed()}]

    def more(self, count: int) -> bool:
        """Think of the questions about some more tracks; whether there are others yet."""
        now, self._left = self._left[:count], self._left[count:]
        self.refresh(now)
        return bool(self._left)

    def all(self) -> Questions:
        """These, with the questions about all tracks."""
        self.more(len(self._left))
        return self

    def refresh(self, tracks: Iterable[int]) -> None:
        """Take what was edited of `tracks`."""
        for track in tracks:
            self._by_track[track] = list(self._of(track)) if track >= 0 else []

    def open(self) -> list[Question]:
        """Those without an answer: doubts that are not covered first, then by weight."""
        some = [*self._faint, *(one for several in self._by_track.values() for one in several)]
        over = self._drawn_over(some)
        changed = self._edited.changed()
        open_ones = (
            one
            for one, covered in zip(some, over, strict=True)
            if not (covered or self._is_answered(one) or self._is_in_head(one, changed))
        )
        return sorted(open_ones, key=lambda one: (not _is_urgent(one), -one.weight, one.frame, one.number))

    def _drawn_over(self, some: Sequence[Question]) -> list[bool]:
        """Whether places that were not covered are, by now, by a track that a person changed."""
        frames, boxes = np.array([one.frame for one in some], np.int64), np.array([one.box for one in some])
        over = np.zeros(len(some), bool)
        for track in self._edited.changed() if some else ():
            if (rows := self._edited.rows(track)) is not None:
                row = np.minimum(np.searchsorted(rows.frame, frames), len(rows.frame) - 1)
                here = np.flatnonzero(rows.frame[row] == frames)
                over[here] |= _within(boxes[here], rows.xyxy[row[here]])
        return [bool(hit) and not (one.covered or one.doubt) for one, hit in zip(some, over, strict=True)]

    def answered(self) -> int:
        """The number of answers in force."""
        judged = (one for one in self._edited.doubts() if one.answer is not None)
        return len(self._edited.replies()) + sum(1 for _ in judged)

    def _is_in_head(self, one: Question, changed: set[int]) -> bool:
        """Whether a face, of which is asked whether it is one, lies in heads that hide it anyway: they are asked about,
        and only where one is taken away, changed or shown, the face is, too."""
        heads = self._heads.get(one.number, set()) if one.topic is Topic.SURE else set()
        return bool(heads) and not any(self._is_gone(head, changed) for head in heads)

    def _is_gone(self, track: int, changed: set[int]) -> bool:
        """Whether a track may no longer hide what lay in it when it was found."""
        doubt = self._edited.doubt(track)
        undrawn = doubt is not None and not doubt.drawn
        return undrawn or track in changed or bool(self._edited.shown(track))

    def _is_answered(self, one: Question) -> bool:
        if one.topic is None:
            doubt = self._edited.doubt(one.number)
            return doubt is None or doubt.answer is not None
        return self._edited.reply(one.topic, one.number, one.span[0]) is not None

    def _of(self, track: int) -> Iterator[Question]:
        """The questions about a track."""
        rows, doubt = self._edited.rows(track), self._edited.doubt(track)
        if rows is None or rows.polygon or rows.kind is Kind.AREA or self._edited.shown(track):
            return
        if doubt and doubt.answer is Answer.NOTHING:
            return
        if doubt:
            yield self._doubt(doubt, rows)
            if not doubt.drawn:
                return
        elif (rows.why == DETECTED).any():
            yield self._sure(track, rows)
        yield from self._held(track, rows)
        yield from self._uncovered(track, rows, weak=doubt is not None and doubt.answer is None)

    def _doubt(self, doubt: Doubt, rows: Rows) -> Question:
        row = best_row(rows, self._about)
        likely = _LIKELY[doubt.raised]
        wasted = (
            0.0 if doubt.raised in (Raised.ALONE, Raised.BEHIND) else self._wasted(rows, np.ones(len(rows.frame), bool))
        )
        weight = (1 - likely) * wasted + likely * (not doubt.drawn)
        span = (doubt.first, doubt.end)
        return _question(None, doubt.track, rows, row, span, weight, self._about, doubt)

    def _sure(self, track: int, rows: Rows) -> Question:
        """Whether a track shows anybody."""
        self._heads[track] = self._around(rows) if rows.kind is Kind.FACE else set()
        seen = rows.why == DETECTED
        likely = _nothing(rows.score[seen])
        weight = likely * self._wasted(rows, rows.why != MANUAL)
        span = (int(rows.frame[0]), int(rows.frame[-1]) + 1)
        return _question(Topic.SURE, track, rows, best_row(rows, self._about), span, weight, self._about)

    def _around(self, rows: Rows) -> set[int]:
        """The heads in which a face lies; none if some of its boxes lie in none."""
        heads: set[int] = set()
        for row in np.linspace(0, len(rows.frame) - 1, min(len(rows.frame), _LOOKED_AT)).round().astype(int).tolist():
            here = self._there.heads(int(rows.frame[row]), rows.xyxy[row])
            if not here:
                return set()
            heads |= here
        return heads

    def _held(self, track: int, rows: Rows) -> Iterator[Question]:
        """Whether somebody is where a track is covered for long without a find."""
        found = np.flatnonzero(rows.why == DETECTED)
        if not len(found):
            return
        apart = np.concatenate([[found[0]], np.diff(found) - 1, [len(rows.frame) - 1 - found[-1]]])
        starts = np.concatenate([[0], found + 1])
        for part, (start, count) in enumerate(zip(starts.tolist(), apart.tolist(), strict=True)):
            some = np.arange(start, start + count)
            if count * self._step < LEAST_HELD or (rows.why[some] == MANUAL).any() or _gaps(rows.frame[some]):
                continue
            middle = count // 2
            if part == 0:  # nobody there: then nobody before, either
                some, at = some[: middle + 1], middle
            elif part == len(apart) - 1:  # nor after
                some, at = some[middle:], 0
            else:
                some, at = some[count // 4 : count - count // 4], middle - count // 4
            if self._there.covers(int(rows.frame[some[at]]), rows.xyxy[some[at]], track):
                continue
            span = (int(rows.frame[some[0]]), int(rows.frame[some[-1]]) + 1)
            weight = 0.3 * self._wasted(rows, np.isin(np.arange(len(rows.frame)), some))
            yield _question(Topic.HELD, track, rows, int(some[at]), span, weight, self._about)

    def _uncovered(self, track: int, rows: Rows, *, weak: bool) -> Iterator[Question]:
        """Whether somebody is just before a track begins, after it ends, and where it pauses."""
        least, last = int(rows.frame[0]), int(rows.frame[-1])
        doubtful = 0.5 if weak else 1.0
        empty = [
            one.frames
            for one in self._edited.replies()
            if one.of == track and one.topic is Topic.HELD and one.answer is Answer.NOTHING
        ]
        for topic, row, index in ((Topic.BEGINS, 0, least - 1), (Topic.ENDS, -1, last + 1)):
            inside = 0 <= index < self._about.frames and not any(first <= index < end for first, end in empty)
            if inside and not self._there.covers(index, rows.xyxy[row], track):
                at = row % len(rows.frame)
                weight = 0.04 * doubtful / _EXPOSED
                yield _question(topic, track, rows, at, (index, index + 1), weight, self._about, frame=index)
        for at in np.flatnonzero(np.diff(rows.frame) > 1).tolist():
            first, end = int(rows.frame[at]) + 1, int(rows.frame[at + 1])
            middle = (first + end) // 2
            if (end - first) * self._step > LONGEST_GAP or (first, end) in empty:
                continue
            share = (middle - rows.frame[at]) / (rows.frame[at + 1] - rows.frame[at])
            box = (1 - share) * rows.xyxy[at] + share * rows.xyxy[at + 1]
            if not self._there.covers(middle, box, track):
                pause = rows.at(np.array([at]))._replace(xyxy=box[None])
                weight = 0.1 * doubtful / _EXPOSED
                yield _question(Topic.GAP, track, pause, 0, (first, end), weight, self._about, frame=middle)

    def _wasted(self, rows: Rows, which: NDArray[np.bool_]) -> float:
        """What it costs if some rows of a track show nobody, where 1 is what a film usually has."""
        about = self._about
        limits = [about.width, about.height] * 2
        covered = float(area(np.clip(rows.xyxy[which], 0, limits)).sum())
        return covered / (about.width * about.height * max(about.frames, 1)) / _WASTED


def doubts(made: Plan) -> Iterator[Question]:
    """The doubts of a plan, answered or not: first what is not covered, since that may keep an output back."""
    edited = Edited(made)
    for doubt in sorted(made.doubts, key=lambda one: (one.drawn, one.first, one.track)):
        rows = edited.rows(doubt.track)
        assert rows is not None
        yield _question(
            None, doubt.track, rows, best_row(rows, made.about), (doubt.first, doubt.end), 1.0, made.about, doubt
        )


def best_row(rows: Rows, about: About) -> int:
    """The row on which a track shows best: large, sure, and not cut off by the border; the middle one of several."""
    some = np.flatnonzero(rows.why == DETECTED)
    some = some if len(some) else np.arange(len(rows.frame))
    worth = _worth(rows.xyxy[some], rows.score[some], rows.kind, about)
    best = some[worth >= (1 - _NEAR) * worth.max()]
    return int(best[len(best) // 2])


def best_rows(rows: Columns, starts: NDArray[np.intp], kinds: NDArray[np.int64], about: About) -> NDArray[np.intp]:
    """`best_row` of many tracks at once.

    Args:
        rows: of all of them, one track after the other, each by frame; every row on one frame.
        starts: (M,) where each track begins.
        kinds: (M,) of the tracks.
        about: the plan.
    """
    which = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(rows.track)))
    some = rows.detected | ~np.logical_or.reduceat(rows.detected, starts)[which]
    worth = np.full(len(which), -1.0)
    for kind in map(Kind, set(kinds.tolist())):
        mine = some & (kinds[which] == kind)
        worth[mine] = _worth(rows.xyxy[mine], rows.score[mine], kind, about)
    best = np.flatnonzero(some & (worth >= (1 - _NEAR) * np.maximum.reduceat(worth, starts)[which]))
    first, end = np.searchsorted(which[best], [np.arange(len(starts)), np.arange(1, len(starts) + 1)])
    found: NDArray[np.intp] = best[first + (end - first) // 2]
    return found


def _worth(xyxy: NDArray[np.float64], score: NDArray[np.float64], kind: Kind, about: About) -> NDArray[np.float64]:
    """How well (N,) outlines (N, 4) show what is in them."""
    boxes = undrawn(xyxy, about.redact.of(kind))
    inside = np.clip(boxes, 0, [about.width, about.height] * 2)
    whole = (np.abs(inside - boxes) < _NEAR).all(axis=1)
    return np.asarray(score * np.sqrt(area(inside)) * np.where(whole, 1.0, _CUT_OFF))


def _nothing(scores: NDArray[np.float64]) -> float:
    """About how likely a track with finds of these scores shows nobody."""
    return float(1 / (1 + np.exp(8 * (scores.max() - 0.45) + 0.5 * min(float(scores.sum()), 6.0))))


def _gaps(frames: NDArray[np.int64]) -> bool:
    return bool((np.diff(frames) > 1).any())


def _faint(one: Faint, about: About) -> Question:
    likely = min(one.score, 0.5) * min(one.finds, 3) / 6
    if one.score < about.settings.detect.low:
        likely *= _WHISPERED
    return _asked(
        Topic.FAINT,
        one.number,
        one.kind,
        one.best,
        one.boxes[one.best - one.first],
        (one.first, one.end),
        one.score,
        likely / _EXPOSED,
        about,
    )


def _question(
    topic: Topic | None,
    number: int,
    rows: Rows,
    row: int,
    span: tuple[int, int],
    weight: float,
    about: About,
    doubt: Doubt | None = None,
    frame: int = -1,
) -> Question:
    """A question about the box of a track on one of its rows; on another frame if `frame` is given."""
    limits = [about.width, about.height] * 2
    box = np.clip(undrawn(rows.xyxy[row : row + 1], about.redact.of(rows.kind)), 0, limits)[0]
    at = int(rows.frame[row]) if frame < 0 else frame
    x0, y0, x1, y1 = (float(value) for value in box)
    score = float(rows.score[row])
    return _asked(topic, number, rows.kind, at, (x0, y0, x1, y1), span, score, weight, about, doubt)


def _asked(
    topic: Topic | None,
    number: int,
    kind: Kind,
    frame: int,
    box: Box,
    span: tuple[int, int],
    score: float,
    weight: float,
    about: About,
    doubt: Doubt | None = None,
) -> Question:
    x0, y0, x1, y1 = box
    return Question(
        topic=topic,
        number=number,
        kind=kind,
        frame=frame,
        box=box,
        span=span,
        place=place((x0 + x1) / 2 / about.width, (y0 + y1) / 2 / about.height),
        size=x1 - x0 if kind.wide else y1 - y0,
        score=score,
        weight=weight,
        doubt=doubt,
    )


def _within(some: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether `boxes` (..., 4) cover most of `some` (..., 4), broadcast."""
    mine = area(some)
    shared = shares(some, boxes)[1] * np.minimum(mine, area(boxes))
    return shared / np.maximum(mine, LEAST) >= _COVERED


def _is_urgent(one: Question) -> bool:
    """Whether it may keep an output back."""
    return one.doubt is not None and not one.doubt.drawn


class _There:
    """Which places the regions of a plan cover, as they were found."""

    def __init__(self, columns: Columns) -> None:
        self.track = columns.track
        self._columns = columns
        self._long = np.flatnonzero(columns.end - columns.start > 1)

    def covers(self, index: int, box: NDArray[np.float64], but: int) -> bool:
        """Whether a region of another track than `but` covers most of a box (4,) on frame `index`."""
        rows, some = self._columns, self._on(index)
        return bool(_within(box, rows.xyxy[some[rows.track[some] != but]]).any())

    def heads(self, index: int, box: NDArray[np.float64]) -> set[int]:
        """The heads of which each covers most of a box (4,) on frame `index`."""
        rows, some = self._columns, self._on(index)
        some = some[(rows.kind[some] == Kind.HEAD) & (rows.track[some] >= 0)]
        return set(rows.track[some[_within(box, rows.xyxy[some])]].tolist())

    def _on(self, index: int) -> NDArray[np.intp]:
        """The rows that are on frame `index`."""
        rows = self._columns
        low, high = np.searchsorted(rows.start, [index, index + 1])
        some = np.arange(low, high)
        long = self._long[(rows.start[self._long] <= index) & (rows.end[self._long] > index)]
        made: NDArray[np.intp] = np.union1d(some, long).astype(np.intp)
        return made
