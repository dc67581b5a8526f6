"""What is kept of a run whose output did not pass its check: the plan, so that a person can go on where it stopped."""

from __future__ import annotations

import itertools
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
    """

    plan: Place
    output: Place

    def command(self, source: Place | None) -> str:
        """What draws it on `source`, for a shell; None is standard input. From an address it must be fetched first."""
        drawn = str(self.plan) if isinstance(self.plan, Path) else self.plan.name
        given = (str(source) if source else "-", "--plan", drawn, "-o", str(self.output))
        return shlex.join(("anonymize", "render", *given))


def keep(made: Plan, output: Place, *, force: bool, mark: str = "") -> Kept:
    """Write `made` beside `output`, with ``.plan.jsonl`` behind its name, as found: no person has changed it yet.

    Another such plan that nobody changed is replaced. Where anything else has the name, a number is added.

    Args:
        made: the plan.
        output: where what is made of it belongs.
        force: replace whatever file has the name.
        mark: of the run (`media.pending`).

    Raises:
        OutputError: it cannot be written.
        OSError: for a reason of the system's that is not the file's.
    """
    place = next(place for place in _names(output) if force or not storage.exists(place) or _ours(place))
    if isinstance(place, Path):
        media.make_folder(place.parent)
    with media.pending(place, force=force or _ours(place), mark=mark) as temporary:
        plan.write(made.marked(), temporary)
    return Kept(place, output)


def _names(output: Place) -> Iterator[Place]:
    """Where the plan may go, best first."""
    for number in itertools.count(1):
        yield output.with_name(report.name_beside(output.name, _END if number == 1 else f"~{number}{_END}"))


def _ours(place: Place) -> bool:
    """Whether this is a plan that nobody changed since it was written; of an address nobody knows."""
    if not isinstance(place, Path) or place.is_symlink() or not place.is_file():
        return False
    try:
        return not plan.read(place).by_hand
    except PlanError:
        return False
