"""The queue of a plan's doubts: a terminal or a page lists them, asks a person, and saves the answers here.

queue = Queue(Path("safe.mp4.plan.jsonl"))
for question in queue.open():
    ...                                             # show it, get an answer
    queue.answer([question.number], Answer.HIDE)     # in the file before it returns
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from anonymize import media, plan, report
from anonymize.errors import PlanError, UsageError
from anonymize.kinds import Answer
from anonymize.recorded.kept import output_of, render_command
from anonymize.review.questions import Question, doubts
from anonymize.review.session import EditSession


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
        self._questions = {one.number: one for one in doubts(self.plan)}

    def all(self) -> list[Question]:
        """Every doubt, answered or not."""
        return list(self._questions.values())

    def open(self) -> list[Question]:
        """Doubts without an answer."""
        return [one for one in self.all() if one.doubt and one.doubt.answer is None]

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
