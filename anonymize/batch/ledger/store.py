"""The SQLite file: its tables, its rows, and what can be wrong with it.

It uses a rollback journal rather than a write-ahead log, which needs shared memory and so fails on network drives, and
`synchronous=EXTRA`, so that commits survive a power cut.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from anonymize.batch.ledger.lock import refuse_foreign
from anonymize.errors import AnonymizeError, LedgerError, OutputError
from anonymize.kinds import Verdict
from anonymize.text.ranges import shown
from anonymize.text.words import system

_MARK = re.compile("[0-9a-f]{12}")

NAME = ".anonymize.sqlite"
APPLICATION = 0x616E6F6E
"""SQLite's application id: "anon"."""
VERSION = 1
"""Raised when a program that knows the previous version would misread the file."""
MOST: Mapping[type, float] = {int: 2**53, float: 1e11}
"""The largest counts and times (which must be valid dates). None is negative."""
LARGEST = 1 << 20
"""The most bytes of a value."""
LONGEST = 4096
"""The most characters of a file's path: Linux's limit."""
PATIENCE = 30.0
"""Seconds to wait for another reader or writer."""


class FileState(StrEnum):
    """The state of a file."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Args:
        number: rises with every run.
        mark: part of the names of its temporary files and proofs.
        process: its id on the machine it ran on; for people.
        since: the first run whose outputs count: with ``--force`` itself, or an earlier run with ``--force`` that was
            stopped and is continued; else 0.
        started, seen: when it began and when it wrote last; seconds since 1970.
        ended: when it ended; None if it has not.
        swept: 1 once its leftovers in the folder were removed.
    """

    number: int
    mark: str
    process: int
    since: int
    started: float
    seen: float
    ended: float | None = None
    swept: int = 0


@dataclass(frozen=True, slots=True)
class File:
    """One file: the last attempt at it, and its last release, if any. Unknown values are empty.

    Args:
        name: the target's path in the output folder, before its suffix is adapted to its content.
        run: number of the run that listed it last.
        state: its state in that run.
        why: the reason of a failure, on one line, without paths.
        exit_code: of that failure.
        bytes: size of the source.
        since: when work on it began.
        stage, frame, frames_total: its progress. If there may be repairs, the stage ends with the current one (0
            before the first) and the most there may be: "verify 1/3".
        source_place: salted hash of the source's absolute path; tells another source from a changed one.
        source_sha256, source_stamp: of the source that was released; a stamp is size, times and inode.
        settings: hash of the settings.
        output, output_sha256, output_stamp: the released file, relative to the folder.
        verdict: of its verification.
        frames, duration, seconds: of the video; wall time taken.
        released: number of the run that released it, or 0.
        released_at: when.
    """

    name: str
    run: int
    state: FileState = FileState.WAITING
    why: str = ""
    exit_code: int = 0
    bytes: int = 0
    since: float | None = None
    stage: str = ""
    frame: int = 0
    frames_total: int | None = None
    source_place: str = ""
    source_sha256: str = ""
    source_stamp: str = ""
    settings: str = ""
    output: str = ""
    output_sha256: str = ""
    output_stamp: str = ""
    verdict: str = ""
    frames: int = 0
    duration: float = 0.0
    seconds: float = 0.0
    released: int = 0
    released_at: float = 0.0


_TYPES = {"int": "INTEGER NOT NULL", "float": "REAL NOT NULL", "int | None": "INTEGER", "float | None": "REAL"}


def _columns(row: type[Run] | type[File], key: str) -> str:
    """The columns of the table for `row`. Those of text have no type: a name that is not Unicode is stored as bytes."""
    columns = (f"{f.name} {_TYPES.get(str(f.type), 'NOT NULL')}" for f in fields(row))
    return ", ".join((*columns, f"PRIMARY KEY ({key})"))


_SCHEMA = (
    f"CREATE TABLE run ({_columns(Run, 'number')})",
    f"CREATE TABLE file ({_columns(File, 'name')})",
    "CREATE INDEX file_run ON file (run)",
    "CREATE TABLE salt (value BLOB NOT NULL)",
    "INSERT INTO salt VALUES (randomblob(16))",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)


class Store:
    """An open ledger.

    Args:
        path: the file; created if missing.

    Raises:
        LedgerError: it is damaged, of a newer version, or another program's.
        OutputError: it cannot be written: no permission, disk full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        _refuse_links(path)
        with _plainly(path):
            self._database = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            with _plainly(path):
                _distrust(self._database)
                self._database.execute("PRAGMA journal_mode = DELETE")
                self._database.execute("PRAGMA synchronous = EXTRA")
            with self.change():
                if _is_new(self._database, path):
                    for statement in _SCHEMA:
                        self._database.execute(statement)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Commit all changes in the block together, or none. Raises `OutputError`, `LedgerError`."""
        with _plainly(self._path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def put(self, rows: Iterable[Run | File]) -> None:
        """Add or replace `rows`; within `change`."""
        for row in rows:
            names = [f.name for f in fields(row)]
            values = [_stored(getattr(row, name)) for name in names]
            table = type(row).__name__.lower()
            marks = ", ".join("?" * len(names))
            self._database.execute(f"REPLACE INTO {table} ({', '.join(names)}) VALUES ({marks})", values)

    def runs(self) -> list[Run]:
        """Every run, in order."""
        with _plainly(self._path):
            return _runs(self._database, self._path)

    def files(self) -> dict[str, File]:
        """Every file by name."""
        with _plainly(self._path):
            return {file.name: file for file in _files(self._database, self._path)}

    def salt(self) -> bytes:
        """The salt for hashes of paths."""
        with _plainly(self._path):
            row = self._database.execute("SELECT value FROM salt").fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise _damaged(self._path, "its salt is missing")
        return row[0]


def read(path: Path) -> tuple[list[Run], list[File]]:
    """All rows of the ledger at `path`, which is not changed, and may be in use.

    Raises:
        LedgerError: it is damaged, of a newer version, or another program's.
        OutputError: it cannot be read.
    """
    _refuse_links(path)
    with _plainly(path):
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, timeout=PATIENCE, isolation_level=None, uri=True)) as database:
            _distrust(database)
            database.execute("BEGIN")  # both tables at the same moment
            if _is_new(database, path):
                return [], []
            return _runs(database, path), list(_files(database, path))


def _refuse_links(path: Path) -> None:
    """Raise `OutputError` if the ledger or its journal is a link, which SQLite would follow, or not a regular file."""
    for file in (path, path.with_name(f"{path.name}-journal")):
        with suppress(FileNotFoundError):
            refuse_foreign(file, file.lstat())


def text_of(path: PurePath) -> str:
    """A relative path in the ledger's form."""
    return path.as_posix()


def _distrust(database: sqlite3.Connection) -> None:
    """Have SQLite refuse what our ledgers never contain: somebody else may have made the file."""
    database.execute("PRAGMA trusted_schema = OFF")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)


def _is_new(database: sqlite3.Connection, path: Path) -> bool:
    """Whether it is empty. Raises `LedgerError` unless it is an intact ledger of a version that we know."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not (application or version or tables):
        return True
    if application != APPLICATION:
        raise LedgerError("not a ledger of this program: move it away, then run again", path)
    if version > VERSION:
        raise LedgerError(
            f"written by a newer version of this program (ledger version {version}, this one knows {VERSION}): "
            "use that version, or another output folder",
            path,
        )
    (sound,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise _damaged(path, " ".join(sound.split()))
    return False


def _runs(database: sqlite3.Connection, path: Path) -> list[Run]:
    runs = [Run(**values) for values in _rows(database, path, Run, "number")]
    if any(not _MARK.fullmatch(run.mark) for run in runs):
        raise _damaged(path, "a run has no proper mark")
    return runs


def _files(database: sqlite3.Connection, path: Path) -> Iterator[File]:
    for values in _rows(database, path, File, "name"):
        if values["state"] not in set(FileState):
            raise _damaged(path, f"unknown state {shown(values['state'])}")
        if values["verdict"] not in {"", *Verdict}:
            raise _damaged(path, f"unknown verdict {shown(values['verdict'])}")
        file = File(**{**values, "state": FileState(values["state"])})
        if not is_inside(file.name) or (file.output and not is_inside(file.output)):
            raise _damaged(path, "it names a file outside this folder")
        yield file


_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "int | None": (int, type(None)),
    "float | None": (int, float, type(None)),
}


def _rows(
    database: sqlite3.Connection, path: Path, table: type[Run] | type[File], key: str
) -> Iterator[dict[str, Any]]:
    """The rows of `table`, ordered by `key`, with their types checked: SQLite allows any type in any column."""
    kinds = {f.name: _KINDS.get(str(f.type), (str, bytes)) for f in fields(table)}
    for row in database.execute(f"SELECT {', '.join(kinds)} FROM {table.__name__.lower()} ORDER BY {key}"):
        values = dict(zip(kinds, row, strict=True))
        for name, value in values.items():
            if not isinstance(value, kinds[name]) or (
                isinstance(value, (int, float)) and not 0 <= value <= MOST[type(value)]
            ):
                raise _damaged(path, f"{name} is {shown(value)}")
            if isinstance(value, bytes):
                values[name] = os.fsdecode(value)
        yield values


def is_inside(relative: str) -> bool:
    """Whether `relative` is a path below a folder that does not lead out of it."""
    path = PurePosixPath(relative)
    normal = relative == str(path) and relative != "." and "\0" not in relative and len(relative) <= LONGEST
    return normal and not path.is_absolute() and ".." not in path.parts


def _stored(value: object) -> object:
    """`value` as SQLite stores it. The name of a file may be bytes that are not Unicode."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return os.fsencode(value)
    return value


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(path, error) from error
    except UnicodeDecodeError as error:
        raise _damaged(path, "it contains invalid text") from error


def _explained(path: Path, error: sqlite3.Error) -> AnonymizeError:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return OutputError(system(OSError(errno.ENOSPC, None)), path)
    if not path.parent.is_dir():
        return OutputError("this folder is gone, with the ledger in it: run again", path.parent)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return OutputError("no permission to write the ledger", path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return OutputError("another program has locked this file: close it and run again", path)
    if code == sqlite3.SQLITE_IOERR:
        return OutputError(f"cannot be read or written ({error})", path)
    return _damaged(path, str(error))


def _damaged(path: Path, reason: str) -> LedgerError:
    return LedgerError(
        f"the ledger is damaged ({reason}): delete it and run again with --force, which redoes all files, or use "
        "another output folder",
        path,
    )
