"""One input, and where its result goes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anonymize.text.suffixes import (
    OTHER_SUFFIXES,
    PICTURE_SUFFIXES,
    RAW_SUFFIXES,
    SAME,
    VIDEO_SUFFIXES,
    is_picture_name,
)

if TYPE_CHECKING:
    from anonymize.report import Report
    from anonymize.storage import Place


class Claim(Protocol):
    """A ledger run's claim on one item, given to the process that works on it."""

    @property
    def mark(self) -> str:
        """Identifies the run in the names of its temporary files and in its proofs."""

    @property
    def replaces(self) -> Path | None:
        """The output that an earlier run released for this item; this run may replace it."""

    def at_work(self) -> AbstractContextManager[None]:
        """Lock the output folder while the item is processed, in any process. Raises `OutputError`."""

    def leave_proof(self, item: Item, output: Path, report: Report) -> None:
        """Write a proof beside `output`, just before that gets its name, that it was verified. Raises `OutputError`."""

    def absolute(self) -> Claim:
        """The same with absolute paths."""


@dataclass(frozen=True, slots=True)
class Item:
    """One input and where its result goes.

    Args:
        source: a file, local or remote, or None for standard input.
        target: the output; unless `named`, its suffix may change if the container cannot hold the result.
        relative: path of the target within the output folder, also used for its report.
        named: the user gave this very name, so its suffix is binding.
        sought: the user named this file or pattern; a file found in a folder is left out if it is not media.
        claim: of the run, if that keeps a ledger.
        otherwise: the name to derive the target from if its suffix changes; empty for the target's own, which could
            collide with another input's output.
        keep_in: the folder for a kept plan if the target is only temporary; else the target's folder is used.
    """

    source: Place | None
    target: Place
    relative: Path
    named: bool
    sought: bool
    claim: Claim | None = None
    otherwise: str = ""
    keep_in: Place | None = None

    @property
    def expected(self) -> bool:
        """Whether this should be media: it was named by the user, or has a media suffix."""
        known = PICTURE_SUFFIXES | VIDEO_SUFFIXES | OTHER_SUFFIXES | RAW_SUFFIXES
        return self.sought or self.source is None or self.source.suffix.lower() in known

    @property
    def mark(self) -> str:
        """Of its claim; empty without a ledger."""
        return self.claim.mark if self.claim else ""

    def may_replace(self, target: Place) -> bool:
        """Whether the ledger lets this run replace what is at `target`."""
        return self.claim is not None and target == self.claim.replaces

    @property
    def source_path(self) -> Path | None:
        """`source`, known to be local, as all items of a ledger are."""
        assert self.source is None or isinstance(self.source, Path)
        return self.source

    @property
    def target_path(self) -> Path:
        """`target`, known to be local."""
        assert isinstance(self.target, Path)
        return self.target

    @property
    def label(self) -> str:
        """Its name in messages."""
        return str(self.source) if self.source else "standard input"


def fitting(item: Item, suffix: str) -> Place:
    """The target of `item` with the `suffix` of its container; an equivalent spelling (`.jpeg`) is kept.

    If the name says picture and the file is a video, or the other way round, the suffix is appended: `a.mp4`, which
    holds a JPEG, becomes `a.mp4.jpg`, since `a.jpg` may be another input's output. `plan_items` relies on it.
    """
    own = item.target.suffix.lower()
    if SAME.get(own, own) == SAME.get(suffix, suffix):
        return item.target
    target = item.target.with_name(item.otherwise) if item.otherwise else item.target
    if is_picture_name(target) not in (None, suffix in PICTURE_SUFFIXES):
        return target.with_name(f"{target.name}{suffix}")
    return target.with_suffix(suffix)
