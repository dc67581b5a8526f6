"""Who may watch: a file with a name and a token for each viewer; and the log of who did."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import threading
from pathlib import Path

from anonymize.errors import AnonymizeError, UsageError
from anonymize.live.log import logger
from anonymize.live.recordings import custody
from anonymize.text import untrusted
from anonymize.text.words import printable, system

SHORTEST, LONGEST = 16, 64
"""Fewest characters of a token; most of a name."""
LOG = ".watched.jsonl"
"""What is added to the name of the file for the log beside it."""
BEGAN, STOPPED = "began to watch", "stopped watching"
"""What that log says that a viewer did."""
LOCAL = "local"
"""The viewer's name where no file names any."""


class Viewers:
    """Names and tokens; those in a file are read again when it has changed. Thread-safe.

    Args:
        path: TOML, ``name = "token"`` for each, readable by its owner alone; None: one viewer, with a new token.

    Raises:
        UsageError: the file cannot be read, or says something else.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.token = "" if path else secrets.token_urlsafe(24)
        """The token made for this start; empty if there is a file."""
        self._known = {LOCAL: _digest(self.token)} if path is None else {}
        self._seen: tuple[int, ...] = ()
        self._wrong = ""
        """What was wrong with the file when it was looked at last, which is said once."""
        if path is not None:
            self._seen = _version(path)
            self._known = _read(path)

    def name_of(self, token: str) -> str | None:
        """Whose token it is; None if it is nobody's. Takes as long, whoever's it is."""
        given, found = _digest(token), None
        for name, digest in self._current().items():
            if hmac.compare_digest(given, digest):
                found = name
        return found

    def allows(self, name: str, token: str) -> bool:
        """Whether `token` is still that of `name`."""
        return hmac.compare_digest(self._current().get(name, b""), _digest(token))

    def note(self, act: str, name: str, **facts: object) -> None:
        """Write down that a viewer did something, where there is a file.

        Raises:
            OutputError: it cannot be written down.
        """
        if self._path is not None:
            log = self._path.with_name(self._path.name + LOG)
            custody.append(log, act, name, what="log of viewers", private=True, **facts)

    def _current(self) -> dict[str, bytes]:
        """All viewers. If the file was changed into something else, those that were there before."""
        if self._path is None:
            return self._known
        with self._lock:
            try:
                version = _version(self._path)
                if version != self._seen:
                    self._seen = version
                    self._known = _read(self._path)
                    logger.info("viewers read again", file=str(self._path), viewers=len(self._known))
                self._wrong = ""
            except AnonymizeError as error:
                if str(error) != self._wrong:  # each request comes here
                    self._wrong = str(error)
                    logger.error("viewers not read again; kept the previous ones", error=self._wrong)
            return self._known


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _version(path: Path) -> tuple[int, ...]:
    """What changes when the file does. Raises `UsageError` if others may read it."""
    try:
        found = path.stat()
    except OSError as error:
        raise UsageError(f"cannot read this file of viewers: {system(error)}", path) from error
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
        raise UsageError("others may read these tokens: make the file readable by its owner alone (chmod 600)", path)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> dict[str, bytes]:
    """The digest of each viewer's token. Raises `UsageError`, which repeats no token."""
    try:
        values = untrusted.toml_value(untrusted.text(path, "file of viewers", UsageError), "", UsageError)
    except UsageError as error:
        raise UsageError('not a file of viewers: expected lines as anna = "token"', path) from error
    for name, token in values.items():
        if not 0 < len(name) <= LONGEST or printable(name) != name:
            raise UsageError(f"a viewer's name has at most {LONGEST} characters, all of them printable", path)
        if not isinstance(token, str) or len(token) < SHORTEST or not token.isascii() or not token.isprintable():
            raise UsageError(f"viewer {name}: expected a token of at least {SHORTEST} characters in quotes", path)
    if not values:
        raise UsageError('nobody may watch: expected lines as anna = "token"', path)
    known = {name: _digest(token) for name, token in values.items()}
    if len(set(known.values())) < len(known):
        raise UsageError("two viewers have the same token: each needs one of their own", path)
    return known
