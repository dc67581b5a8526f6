"""The custody log of a folder of recordings: who exported, held, released or checked what, when and why.

One JSON object a line, appended and never rewritten. Each holds the hash of the line before it, so that a line that is
changed or taken out shows; a file beside the log holds the number and the hash of the last line, so that lines cut off
its end show, too.
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
from anonymize.live.recordings.owner import hand_over
from anonymize.live.secrets import mask
from anonymize.storage.commit import pending
from anonymize.text import untrusted
from anonymize.text.words import printable, system

NAME = "custody.jsonl"
LONGEST = 500
"""Maximum number of characters of a reason, and of a name."""
HEAD = ".head"
"""Ends the name of the file beside a log that says which line is its last."""
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


def append(
    path: Path, act: str, by: str = "", *, what: str = "custody log", private: bool = False, **facts: Any
) -> str:
    """Append to any log of this kind, at `path`, called `what` in messages, and made readable by its owner alone if it
    is `private`; otherwise as `note`."""
    try:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600 if private else 0o666)
        try:
            refuse_foreign(path, os.fstat(descriptor))
            hand_over(descriptor, path.parent)
            if not taken(descriptor):
                raise OutputError("another process is writing this log: try again in a moment", path).coded("in-use")
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
                "line": _number(path, previous),
            }
            raw = json.dumps(line, ensure_ascii=False).encode()
            _append(descriptor, torn + raw + b"\n", size)
            made = hashlib.sha256(raw).hexdigest()
            # Where it cannot be written, it is of an earlier line, which must still be there.
            with suppress(OSError, OutputError), pending(_head_of(path), force=True) as temporary:
                temporary.write_text(json.dumps({"line": line["line"], "sha256": made}) + "\n", encoding="ascii")
                hand_over(temporary, path.parent)
            return made
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
    return faults(folder / NAME)


def faults(path: Path) -> Iterator[str]:
    """What is wrong with a log that `append` wrote; nothing if there is none."""
    name = path.name
    try:
        last, sha256 = _head(_head_of(path))
    except ReportError as error:
        yield error.message
        return
    if not os.path.lexists(path):
        if last:
            yield f"{name} is gone: it had {last} lines"
        return
    if path.is_symlink():
        yield f"{name} is a link"
        return
    previous, number, numbered, missing = "", 0, False, 0
    try:
        for number, line in enumerate(untrusted.lines(path, "log", ReportError), 1):
            raw = line.rstrip("\n")
            try:
                found = untrusted.json_value(raw, str(path), ReportError)
            except ReportError:
                found = None
            if not isinstance(found, dict):
                yield f"{name}, line {number}: it was not written whole, or changed"
            elif found.get("previous") != previous:
                yield f"{name}, line {number}: the lines before it are not those that were there when it was written"
            if isinstance(found, dict) and type(found.get("line")) is int:
                numbered = True
                if found["line"] - number > missing:
                    missing = found["line"] - number
                    yield f"{name}, line {number}: lines before it were cut off: it was written as line {found['line']}"
            previous = hashlib.sha256(raw.encode()).hexdigest()
            if number + missing == last and previous != sha256:
                yield f"{name}, line {number}: it is not the one that was written last"
    except ReportError as error:
        yield error.message
        return
    if number + missing < last:
        yield f"{name}: lines were cut off its end: it had {last}, there are {number}"
    if numbered and not last:
        yield f"{name}{HEAD} is gone, which says how many lines there were: some may be missing at the end"


def _number(path: Path, previous: bytes) -> int:
    """The number of the line after `previous`, the last one of the log, which may be torn or older than numbers.

    Where lines were cut off, their numbers are left out: the gap stays, whatever is written after it.
    """
    last = 0
    with suppress(ReportError):
        last = _head(_head_of(path))[0]
    with suppress(ValueError, TypeError):
        found = json.loads(previous)
        if isinstance(found, dict) and type(found.get("line")) is int:
            return max(last, int(found["line"])) + 1
    return max(last, len(path.read_bytes().splitlines())) + 1


def _head_of(path: Path) -> Path:
    return path.with_name(path.name + HEAD)


def _head(path: Path) -> tuple[int, str]:
    """Number and hash of the last line; 0 and nothing if no such file is there. Raises `ReportError`."""
    if not os.path.lexists(path):
        return 0, ""
    found = untrusted.json_value(untrusted.text(path, "end of the custody log", ReportError), str(path), ReportError)
    if not (isinstance(found, dict) and type(found.get("line")) is int and isinstance(found.get("sha256"), str)):
        raise ReportError("it does not say which line of the custody log is the last", path)
    return found["line"], found["sha256"]


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
