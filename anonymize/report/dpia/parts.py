"""The parts of an annex: paragraphs, blanks and tables; and the format of figures in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anonymize.pages.words import number, percent


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Blank:
    """A question that only the controller can answer."""

    ask: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


Part = Text | Blank | Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, the rules that ask for it, and its parts."""

    title: str
    asked_by: str
    parts: Sequence[Part]


def counted(what: str, tally: Counter[str], most: int = 20) -> Table:
    """How many files have each of some lines, most frequent first."""
    return Table((what, "files"), [(line, number(n)) for line, n in tally.most_common(most)])


def rated(share: float | None, interval: Sequence[float] | None) -> str:
    """A share with its interval."""
    return percent(share) if interval is None else f"{percent(share)} ({span(interval)})"


def span(interval: Sequence[float] | None) -> str:
    """An interval of shares; a dash for none."""
    return "–" if interval is None else f"{interval[0]:.1%} to {interval[1]:.1%}"
