"""What can go wrong, as one tree; each class knows its exit code.

    AnonymizeError                  1   anything below that has no code of its own
    ├── UsageError                  2   the command or its settings make no sense
    ├── InputError                  3   the input cannot be used
    │   ├── UnreadableInput         3   not media, empty, encrypted, absurd dimensions, no video stream
    │   ├── DamagedInput            4   truncated or corrupt: part of it is lost
    │   └── UnsupportedInput        5   readable, but cannot be carried over without changing it
    ├── OutputError                 6   the output cannot be written: exists, disk full, folder gone
    ├── VerificationError           7   an output was made, checked, found wanting and deleted
    ├── ModelError                  8   a model is missing, altered, or cannot do what was asked
    ├── PlanError                   9   a plan file is malformed or belongs to other media
    ├── PartialFailure             10   several inputs: some are done, some failed
    │   (`verify`, `doubts`: 11        doubts are left to a person; no error, and so no class)
    ├── ProcessError                1   a process that worked on a part of a file died, twice
    ├── ReportError                12   a report is malformed, unsigned, or not what was signed
    ├── ClusterError               13   a cluster cannot be reached, or is not fit for the work
    └── LedgerError                14   the ledger of an output folder is damaged, or of a newer version
        (`anonymize status`: 15, 16     a run is going on, was stopped; no errors, and so no classes)
    (interrupted by the end of the terminal: 129, by Ctrl-C: 130, by TERM: 143)

Every message says what happened, to which file, and what to do about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anonymize.kept import Kept
    from anonymize.plan import Plan
    from anonymize.verify.verdict import Verified


class AnonymizeError(Exception):
    """Root of every error this library raises on purpose."""

    exit_code = 1


class UsageError(AnonymizeError):
    """The command or its settings make no sense."""

    exit_code = 2


class InputError(AnonymizeError):
    """The input cannot be used."""

    exit_code = 3


class UnreadableInput(InputError):
    """Not media, empty, encrypted, without video, or of absurd dimensions."""


class DamagedInput(InputError):
    """Part of the input is lost; `--allow-damaged` writes what was readable."""

    exit_code = 4


class UnsupportedInput(InputError):
    """Readable, but it cannot be carried over without changing it silently."""

    exit_code = 5


class OutputError(AnonymizeError):
    """The output cannot be written."""

    exit_code = 6


class VerificationError(AnonymizeError):
    """The output was written, checked and found wanting; it was deleted.

    Args:
        message: what was found.
        verified: the whole result of the examination, for reports.
        plan: what was drawn, repairs included.
    """

    exit_code = 7

    def __init__(self, message: str, verified: Verified | None = None, plan: Plan | None = None) -> None:
        super().__init__(message)
        self.verified = verified
        self.plan = plan
        self.kept: Kept | None = None
        """Where the plan was put, to go on with."""


class ModelError(AnonymizeError):
    """A model is missing, altered, or cannot do what was asked of it."""

    exit_code = 8


class PlanError(AnonymizeError):
    """A plan file is malformed or belongs to other media."""

    exit_code = 9


class PartialFailure(AnonymizeError):
    """Of several inputs some are done and some failed."""

    exit_code = 10


class ReportError(AnonymizeError):
    """A report is malformed, is not signed, or is not what was signed."""

    exit_code = 12


class ClusterError(AnonymizeError):
    """A cluster cannot be reached, or is not fit for the work."""

    exit_code = 13


class LedgerError(AnonymizeError):
    """The ledger of an output folder is damaged, or was written by a newer version."""

    exit_code = 14


class ProcessError(AnonymizeError):
    """A process that worked on a part of a file died, and so did the one that took its place."""
