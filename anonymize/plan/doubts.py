"""Doubts in a plan: tracks that a person should review, and the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anonymize.kinds import Answer, Raised
from anonymize.text.ranges import Range, shown
from anonymize.text.words import printable

SECONDS = Range(-1e6, 1e9, "seconds")
LONGEST = 200
"""The most characters of a name."""
KEYS = frozenset({"doubt", "frame", "frames", "raised", "seconds", "answer", "by", "at"})
"""The keys of a line."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A track that may show nobody, or that may be somebody who is not hidden.

    Args:
        track: its number; its boxes are regions of the plan.
        first, end: on the frames ``first <= index < end``.
        raised: what raised it.
        seconds: of the presentation, when it was first and last found; empty if unknown.
        answer: a person's answer; None while there is none.
        by: who answered, one line; may be empty.
        at: when they answered, in UTC; empty if unknown.
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
        """Whether its regions are drawn: weak finds are, until somebody answers that there is nothing; other doubts
        only once somebody answers that they are to be hidden."""
        if self.answer is None:
            return self.raised is Raised.FIND
        return self.answer is Answer.HIDE

    @property
    def expected(self) -> bool:
        """Whether what it is about may be found in the output: a head from behind may, and a face there not."""
        return self.answer is Answer.NOTHING or (self.answer is None and self.raised is Raised.BEHIND)

    def as_dict(self) -> dict[str, Any]:
        """Its line in a plan, as plain values."""
        entry: dict[str, Any] = {"doubt": self.track, "frames": [self.first, self.end], "raised": self.raised.value}
        entry |= {"seconds": list(self.seconds)} if self.seconds else {}
        if self.answer is not None:
            entry |= {"answer": self.answer.value}
            entry |= {key: value for key, value in (("by", self.by), ("at", self.at)) if value}
        return entry


def of_line(entry: dict[str, Any], track: int, first: int, end: int) -> Doubt:
    """The doubt in a line of a plan.

    Args:
        entry: the line.
        track: its number, already checked.
        first, end: its frames, already checked.

    Raises:
        ValueError, TypeError, KeyError: it is malformed.
    """
    seconds: tuple[float, float] | tuple[()] = ()
    if "seconds" in entry:
        start, until = (SECONDS.number(value) for value in entry["seconds"])
        if not start <= until:
            raise ValueError(f"seconds {start:g} to {until:g}: expected the earlier one first")
        seconds = (start, until)
    answer = Answer(entry["answer"]) if "answer" in entry else None
    by, at = check_name(entry.get("by", "")), check_name(entry.get("at", ""))
    if answer is None and (by or at):
        raise ValueError("by and at belong to an answer, which is missing")
    return Doubt(track, first, end, Raised(entry["raised"]), seconds, answer, by, at)


def check_name(text: Any) -> str:
    """`text`, if it can be the name of the person who answered. Raises `ValueError`."""
    if not isinstance(text, str) or len(text) > LONGEST or printable(text) != text:
        raise ValueError(f"{shown(text)}: expected one line of at most {LONGEST} characters")
    return text.strip()
