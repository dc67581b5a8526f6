"""What a run with a ledger passes to the worker on an item, in any process or on any machine."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize.batch.ledger import lock, proofs
from anonymize.batch.ledger.store import text_of
from anonymize.recorded.item import Item

if TYPE_CHECKING:
    from anonymize.report import Report


@dataclass(frozen=True, slots=True)
class FolderClaim:
    """A run's claim on an item whose output goes to a folder with a ledger; see `anonymize.recorded.item.Claim`.

    Args:
        folder: the output folder.
        mark: the run's.
        settings: hash of the settings that affect the output.
        place: hash of the source's path.
        replaces: an earlier run's output of this item, which may be replaced.
    """

    folder: Path
    mark: str
    settings: str
    place: str
    replaces: Path | None = None

    def at_work(self) -> AbstractContextManager[None]:
        """See `Claim.at_work`."""
        return lock.at_work(self.folder, self.mark)

    def leave_proof(self, item: Item, output: Path, report: Report) -> None:
        """See `Claim.leave_proof`."""
        relative = text_of(output.relative_to(self.folder))
        proof = proofs.Proof(text_of(item.relative), relative, self.settings, self.place, report)
        proofs.write(proof, proofs.proof_path(item, self.mark), self.mark)

    def absolute(self) -> FolderClaim:
        """See `Claim.absolute`."""
        replaces = self.replaces.absolute() if self.replaces else None
        return replace(self, folder=self.folder.absolute(), replaces=replaces)
