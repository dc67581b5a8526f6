"""What a run that was killed leaves in the output folder: proofs of what it released, and temporary files.

Just before an output gets its name, whoever made it writes a proof beside it: what was made from what, under which
settings, with the hash of both. Between that and the row in the ledger a run may die; the next one finds the proof,
holds the file against it, and takes it for released or not. A file without proof is nobody's, and stays alone.

Temporary files and proofs carry the mark of their run. They are removed only for marks that the ledger knows, by a run
that has the folder to itself: their owners are dead.
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
    """What was released.

    Args:
        name: the item's, as in the ledger.
        output: the released file, relative to the folder.
        settings: hash of the settings.
        place: hash of where the source was.
        report: the account of it.
    """

    name: str
    output: str
    settings: str
    place: str
    report: Report


def write(proof: Proof, path: Path, mark: str) -> None:
    """Write `proof` to `path`, whole or not at all. Raises `OutputError`."""
    with pending(path, force=True, mark=mark) as temporary:
        try:
            temporary.write_text(json.dumps(asdict(proof), default=str), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write its proof beside it: {system(error)}", Path(proof.output).name) from error


def proof_path(item: Item, mark: str) -> Path:
    """Where the proof of what a run released for `item` is."""
    digest = hashlib.sha256(os.fsencode(item.relative)).hexdigest()[:12]
    return item.target_path.with_name(f".anonymize-{mark}-{digest}{PROOF}")


def leftovers(folders: Collection[Path], marks: Collection[str]) -> list[Path]:
    """The temporary files and proofs in `folders` that runs with one of `marks` left."""
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
    """The proof at `path`; None where it is but half there."""
    try:
        content: dict[str, Any] = untrusted.json_value(
            untrusted.text(path, "proof", LedgerError), path.name, LedgerError
        )
        told = content["report"]
        told |= {name: tuple(told[name]) for name in ("removed", "lost", "not_looked_for")}
        told["verdict"] = Verdict(told["verdict"])
        proof = Proof(content["name"], content["output"], content["settings"], content["place"], Report(**told))
        digests = (proof.report.source["sha256"], proof.report.output["sha256"])
    except (LedgerError, KeyError, TypeError, ValueError):
        return None
    texts = (proof.name, proof.output, proof.settings, proof.place, *digests)
    if not all(isinstance(text, str) for text in texts) or not (is_inside(proof.name) and is_inside(proof.output)):
        return None
    return proof


def holds(path: Path, folder: Path) -> bool:
    """Whether there is a proof at `path`, and what it tells of was released in `folder`."""
    proof = read_proof(path)
    return proof is not None and has_sha256(folder / proof.output, proof.report.output["sha256"])


def within(folder: Path, relative: str) -> Path | None:
    """The file `relative` in `folder`; None where a link on the way leads out of it."""
    path = folder / relative
    return path if path.parent.resolve().is_relative_to(folder.resolve()) and not path.is_symlink() else None


def remove(path: Path) -> bool:
    """Remove a file if it is still there; whether it was. Raises `OutputError`."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(f"cannot remove what a killed run left: {system(error)}", path) from error
    return True


def mark_of(path: str | Path) -> str:
    """The run that a file of this name belongs to, or nothing."""
    match = _OURS.fullmatch(Path(path).name)
    return match[1] if match else ""
