"""A file being written in a folder where others may write."""

from __future__ import annotations

import io
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from anonymize.errors import OutputError
from anonymize.live.recordings.lock import InUse, taken


class Part(io.FileIO):
    """A new file under a hidden, unpredictable name, readable only by its owner until it is released.

    It is locked for as long as it is written, so that `sweep` tells it from what a killed process left.

    Args:
        folder: where it is created and released.
        stem: start of its name, after a dot.

    Raises:
        OSError: it cannot be written; from every method.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self.path = folder / f".{stem}-{secrets.token_hex(8)}.part"
        super().__init__(self.path, "x+", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o666))
        taken(self.fileno(), patience=0)
        self._mode = stat.S_IMODE(os.fstat(self.fileno()).st_mode)
        os.fchmod(self.fileno(), 0o600)

    def write(self, data: Any) -> int:
        """Write all of `data`: FFmpeg does not check for short writes."""
        with memoryview(data) as view:
            done = 0
            while done < len(view):
                done += super().write(view[done:])
        return done

    def release(self, final: Path) -> None:
        """Close it and rename it to `final`, replacing any file or link there. Raises `OutputError` too."""
        os.fchmod(self.fileno(), self._mode)
        if not os.path.samestat(os.fstat(self.fileno()), self.path.lstat()):
            raise OutputError("another file has taken the place of this one: it was given up", self.path.name)
        self.path.replace(final)
        self.close()

    def drop(self) -> None:
        """Close and remove it. Never raises."""
        with suppress(OSError):  # unwritten data is discarded
            self.close()
        with suppress(OSError):  # swept when the next part begins
            self.path.unlink()


def sweep(folder: Path, stem: str) -> None:
    """Remove parts that a killed process left in `folder`.

    Args:
        folder: in which only one writer uses this stem.
        stem: of the parts, a regular expression.

    Raises:
        InUse: another process is writing one.
    """
    for left in folder.iterdir():
        with suppress(FileNotFoundError, PermissionError):  # what another user wrote is left alone
            if re.fullmatch(rf"\.({stem})-[0-9a-f]{{16}}\.part", left.name) and stat.S_ISREG(left.lstat().st_mode):
                _remove(left)


def _remove(left: Path) -> None:
    """Remove a part, unless somebody writes it."""
    descriptor = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not taken(descriptor, patience=0):
            raise InUse("another process writes into this folder: each camera needs one of its own", left.parent)
        left.unlink()
    finally:
        os.close(descriptor)
