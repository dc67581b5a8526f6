"""An output appears under its name when it is whole, or not at all."""

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
"""How many times smaller than its source a result may be, at most: a film without sound that is hidden whole."""
_YOUNG = 1.0
"""Seconds for which a hidden file may be there before whoever made it has locked it."""


@contextmanager
def pending(path: Place, *, force: bool = False, mark: str = "", token: str = "") -> Iterator[Path]:
    """A place to write `path` in: a hidden file beside it with the same suffix, renamed if the block ends well.

    Whatever ends the block otherwise, Ctrl-C included, removes the file; what a killed process left for the same `path`
    is removed by the next one. Nobody but its owner may read the file before it is renamed. Without `force` an existing
    `path` is never replaced, not even one that appears while the block runs. Where `path` is an address, the hidden
    file is in a private folder of this machine, and uploaded.

    Args:
        path: a file, or an address.
        force: replace what is there.
        mark: of a run, which the hidden file's name tells.
        token: what tells the hidden file from others; made up where it is empty.

    Raises:
        OutputError: the folder is missing or forbidden, the disk is full, or `path` exists and `force` is not given.
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
            lock = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
            mode = stat.S_IMODE(os.fstat(lock).st_mode)
            os.fchmod(lock, 0o600)  # until it was checked, nobody else may read it
            _locked(lock)
        try:
            yield temporary
        except AnonymizeError as error:  # whoever wrote there knows no other name
            named = path if Path(str(error.path)).name == temporary.name else error.path
            error.args = (error.message.replace(temporary.name, path.name), named)
            raise
        except OSError as error:
            if not disk_full(error):
                raise  # not of this file, as far as anybody knows
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
    """Remove the hidden files with `mark` that processes left in `folder` which are no more."""
    with suppress(OSError):  # a missing folder is said later; on a file system without locks nothing is removed
        for left in folder.glob(f".anonymize-{mark}-*"):
            descriptor = os.open(left, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                aged = time.time() - os.fstat(descriptor).st_mtime > _YOUNG  # else it may just be made
                if aged and _locked(descriptor):
                    left.unlink()
            finally:
                os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Hold the open file's lock, which ends with the process; False where another has it, or there are no locks."""
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
    """See whether `path` may be written.

    Args:
        path: a file, or an address.
        force: whether it may replace a file.
        makes_folder: whether its folder is made where there is none.

    Raises:
        OutputError: it exists and `force` is not given; it is a folder, a device, a pipe or anything else that is no
            file, which nothing replaces; or its folder is missing or forbidden.
    """
    if isinstance(path, Path):
        with plainly(path), suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise OutputError("a folder of this name is in the way", path.name)
            if not stat.S_ISREG(mode):
                raise OutputError("this is a device or a pipe, which no file replaces; name a file", path)
    if not force and storage.exists(path):
        raise storage.already(path)
    if not isinstance(path, Path):
        return
    with plainly(path), suppress(*(FileNotFoundError,) * makes_folder):
        if not stat.S_ISDIR(path.parent.stat().st_mode):
            raise NotADirectoryError
        with TemporaryFile(dir=path.parent):  # permissions alone do not tell: it may be a server's, or the system's
            pass


def check_room(path: Place, source: int) -> None:
    """See whether the disk of `path` surely has too little room for what is made of `source` bytes.

    Raises:
        OutputError: it has less free than a thousandth of that, which no result is known to fall below.
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
    if disk.f_blocks and free < least:  # some file systems count nothing
        raise OutputError(
            f"the disk has {_amount(free)} free; what is made of {_amount(source)} takes at least "
            f"{_amount(least)}, and as a rule as much as that. Free some, or write to another disk",
            path,
        )


def _amount(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} bytes"


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it, where they are not there. Raises `OutputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make this folder: {system(error)}", folder) from error


def publish(made: Path, path: Place, sha256: str, *, force: bool, token: str) -> None:
    """Give the finished file `made` to `path`, which may be on another disk or behind an address, whole or not at all.

    Args:
        made: a file of this machine.
        path: a file, or an address.
        sha256: of `made` when it was checked; a copy that differs is not released.
        force: replace what is there.
        token: goes into the name under which it waits, so that others can clean up.

    Raises:
        OutputError: see `pending`; or the copy differs.
    """
    if not isinstance(path, Path):
        storage.upload(made, path, force=force, token=token)
        return
    with pending(path, force=force, token=token) as temporary, plainly(path):
        shutil.copyfile(made, temporary)
        if storage.sha256(temporary) != sha256:
            raise OutputError("what arrived there is not what was checked; it was removed", path)


def _to_disk(path: Path) -> None:
    """Make sure that what was written at `path` survives a power cut (a folder: its names)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # folders on some file systems
            raise
    finally:
        os.close(descriptor)


def _rename_new(temporary: Path, path: Path) -> None:
    """Rename, in one step, unless `path` exists. Raises `FileExistsError` if it does."""
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
    # The name is taken first, by a file of ours, which the rename then replaces.
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    temporary.replace(path)


@contextmanager
def plainly(path: Path) -> Iterator[None]:
    """Turn what the system says of `path` into an `OutputError`."""
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
