"""The record of what was done in an output folder, so that a run that was stopped at any moment can be continued.

`.anonymize.sqlite` in the folder has the state of every file: done, failed, in progress, waiting. Only the process that
the user started writes it, so any executor may do the work. It identifies nobody, except by the files' own names.

`store` is the SQLite file; `claim` is the part of a run that the worker on an item needs; `lock` keeps a second run
out; `proofs` is what a killed run leaves in the folder: proofs of what it released, and temporary files; `decide` says
what is left to do; `run_ledger` combines these for one run; `status` summarises a ledger.
"""

from anonymize.batch.ledger.decide import Redo
from anonymize.batch.ledger.run_ledger import RunLedger, Start, keep
from anonymize.batch.ledger.status import Status, Working, status

__all__ = ["Redo", "RunLedger", "Start", "Status", "Working", "keep", "status"]
