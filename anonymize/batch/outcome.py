"""The outcome of one input: released, failed or left out. An error in one input affects no other."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anonymize import storage
from anonymize.errors import AnonymizeError, PartialFailure, UnreadableInput
from anonymize.kinds import Verdict
from anonymize.progress import OnProgress, Progress
from anonymize.recorded.finish import Released
from anonymize.recorded.forecast import Forecast
from anonymize.recorded.item import Item
from anonymize.recorded.kept import Kept
from anonymize.recorded.release import Known, Refused
from anonymize.report import Report

if TYPE_CHECKING:
    from anonymize.storage import Place


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one input ended.

    Args:
        item: the input.
        output: the released file; None if there is none.
        report: the report on it.
        exit_code: 0, or that of the error. With an output, that of writing its report.
        left_out: not a failure: a file found in a folder that is neither a picture nor a video.
        before: an earlier run did this; the report then has only the main facts.
        kept: the plan of an output whose verification left something for a person to decide.
        message: what went wrong, with the name of the file, which the report omits.
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
"""Called with every item's progress and outcome, always in the calling process."""


class Work(Protocol):
    """Takes one item all the way to its released output, or raises; `known` gets what it learns of it either way."""

    def __call__(self, item: Item, *, on_progress: OnProgress, known: Known) -> Released:
        """See `anonymize.recorded.job.run`."""


def ignore(item: Item, news: Progress | Outcome) -> None:
    """The `OnItem` that does nothing."""


def exit_code(outcomes: Sequence[Outcome | Forecast]) -> int:
    """The exit code of a run: 0, the code that all share, or that of `PartialFailure`; 3 if there was no media."""
    codes = {one.exit_code for one in outcomes if not one.left_out}
    if not codes:
        return UnreadableInput.exit_code
    return codes.pop() if len(codes) == 1 else PartialFailure.exit_code


def attempt(item: Item, work: Work, on_progress: OnProgress) -> Outcome:
    """Do `work` on one item and return its outcome, which includes any error."""
    known = Known()
    try:
        output, account, kept = work(item, on_progress=on_progress, known=known)
    except Exception as error:  # noqa: BLE001 - one file must not stop the others
        return failure(item, error, known)
    return Outcome(item, output, account, kept=kept)


def failure(item: Item, error: Exception, known: Known | None = None) -> Outcome:
    """The outcome of an item on which `error` was raised; `known` is noted for the report.

    Raises:
        Exception: `error`, if it is a fault of ours and ANONYMIZE_DEBUG is set.
    """
    if isinstance(error, AnonymizeError):
        left_out = isinstance(error, UnreadableInput) and not item.expected and _was_read(item)
        ended = failed_with(item, error, left_out, known)
        if not isinstance(error, Refused):
            return ended
        return replace(ended, report=replace(ended.report, verified=error.verified.as_dict()), kept=error.kept)
    if isinstance(error, MemoryError):
        message = (
            "not enough memory on this machine, or allowed for one process: nothing was released. Allow more, or make "
            "the picture smaller"
        )
        return failed(item, message, AnonymizeError.exit_code, known=known)
    if "ANONYMIZE_DEBUG" in os.environ:
        raise error
    message = "internal error, please report it (ANONYMIZE_DEBUG=1 shows where)"
    ended = failed(item, message, AnonymizeError.exit_code, known=known)
    return replace(ended, message=f"{ended.message}: {error!r}")


def _was_read(item: Item) -> bool:
    """Whether the file of `item` could be read, so that it is known not to be media."""
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
    """The outcome of an item that failed.

    Args:
        item: the input.
        message: what went wrong, without the name of the file.
        exit_code: of the failure.
        left_out: whether it is left out rather than failed.
        known: facts for its report.
    """
    account = known.account(message) if known and not left_out else Report(verdict=Verdict.FAIL, error=message)
    return Outcome(item, None, account, exit_code, left_out, message=f"{item.label}: {message}")
