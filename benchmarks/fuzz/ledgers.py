"""Variants of a ledger: its SQLite file damaged as bytes, or rows with impossible values."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.fuzz.texts import cut, flips

_VALUES: tuple[Any, ...] = (
    *(None, 0, -1, 1, 1 << 62, -(1 << 63), 0.5, 1e308, float("inf"), float("-inf"), "", "x", b"", b"\xff\xfe", "done"),
    *("../escaped.png", "/etc/passwd", "sub/../../escaped.png", "a\0b", "\x1b[2J", "..", ".", "x" * 100_000, "NaN"),
    *("working", "failed", "waiting", "0" * 64, "0" * 12, "\ud7ff"),
)
_WORDS = (
    "DROP TABLE file",
    "DROP TABLE run",
    "DROP TABLE salt",
    "DELETE FROM run",
    "DELETE FROM salt",
    "DELETE FROM file",
    "INSERT INTO run SELECT number + 1, mark, process, since, started, seen, NULL, swept FROM run",
    "PRAGMA user_version = 7",
    "PRAGMA application_id = 1",
    "ALTER TABLE file ADD COLUMN more TEXT DEFAULT 'x'",
    "ALTER TABLE file RENAME COLUMN why TO whynot",
    "CREATE TRIGGER again AFTER UPDATE ON file BEGIN DELETE FROM run; END",
    "ALTER TABLE file RENAME TO old",
    "CREATE VIEW everything AS SELECT * FROM file",
    "PRAGMA journal_mode = WAL",
)


def ledger_file(path: Path, rng: random.Random) -> str:
    """Break the ledger `path` in place; what was done."""
    done = []
    if rng.random() < 0.7:
        with closing(sqlite3.connect(path)) as book:
            for _ in range(rng.choice((1, 1, 3))):
                done.append(_rows(book, rng))
            book.commit()
        if rng.random() < 0.8:
            return "; ".join(done)
    data, way = path.read_bytes(), rng.randrange(4)
    if way == 0:
        made, what = cut(data, rng), "cut"
    elif way == 1:
        at = rng.randrange(len(data))
        made, what = data[:at] + rng.randbytes(64) + data[at + 64 :], f"noise at {at}"
    elif way == 2:
        made, what = flips(data[:100], rng) + data[100:], "bits flipped in its header"
    else:
        made, what = flips(data, rng), "bits flipped"
    path.write_bytes(made)
    return "; ".join([*done, what])


def _rows(book: sqlite3.Connection, rng: random.Random) -> str:
    try:
        if rng.random() < 0.25:
            statement = rng.choice(_WORDS)
            book.execute(statement)
            return statement
        table = rng.choice(("file", "file", "run"))
        columns = [row[1] for row in book.execute(f"PRAGMA table_info({table})")]
        column, value = rng.choice(columns), rng.choice(_VALUES)
        rows = [row[0] for row in book.execute(f"SELECT rowid FROM {table}")]
        book.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, rng.choice(rows)))
    except (sqlite3.Error, IndexError, UnicodeEncodeError) as error:
        return f"refused by SQLite: {error}"
    return f"{table}.{column} = {str(value)[:40]!r}"
