"""The error classes, as one tree, and the exit code of each.

    AnonymizeError                  1
    ├── UsageError                  2
    ├── InputError                  3
    │   ├── UnreadableInput         3
    │   ├── DamagedInput            4
    │   └── UnsupportedInput        5
    ├── OutputError                 6
    ├── VerificationError           7
    ├── ModelError                  8
    ├── PlanError                   9
    ├── PartialFailure             10
    ├── ProcessError                1
    ├── ReportError                12
    ├── ClusterError               13
    ├── LedgerError                14
    └── FailingError               17

Every message says what happened, to which file, and what to do about it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The exit codes of all commands, as the help and docs/guide.md list them."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """A code with its meaning, in the words of the help."""
        made = int.__new__(cls, code)
        made._value_, made.meaning = code, meaning
        return made

    DONE = 0, "done"
    INTERNAL = 1, "internal error"
    USAGE = 2, "usage"
    UNREADABLE_INPUT = 3, "unreadable input"
    DAMAGED_INPUT = 4, "damaged input"
    UNSUPPORTED_INPUT = 5, "unsupported input"
    OUTPUT = 6, "output cannot be written"
    VERIFICATION = 7, "verification failed"
    MODEL = 8, "model missing"
    PLAN = 9, "bad plan"
    PARTIAL = 10, "some of several inputs failed"
    DOUBTS = 11, "doubts are left (verify, doubts)"
    REPORT = 12, "bad report or signature"
    CLUSTER = 13, "cluster not usable"
    LEDGER = 14, "bad ledger"
    RUNNING = 15, "running (status)"
    STOPPED = 16, "stopped (status)"
    FAILING = 17, "ended while failing (live)"
    HANGUP = 129, "the terminal was closed"
    INTERRUPTED = 130, "Ctrl-C"
    TERMINATED = 143, "terminated"


class AnonymizeError(Exception):
    """Root of every error this library raises on purpose.

    Args:
        message: what happened and what to do, without the name of the file, because reports and ledgers store it.
        path: the file or address concerned, as the user named it; None if there is none.
    """

    exit_code = ExitCode.INTERNAL
    code = ""
    """What happened, for pages that say it in another language; empty if they have no words for it."""
    values: tuple[float | str, ...] = ()
    """What their words need: times in seconds since the epoch, or names."""

    def __init__(self, message: str, path: object = None) -> None:
        super().__init__(message, path)

    def coded(self, code: str, *values: float | str) -> Self:
        """This error, with `code` and `values`."""
        self.code, self.values = code, values
        return self

    @property
    def message(self) -> str:
        """What happened, without the path."""
        return str(self.args[0])

    @property
    def path(self) -> object:
        """The file or address concerned, or None."""
        return self.args[1]

    def __str__(self) -> str:
        return self.message if self.path is None else f"{self.path}: {self.message}"


class UsageError(AnonymizeError):
    """The command or its settings make no sense."""

    exit_code = ExitCode.USAGE


class InputError(AnonymizeError):
    """The input cannot be used."""

    exit_code = ExitCode.UNREADABLE_INPUT


class UnreadableInput(InputError):
    """Not media, empty, encrypted, without video, or of absurd dimensions."""


class DamagedInput(InputError):
    """Part of the input is lost; `--allow-damaged` writes the readable part."""

    exit_code = ExitCode.DAMAGED_INPUT


class UnsupportedInput(InputError):
    """Readable, but the output would silently differ from it."""

    exit_code = ExitCode.UNSUPPORTED_INPUT


class OutputError(AnonymizeError):
    """The output cannot be written."""

    exit_code = ExitCode.OUTPUT


class VerificationError(AnonymizeError):
    """The output was written, failed its verification, and was deleted."""

    exit_code = ExitCode.VERIFICATION


class ModelError(AnonymizeError):
    """A model is missing, altered, or cannot run as requested."""

    exit_code = ExitCode.MODEL


class PlanError(AnonymizeError):
    """A plan file is malformed or belongs to other media."""

    exit_code = ExitCode.PLAN


class PartialFailure(AnonymizeError):
    """Some of several inputs failed."""

    exit_code = ExitCode.PARTIAL


class ReportError(AnonymizeError):
    """A report is malformed, not signed, or differs from what was signed."""

    exit_code = ExitCode.REPORT


class ClusterError(AnonymizeError):
    """A cluster cannot be reached or used."""

    exit_code = ExitCode.CLUSTER


class LedgerError(AnonymizeError):
    """The ledger of an output folder is damaged, or was written by a newer version."""

    exit_code = ExitCode.LEDGER


class FailingError(AnonymizeError):
    """A live camera ended, or was stopped in order, while ``/healthz`` said that it was failing."""

    exit_code = ExitCode.FAILING


class ProcessError(AnonymizeError):
    """A process working on part of a file died, and so did its replacement."""
