"""One run's use of the ledger: what was done before, what is left to do, and its results."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize.batch.ledger import proofs, recover
from anonymize.batch.ledger.claim import FolderClaim
from anonymize.batch.ledger.decide import Redo, RunRequest, decide, settings_hash, source_place, stamp
from anonymize.batch.ledger.lock import Lock
from anonymize.batch.ledger.store import NAME, File, FileState, Run, Store, text_of
from anonymize.kinds import Verdict
from anonymize.media import make_folder
from anonymize.progress import Progress
from anonymize.recorded.item import Item
from anonymize.report import Report, nameless
from anonymize.settings import Settings

if TYPE_CHECKING:
    from anonymize.batch.outcome import Outcome

EVERY = 2.0
"""Seconds between two records of the progress of files."""


@dataclass(frozen=True, slots=True)
class Start:
    """The state of an output folder when a run begins.

    Args:
        folder: the output folder.
        files: number of inputs.
        before: how many of them were done before.
        left_out: how many are known not to be media.
        recovered: how many of those done were released by a run that was killed before it could record it.
        again: names of files that are processed again, by reason.
        removed: how many temporary files of killed runs were removed.
    """

    folder: Path
    files: int
    before: int
    left_out: int
    recovered: int
    again: dict[Redo, list[str]]
    removed: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """An item that was done before.

    Args:
        item: the item.
        output: the released file; None if it was left out because it is not media.
        report: complete if the run was killed before it could write it, else its main facts.
        whole: whether `report` is complete.
    """

    item: Item
    output: Path | None
    report: Report
    whole: bool


@dataclass(slots=True)
class RunLedger:
    """The ledger in the only process that writes it; made by `keep`.

    Args:
        start: the state of the folder at first.
        todo: the items that are left to do, each with the run's claim on it.
        before: those that were done before.
    """

    start: Start
    todo: list[Item]
    before: list[Earlier]
    _store: Store
    _run: Run
    _rows: dict[str, File]
    _stamps: dict[str, str]
    _news: dict[str, File] = field(default_factory=dict)
    _repairs: dict[str, int] = field(default_factory=dict)
    """The most repairs of each file."""
    _noted: float = 0.0

    def record(self, item: Item, news: Progress | Outcome) -> None:
        """Record progress now and then, and every outcome at once. Raises `OutputError`, `LedgerError`."""
        name = text_of(item.relative)
        row = self._rows[name]
        if not isinstance(news, Progress):
            assert isinstance(item.claim, FolderClaim), "items of a ledger have its claim"
            self._rows[name] = self._news[name] = self._settled(row, item, item.claim, news)
            self._note()
            proof = proofs.proof_path(item, item.claim.mark)
            if news.output or not proofs.holds(proof, item.claim.folder):
                proofs.remove(proof)
            return
        begun = row.state is not FileState.WORKING
        row = replace(row, state=FileState.WORKING, since=time.time() if begun else row.since)
        most = self._repairs.setdefault(name, news.perhaps)
        stage = f"{news.stage} {most - news.perhaps}/{most}" if most else news.stage
        row = replace(row, stage=stage, frame=news.done, frames_total=news.total)
        self._rows[name] = self._news[name] = row
        if begun or time.monotonic() - self._noted >= EVERY:
            self._note()

    def finish(self) -> None:
        """Remove what dead workers left and record that the run has ended. Raises `OutputError`."""
        left = proofs.leftovers({item.target_path.parent for item in self.todo}, {self._run.mark})
        kept = [path for path in left if path.suffix == proofs.PROOF]  # of a worker that died just after a release
        for path in set(left) - set(kept):
            proofs.remove(path)
        self._run = replace(self._run, ended=time.time(), swept=int(not kept))
        self._note()

    def _note(self) -> None:
        """Write new rows, and that this run is alive."""
        self._run = replace(self._run, seen=time.time())
        with self._store.change():
            self._store.put([*self._news.values(), self._run])
        self._news.clear()
        self._noted = time.monotonic()

    def _settled(self, row: File, item: Item, claim: FolderClaim, outcome: Outcome) -> File:
        row = replace(row, state=FileState.LEFT_OUT if outcome.left_out else FileState.FAILED, stage="", since=None)
        if outcome.output is None:
            names = (item.source, item.target, outcome.kept.plan if outcome.kept else None)
            if outcome.left_out:
                return row if row.released else replace(row, source_stamp=self._stamps[row.name])
            why = " ".join(nameless(outcome.report.error, names).split())
            return replace(row, why=why, exit_code=outcome.exit_code)
        assert isinstance(outcome.output, Path)
        output = text_of(outcome.output.relative_to(claim.folder))
        new = recover.released(row, outcome.report, output, claim.settings, self._run.number)
        new = replace(new, source_place=claim.place, source_stamp=self._stamps[row.name])
        recover.remove_superseded(claim.folder, row, new)
        return replace(new, output_stamp=stamp(outcome.output))


@contextmanager
def keep(
    folder: Path, items: Sequence[Item], settings: Settings, *, force: bool = False, stdin: bytes = b""
) -> Iterator[RunLedger]:
    """Keep the ledger of `folder` in the block; no other run can use the folder meanwhile.

    Args:
        folder: the output folder; created if missing.
        items: everything requested; all below `folder`.
        settings: the same for all.
        force: redo what was done, except what a stopped run with `force` has done already.
        stdin: the content, where an item is standard input.

    Raises:
        OutputError: another run uses the folder, or the ledger cannot be written.
        LedgerError: the ledger is damaged, or of a newer version.
    """
    mark = secrets.token_hex(6)
    make_folder(folder)
    with closing(Lock(folder, mark)) as lock, closing(Store(folder / NAME)) as store:
        runs, rows = store.runs(), store.files()
        found = recover.sweep(folder, store, runs, rows)
        run = _new_run(runs, mark, force=force)
        wanted = RunRequest(folder, run.number, run.since, settings_hash(settings), store.salt(), stdin)
        made = _opened(store, run, items, {**rows, **{row.name: row for row in found.rows}}, wanted, found)
        lock.share()
        yield made
        made.finish()


def _opened(
    store: Store, run: Run, items: Sequence[Item], rows: dict[str, File], wanted: RunRequest, found: recover.Found
) -> RunLedger:
    """The ledger, with a decision on every item made and recorded."""
    todo: list[Item] = []
    before: list[Earlier] = []
    again: dict[Redo, list[str]] = {}
    listed: dict[str, File] = {}
    stamps = {text_of(item.relative): stamp(item.source_path) for item in items}
    for item in items:
        name = text_of(item.relative)
        decided = decide(item, rows.get(name, File(name, run.number)), wanted)
        listed[name] = decided.file
        if decided.done:
            report = found.reports.get(name)
            output = wanted.folder / decided.file.output if decided.file.released else None
            before.append(Earlier(item, output, report or _main_facts(decided.file), report is not None))
            continue
        claim = FolderClaim(wanted.folder, run.mark, wanted.settings, source_place(item, wanted), decided.replaces)
        todo.append(replace(item, claim=claim))
        if decided.why:
            again.setdefault(decided.why, []).append(name)
    with store.change():
        store.put([run, *listed.values()])
    recovered = sum(earlier.whole for earlier in before)
    left_out = sum(earlier.output is None for earlier in before)
    start = Start(wanted.folder, len(items), len(before) - left_out, left_out, recovered, again, found.removed)
    return RunLedger(start, todo, before, store, run, listed, stamps)


def _new_run(runs: Sequence[Run], mark: str, *, force: bool) -> Run:
    number = runs[-1].number + 1 if runs else 1
    goes_on = bool(runs) and runs[-1].since > 0 and runs[-1].ended is None
    since = (runs[-1].since if goes_on else number) if force else 0
    return Run(number, mark, os.getpid(), since, time.time(), time.time())


def _main_facts(row: File) -> Report:
    """The report that the ledger's facts allow; an empty one for what was left out."""
    if not row.released:
        return Report(verdict=Verdict.FAIL, error="no picture or video")
    return Report(
        verdict=Verdict(row.verdict or Verdict.FAIL),
        source={"sha256": row.source_sha256, "frames": row.frames, "duration": row.duration},
        output={"sha256": row.output_sha256},
        created=datetime.fromtimestamp(row.released_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
