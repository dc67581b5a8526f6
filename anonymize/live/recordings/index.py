"""The index of a folder of recordings: when each segment was captured, by which camera, and its hash, in SQLite.

It saves time, and keeps what a file cannot say of itself. The files are what counts: an index that is missing or
damaged is made anew from them. As in the ledger, a rollback journal is used, which works on network drives too.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from anonymize.batch.ledger.lock import refuse_foreign
from anonymize.errors import OutputError
from anonymize.live.recordings.files import SegmentFile, is_segment
from anonymize.live.recordings.lock import locked
from anonymize.live.recordings.owner import made
from anonymize.text.words import system

NAME = ".recordings.sqlite"
APPLICATION = 0x616E7265
"""SQLite's application id: "anre"."""
VERSION = 1
PATIENCE = 2.0
"""Seconds to wait for another reader or writer: a recording goes on without its row."""
_MOST = 1e11
"""The largest time, in seconds."""
_SHA256 = re.compile("(?:[0-9a-f]{64})?")
_LONGEST = 1 << 20
_Version = tuple[int, int, int, int, int]
_checked_versions: dict[Path, _Version] = {}
"""Indexes as this process left their files, with rows that it has all checked. To check ten thousand at each segment
took a tenth of a second of processor time."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one segment.

    Args:
        name: of the file.
        camera: that it is of; empty if unknown.
        began: when its first picture was captured, in seconds since the epoch.
        exact: 1 if to the millisecond, 0 if only the second is known.
        seconds: how long it is.
        pictures: in it.
        pauses: JSON: where pictures are missing in it, from and to, in seconds from its first.
        size, changed_ns: of the file: its bytes, when it was last modified.
        sha256: of the file as it was recorded; empty if unknown.
    """

    name: str
    camera: str
    began: float
    exact: int
    seconds: float
    pictures: int
    pauses: str
    size: int
    changed_ns: int
    sha256: str

    @property
    def found(self) -> SegmentFile:
        """The file that it is about."""
        return SegmentFile(self.name, self.size, self.changed_ns)


_TYPES: dict[str, type] = {"str": str, "int": int, "float": float}
_SQL = {"str": "TEXT", "int": "INTEGER", "float": "REAL"}
_SCHEMA = (
    "CREATE TABLE segment ("
    + ", ".join(f"{f.name} {_SQL[str(f.type)]} NOT NULL" for f in fields(Row))
    + ", PRIMARY KEY (name))",
    "CREATE INDEX segment_time ON segment (camera, began)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)


class _Damaged(Exception):
    """The index is not one of ours, or holds what ours never do."""


def read(folder: Path) -> dict[str, Row]:
    """All rows of the index of `folder` by name; none if it is missing or damaged.

    Raises:
        OutputError: it cannot be read: no permission, locked by another program, a link.
    """
    path = folder / NAME
    try:
        with _plainly(path):
            _refuse_links(path)
            if not path.exists():
                return {}
            address = f"{path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(address, timeout=PATIENCE, isolation_level=None, uri=True)) as database:
                return {row.name: row for row in _rows(database)}
    except _Damaged:
        _checked_versions.pop(path.absolute(), None)  # whoever writes next begins it anew
        return {}


def write(folder: Path, rows: Iterable[Row], gone: Iterable[str] = (), *, recorded: bool = False) -> None:
    """Add `rows` to the index of `folder`, and drop those called `gone`. A damaged index is begun anew.

    All rows are checked, unless nobody has written to the file since this process did so.

    Args:
        folder: of the recordings.
        rows: what is known of segments.
        gone: names of segments that are no longer there.
        recorded: the recorder writes: its rows replace others. Those of anybody else give way.

    Raises:
        OutputError: it cannot be written: no permission, a full disk, locked by another program, a link.
    """
    rows, gone = list(rows), list(gone)
    try:
        _write(folder, rows, gone, recorded)
    except _Damaged:
        with locked(folder):  # or a second process would remove what the first has begun
            with suppress(_Damaged):
                _write(folder, rows, gone, recorded)
                return
            with _plainly(folder / NAME):
                for path in (folder / NAME, folder / f"{NAME}-journal"):
                    path.unlink(missing_ok=True)
            _write(folder, rows, gone, recorded)


def _write(folder: Path, rows: list[Row], gone: list[str], recorded: bool) -> None:
    path = folder / NAME
    marks = ", ".join("?" * len(fields(Row)))
    with _plainly(path):
        _refuse_links(path)
        made(path)
        with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = FULL")
            database.execute("BEGIN IMMEDIATE")  # closing takes back what was not committed
            if _checked_versions.pop(path.absolute(), None) != _version(path):
                for _ in _rows(database):
                    pass  # what is damaged is not added to
                if _is_new(database):
                    for statement in _SCHEMA:
                        database.execute(statement)
            else:
                _distrust(database)
            values = [[getattr(row, f.name) for f in fields(Row)] for row in rows]
            database.executemany("DELETE FROM segment WHERE name = ?", [(name,) for name in gone])
            database.executemany(
                f"INSERT OR {'REPLACE' if recorded else 'IGNORE'} INTO segment VALUES ({marks})", values
            )
            database.execute("COMMIT")
            _checked_versions[path.absolute()] = _version(path)


def _version(path: Path) -> _Version:
    """What changes with whatever is written into a file, whoever does it."""
    facts = path.lstat()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _rows(database: sqlite3.Connection) -> Iterator[Row]:
    _distrust(database)
    if _is_new(database):
        return
    names = [f.name for f in fields(Row)]
    for values in database.execute(f"SELECT {', '.join(names)} FROM segment ORDER BY camera, began"):
        yield _checked(dict(zip(names, values, strict=True)))


def _checked(values: dict[str, Any]) -> Row:
    """The row of `values`, which somebody else may have written. Raises `_Damaged`."""
    for field in fields(Row):
        value = values[field.name]
        wrong = type(value) is not _TYPES[str(field.type)]
        if wrong or (type(value) is not str and not value >= 0) or (type(value) is float and value > _MOST):
            raise _Damaged
    row = Row(**values)
    try:
        spans = [(float(start), float(end)) for start, end in json.loads(row.pauses)]
    except (ValueError, TypeError, RecursionError) as error:
        raise _Damaged from error
    sound = all(0 <= start < end <= _MOST and math.isfinite(end) for start, end in spans)
    if not (sound and is_segment(row.name) and _SHA256.fullmatch(row.sha256)):
        raise _Damaged
    return row


def _is_new(database: sqlite3.Connection) -> bool:
    """Whether it is empty. Raises `_Damaged` unless it is an intact index of this version."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not (application or version or tables):
        return True
    (sound,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if (application, version, sound) != (APPLICATION, VERSION, "ok"):
        raise _Damaged
    return False


def _distrust(database: sqlite3.Connection) -> None:
    """Have SQLite refuse what an index never contains: somebody else may have made the file."""
    database.execute("PRAGMA trusted_schema = OFF")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)


def _refuse_links(path: Path) -> None:
    """Raise `OutputError` if the index or its journal is a link, which SQLite would follow, or not a regular file."""
    for file in (path, path.with_name(f"{path.name}-journal")):
        with suppress(FileNotFoundError):
            refuse_foreign(file, file.lstat())


_UNUSABLE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "no permission to write it",
    sqlite3.SQLITE_PERM: "no permission to write it",
    sqlite3.SQLITE_CANTOPEN: "no permission to open it",
    sqlite3.SQLITE_BUSY: "another program has locked it",
    sqlite3.SQLITE_LOCKED: "another program has locked it",
    sqlite3.SQLITE_IOERR: "the disk failed",
}


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """Turn errors into `OutputError`, or `_Damaged` where the content is at fault."""
    try:
        yield
    except sqlite3.Error as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code not in _UNUSABLE:
            raise _Damaged from error
        raise OutputError(f"this index cannot be used: {_UNUSABLE[code]}", path) from error
    except UnicodeDecodeError as error:
        raise _Damaged from error
    except OSError as error:
        raise OutputError(f"this index cannot be used: {system(error)}", path) from error
