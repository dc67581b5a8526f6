"""Who is at work in an output folder: one run, and the processes that work for it.

The lock is the system's own (flock on a file beside the ledger), and ends with whoever holds it, however it ends. So
no number of a process has to be trusted, which another process may have by now. A run that starts must have the folder
to itself; then it shares the lock with its workers, so that one that outlives its run keeps the next run waiting.
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
"""Seconds that the last workers of a run that was killed get to notice it, at most."""
MOMENT = 3.0
"""Seconds to wait where a process of that number lives: it may be another by now, or someone asks for the status."""
_TAKEN = (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)
_LOCKLESS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF)


class Lock:
    """The hold that a run has on its output folder.

    Args:
        folder: the output folder, which exists.
        mark: the run's.

    Raises:
        OutputError: another run is at work there, or the folder cannot be written or locked.
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
        """Let workers in. Raises `OutputError` where another run was quicker: for a moment nobody holds the lock."""
        self._take(shared=True)
        with _plainly(self._folder):
            if _read(self._file)[0] != self._mark:
                raise OutputError(_busy(self._folder, self._file), self._folder)

    def close(self) -> None:
        """Let go."""
        os.close(self._file)

    def _take(self, *, shared: bool = False) -> None:
        start = time.monotonic()
        with _plainly(self._folder):
            while not _flock(self._file, shared=shared):
                patience = MOMENT if _lives(_holder(self._file)) else PATIENCE
                if time.monotonic() - start > patience:
                    raise OutputError(_busy(self._folder, self._file), self._folder)
                time.sleep(0.05)


def refuse_foreign(path: Path, facts: os.stat_result) -> None:
    """Raise `OutputError` unless `facts`, of the file `path`, are those of a plain file under this one name.

    Someone who may write in the folder could have put a link there, so that we write into a file of ours elsewhere.
    """
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
        raise OutputError("this is no file of this program but a link or something else: remove it", path)


@contextmanager
def at_work(folder: Path, mark: str) -> Iterator[None]:
    """Hold the lock of `folder` for the run with `mark` while an item is worked on, in whatever process.

    Raises:
        OutputError: that run is over, and another one has the folder.
    """
    with _plainly(folder):
        file = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        with _plainly(folder):
            _flock(file, shared=True, wait=True)
            now = _read(file)[0]
        if now != mark:
            raise OutputError("another run works in this folder now; this one gives way", folder)
        yield
    finally:
        os.close(file)


def held(folder: Path) -> bool | None:
    """Whether a run, or a worker of one, is at work in `folder`; None where the system does not tell."""
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
    """Lock `file`, which is open; False where another holds it and there is to be no wait. Raises `OSError`."""
    try:
        import fcntl
    except ImportError:  # Windows: there one file at a time can be done, and needs no lock
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)) from None
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _read(file: int) -> tuple[str, int]:
    """The mark and the process that the file names: of the run that had the folder last."""
    mark, _, process = os.pread(file, 64, 0).decode("ascii", "replace").partition(" ")
    return mark, int(process) if process.strip().isdecimal() else 0


def _holder(file: int) -> int:
    return _read(file)[1]


def _lives(process: int) -> bool:
    """Whether a process has this number: good enough to decide how long to wait, and for nothing else."""
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _busy(folder: Path, file: int) -> str:
    process = _holder(file)
    if _lives(process):
        return (
            f"another run works in this folder (process {process}): wait for it or stop it; "
            f"`anonymize status {folder}` shows how far it is"
        )
    return "processes of a run that was killed still work in this folder: try again in a moment"


@contextmanager
def _plainly(folder: Path) -> Iterator[None]:
    """Turn what the system says into an `OutputError`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = "no permission to write in this folder"
        elif disk_full(error):
            reason = system(error)
        elif error.errno in _LOCKLESS:
            reason = "this file system cannot lock files, which several outputs need: write to a folder elsewhere"
        elif error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            reason = f"{NAME} there is no file of this program but a link or something else: remove it"
        elif error.errno == errno.ENOENT:
            reason = "the folder, or the lock in it, is gone"
        else:
            reason = f"cannot be locked ({system(error)})"
        raise OutputError(f"{reason}", folder) from error
