"""One process at a time holds, releases or deletes recordings in a folder: a lock on the folder itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anonymize.errors import OutputError
from anonymize.text.words import system

PATIENCE = 5.0
"""Seconds to wait for another process."""


class Busy(OutputError):
    """Another process holds the lock."""


@contextmanager
def locked(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock on `folder`. Where the file system cannot lock folders, nothing is held.

    Args:
        folder: that exists.
        patience: seconds to wait.

    Raises:
        Busy: another process held it for longer.
        OutputError: the folder cannot be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OutputError(f"this folder cannot be opened: {system(error)}", folder) from error
    try:
        until = time.monotonic() + patience
        while not _taken(descriptor):
            if time.monotonic() >= until:
                raise Busy("another process is holding or deleting recordings here: try again in a moment", folder)
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Whether the lock was taken, or there is none to take."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network drives
        return True
    return True
