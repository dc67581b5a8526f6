"""Text for people, from whoever it comes."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from math import floor
from pathlib import Path
from typing import Self
from unicodedata import category

_CONTROL = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: controls, halves of characters, ends of lines and paragraphs."""


def printable(text: str) -> str:
    """`text` on one line: what would end it, move a terminal's cursor, or is no character at all is escaped."""
    return "".join(letter if category(letter) not in _CONTROL else ascii(letter)[1:-1] for letter in text)


_SYSTEM = {
    errno.ENOENT: "no such file or folder",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EEXIST: "a file of this name is in the way",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.ENOSPC: "the disk is full; make room or write somewhere else",
    errno.EDQUOT: "the disk is full, or your share of it; make room or write somewhere else",
    errno.EROFS: "the disk can only be read",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ELOOP: "its links go in circles",
    errno.EIO: "the disk, or the connection to it, fails",
}
"""What the system says, in words for people."""


def system(error: OSError) -> str:
    """What the system says went wrong."""
    known = _SYSTEM.get(error.errno or 0) if type(error.errno) is int else None
    return known if known and not _ours(error) else error.strerror or type(error).__name__


def disk_full(error: OSError) -> bool:
    """Whether the system says that there is no room left."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _ours(error: OSError) -> bool:
    """Whether the words are not the system's own: whoever raised it has found better ones."""
    return error.strerror not in (None, os.strerror(error.errno or 0))


def near(path: Path) -> str:
    """What may have been meant by `path`, which is not there, as the end of a message; empty if nothing is like it."""
    try:
        there = {other.stem: other for other in sorted(path.parent.iterdir()) if not other.name.startswith(".")}
    except OSError:
        return ""
    found = get_close_matches(path.stem, there, 1, 0.7)
    return f"; did you mean {there[found[0]]}?" if found else ""


def meant(word: str, known: list[str], also: Mapping[str, str] | None = None) -> str:
    """What may have been meant by `word`, which is none of `known`, and which words there are."""
    also = also or {}
    found = get_close_matches(word.lower(), [*known, *also], 1)
    hint = f"; did you mean {also.get(found[0], found[0])}?" if found else ":"
    return f"there is no {word!r}{hint} There are {', '.join(known)}"


class Word(StrEnum):
    """One of several words. Those that people guess are understood, and upper and lower case are one."""

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """Words that people guess, and ours for the same."""
        return {}

    @classmethod
    def _missing_(cls, value: object) -> Self:
        known, said = [member.value for member in cls], str(value).lower()
        if (ours := cls.also().get(said, said)) in known:
            return cls(ours)
        raise ValueError(meant(str(value)[:60], known, cls.also()))


def clock(seconds: float) -> str:
    """A time in a film, as people write one and may type it back: ``0:07.4``, ``0:02.83``, ``12:30``, ``1:02:03``.

    In whole hundredths of a second, rounded down.
    """
    minutes, hundredths = divmod(floor(max(seconds, 0.0) * 100 + 1e-6), 6000)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02d}:{hundredths // 100:02d}" if hours else f"{minutes}:{hundredths // 100:02d}"
    return f"{whole}.{hundredths % 100:02d}".rstrip("0") if hundredths % 100 else whole
