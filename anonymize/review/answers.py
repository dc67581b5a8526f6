"""What becomes of the plan when a person answers a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice

import numpy as np

from anonymize.data import Box, Frame
from anonymize.kinds import Answer, Topic
from anonymize.plan.edited import Edited
from anonymize.plan.edits import Edit, EditError, Judge, Reply
from anonymize.plan.faint import Faint
from anonymize.review.follow import followed
from anonymize.review.questions import Question
from anonymize.track import outline
from anonymize.track.padding import undrawn

FAINT_FOR = 5.0
"""The most seconds for which a faint find that shows somebody is followed, in either direction."""
FAINTLY = 0.12
"""Extra padding of what was found faintly, as a share of its side: such a box is often beside a face, or of a part."""
ON_FOR = 1.0
"""The most seconds by which a track is made longer at a time."""
_LEAST = 0.2
"""Seconds for which somebody is covered at least, where the pictures do not show where they went."""


class Answering:
    """Makes edits of answers.

    Args:
        frame: the frame with an index.
        times: when each frame is shown, in seconds.
    """

    def __init__(self, frame: Callable[[int], Frame], times: Sequence[Fraction]) -> None:
        self._frame, self._times = frame, times

    def edit(self, edited: Edited, question: Question, answer: Answer) -> Edit:
        """The edit that an answer is.

        Args:
            edited: the plan.
            question: about it.
            answer: of a person.

        Raises:
            EditError: what was asked about is gone.
            InputError: the source cannot be read.
        """
        topic, number = question.topic, question.number
        if topic is None or (topic is Topic.SURE and answer is Answer.NOTHING):
            return Judge(number, answer)
        track = -1 if topic is Topic.FAINT else number
        if answer is Answer.NOTHING or topic in (Topic.SURE, Topic.HELD):
            return Reply(track, topic, number, question.span, answer)
        if topic is Topic.FAINT:
            return self._faint(edited, question)
        return self._longer(edited, question)

    def _faint(self, edited: Edited, question: Question) -> Reply:
        """A new track around a faint find, followed to both sides."""
        one = next((one for one in edited.base.faint if one.number == question.number), None)
        if one is None:
            raise EditError(f"there is no faint find {question.number}")
        best = one.boxes[one.best - one.first]
        boxes = self._both_ways(one.best, best)
        near = self._count(ON_FOR)
        boxes |= {
            index: _hull(box, boxes.get(index, box)) if abs(index - one.best) <= near else box
            for index, box in _around(one).items()
        }
        first, end = min(boxes), max(boxes) + 1
        return self._covering(edited, question, edited.unused(), first, [boxes[i] for i in range(first, end)])

    def _both_ways(self, at: int, box: Box) -> dict[int, Box]:
        found = {at: box}
        for step in (1, -1):
            path = self._way(at, box, step, FAINT_FOR)
            found |= {at + step * number: one for number, one in enumerate(path, 1)}
        return found

    def _longer(self, edited: Edited, question: Question) -> Reply:
        """A track that goes on over frames where it was not."""
        rows = edited.rows(question.number)
        if rows is None:
            raise EditError(f"there is no track {question.number}")
        plain = undrawn(rows.xyxy, edited.base.about.redact.of(rows.kind))
        first, end = question.span
        if question.topic is Topic.GAP:
            at = int(np.searchsorted(rows.frame, first)) - 1
            share = (np.arange(1, end - first + 1) / (end - first + 1))[:, None]
            path = (1 - share) * plain[at] + share * plain[at + 1]
            seen = np.array(self._way(first - 1, _box(plain[at]), 1, end - first, frames=True)).reshape(-1, 4)
            met = path[: len(seen)]
            met[:, :2], met[:, 2:] = np.minimum(met[:, :2], seen[:, :2]), np.maximum(met[:, 2:], seen[:, 2:])
            return self._covering(edited, question, question.number, first, [_box(one) for one in path])
        step = -1 if question.topic is Topic.BEGINS else 1
        start, box = (int(rows.frame[0]), plain[0]) if step < 0 else (int(rows.frame[-1]), plain[-1])
        way = [*self._way(start, _box(box), step, ON_FOR)]
        least = min(self._count(_LEAST), start if step < 0 else len(self._times) - 1 - start)
        way += [way[-1] if way else _box(box)] * (least - len(way))
        if step < 0:
            return self._covering(edited, question, question.number, start - len(way), way[::-1])
        return self._covering(edited, question, question.number, start + 1, way)

    def _covering(self, edited: Edited, question: Question, track: int, first: int, boxes: Sequence[Box]) -> Reply:
        about = edited.base.about
        look = about.redact.of(question.kind)
        if question.topic is Topic.FAINT:
            look = replace(look, padding=look.padding + FAINTLY)
        drawn = tuple(_rounded(outline(box, look, about.width, about.height)) for box in boxes)
        assert question.topic is not None
        return Reply(
            track,
            question.topic,
            question.number,
            (first, first + len(drawn)),
            Answer.HIDE,
            drawn,
            question.kind,
            look.shape,
        )

    def _way(self, at: int, box: Box, step: int, most: float, *, frames: bool = False) -> Sequence[Box]:
        """The boxes after `box` on frame `at`, in one direction, for so many seconds (or `frames`) at most."""
        count = int(most) if frames else self._count(most)
        indices = range(at, len(self._times) if step > 0 else -1, step)
        return list(islice(followed((self._frame(index) for index in indices), box), count))

    def _count(self, seconds: float) -> int:
        """Frames in so many seconds."""
        whole = float(self._times[-1] - self._times[0])
        return max(1, round(seconds * (len(self._times) - 1) / whole)) if whole else 1


def _around(one: Faint) -> dict[int, Box]:
    return {one.first + number: box for number, box in enumerate(one.boxes)}


def _hull(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _box(values: object) -> Box:
    x0, y0, x1, y1 = (float(value) for value in np.asarray(values))
    return x0, y0, x1, y1


def _rounded(box: Box) -> Box:
    x0, y0, x1, y1 = (round(value, 2) for value in box)
    return x0, y0, x1, y1
