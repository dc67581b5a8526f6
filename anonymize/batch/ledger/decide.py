"""What is left to do, from the ledger's record of a file and the file itself."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from io import BytesIO
from pathlib import Path

from anonymize import models
from anonymize.batch.ledger.store import File, FileState
from anonymize.detect import asked, reading_weights, with_usual
from anonymize.recorded.item import Item
from anonymize.report import sha256
from anonymize.settings import Settings
from anonymize.storage import has_sha256
from anonymize.text.mapping import to_mapping

_NO_MATTER = ("live",)
"""Settings that do not affect an output."""


class Redo(StrEnum):
    """Why a file in the ledger is processed again; empty where the ledger does not have it."""

    NEW = ""
    STOPPED = "the run that worked on it was stopped"
    FAILED = "it failed before"
    SETTINGS = "the settings changed"
    SOURCE = "its source changed"
    GONE = "its output is gone"
    OUTPUT = "its output was changed"
    FORCED = "--force asks for it"
    ELSEWHERE = "made from another source"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with an item.

    Args:
        file: its row, as it should be written.
        done: nothing is left to do.
        why: why it is processed again.
        replaces: an earlier output of it, which may be replaced.
    """

    file: File
    done: bool = False
    why: Redo = Redo.NEW
    replaces: Path | None = None


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run requests of every item.

    Args:
        folder: the output folder.
        run: its number.
        since: outputs of runs before this one do not count.
        settings: hash of the settings.
        salt: for the hashes of paths.
        stdin: the content, where an item is standard input.
    """

    folder: Path
    run: int
    since: int
    settings: str
    salt: bytes
    stdin: bytes


def settings_hash(settings: Settings) -> str:
    """The hash of everything that affects an output: settings, and the weights of the detectors they name."""
    values = {key: value for key, value in to_mapping(settings).items() if key not in _NO_MATTER}
    given = with_usual((*settings.detect.detectors, *settings.verify.detectors), settings.targets)
    names = (*asked(given), *reading_weights(settings)) if settings.targets else ()
    weights = {name: [f"{one.sha256}{one.card or ''}" for one in models.weights_of(name)] for name in names}
    return hashlib.sha256(json.dumps([values, weights], sort_keys=True).encode()).hexdigest()


def stamp(path: Path | None) -> str:
    """A text that changes whenever a file does: size, times and inode; empty if there is no file.

    It includes the inode's change time, which no program can set back: a file with the same stamp was not written to
    since. A different stamp does not mean different content (the file may have been moved).
    """
    try:
        facts = path.stat() if path else None
    except OSError:
        return ""
    return f"{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}:{facts.st_ino}" if facts else ""


def decide(item: Item, known: File, wanted: RunRequest) -> Decision:
    """Decide whether `item` still has to be done.

    Args:
        item: the input.
        known: its row in the ledger.
        wanted: what the run requests.
    """
    before, place = known.state, source_place(item, wanted)
    size = len(wanted.stdin) if item.source_path is None else _size(item.source_path)
    row = replace(known, run=wanted.run, state=FileState.WAITING, why="", exit_code=0, bytes=size, since=None, stage="")
    if not known.released:
        if before is FileState.LEFT_OUT and known.source_stamp == stamp(item.source_path) and not wanted.since:
            return Decision(replace(row, state=before), done=True)
        again = {FileState.WORKING: Redo.STOPPED, FileState.FAILED: Redo.FAILED}.get(before, Redo.NEW)
        return Decision(row, why=again)
    output = wanted.folder / known.output
    source_now, output_now = stamp(item.source_path), stamp(output)
    same_source = (source_now != "" and source_now == known.source_stamp) or _hash(item, wanted) == known.source_sha256
    if not same_source and place != known.source_place:
        return Decision(row, why=Redo.ELSEWHERE if output_now else Redo.NEW)
    if known.released < wanted.since:
        why = Redo.FORCED
    elif known.settings != wanted.settings:
        why = Redo.SETTINGS
    elif not same_source:
        why = Redo.SOURCE
    elif not output_now:
        why = Redo.GONE
    elif output_now != known.output_stamp and not has_sha256(output, known.output_sha256):
        why = Redo.OUTPUT
    else:
        row = replace(row, state=FileState.DONE, source_place=place, source_stamp=source_now, output_stamp=output_now)
        return Decision(row, done=True)
    return Decision(row, why=why, replaces=output)


def source_place(item: Item, wanted: RunRequest) -> str:
    """A salted hash of the source's path, since names of files are private; of its content for standard input."""
    if item.source_path is None:
        return hashlib.sha256(wanted.salt + sha256(BytesIO(wanted.stdin)).encode()).hexdigest()[:32]
    return hashlib.sha256(wanted.salt + os.fsencode(item.source_path.absolute())).hexdigest()[:32]


def _hash(item: Item, wanted: RunRequest) -> str:
    """The hash of the source as it is now; empty if it cannot be read, which fails the item later."""
    try:
        return sha256(item.source or BytesIO(wanted.stdin))
    except OSError:
        return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
