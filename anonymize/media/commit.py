"""An output appears under its name when it is whole, or not at all."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anonymize.errors import OutputError

_AT_FDCWD, _RENAME_NOREPLACE = -100, 1


@contextmanager
def pending(path: Path, *, force: bool = False, mark: str = "") -> Iterator[Path]:
    """A place to write `path` in: a hidden file beside it with the same suffix, renamed if the block ends well.

    Whatever ends the block otherwise, Ctrl-C included, removes the file. Without `force` an existing `path` is never
    replaced, not even one that appears while the block runs. The hidden file's name tells the `mark` of a run.

    Raises:
        OutputError: the folder is missing or forbidden, the disk is full, or `path` exists and `force` is not given.
    """
    if not force and os.path.lexists(path):
        raise OutputError(_exists(path))
    if path.is_dir():
        raise OutputError(f"{path.name}: a folder of this name is in the way")
    owner = f"{mark}-" if mark else ""
    temporary = path.with_name(f".anonymize-{owner}{secrets.token_hex(6)}{path.suffix}")
    try:
        with _plainly(path):
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        with _plainly(path):
            _to_disk(temporary)
            if force:
                temporary.replace(path)
            else:
                _rename_new(temporary, path)
            _to_disk(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


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


def _exists(path: Path) -> str:
    return f"{path.name}: exists already; give --force to replace it"


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """Turn what the system says into an `OutputError`."""
    try:
        yield
    except FileExistsError as error:
        raise OutputError(_exists(path)) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise OutputError(f"{path.name}: the folder {path.parent} does not exist (any more)") from error
    except PermissionError as error:
        raise OutputError(f"{path.name}: no permission to write in {path.parent}") from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = (
            "the disk is full; make room or write somewhere else" if full else f"cannot be written ({error.strerror})"
        )
        raise OutputError(f"{path.name}: {reason}") from error
