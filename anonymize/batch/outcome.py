"""How one input ends: released, failed or left out; whatever goes wrong with it is its outcome, and no other's."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from anonymize import storage
from anonymize.errors import AnonymizeError, PartialFailure, UnreadableInput
from anonymize.kinds import Verdict
from anonymize.progress import OnProgress, Progress
from anonymize.recorded import job
from anonymize.recorded.forecast import Forecast
from anonymize.recorded.item import Item
from anonymize.recorded.kept import Kept
from anonymize.recorded.release import Known, Refused
from anonymize.report import Report

if TYPE_CHECKING:
    from anonymize.storage import Place

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one input ended.

    Args:
        item: the input.
        output: the released file; None if there is none.
        report: the account of it.
        exit_code: 0, or that of the error. Beside an output, that of its report, which could not be written.
        left_out: not a failure: a file that a folder merely contained, and that is no picture or video.
        before: an earlier run did this; the report then holds the main facts only.
        kept: the plan of an output whose check left something to a person, to go on with.
        message: what went wrong, with the name of the file, which the report leaves out.
    """

    item: Item
    output: Place | None
    report: Report
    exit_code: int = 0
    left_out: bool = False
    before: bool = False
    kept: Kept | None = None
    message: str = ""


OnItem = Callable[[Item, Progress | Outcome], None]
"""Told of every step of every item, and of its outcome; always in the calling process."""

Work = Callable[[Item, OnProgress, Known], job.Released]
"""Takes one item all the way to its released output, or raises; either way it notes what it comes to know."""


def ignore(item: Item, news: Progress | Outcome) -> None:
    """The `OnItem` that does nothing."""


def exit_code(outcomes: Sequence[Outcome | Forecast]) -> int:
    """The process's exit code: 0, the code that all share, or that of `PartialFailure`; 3 if there was no media."""
    codes = {one.exit_code for one in outcomes if not one.left_out}
    if not codes:
        return UnreadableInput.exit_code
    return codes.pop() if len(codes) == 1 else PartialFailure.exit_code


def attempt(item: Item, work: Work, on_progress: OnProgress) -> Outcome:
    """Do `work` on one item; whatever goes wrong with it becomes its outcome."""
    known = Known()

    def do() -> Outcome:
        output, account, kept = work(item, on_progress, known)
        return Outcome(item, output, account, kept=kept)

    return caught(item, do, known)


def caught(item: Item, do: Callable[[], T], known: Known | None = None) -> T | Outcome:
    """What `do` makes of one item, or what went wrong with it; `known` is noted for the report."""
    try:
        return do()
    except AnonymizeError as error:
        left_out = isinstance(error, UnreadableInput) and not item.expected and _was_read(item)
        ended = failed_with(item, error, left_out, known)
        if not isinstance(error, Refused):
            return ended
        return replace(ended, report=replace(ended.report, verified=error.verified.as_dict()), kept=error.kept)
    except MemoryError:
        message = (
            "the memory that this machine has, or allows one process, does not suffice for it: "
            "nothing was released. Allow more, or make the picture smaller"
        )
        return failed(item, message, AnonymizeError.exit_code, known=known)
    except Exception as error:
        if "ANONYMIZE_DEBUG" in os.environ:
            raise
        # A fault of ours in one file must not stop the others.
        message = "internal error, please report it (ANONYMIZE_DEBUG=1 shows where)"
        ended = failed(item, message, AnonymizeError.exit_code, known=known)
        return replace(ended, message=f"{ended.message}: {error!r}")


def _was_read(item: Item) -> bool:
    """Whether what `item` names is known to be no media, and not merely impossible to read."""
    try:
        if isinstance(item.source, Path):
            mode = item.source.stat().st_mode
            if stat.S_ISDIR(mode):
                return item.source.is_symlink()  # links to folders are not followed
            if not stat.S_ISREG(mode):
                return False
        if item.source:
            with storage.opened(item.source, 1) as file:
                file.read(1)
    except (OSError, AnonymizeError):
        return False
    return True


def failed_with(item: Item, error: AnonymizeError, left_out: bool = False, known: Known | None = None) -> Outcome:
    """The outcome of an item that failed with `error`; see `failed`."""
    return replace(failed(item, error.message, error.exit_code, left_out, known), message=str(error))


def failed(item: Item, message: str, exit_code: int, left_out: bool = False, known: Known | None = None) -> Outcome:
    """The outcome of an item that failed with `message`, which does not name it; of one left out nothing is `known`."""
    account = known.account(message) if known and not left_out else Report(verdict=Verdict.FAIL, error=message)
    return Outcome(item, None, account, exit_code, left_out, message=f"{item.label}: {message}")
