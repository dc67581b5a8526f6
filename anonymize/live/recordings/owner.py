"""Whose files in a folder of recordings are: what root makes there, for a control room or a command, is the folder's
owner's, so that a camera whose processes are that user's goes on writing it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def hand_over(file: int | Path, folder: Path) -> None:
    """Make a file of root's in `folder` its owner's; nothing is done for others than root.

    Args:
        file: open, or just made.
        folder: in which it is.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    whose = folder.stat()
    found = os.fstat(file) if isinstance(file, int) else file.lstat()
    if found.st_uid == 0 != whose.st_uid:
        with suppress(PermissionError):  # root without that capability
            os.chown(file, whose.st_uid, whose.st_gid, follow_symlinks=isinstance(file, int))


def made(path: Path) -> None:
    """Make an empty file at `path`, which is the folder's owner's, unless one is there. Raises `OSError`."""
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            hand_over(descriptor, path.parent)
        finally:
            os.close(descriptor)
