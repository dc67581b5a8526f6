"""What is kept of a run whose check left something to a person: the plan, so that they can go on where it stopped."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize import media, plan, report, storage
from anonymize.errors import PlanError

if TYPE_CHECKING:
    from anonymize.plan import Plan
    from anonymize.storage import Place

_END = ".plan.jsonl"


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan to go on with.

    Args:
        plan: where it is.
        output: where what is made of it belongs.
        doubts: open doubts in it.
        released: the output is there.
    """

    plan: Place
    output: Place
    doubts: int = 0
    released: bool = False

    def command(self, source: Place | None) -> str:
        """What draws it on `source`, for a shell; None is standard input. From an address it must be fetched first."""
        return render_command(str(source) if source else "-", self._at_hand, str(self.output), force=self.released)

    def asking(self, source: Place | None) -> str:
        """What has a person answer its doubts, for a shell."""
        return shlex.join(("anonymize", "doubts", self._at_hand, *((str(source),) if source else ())))

    @property
    def where(self) -> str:
        """Where the plan is, as a clause."""
        fetch = "" if isinstance(self.plan, Path) else " (`render` takes a file of this machine: fetch it)"
        return f"its plan is kept in {self.plan}{fetch}"

    @property
    def _at_hand(self) -> str:
        return str(self.plan) if isinstance(self.plan, Path) else self.plan.name


def render_command(source: str, drawn: str, output: str, *, force: bool) -> str:
    """What draws the plan `drawn` on `source`, for a shell."""
    return shlex.join(("anonymize", "render", source, "--plan", drawn, "-o", output, *(("--force",) if force else ())))


def output_of(made: Path) -> Path | None:
    """Where what is made of the plan `made` belongs, if it is one that was kept beside its output."""
    name = re.fullmatch(rf"(.+?)(~\d+)?{re.escape(_END)}", made.name)
    return made.with_name(name[1]) if name else None


def keep(
    made: Plan, output: Place, *, force: bool, mark: str = "", by_hand: bool = False, released: bool = False
) -> Kept:
    """Write `made` beside `output`, with ``.plan.jsonl`` behind its name.

    Another such plan that nobody changed is replaced. Where anything else has the name, a number is added.

    Args:
        made: the plan.
        output: where what is made of it belongs.
        force: replace whatever file has the name, but for answers to doubts that are not in `made`.
        mark: of the run (`media.pending`).
        by_hand: a person changed its regions; else it is written as found.
        released: the output is there, or is about to be.

    Raises:
        OutputError: it cannot be written.
        OSError: for a reason of the system's that is not the file's.
    """
    free = (place for place in _names(output) if not storage.exists(place) or _replaceable(place, made, force=force))
    place = next(free)
    if isinstance(place, Path):
        media.make_folder(place.parent)
    with media.pending(place, force=storage.exists(place), mark=mark) as temporary:
        plan.write(made if by_hand else made.marked(), temporary)
    return Kept(place, output, sum(one.answer is None for one in made.doubts), released)


def _names(output: Place) -> Iterator[Place]:
    """Where the plan may go, best first."""
    for number in itertools.count(1):
        yield output.with_name(report.name_beside(output.name, _END if number == 1 else f"~{number}{_END}"))


def _replaceable(place: Place, made: Plan, *, force: bool) -> bool:
    """Whether `made` may take the place of what is there: a plan that nobody changed; of an address nobody knows.

    With `force` it may be anything, but for a plan with answers that `made` lacks.
    """
    if not isinstance(place, Path) or place.is_symlink() or not place.is_file():
        return force
    try:
        there = plan.read(place)
    except PlanError:
        return force
    answers = {one for one in there.doubts if one.answer is not None}
    return answers <= set(made.doubts) if force else not answers and not there.by_hand
