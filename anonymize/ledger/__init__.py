"""What was done in an output folder, so that a run that was stopped at any moment goes on where it was.

`.anonymize.sqlite` in the folder tells of every file: done, failed, in progress, waiting. Only the process that the
user started writes it, so any executor may do the work. Nothing in it names anybody, but for the files' own names.

`store` is the SQLite file; `lock` keeps a second run out; `traces` is what a killed run leaves in the folder: proofs of
what it released, and temporary files; `judge` decides what still has to be done; `book` is one run's dealings with all
of these; `status` shows a ledger to whoever asks.
"""

from anonymize.ledger.book import Book, Start, keep
from anonymize.ledger.judge import Why
from anonymize.ledger.lock import at_work
from anonymize.ledger.status import Status, status
from anonymize.ledger.traces import leave_proof

__all__ = ["Book", "Start", "Status", "Why", "at_work", "keep", "leave_proof", "status"]
