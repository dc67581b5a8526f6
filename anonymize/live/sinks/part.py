"""A file in the making, in a folder where others may write."""

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


class Part(io.FileIO):
    """A new file under a hidden name that nobody can guess, which only its owner may read until it is released.

    Args:
        folder: where it is made and released.
        stem: what its name begins with, after a dot.

    Raises:
        OSError: from every method, when the disk does not take it.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self.path = folder / f".{stem}-{secrets.token_hex(8)}.part"
        super().__init__(self.path, "x+", opener=_open)
        self._mode = stat.S_IMODE(os.fstat(self.fileno()).st_mode)
        os.fchmod(self.fileno(), 0o600)

    def write(self, data: Any) -> int:
        """Write all of `data`: FFmpeg does not look whether less was taken."""
        with memoryview(data) as view:
            done = 0
            while done < len(view):
                done += super().write(view[done:])
        return done

    def release(self, final: Path) -> None:
        """Close it and give it its name, in place of whatever file or link has it. Raises `OutputError` too."""
        os.fchmod(self.fileno(), self._mode)
        if not os.path.samestat(os.fstat(self.fileno()), self.path.lstat()):
            raise OutputError("another file has taken the place of this one: it was given up", self.path.name)
        self.path.replace(final)
        self.close()

    def drop(self) -> None:
        """Close and remove it. Never raises."""
        with suppress(OSError):  # what was still to be written has no place to go
            self.close()
        with suppress(OSError):  # swept when the next one begins
            self.path.unlink()


def sweep(folder: Path, stem: str) -> None:
    """Remove the parts that a killed process left in `folder`.

    Args:
        folder: which only one writer uses with such a stem.
        stem: of the parts, as a regular expression.
    """
    for left in folder.iterdir():
        with suppress(FileNotFoundError):
            if re.fullmatch(rf"\.({stem})-[0-9a-f]{{16}}\.part", left.name) and stat.S_ISREG(left.lstat().st_mode):
                left.unlink()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)
