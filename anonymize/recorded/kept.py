"""The plan of an output with open doubts, kept so that a person can answer them and continue from there."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize import media, plan, report, storage
from anonymize.errors import PlanError
from anonymize.plan.edits import Judge
from anonymize.text import untrusted

if TYPE_CHECKING:
    from anonymize.plan import Plan
    from anonymize.storage import Place

ENDING = ".plan.jsonl"
"""Of the name of a kept plan, after that of the output."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept plan.

    Args:
        plan: where it is.
        output: where the output made from it belongs.
        doubts: number of open doubts in it.
        released: the output exists.
    """

    plan: Place
    output: Place
    doubts: int = 0
    released: bool = False

    def command(self, source: Place | None) -> str:
        """The shell command that draws it on `source` (None: standard input); a remote plan must be fetched first."""
        return render_command(str(source) if source else "-", self._at_hand, str(self.output), force=self.released)

    def asking(self, source: Place | None) -> str:
        """The shell command that asks a person to answer its doubts."""
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
    """The shell command that draws the plan `drawn` on `source`.

    Args:
        source: file, or ``-`` for standard input.
        drawn: plan file.
        output: file to write.
        force: replace an existing output.
    """
    return shlex.join(("anonymize", "render", source, "--plan", drawn, "-o", output, *(("--force",) if force else ())))


def output_of(made: Path) -> Path | None:
    """Where the output of the plan file `made` belongs, if its name is that of a kept plan."""
    name = re.fullmatch(rf"(.+?)(~\d+)?{re.escape(ENDING)}", made.name)
    return made.with_name(name[1]) if name else None


def keep(
    made: Plan, output: Place, *, force: bool, mark: str = "", by_hand: bool = False, released: bool = False
) -> Kept:
    """Write `made` beside `output`, with ``.plan.jsonl`` appended to its name.

    An earlier plan of that name is replaced if it was not edited; if the name is taken otherwise, a number is added.

    Args:
        made: the plan.
        output: where the output made from it belongs.
        force: replace any file of that name, unless it has answers to doubts that `made` lacks.
        mark: of the run (`media.pending`).
        by_hand: a person changed its regions; else it is written as found.
        released: the output exists, or is about to.

    Raises:
        OutputError: it cannot be written.
        OSError: the system failed in a way that has nothing to do with the file.
    """
    endings = itertools.chain([ENDING], (f"~{number}{ENDING}" for number in itertools.count(2)))
    places = (output.with_name(report.name_beside(output.name, ending)) for ending in endings)
    place = next(one for one in places if not storage.exists(one) or _replaceable(one, made, force=force))
    if isinstance(place, Path):
        media.make_folder(place.parent)
    with media.pending(place, force=storage.exists(place), mark=mark) as temporary:
        plan.write(made if by_hand else made.marked(), temporary)
    return Kept(place, output, sum(one.answer is None for one in made.doubts), released)


def _replaceable(place: Place, made: Plan, *, force: bool) -> bool:
    """Whether `made` may replace the file at `place`: a local plan that was not edited.

    With `force` any file may be replaced, except a plan with a person's edits, or with answers that `made` lacks.
    """
    if not isinstance(place, Path) or place.is_symlink() or not place.is_file():
        return force
    try:
        history = plan.edited(untrusted.lines(place, "plan", PlanError), str(place))
    except PlanError:
        return force
    if any(not isinstance(edit, Judge) for edit in history.edited.edits):
        return False
    there = history.edited.plan()
    answers = {one for one in there.doubts if one.answer is not None}
    return answers <= set(made.doubts) if force else not answers and not there.by_hand
