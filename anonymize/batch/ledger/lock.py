"""The lock on an output folder: one run, and its worker processes, use it at a time.

The operating system holds the lock (flock on a file beside the ledger) and releases it when its holder ends, however it
ends. So no process id has to be trusted, which another process may have by now. A starting run needs the lock for
itself; then it shares it with its workers, so that a worker that outlives its run keeps the next run waiting.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anonymize.errors import OutputError
from anonymize.text.words import disk_full, system

NAME = ".anonymize.lock"
PATIENCE = 20.0
"""Seconds to wait for the last workers of a killed run to notice that it is gone."""
MOMENT = 3.0
"""Seconds to wait if a process with that id lives: it may be another by now, or `status` holds the lock briefly."""
_TAKEN = (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)
_LOCKLESS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF)


class Lock:
    """A run's lock on its output folder.

    Args:
        folder: the output folder, which exists.
        mark: the run's.

    Raises:
        OutputError: another run uses it, or the folder cannot be written or locked.
    """

    def __init__(self, folder: Path, mark: str) -> None:
        self._folder, self._mark = folder, mark
        with _plainly(folder):
            self._file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            refuse_foreign(folder / NAME, os.fstat(self._file))
            self._take()
            with _plainly(folder):
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, f"{mark} {os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(self._file)
            raise

    def share(self) -> None:
        """Share the lock with workers. Raises `OutputError` if another run took it: for a moment nobody holds it."""
        self._take(shared=True)
        with _plainly(self._folder):
            if _read(self._file)[0] != self._mark:
                raise OutputError(_busy(self._file), self._folder)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._file)

    def _take(self, *, shared: bool = False) -> None:
        start = time.monotonic()
        with _plainly(self._folder):
            while not _flock(self._file, shared=shared):
                patience = MOMENT if _lives(_holder(self._file)) else PATIENCE
                if time.monotonic() - start > patience:
                    raise OutputError(_busy(self._file), self._folder)
                time.sleep(0.05)


def refuse_foreign(path: Path, facts: os.stat_result) -> None:
    """Raise `OutputError` unless `facts`, of the file `path`, are those of a regular file with only this name.

    Someone with write access to the folder could have placed a link there, to make us overwrite a file elsewhere.
    """
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
        raise OutputError("this is a link or a special file, not a file of this program: remove it", path)


@contextmanager
def at_work(folder: Path, mark: str) -> Iterator[None]:
    """Hold the lock of `folder` for the run with `mark` while an item is processed, in any process.

    Raises:
        OutputError: that run is over, and another one uses the folder.
    """
    with _plainly(folder):
        file = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        with _plainly(folder):
            _flock(file, shared=True, wait=True)
            now = _read(file)[0]
        if now != mark:
            raise OutputError("another run works in this folder now, so this one stops", folder)
        yield
    finally:
        os.close(file)


def held(folder: Path) -> bool | None:
    """Whether a run or one of its workers holds the lock of `folder`; None where the system cannot tell."""
    try:
        file = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        return not _flock(file)
    except OSError:
        return None
    finally:
        os.close(file)


def _flock(file: int, *, shared: bool = False, wait: bool = False) -> bool:
    """Lock the open `file`; False if another holds it and `wait` is not set. Raises `OSError`."""
    try:
        import fcntl
    except ImportError:  # Windows: single files work there, and need no lock
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)) from None
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _read(file: int) -> tuple[str, int]:
    """The mark and process id in the file: those of the run that had the folder last."""
    mark, _, process = os.pread(file, 64, 0).decode("ascii", "replace").partition(" ")
    return mark, int(process) if process.strip().isdecimal() else 0


def _holder(file: int) -> int:
    return _read(file)[1]


def _lives(process: int) -> bool:
    """Whether a process has this id: good enough to decide how long to wait, and for nothing else."""
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _busy(file: int) -> str:
    process = _holder(file)
    if _lives(process):
        return (
            f"another run works in this folder (process {process}): wait for it or stop it; "
            "`anonymize status` on this folder shows its progress"
        )
    return "processes of a killed run still work in this folder: try again in a moment"


@contextmanager
def _plainly(folder: Path) -> Iterator[None]:
    """Turn an `OSError` into an `OutputError`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = "no permission to write in this folder"
        elif disk_full(error):
            reason = system(error)
        elif error.errno in _LOCKLESS:
            reason = "this file system cannot lock files, which an output folder needs: write to a folder elsewhere"
        elif error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            reason = f"{NAME} in it is a link or a special file, not a file of this program: remove it"
        elif error.errno == errno.ENOENT:
            reason = "the folder, or the lock in it, is gone"
        else:
            reason = f"cannot be locked ({system(error)})"
        raise OutputError(reason, folder) from error
