"""Write outputs atomically: a file appears under its name when it is complete, or not at all."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from anonymize import storage
from anonymize.errors import AnonymizeError, OutputError
from anonymize.text.words import disk_full, system

if TYPE_CHECKING:
    from anonymize.storage import Place

_AT_FDCWD, _RENAME_NOREPLACE = -100, 1
_FEWER = 1000
"""Largest plausible ratio of source to output size: a video without sound, redacted completely."""
_YOUNG = 1.0
"""Seconds that may pass before the creator of a hidden file has locked it."""


@contextmanager
def pending(
    path: Place, *, force: bool = False, mark: str = "", token: str = "", mode: int | None = None
) -> Iterator[Path]:
    """Yield a hidden file beside `path`, with the same suffix, which is renamed to `path` if the block succeeds.

    If the block fails, Ctrl-C included, the file is removed; leftovers of a killed process for the same `path` are
    removed by the next call. Only its owner can read the file before it is renamed. Without `force`, an existing `path`
    is never replaced, not even one that appears while the block runs. If `path` is an address, the hidden file is in a
    private folder on this machine, and is uploaded.

    Args:
        path: a file, or an address.
        force: replace an existing file.
        mark: of a run; part of the hidden file's name.
        token: unique part of the hidden file's name; random if empty.
        mode: of the file, on this machine, from its beginning; as the system gives it to new files if None.

    Raises:
        OutputError: the folder is missing or not writable, the disk is full, or `path` exists and `force` is not given.
    """
    check_target(path, force=force)
    if not (mark or token or not isinstance(path, Path)):
        mark = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]
        _sweep(path.parent, mark)
    token = token or secrets.token_hex(6)
    if not isinstance(path, Path):
        with storage.private_folder() as folder:
            made = folder / path.name
            made.touch()
            yield made
            storage.upload(made, path, force=force, token=token)
        return
    owner = f"{mark}-" if mark else ""
    lock: int | None = None
    temporary = path.with_name(storage.hidden(path.name, f"{owner}{token}"))
    try:
        with plainly(path):
            begun = 0o666 if mode is None else 0o600
            lock = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, begun)
            mode = stat.S_IMODE(os.fstat(lock).st_mode) if mode is None else mode
            os.fchmod(lock, 0o600)  # nobody else may read it before it has been checked
            _locked(lock)
        try:
            yield temporary
        except AnonymizeError as error:  # the message names the hidden file
            named = path if Path(str(error.path)).name == temporary.name else error.path
            error.args = (error.message.replace(temporary.name, path.name), named)
            raise
        except OSError as error:
            if not disk_full(error):
                raise  # it may be about another file
            with plainly(path):
                raise
        with plainly(path):
            temporary.chmod(mode)
            _to_disk(temporary)
            if force:
                temporary.replace(path)
            else:
                _rename_new(temporary, path)
            _to_disk(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()
        if lock is not None:
            os.close(lock)


def _sweep(folder: Path, mark: str) -> None:
    """Remove hidden files with `mark` in `folder` whose processes have ended."""
    with suppress(OSError):  # a missing folder is reported later; without file locks nothing is removed
        for left in folder.glob(f".anonymize-{mark}-*"):
            descriptor = os.open(left, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                aged = time.time() - os.fstat(descriptor).st_mtime > _YOUNG  # a newer one may not be locked yet
                if aged and _locked(descriptor):
                    left.unlink()
            finally:
                os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock the open file until this process ends; False if another process holds the lock, or locks are unsupported."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def check_target(path: Place, *, force: bool, makes_folder: bool = False) -> None:
    """Check that `path` can be written.

    Args:
        path: a file, or an address.
        force: whether an existing file may be replaced.
        makes_folder: whether a missing folder will be created.

    Raises:
        OutputError: it exists and `force` is not given; it is not a regular file (a folder, device or pipe), which is
            never replaced; or its folder is missing or not writable.
    """
    if isinstance(path, Path):
        with plainly(path), suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise OutputError("a folder of this name is in the way", path.name)
            if not stat.S_ISREG(mode):
                raise OutputError("this is a device or a pipe, which is never replaced; name a file", path)
    if not force and storage.exists(path):
        raise storage.already(path)
    if not isinstance(path, Path):
        return
    with plainly(path), suppress(*(FileNotFoundError,) * makes_folder):
        if not stat.S_ISDIR(path.parent.stat().st_mode):
            raise NotADirectoryError
        with TemporaryFile(dir=path.parent):  # permission bits are not enough: it may be on a server, or read-only
            pass


def check_room(path: Place, source: int) -> None:
    """Check that the disk of `path` is not certain to be too full for an output made from `source` bytes.

    Raises:
        OutputError: less than a thousandth of `source` is free; no output is known to be smaller.
    """
    least = source // _FEWER
    if not isinstance(path, Path) or not least or not hasattr(os, "statvfs"):
        return
    folder = next((folder for folder in path.absolute().parents if folder.is_dir()), None)
    if folder is None:
        return
    with plainly(path):
        disk = os.statvfs(folder)
    free = disk.f_frsize * (disk.f_bavail if os.geteuid() else disk.f_bfree)
    if disk.f_blocks and free < least:  # some file systems report nothing
        raise OutputError(
            f"the disk has {_amount(free)} free; an output of {_amount(source)} of input takes at least "
            f"{_amount(least)}, usually about as much as the input. Free some space, or write to another disk",
            path,
        )


def _amount(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} bytes"


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents if they do not exist. Raises `OutputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make this folder: {system(error)}", folder) from error


def publish(made: Path, path: Place, sha256: str, *, force: bool, token: str) -> None:
    """Copy the finished file `made` to `path`, possibly on another disk or in a storage, completely or not at all.

    Args:
        made: a file on this machine.
        path: a file, or an address.
        sha256: of `made` when it was checked; a copy that differs is not released.
        force: replace an existing file.
        token: unique part of the temporary name, so that other processes can clean up.

    Raises:
        OutputError: see `pending`; or the copy differs.
    """
    if not isinstance(path, Path):
        storage.upload(made, path, force=force, token=token)
        return
    with pending(path, force=force, token=token) as temporary, plainly(path):
        shutil.copyfile(made, temporary)
        if storage.sha256(temporary) != sha256:
            raise OutputError("the copy differs from the file that was checked; it was removed", path)


def _to_disk(path: Path) -> None:
    """Flush `path` to disk, so that it survives a power cut (a folder: the names in it)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # for folders on some file systems
            raise
    finally:
        os.close(descriptor)


def _rename_new(temporary: Path, path: Path) -> None:
    """Rename atomically. Raises `FileExistsError` if `path` exists."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        _rename_without_links(temporary, path)


def _rename_without_links(temporary: Path, path: Path) -> None:
    """The same on file systems without hard links (FAT, some network shares)."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        source, target = os.fsencode(temporary), os.fsencode(path)
        if renameat2(_AT_FDCWD, source, _AT_FDCWD, target, _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(code, os.strerror(code))
    # Claim the name with an empty file, which the rename then replaces.
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    temporary.replace(path)


@contextmanager
def plainly(path: Path) -> Iterator[None]:
    """Turn system errors about `path` into an `OutputError`."""
    try:
        yield
    except FileExistsError as error:
        raise storage.already(path) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise OutputError("this folder does not exist (any more)", path.parent) from error
    except PermissionError as error:
        raise OutputError("no permission to write in this folder", path.parent) from error
    except OSError as error:
        reason = system(error) if disk_full(error) else f"cannot be written ({system(error)})"
        raise OutputError(f"{reason}", path.name) from error
