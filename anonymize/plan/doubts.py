"""Doubts in a plan: tracks of which a person is to say whether they show somebody, and what was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anonymize.kinds import Answer, Raised
from anonymize.text.ranges import Range, shown
from anonymize.text.words import printable

SECONDS = Range(-1e6, 1e9, "seconds")
LONGEST = 200
"""Characters of a name, at most."""
KEYS = frozenset({"doubt", "frame", "frames", "raised", "seconds", "answer", "by", "at"})
"""What a line may hold."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A track that may show nobody, or that nothing hides.

    Args:
        track: its number; what it covers are regions of the plan.
        first, end: on the frames ``first <= index < end``.
        raised: by whom.
        seconds: of the presentation, from when to when it was seen; empty if nobody said.
        answer: what a person said; None while nobody did.
        by: who, as they wish to be called; one line, may be empty.
        at: when, in UTC; empty if nobody said.
    """

    track: int
    first: int
    end: int
    raised: Raised
    seconds: tuple[float, float] | tuple[()] = ()
    answer: Answer | None = None
    by: str = ""
    at: str = ""

    @property
    def drawn(self) -> bool:
        """Whether its regions are: what was found is covered until somebody says that it is nothing."""
        if self.answer is None:
            return self.raised is Raised.FIND
        return self.answer is Answer.HIDE

    def as_dict(self) -> dict[str, Any]:
        """The line of a plan that says so, as plain values."""
        told: dict[str, Any] = {"doubt": self.track, "frames": [self.first, self.end], "raised": self.raised.value}
        told |= {"seconds": list(self.seconds)} if self.seconds else {}
        if self.answer is not None:
            told |= {"answer": self.answer.value}
            told |= {key: value for key, value in (("by", self.by), ("at", self.at)) if value}
        return told


def of_line(entry: dict[str, Any], track: int, first: int, end: int) -> Doubt:
    """The doubt in a line of a plan, whose track and frames were read.

    Raises:
        ValueError, TypeError, KeyError: it is malformed.
    """
    seconds: tuple[float, float] | tuple[()] = ()
    if "seconds" in entry:
        start, until = (SECONDS.number(value) for value in entry["seconds"])
        if not start <= until:
            raise ValueError(f"seconds {start:g} to {until:g}: expected the later one second")
        seconds = (start, until)
    answer = Answer(entry["answer"]) if "answer" in entry else None
    by, at = check_name(entry.get("by", "")), check_name(entry.get("at", ""))
    if answer is None and (by or at):
        raise ValueError("by and at belong to an answer, which is missing")
    return Doubt(track, first, end, Raised(entry["raised"]), seconds, answer, by, at)


def check_name(text: Any) -> str:
    """`text`, if it can be the name of whoever answered. Raises `ValueError`."""
    if not isinstance(text, str) or len(text) > LONGEST or printable(text) != text:
        raise ValueError(f"{shown(text)}: expected one line of at most {LONGEST} characters")
    return text.strip()
