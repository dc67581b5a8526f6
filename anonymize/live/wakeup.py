"""Wake a thread that waits on pipes and processes."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress


class Wakeup:
    """Wakes the thread that waits on `fileno`, from any thread or signal handler. Closed with the last reference."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):
            os.set_blocking(end, False)
            weakref.finalize(self, os.close, end)

    def fileno(self) -> int:
        """Descriptor for `multiprocessing.connection.wait`."""
        return self._read_end

    def wake(self) -> None:
        """Make `fileno` readable."""
        with suppress(BlockingIOError):  # the pipe is full, so the reader wakes anyway
            os.write(self._write_end, b"!")

    def clear(self) -> None:
        """Make `fileno` wait again."""
        with suppress(BlockingIOError):
            while os.read(self._read_end, 4096):
                continue
