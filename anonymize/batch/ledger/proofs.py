"""What a killed run leaves in the output folder: proofs of what it released, and temporary files.

Just before an output gets its name, its worker writes a proof beside it: what was made from what, with which settings,
and the hashes of both. A run may die between that and the row in the ledger; the next one finds the proof, compares the
file with it, and so knows whether it was released. A file without a proof is not ours, and is left alone.

Temporary files and proofs carry the mark of their run. They are removed only for marks in the ledger, by a run that has
the folder locked: their owners are dead.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anonymize.batch.ledger.store import is_inside
from anonymize.errors import LedgerError, OutputError
from anonymize.kinds import Verdict
from anonymize.recorded.item import Item
from anonymize.report import Report
from anonymize.storage import has_sha256
from anonymize.storage.commit import pending
from anonymize.text import untrusted
from anonymize.text.words import system

PROOF = ".proof"
_OURS = re.compile(r"\.anonymize-([0-9a-f]{12})-[0-9a-f]{12}(\..*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof of a release.

    Args:
        name: the item's, as in the ledger.
        output: the released file, relative to the folder.
        settings: hash of the settings.
        place: hash of the source's path.
        report: the report on it.
    """

    name: str
    output: str
    settings: str
    place: str
    report: Report


def write(proof: Proof, path: Path, mark: str) -> None:
    """Write `proof` to `path`, complete or not at all, for the run with `mark`. Raises `OutputError`."""
    with pending(path, force=True, mark=mark) as temporary:
        try:
            temporary.write_text(json.dumps(asdict(proof), default=str), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write its proof file: {system(error)}", Path(proof.output).name) from error


def proof_path(item: Item, mark: str) -> Path:
    """Where a run with `mark` writes the proof for `item`."""
    digest = hashlib.sha256(os.fsencode(item.relative)).hexdigest()[:12]
    return item.target_path.with_name(f".anonymize-{mark}-{digest}{PROOF}")


def leftovers(folders: Collection[Path], marks: Collection[str]) -> list[Path]:
    """The temporary files and proofs in `folders` left by runs with one of `marks`."""
    found: list[Path] = []
    for folder in folders:
        with suppress(FileNotFoundError, NotADirectoryError):  # not made yet, or gone
            entries = [entry for entry in os.scandir(folder) if mark_of(entry.name) in marks]
            found.extend(folder / entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    return sorted(found)


def all_below(folder: Path) -> Iterator[Path]:
    """`folder` and every folder in it."""
    return (Path(root) for root, _, _ in os.walk(folder))


def read_proof(path: Path) -> Proof | None:
    """The proof at `path`; None if it is incomplete or malformed."""
    try:
        content: dict[str, Any] = untrusted.json_value(
            untrusted.text(path, "proof", LedgerError), path.name, LedgerError
        )
        values = content["report"]
        values |= {name: tuple(values[name]) for name in ("removed", "lost", "not_looked_for")}
        values["verdict"] = Verdict(values["verdict"])
        proof = Proof(content["name"], content["output"], content["settings"], content["place"], Report(**values))
        digests = (proof.report.source["sha256"], proof.report.output["sha256"])
    except (LedgerError, KeyError, TypeError, ValueError):
        return None
    texts = (proof.name, proof.output, proof.settings, proof.place, *digests)
    if not all(isinstance(text, str) for text in texts) or not (is_inside(proof.name) and is_inside(proof.output)):
        return None
    return proof


def holds(path: Path, folder: Path) -> bool:
    """Whether there is a proof at `path`, and its output was released in `folder`."""
    proof = read_proof(path)
    return proof is not None and has_sha256(folder / proof.output, proof.report.output["sha256"])


def within(folder: Path, relative: str) -> Path | None:
    """The file `relative` in `folder`; None if a link on its path leads out of the folder."""
    path = folder / relative
    return path if path.parent.resolve().is_relative_to(folder.resolve()) and not path.is_symlink() else None


def remove(path: Path) -> bool:
    """Remove a file if it exists. Return whether it did. Raises `OutputError`."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(f"cannot remove this file, which a killed run left: {system(error)}", path) from error
    return True


def mark_of(path: str | Path) -> str:
    """The mark of the run that a file of this name belongs to; empty if none."""
    match = _OURS.fullmatch(Path(path).name)
    return match[1] if match else ""
