"""A private temporary folder for this process, removed afterwards even if the process is killed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anonymize.errors import UsageError

_PREFIX = "anonymize-work-"


@contextmanager
def private_folder() -> Iterator[Path]:
    """Yield an empty folder on this machine that only this user can open; it is removed afterwards.

    Folders left by killed processes are removed first. A running process holds a lock on its folder.
    """
    sweep()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # mode 0700
        lock = _locked(folder)
        if lock is not None:
            break
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(within: Path | None = None) -> None:
    """Remove the private folders of this user's processes that have ended.

    Args:
        within: the folder they are in; the system's temporary folder by default.
    """
    for folder in (within or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = _locked(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """A lock on `folder` as a file descriptor; None if a running process holds it, or the folder is gone."""
    if sys.platform == "win32":
        raise UsageError("storage addresses need Linux or macOS")
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except OSError:  # held by its owner, or removed by another sweep
        pass
    os.close(descriptor)
    return None
