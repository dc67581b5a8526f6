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
    """What a run that keeps a ledger gives to whoever works on one of its items."""

    @property
    def mark(self) -> str:
        """The run's; its temporary files and proofs carry it, so that it is known whose they were."""

    @property
    def replaces(self) -> Path | None:
        """What an earlier run released for this item, and this one may replace."""

    def at_work(self) -> AbstractContextManager[None]:
        """Hold the output folder while the item is worked on, in whatever process. Raises `OutputError`."""

    def leave_proof(self, item: Item, output: Path, report: Report) -> None:
        """Prove beside `output`, which gets its name next, that it was made and checked. Raises `OutputError`."""

    def absolute(self) -> Claim:
        """The same with paths that mean the same on every machine."""


@dataclass(frozen=True, slots=True)
class Item:
    """One input and where its result goes.

    Args:
        source: a file, here or behind an address, or None for standard input.
        target: the output's place; its suffix may change where the container cannot hold the result (`named` False).
        relative: the target's place within the output folder, for what lies beside it (reports).
        named: the user wrote this very name, so its suffix is an order.
        sought: the user named this file or pattern; one that a folder merely contains is left out if it is not media.
        claim: of the run that has it, if that keeps a ledger.
        otherwise: what its target's name is made from where that gets another suffix: the target, unless another
            input's output could have that name then.
        keep_in: the folder for what is kept of it should it fail, where its target is in passing; else the target's.
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
        """Whether this must be media: it was asked for by name, or its suffix says so."""
        known = PICTURE_SUFFIXES | VIDEO_SUFFIXES | OTHER_SUFFIXES | RAW_SUFFIXES
        return self.sought or self.source is None or self.source.suffix.lower() in known

    @property
    def mark(self) -> str:
        """Of the run that has it; empty where none keeps a ledger."""
        return self.claim.mark if self.claim else ""

    def may_replace(self, target: Place) -> bool:
        """Whether the ledger lets this run replace what is at `target`."""
        return self.claim is not None and target == self.claim.replaces

    @property
    def source_path(self) -> Path | None:
        """`source` where it is known to be a file of this machine, as for items of a ledger."""
        assert self.source is None or isinstance(self.source, Path)
        return self.source

    @property
    def target_path(self) -> Path:
        """`target` where it is known to be a file of this machine."""
        assert isinstance(self.target, Path)
        return self.target

    @property
    def label(self) -> str:
        """What messages call it."""
        return str(self.source) if self.source else "standard input"


def fitting(item: Item, suffix: str) -> Place:
    """The target of `item` under the suffix of its container, once that is known. Its own spelling of it is kept.

    The whole name is kept where it says picture and the file is a video, or the other way round: `a.mp4`, which holds
    a JPEG, becomes `a.mp4.jpg`, since `a.jpg` may be another's. `plan_items` counts on it.
    """
    own = item.target.suffix.lower()
    if SAME.get(own, own) == SAME.get(suffix, suffix):
        return item.target
    target = item.target.with_name(item.otherwise) if item.otherwise else item.target
    if is_picture_name(target) not in (None, suffix in PICTURE_SUFFIXES):
        return target.with_name(f"{target.name}{suffix}")
    return target.with_suffix(suffix)
