"""Something to wait for, beside pipes and processes."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress


class Bell:
    """Wakes whoever waits for `fileno`; may be rung from any thread or signal handler. Gone with the last reference."""

    def __init__(self) -> None:
        self._hear, self._pull = os.pipe()
        for end in (self._hear, self._pull):
            os.set_blocking(end, False)
            weakref.finalize(self, os.close, end)

    def fileno(self) -> int:
        """What `multiprocessing.connection.wait` waits for."""
        return self._hear

    def ring(self) -> None:
        """Wake."""
        with suppress(BlockingIOError):  # rung often enough already
            os.write(self._pull, b"!")

    def quiet(self) -> None:
        """Have been woken."""
        with suppress(BlockingIOError):
            while os.read(self._hear, 4096):
                continue
