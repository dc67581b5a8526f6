"""Behind a run that was killed: note what it released and could not note, and remove what it left."""

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
        rows: of files that were released and not noted; they are noted now.
        reports: the accounts of these, by name.
        removed: temporary files that were removed.
    """

    rows: list[File] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    removed: int = 0


def sweep(folder: Path, store: Store, runs: Sequence[Run], rows: Mapping[str, File]) -> Found:
    """Take in what the runs that came to no end left in `folder`; whoever calls has the folder to itself.

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
            proofs.remove(output)  # a file system without better means: the name was taken, the file not yet moved
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
    with store.change():  # last, so that a run that is killed here is no loss
        store.put([replace(run, swept=1) for run in dead.values()])
    found.removed = len(left) - len(kept)
    return found


def released(row: File, report: Report, output: str, settings: str, run: int) -> File:
    """`row` after a release, but for stamps and place."""
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
    """Remove what `old` released under another name than `new`, if it still is what was released then."""
    path = proofs.within(folder, old.output) if old.released and old.output != new.output else None
    if path is not None and has_sha256(path, old.output_sha256):
        proofs.remove(path)
