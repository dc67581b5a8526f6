"""The standard streams, made so that printing never fails: whatever stands behind them, the work goes on."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GONE = (errno.EPIPE, errno.EBADF)
"""Nobody wants to read: the reader has gone, or there never was one."""


class Printed(io.FileIO):
    """A descriptor to print to. What it does not take is dropped, and `error` says why it did not."""

    error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written, and say that it was all."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            try:
                written = super().write(left)
            except OSError as error:
                self.error = self.error or error
                break
            if written is None:  # someone who shares it has made it non-blocking
                select.select([], [self.fileno()], [])
            left = left[written or 0 :]
        return size


def prepare() -> Sequence[Printed]:
    """Make the standard streams safe, and return what stands behind output and error.

    The number of one that is closed is taken, by something that can be neither read nor written as it should: no file
    that is opened later gets it, and with it what is printed. Characters that the encoding lacks are escaped.
    """
    for number, wrong_way in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, wrong_way)  # gets the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it lives as long as the process
    output, error = Printed(1, "w", closefd=False), Printed(2, "w", closefd=False)
    sys.stdout, sys.stderr = _text(output, sys.stdout), _text(error, sys.stderr)
    return output, error


def _text(behind: Printed, before: TextIO | None) -> io.TextIOWrapper:
    """A stream of text, line by line, in the encoding of the one that was there."""
    encoding = before.encoding if before is not None else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(behind), encoding, "backslashreplace", line_buffering=True)


def lost(behind: Sequence[Printed]) -> str:
    """What could not be printed and why; nothing if all was, or if nobody wanted to read it."""
    sys.stdout.flush()
    sys.stderr.flush()
    names = ("standard output", "standard error")
    return "; ".join(
        f"{name} cannot be written ({raw.error.strerror})"
        for name, raw in zip(names, behind, strict=True)
        if raw.error is not None and raw.error.errno not in _GONE
    )
