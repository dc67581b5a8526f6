"""Something to wait for, beside pipes and processes."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress


class Wakeup:
    """Wakes whoever waits for `fileno`, from any thread or signal handler; gone with the last reference."""

    def __init__(self) -> None:
        self._hear, self._pull = os.pipe()
        for end in (self._hear, self._pull):
            os.set_blocking(end, False)
            weakref.finalize(self, os.close, end)

    def fileno(self) -> int:
        """What `multiprocessing.connection.wait` waits for."""
        return self._hear

    def wake(self) -> None:
        """Wake whoever waits."""
        with suppress(BlockingIOError):  # woken often enough already
            os.write(self._pull, b"!")

    def clear(self) -> None:
        """Wait again: it is known now."""
        with suppress(BlockingIOError):
            while os.read(self._hear, 4096):
                continue
