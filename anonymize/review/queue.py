"""The queue of a plan's doubts: a terminal or a page lists them, asks a person, and saves the answers here.

queue = Queue(Path("safe.mp4.plan.jsonl"))
for question in queue.open():
    ...                                             # show it, get an answer
    queue.answer([question.track], Answer.HIDE)     # in the file before it returns
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from anonymize import media, plan, report
from anonymize.data import Box, Kind
from anonymize.errors import PlanError, UsageError
from anonymize.kinds import Answer
from anonymize.pages.words import place
from anonymize.plan import Plan
from anonymize.plan.doubts import Doubt
from anonymize.recorded.kept import output_of, render_command
from anonymize.review.session import EditSession
from anonymize.track.padding import undrawn


@dataclass(frozen=True, slots=True)
class Question:
    """A doubt as it is shown to a person.

    Args:
        doubt: as in the plan.
        kind: what it may be.
        frame: index of the frame on which it shows best, or of the middle one of several.
        box: its bounding box there, without padding; pixels of the upright picture.
        place: the same in words, such as "top left".
        size: height of a face there, width of a plate, in pixels.
        score: confidence of what raised it, 0 to 1.
    """

    doubt: Doubt
    kind: Kind
    frame: int
    box: Box
    place: str
    size: float
    score: float

    @property
    def track(self) -> int:
        """Its track number in the plan."""
        return self.doubt.track

    @property
    def frames(self) -> tuple[int, int]:
        """The first and the last frame that an answer applies to."""
        return self.doubt.first, self.doubt.end - 1

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        doubt = self.doubt
        return {
            "track": self.track,
            "kind": self.kind.label,
            "raised": doubt.raised.value,
            "seconds": list(doubt.seconds) or None,
            "frames": [doubt.first, doubt.end],
            "frame": self.frame,
            "box": [round(value, 1) for value in self.box],
            "place": self.place,
            "size": round(self.size, 1),
            "score": round(self.score, 3),
            "covered": doubt.drawn,
            "answer": doubt.answer.value if doubt.answer else None,
            "by": doubt.by,
            "at": doubt.at,
        }


class Queue:
    """The doubts of a plan file, uncovered ones first, each by time. Every answer is a line more; nothing else changes.

    Args:
        path: the plan.

    Raises:
        PlanError: it cannot be read, or is malformed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan = plan.read(path)
        self._questions = {one.track: one for one in _questions(self.plan)}

    def all(self) -> list[Question]:
        """Every doubt, answered or not."""
        return list(self._questions.values())

    def open(self) -> list[Question]:
        """Doubts without an answer."""
        return [one for one in self.all() if one.doubt.answer is None]

    def answer(self, tracks: Collection[int], answer: Answer, by: str = "") -> None:
        """Save a person's answer about `tracks`; it replaces earlier ones.

        Args:
            tracks: track numbers of doubts.
            answer: the same for all of them.
            by: who answers, as they wish to be called.

        Raises:
            UsageError: there is no such doubt, or `by` is not one line.
            PlanError: the file was changed meanwhile and no longer has such a doubt, cannot be written, or is being
                edited elsewhere.
        """
        if unknown := sorted(set(tracks) - self._questions.keys()):
            there = ", ".join(str(track) for track in self._questions) or "none"
            raise UsageError(f"there is no doubt about track {unknown[0]}; there are: {there}", self.path)
        with EditSession(self.path, by) as session:
            for track in tracks:
                if session.edited.doubt(track) is None:
                    raise PlanError(
                        f"it was changed meanwhile and no longer has a doubt about track {track}: nothing was saved; "
                        "start again",
                        self.path,
                    )
            for track in dict.fromkeys(tracks):
                session.judge(track, answer)
                if doubt := session.edited.doubt(track):
                    self._questions[track] = replace(self._questions[track], doubt=doubt)

    def refuse_other(self, source: Path) -> None:
        """Raise `PlanError` unless the plan was made for the file `source`; `InputError` where it cannot be read."""
        media.check_readable(source)
        if report.sha256(source) != self.plan.about.sha256:
            raise PlanError(f"the plan {self.path} was made for another file", source)

    def going_on(self, source: Path | None) -> str:
        """The shell command that draws the plan; ``SOURCE`` and ``OUTPUT`` stand for unknown paths."""
        output = output_of(self.path)
        if output is None and source:
            output = Path(f"{source.stem}-safe{source.suffix}")
        drawn = (str(source or "SOURCE"), str(self.path), str(output or "OUTPUT"))
        return render_command(*drawn, force=bool(output and output.exists()))


def _questions(made: Plan) -> Iterator[Question]:
    """The doubts of a plan: first what is not covered, since that may keep an output back; then by time."""
    rows = made.regions.columns()
    limits = [made.about.width, made.about.height] * 2
    for doubt in sorted(made.doubts, key=lambda one: (one.drawn, one.first, one.track)):
        mine = np.flatnonzero((rows.track == doubt.track) & rows.found & (rows.kind != Kind.AREA))
        seen = mine[rows.detected[mine]] if rows.detected[mine].any() else mine
        best = seen[rows.score[seen] >= rows.score[seen].max()]
        row = int(best[len(best) // 2])
        kind = Kind(int(rows.kind[row]))
        boxes = np.clip(undrawn(rows.xyxy[row : row + 1], made.about.redact.of(kind)), 0, limits)
        x0, y0, x1, y1 = (float(value) for value in boxes[0])
        yield Question(
            doubt=doubt,
            kind=kind,
            frame=int(rows.start[row]),
            box=(x0, y0, x1, y1),
            place=place((x0 + x1) / 2 / limits[0], (y0 + y1) / 2 / limits[1]),
            size=x1 - x0 if kind is Kind.PLATE else y1 - y0,
            score=float(rows.score[row]),
        )
