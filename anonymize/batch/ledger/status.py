"""The progress of a run, running or ended, from its ledger, which is only read."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from anonymize.batch.ledger import lock, store
from anonymize.batch.ledger.store import File, FileState, Run
from anonymize.errors import LedgerError, OutputError, UnreadableInput
from anonymize.kinds import Verdict
from anonymize.text.words import system

FRESH = 60.0
"""Seconds since its last write in which a run counts as alive, where the system cannot tell."""
_STAGES = {"detect": 0, "render": 1, "verify": 2}
_REPAIR_STAGES = {"repair": 0, "render": 1, "verify": 2}
_FOR_REPAIRS = 0.25
"""Share of the work on a file that is reserved for possible repairs: each gets half of what is left."""


class Going(StrEnum):
    """Whether a run is running."""

    ON = "going on"
    ENDED = "finished"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that failed.

    Args:
        name: its path in the output folder.
        reason: one line.
        exit_code: of the failure.
        earlier: whether the output of an earlier run is still there.
    """

    name: str
    reason: str
    exit_code: int
    earlier: bool


@dataclass(frozen=True, slots=True)
class Working:
    """A file in progress.

    Args:
        name: its path in the output folder.
        stage: see `anonymize.progress.Progress`.
        frame, frames: how far that is; `frames` is None where the container does not say.
        share: estimated share of its work that is done, 0 to 1; never falls.
        repair, repairs: the current repair, 0 before the first; and the most there may be.
        since: when work on it began, seconds since 1970.
    """

    name: str
    stage: str
    frame: int
    frames: int | None
    share: float
    repair: int
    repairs: int
    since: float


@dataclass(frozen=True, slots=True)
class Status:
    """The last run in an output folder.

    Args:
        going: whether it is still running.
        process: its id on the machine that it runs or ran on.
        started, seen, ended: when it began, wrote last, ended (None if it has not); seconds since 1970.
        files: number of all files.
        done: of these; `before` were done when it began, and `doubtful` were released with doubts.
        failed, working, waiting, left_out: the others. Files in progress when a run was stopped are waiting.
        hours: of video done.
        times_real: seconds of video done by this run for each second that it took; None if it has done no video.
        frames_per_second: frames done by this run for each second that it took; None if it has done none.
        seconds_left: None if unknown.
        in_progress: the files in progress.
        failures: the files that failed.
        others: files in the ledger that the last run did not list: from earlier runs on other inputs.
    """

    going: Going
    process: int
    started: float
    seen: float
    ended: float | None
    files: int
    done: int
    before: int
    doubtful: int
    failed: int
    working: int
    waiting: int
    left_out: int
    hours: float
    times_real: float | None
    frames_per_second: float | None
    seconds_left: float | None
    in_progress: tuple[Working, ...]
    failures: tuple[Failure, ...]
    others: int


def status(folder: Path) -> Status:
    """The progress of the last run in the output folder `folder`, or how it ended.

    Raises:
        UnreadableInput: there is no such folder, or no run has kept a ledger in it.
        LedgerError: the ledger is damaged, or of a newer version.
        OutputError: it cannot be read.
    """
    if not folder.is_dir():
        raise UnreadableInput("no such folder: name the output folder of a run", folder)
    path = folder / store.NAME
    if not path.is_file():
        raise UnreadableInput(
            "no ledger here: `anonymize run` keeps one if its output is a folder, not a single file", folder
        )
    lives = lock.held(folder)  # before reading: a run that ends in between is seen as ended
    runs, files = _read(path)
    if not runs:
        raise UnreadableInput("the ledger is empty: the run was stopped before it began", folder)
    return _status(runs[-1], files, lives)


def _read(path: Path) -> tuple[list[Run], list[File]]:
    try:
        return store.read(path)
    except OutputError:
        # A run was killed while it wrote: its transaction must be rolled back first, which we do on a copy.
        journal = path.with_name(f"{path.name}-journal")
        if not journal.exists():
            raise
    with TemporaryDirectory() as place:
        for original in (path, journal):
            try:
                shutil.copy(original, place)
            except OSError as error:
                raise LedgerError(f"cannot be read ({system(error)}): try again", original) from error
        store.Store(Path(place) / path.name).close()
        return store.read(Path(place) / path.name)


def _status(run: Run, files: Sequence[File], lives: bool | None) -> Status:
    mine = [file for file in files if file.run == run.number]
    if run.ended is not None:
        going = Going.ENDED
    elif lives or (lives is None and time.time() - run.seen < FRESH):
        going = Going.ON
    else:
        going = Going.STOPPED
    counts = Counter(file.state for file in mine)
    working = [file for file in mine if file.state is FileState.WORKING] if going is Going.ON else []
    done = [file for file in mine if file.state is FileState.DONE]
    fresh = [file for file in done if file.released == run.number]
    spent = max((run.ended or (time.time() if going is Going.ON else run.seen)) - run.started, 1e-3)
    video, frames = sum(file.duration for file in fresh), sum(file.frames for file in fresh)
    return Status(
        going=going,
        process=run.process,
        started=run.started,
        seen=run.seen,
        ended=run.ended,
        files=len(mine),
        done=len(done),
        before=len(done) - len(fresh),
        doubtful=sum(file.verdict == Verdict.PASS_WITH_DOUBTS for file in done),
        failed=counts[FileState.FAILED],
        working=len(working),
        waiting=counts[FileState.WAITING] + counts[FileState.WORKING] - len(working),
        left_out=counts[FileState.LEFT_OUT],
        hours=sum(file.duration for file in done) / 3600,
        times_real=video / spent if video else None,
        frames_per_second=frames / spent if frames else None,
        seconds_left=_left(mine, fresh, working, spent) if going is Going.ON else None,
        in_progress=tuple(_working(file, run) for file in working),
        failures=tuple(
            Failure(f.name, f.why, f.exit_code, f.released > 0) for f in mine if f.state is FileState.FAILED
        ),
        others=len(files) - len(mine),
    )


def _left(mine: Sequence[File], fresh: Sequence[File], working: Sequence[File], spent: float) -> float | None:
    """Seconds left if a byte of source takes as long as before: waiting files have not been opened yet."""
    half = sum(file.bytes * _share(file) for file in working)
    done = sum(file.bytes for file in fresh) + half
    ahead = sum(file.bytes for file in mine if file.state in (FileState.WAITING, FileState.WORKING)) - half
    return spent * ahead / done if done > 0 else None


def _working(file: File, run: Run) -> Working:
    stage, repair, repairs = _stage(file)
    since = file.since or run.started
    return Working(file.name, stage, file.frame, file.frames_total, round(_share(file), 3), repair, repairs, since)


def _stage(file: File) -> tuple[str, int, int]:
    """The stage of a file in progress, the current repair, and the most there may be."""
    found = re.fullmatch(r"(\w+) (\d{1,3})/(\d{1,3})", file.stage)
    return (found[1], int(found[2]), int(found[3])) if found else (file.stage, 0, 0)


def _share(file: File) -> float:
    """The share of the work on a file that is done, assuming that its stages take equally long.

    Repairs cannot be predicted: each takes half of the reserved share that is left, the last one all of it.
    """
    stage, repair, repairs = _stage(file)
    within = min(file.frame / file.frames_total, 1.0) if file.frames_total else 0.0
    done = ((_REPAIR_STAGES if repair else _STAGES).get(stage, 0) + within) / len(_STAGES)
    free = _FOR_REPAIRS if repairs else 0.0
    if not repair:
        return (1 - free) * done
    left = free * 0.5 ** (repair - 1)
    return 1 - left + (left if repair >= repairs else left / 2) * done
