"""What was done in an output folder, so that a run that was stopped at any moment goes on where it was.

`.anonymize.sqlite` in the folder tells of every file: done, failed, in progress, waiting. Only the process that the
user started writes it, so any executor may do the work. Nothing in it names anybody, but for the files' own names.

`store` is the SQLite file; `claim` is what whoever works on an item gets of a run; `lock` keeps a second run out;
`proofs` is what a killed run leaves in the folder: proofs of what it released, and temporary files; `decide` says what
still has to be done; `run_ledger` is one run's dealings with all of these; `status` shows a ledger to whoever asks.
"""

from anonymize.batch.ledger.decide import Redo
from anonymize.batch.ledger.run_ledger import RunLedger, Start, keep
from anonymize.batch.ledger.status import Status, Working, status

__all__ = ["Redo", "RunLedger", "Start", "Status", "Working", "keep", "status"]
