"""Folders of originals, redacted files and truth, paired by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anonymize.data import Kind
from anonymize.errors import InputError, UnreadableInput
from anonymize.evaluate.measure import evaluate
from anonymize.evaluate.score import Evaluation
from anonymize.evaluate.truth import Truth, read_any, refuse_unlabelled
from anonymize.evaluate.truth.choose import of_picture
from anonymize.evaluate.truth.coco import read_coco
from anonymize.text.suffixes import PICTURE_SUFFIXES, VIDEO_SUFFIXES

TRUTHS = (".jsonl", ".json", ".txt")


@dataclass(frozen=True, slots=True)
class Pair:
    """An original, its redacted version and its ground truth; `name` is the original's path in its folder."""

    name: str
    original: Path
    redacted: Path
    truth: Truth


def pairs(original: Path, redacted: Path, truth: Path, kind: Kind | None = None) -> list[Pair]:
    """Pair two files, or two folders: each file of `original` with that of the same name in `redacted`.

    Names are compared without suffix, within the same sub-folder. Truth for a file is a file. For a folder it is a
    folder (``NAME.jsonl``, ``.json``, ``.txt`` or ``NAME/gt/gt.txt``, as in MOT), or one COCO file for all its
    pictures.

    Args:
        original: a file or folder.
        redacted: the same after redaction.
        truth: what was there to hide.
        kind: see `anonymize.evaluate.truth.read_any`.

    Raises:
        UsageError: no label is of `kind`.
        InputError: something has no partner, or two; the message names it.
        UnreadableInput: a file is missing or its truth cannot be read.
    """
    for path in (original, redacted, truth):
        if not path.exists():
            raise UnreadableInput("no such file or folder", path)
    if original.is_dir() != redacted.is_dir():
        raise InputError(f"{original} and {redacted}: give two files or two folders")
    if not original.is_dir():
        one = Pair(original.name, original, redacted, _for_file(truth, original, kind))
        refuse_unlabelled([one.truth], kind)
        return [one]
    found = [path for path in sorted(original.rglob("*")) if path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES]
    if not found:
        raise UnreadableInput("it holds no video and no picture", original)
    truth_of = _truths(truth, kind)
    made = []
    for path in found:
        place = path.relative_to(original)
        made.append(Pair(place.as_posix(), path, _partner(redacted, place), truth_of(place)))
    refuse_unlabelled([pair.truth for pair in made], kind)
    return made


def evaluate_pairs(found: Iterable[Pair]) -> Iterator[tuple[Pair, Evaluation]]:
    """Evaluate one pair after another. Raises what `evaluate` raises."""
    for pair in found:
        yield pair, evaluate(pair.original, pair.redacted, pair.truth)


def _partner(folder: Path, place: Path) -> Path:
    """The one file in `folder` at `place`, whatever its suffix."""
    wanted = PICTURE_SUFFIXES if place.suffix.lower() in PICTURE_SUFFIXES else VIDEO_SUFFIXES
    if (folder / place).is_file():
        return folder / place
    beside = (folder / place).parent
    found = [
        path
        for path in sorted(beside.glob("*") if beside.is_dir() else ())
        if path.stem == place.stem and path.suffix.lower() in wanted
    ]
    if len(found) != 1:
        raise InputError(f"{'no' if not found else 'more than one'} file of this name in {folder}", place)
    return found[0]


def _for_file(truth: Path, original: Path, kind: Kind | None) -> Truth:
    """The truth of one file; a COCO file is searched for a picture by its name."""
    if truth.is_dir():
        return _in_folder(truth, Path(original.name), kind)
    if truth.suffix.lower() == ".json" and original.suffix.lower() in PICTURE_SUFFIXES:
        return of_picture(read_coco(truth, kind), original.name, truth.name)
    return read_any(truth, kind)


def _truths(truth: Path, kind: Kind | None) -> Callable[[Path], Truth]:
    """A function that gives the truth of each file of a folder."""
    if truth.is_dir():
        return lambda place: _in_folder(truth, place, kind)
    if truth.suffix.lower() != ".json":
        raise InputError("the truth of a folder is a folder, or one COCO file (.json) for all its pictures", truth)
    coco = read_coco(truth, kind)
    return lambda place: of_picture(coco, place.as_posix(), truth.name)


def _in_folder(folder: Path, place: Path, kind: Kind | None) -> Truth:
    candidates = [(folder / place).with_suffix(suffix) for suffix in TRUTHS]
    candidates.append(folder / place.with_suffix("") / "gt" / "gt.txt")
    for path in candidates:
        if path.is_file():
            if path.suffix == ".json" and place.suffix.lower() in PICTURE_SUFFIXES:
                return of_picture(read_coco(path, kind), place.as_posix(), path.name)
            return read_any(path, kind)
    raise InputError(f"no ground truth of this name in {folder} ({', '.join(TRUTHS)} or NAME/gt/gt.txt)", place)
