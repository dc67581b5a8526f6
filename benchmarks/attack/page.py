"""What the attacks got, as the section of the threat model between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anonymize.errors import OutputError
from anonymize.evaluate.interval import leak_interval
from benchmarks.attack.averaging import Rebuilt
from benchmarks.report import table

BEGIN, END = "<!-- attack: begin, written by `make bench-attack` -->", "<!-- attack: end -->"


@dataclass(frozen=True, slots=True)
class Guessed:
    """How often an attacker guessed right.

    Args:
        attack: what was attacked.
        style: how it was redacted.
        chance: share that someone gets right who sees nothing.
        rates: share of right guesses for each person or plate: each counts the same, and as one trial.
    """

    attack: str
    style: str
    chance: float
    rates: Sequence[float]

    @property
    def share(self) -> float:
        """Mean share of right guesses."""
        return sum(self.rates) / max(len(self.rates), 1)

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95% interval."""
        return leak_interval([(1.0, rate) for rate in self.rates]) or (0.0, 1.0)

    @property
    def verdict(self) -> str:
        """How the interval lies to chance."""
        low, high = self.interval
        return "above chance" if low > self.chance else "below chance" if high < self.chance else "chance"


def section(rebuilt: Sequence[Rebuilt], guessed: Sequence[Guessed], about: Sequence[str]) -> str:
    """The section, marks included."""
    counts = sorted({result.frames for result in rebuilt})
    tools = list(dict.fromkeys(result.tool for result in rebuilt))
    likeness = {(result.tool, result.frames): f"{result.likeness:.2f}" for result in rebuilt}
    rows = [[tool, *(likeness[tool, n] for n in counts)] for tool in tools]
    parts = [
        BEGIN,
        "**Many frames of a mosaic.** Correlation of the rebuilt face's detail with the true face's (1: the same).\n",
        table(["mosaic of 8 cells", *(f"{n} frame{'s' * (n > 1)}" for n in counts)], rows),
    ]
    for attack in dict.fromkeys(one.attack for one in guessed):
        some = [one for one in guessed if one.attack == attack]
        parts += [
            f"**{attack}.** Chance: {some[0].chance:.1%}.\n",
            table(["style", "right", "95%", ""], [_row(one) for one in some]),
        ]
    return "\n".join([*parts, *(f"- {line}" for line in about), END])


def insert(page: Path, text: str) -> None:
    """Put `text` between the marks of `page`. Raises `OutputError` where it has none."""
    old = page.read_text(encoding="utf-8")
    if BEGIN not in old or END not in old:
        raise OutputError(f"{page}: it lacks the marks {BEGIN!r} and {END!r}")
    page.write_text(old.partition(BEGIN)[0] + text + old.partition(END)[2], encoding="utf-8")


def _row(one: Guessed) -> list[str]:
    low, high = one.interval
    return [one.style, f"{one.share:.1%}", f"{low:.1%} to {high:.1%}", one.verdict]
