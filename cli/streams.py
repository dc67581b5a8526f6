"""Standard streams on which printing never fails, so that work continues whatever happens to them."""

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
"""Errors without a reader: it has gone, or never existed."""


class Printed(io.FileIO):
    """An output descriptor. What cannot be written is dropped; `error` is the first reason."""

    error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written, and report all as written."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            try:
                written = super().write(left)
            except OSError as error:
                self.error = self.error or error
                break
            if written is None:  # made non-blocking by another process that shares it
                select.select([], [self.fileno()], [])
            left = left[written or 0 :]
        return size


def prepare() -> Sequence[Printed]:
    """Make the standard streams safe. Returns the descriptors behind standard output and error.

    A closed stream's number is taken by the null device, opened the wrong way round: no file opened later gets the
    number, and with it what is printed. Characters that the encoding lacks are escaped.
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
    """A line-buffered text stream in the encoding of the stream before."""
    encoding = before.encoding if before is not None else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(behind), encoding, "backslashreplace", line_buffering=True)


def lost(behind: Sequence[Printed]) -> str:
    """What could not be printed and why; empty if nothing was lost, or if there was no reader."""
    sys.stdout.flush()
    sys.stderr.flush()
    names = ("standard output", "standard error")
    return "; ".join(
        f"{name} cannot be written ({raw.error.strerror})"
        for name, raw in zip(names, behind, strict=True)
        if raw.error is not None and raw.error.errno not in _GONE
    )
