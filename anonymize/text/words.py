"""Text in messages, from users, from the system and our own."""

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
"""Unicode categories: controls, surrogates, line and paragraph separators."""


def printable(text: str) -> str:
    """`text` on one line: line ends, terminal controls and invalid characters are escaped."""
    return "".join(letter if category(letter) not in _CONTROL else ascii(letter)[1:-1] for letter in text)


_SYSTEM = {
    errno.ENOENT: "no such file or folder",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EEXIST: "a file of this name exists already",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.ENOSPC: "the disk is full; make room or write somewhere else",
    errno.EDQUOT: "the disk is full, or your share of it; make room or write somewhere else",
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ELOOP: "its links form a loop",
    errno.EIO: "the disk, or the connection to it, failed",
}
"""Our messages for errors of the operating system."""


def system(error: OSError) -> str:
    """The message for an error of the operating system."""
    known = _SYSTEM.get(error.errno or 0) if type(error.errno) is int else None
    return known if known and not _ours(error) else error.strerror or type(error).__name__


def disk_full(error: OSError) -> bool:
    """Whether the error is that the disk or the quota is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _ours(error: OSError) -> bool:
    """Whether the message is not the system's own, but a better one from whoever raised it."""
    return error.strerror not in (None, os.strerror(error.errno or 0))


def extra(name: str) -> str:
    """How to install the extra `name`: not by the name of the project, which on the index of Python packages is that of
    another one."""
    return f"in a checkout of this program, pip install '.[{name}]'"


def near(path: Path) -> str:
    """A suggestion for `path`, which does not exist, as the end of a message; empty if no name is similar."""
    try:
        there = {other.stem: other for other in sorted(path.parent.iterdir()) if not other.name.startswith(".")}
    except OSError:
        return ""
    found = get_close_matches(path.stem, there, 1, 0.7)
    return f"; did you mean {there[found[0]]}?" if found else ""


def meant(word: str, known: list[str], also: Mapping[str, str] | None = None) -> str:
    """The message that `word` is not one of `known`, with a suggestion; `also` maps synonyms to known words."""
    also = also or {}
    found = get_close_matches(word.lower(), [*known, *also], 1)
    hint = f"; did you mean {also.get(found[0], found[0])}?" if found else ":"
    return f"there is no {word!r}{hint} There are {', '.join(known)}"


class Word(StrEnum):
    """An enumeration of words that also accepts synonyms, and ignores case."""

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """Synonym -> the word of this enumeration."""
        return {}

    @classmethod
    def _missing_(cls, value: object) -> Self:
        known, said = [member.value for member in cls], str(value).lower()
        if (ours := cls.also().get(said, said)) in known:
            return cls(ours)
        raise ValueError(meant(str(value)[:60], known, cls.also()))


def clock(seconds: float) -> str:
    """A time in a video, in the syntax of options: ``0:07.4``, ``0:02.83``, ``12:30``, ``1:02:03``.

    In hundredths of a second, rounded down.
    """
    minutes, hundredths = divmod(floor(max(seconds, 0.0) * 100 + 1e-6), 6000)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02d}:{hundredths // 100:02d}" if hours else f"{minutes}:{hundredths // 100:02d}"
    return f"{whole}.{hundredths % 100:02d}".rstrip("0") if hundredths % 100 else whole
