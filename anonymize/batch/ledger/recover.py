"""After a killed run: record what it released but could not record, and remove what it left."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anonymize.batch.ledger import proofs
from anonymize.batch.ledger.decide import stamp
from anonymize.batch.ledger.store import File, FileState, Run, Store
from anonymize.report import Report
from anonymize.storage import has_sha256


@dataclass(slots=True)
class Found:
    """What killed runs left.

    Args:
        rows: of files that were released but not recorded; they are recorded now.
        reports: the reports on these, by name.
        removed: temporary files that were removed.
    """

    rows: list[File] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    removed: int = 0


def sweep(folder: Path, store: Store, runs: Sequence[Run], rows: Mapping[str, File]) -> Found:
    """Record and remove what unfinished runs left in `folder`, which the caller has locked.

    Args:
        folder: the output folder.
        store: its ledger.
        runs: all runs in it.
        rows: all files in it, by name.

    Raises:
        OutputError: something cannot be written or removed.
    """
    found = Found()
    dead = {run.mark: run for run in runs if not run.swept}
    if not dead:
        return found
    left = proofs.leftovers(list(proofs.all_below(folder)), dead)
    kept = [path for path in left if path.suffix == proofs.PROOF]
    for path in kept:
        proof = proofs.read_proof(path)
        if proof is None or proof.name not in rows:
            continue
        row, output = rows[proof.name], proofs.within(folder, proof.output)
        if output is None:
            continue
        digest = proof.report.output["sha256"]
        if output.is_file() and output.stat().st_size == 0:
            proofs.remove(output)  # on some file systems the name is reserved first, and the file moved afterwards
            continue
        noted = (row.output, row.output_sha256, row.settings) == (proof.output, digest, proof.settings)
        if noted or not has_sha256(output, digest):
            continue
        new = released(row, proof.report, proof.output, proof.settings, dead[proofs.mark_of(path)].number)
        new = replace(new, source_place=proof.place, source_stamp="", output_stamp=stamp(output))
        remove_superseded(folder, row, new)
        found.rows.append(new)
        found.reports[proof.name] = proof.report
    with store.change():
        store.put(found.rows)
    for path in left:
        proofs.remove(path)
    with store.change():  # last, so that nothing is lost if this run is killed here
        store.put([replace(run, swept=1) for run in dead.values()])
    found.removed = len(left) - len(kept)
    return found


def released(row: File, report: Report, output: str, settings: str, run: int) -> File:
    """`row` after a release, except for stamps and place; `run` is the run's number."""
    return replace(
        row,
        state=FileState.DONE,
        why="",
        exit_code=0,
        source_sha256=report.source["sha256"],
        settings=settings,
        output=output,
        output_sha256=report.output["sha256"],
        verdict=report.verdict,
        frames=report.source["frames"],
        duration=report.source["duration"],
        seconds=sum(report.seconds.values()),
        released=run,
        released_at=time.time(),
    )


def remove_superseded(folder: Path, old: File, new: File) -> None:
    """Remove the output of `old` if it has another name than that of `new` and is unchanged since its release."""
    path = proofs.within(folder, old.output) if old.released and old.output != new.output else None
    if path is not None and has_sha256(path, old.output_sha256):
        proofs.remove(path)
