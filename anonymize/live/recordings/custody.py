"""The custody log of a folder of recordings: who exported, held, released or checked what, when and why.

One JSON object a line, appended and never rewritten. Each holds the hash of the line before it, so that a line that is
changed or taken out shows, unless it is the last.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anonymize.batch.ledger.lock import refuse_foreign
from anonymize.errors import OutputError, ReportError
from anonymize.live.recordings.lock import taken
from anonymize.live.secrets import mask
from anonymize.text import untrusted
from anonymize.text.words import printable, system

NAME = "custody.jsonl"
LONGEST = 500
"""Maximum number of characters of a reason, and of a name."""
_TAIL = 1 << 20
"""Bytes at the end of the log in which its last line begins."""


def note(folder: Path, act: str, by: str = "", **facts: Any) -> str:
    """Append that `by` did `act` to recordings in `folder`; return the SHA-256 of the line.

    Args:
        folder: of the recordings.
        act: a verb.
        by: who; the user of the system if empty.
        facts: more values, for JSON. Passwords in texts are masked.

    Raises:
        OutputError: it cannot be written. What cannot be written down is not to be done.
    """
    return append(folder / NAME, act, by, **facts)


def append(path: Path, act: str, by: str = "", *, what: str = "custody log", **facts: Any) -> str:
    """Append to any log of this kind, at `path`, called `what` in messages; otherwise as `note`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            refuse_foreign(path, os.fstat(descriptor))
            if not taken(descriptor):
                raise OutputError("another process is writing this log: try again in a moment", path)
            size = os.fstat(descriptor).st_size
            tail = os.pread(descriptor, _TAIL, max(0, size - _TAIL))
            torn = b"" if not tail or tail.endswith(b"\n") else b"\n"
            previous = tail.rstrip(b"\n").rpartition(b"\n")[2]
            line = {
                "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "act": act,
                "by": text(by) or user(),
                **{name: text(value) if isinstance(value, str) else value for name, value in facts.items()},
                "previous": hashlib.sha256(previous).hexdigest() if previous else "",
            }
            raw = json.dumps(line, ensure_ascii=False).encode()
            _append(descriptor, torn + raw + b"\n", size)
            return hashlib.sha256(raw).hexdigest()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(f"the {what} cannot be written ({system(error)}), so nothing was done", path) from error


def user() -> str:
    """The user of the system that this process belongs to."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # none of that number
        return f"user {os.getuid()}"


def text(words: str) -> str:
    """What a person wrote, as it is kept: on one line, without passwords, at most `LONGEST` characters."""
    return mask(printable(" ".join(words.split())))[:LONGEST]


def complaints(folder: Path) -> Iterator[str]:
    """What is wrong with the custody log of `folder`; nothing if there is none."""
    path = folder / NAME
    if not os.path.lexists(path):
        return
    if path.is_symlink():
        yield f"{NAME} is a link"
        return
    previous = ""
    try:
        for number, line in enumerate(untrusted.lines(path, "custody log", ReportError), 1):
            raw = line.rstrip("\n")
            try:
                found = untrusted.json_value(raw, str(path), ReportError)
            except ReportError:
                found = None
            if not isinstance(found, dict):
                yield f"{NAME}, line {number}: it was not written whole, or changed"
            elif found.get("previous") != previous:
                yield f"{NAME}, line {number}: the lines before it are not those that were there when it was written"
            previous = hashlib.sha256(raw.encode()).hexdigest()
    except ReportError as error:
        yield error.message


def _append(descriptor: int, raw: bytes, size: int) -> None:
    """Append `raw` whole or not at all. Raises `OSError`."""
    try:
        with memoryview(raw) as view:
            done = 0
            while done < len(view):
                done += os.write(descriptor, view[done:])
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
