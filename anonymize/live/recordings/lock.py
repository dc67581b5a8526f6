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


class InUse(OutputError):
    """Another process holds the lock."""


@contextmanager
def locked(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock on `folder`. Where the file system cannot lock folders, nothing is held.

    Args:
        folder: that exists.
        patience: seconds to wait.

    Raises:
        InUse: another process held it for longer.
        OutputError: the folder cannot be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OutputError(f"this folder cannot be opened: {system(error)}", folder) from error
    try:
        if not taken(descriptor, patience):
            raise InUse("another process is holding or deleting recordings here: try again in a moment", folder).coded(
                "in-use"
            )
        yield
    finally:
        os.close(descriptor)


def taken(descriptor: int, patience: float = PATIENCE) -> bool:
    """Whether the lock on an open file or folder was taken within `patience` seconds, or there is none to take."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        except OSError:  # some network drives
            return True
        else:
            return True
