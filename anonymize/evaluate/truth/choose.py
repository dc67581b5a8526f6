"""Ground truth of any format in one form: the subjects on each frame of a video or picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from anonymize.data import Kind
from anonymize.errors import UnreadableInput, UsageError
from anonymize.evaluate.truth.coco import Coco, read_coco
from anonymize.evaluate.truth.lines import read_truth
from anonymize.evaluate.truth.mot import read_mot, subject
from anonymize.evaluate.truth.subjects import FrameTruth


@dataclass(frozen=True, slots=True)
class Truth:
    """The ground truth of one video or picture.

    Args:
        name: of the file, for messages.
        frames: yields the truth of one frame after another, given the upright size (width, height) of the picture.
        least: minimum frames of the video, if it may have more than the truth; None if it must have as many.
        kinds: of the labels in our own files; None in a format that has others.
    """

    name: str
    frames: Callable[[tuple[int, int]], Iterator[FrameTruth]]
    least: int | None = None
    kinds: frozenset[Kind] | None = None


def read_any(path: Path, kind: Kind | None = None) -> Truth:
    """The truth of one video in the file `path`: ``.jsonl`` is ours, ``.json`` is COCO, ``.txt`` is MOT.

    Args:
        path: the file.
        kind: the only one that is not ignored in our own files; of COCO, the category of this name counts too; what all
            boxes of MOT are. If None: all, none, faces.

    Raises:
        UnreadableInput: no format has this suffix, or the file is not of that format.
    """
    match path.suffix.lower():
        case ".jsonl":
            return _ours(path, kind)
        case ".json":
            images = read_coco(path, kind).images
            return Truth(path.name, lambda _: iter(images.values()))
        case ".txt":
            return _mot(path, kind or Kind.FACE)
        case other:
            raise UnreadableInput(f"ground truth is .jsonl (ours), .json (COCO) or .txt (MOT), not {other!r}", path)


def of_picture(coco: Coco, name: str, file: str) -> Truth:
    """The truth of the picture `name` in the COCO file called `file`. Raises `UnreadableInput` if it is not there."""
    found = coco.picture(name)
    if found is None:
        raise UnreadableInput(f"it has no image {name}, or several of that name", file)
    only = FrameTruth(0, 0.0, found.size, found.subjects)
    return Truth(file, lambda _: iter([only]))


def refuse_unlabelled(truths: Sequence[Truth], kind: Kind | None) -> None:
    """Refuse `kind` if all of `truths` are our own files, and no label in them is of it. Raises `UsageError`."""
    kinds = [truth.kinds for truth in truths if truth.kinds is not None]
    if kind is None or len(kinds) < len(truths) or any(kind in each for each in kinds):
        return
    listed = ", ".join(one.label for one in sorted(frozenset[Kind]().union(*kinds))) or "there are none"
    name = truths[0].name if len(truths) == 1 else "ground truth"
    raise UsageError(f"{name}: no label is a {kind.label} (--kind): {listed}")


def _ours(path: Path, kind: Kind | None) -> Truth:
    """Our own file; where `kind` is given, boxes of other kinds are ignored."""
    if kind is None:
        return Truth(path.name, lambda _: read_truth(path))

    def frames(_: tuple[int, int]) -> Iterator[FrameTruth]:
        for frame in read_truth(path):
            subjects = tuple(one if one.kind is kind else replace(one, ignore=True) for one in frame.subjects)
            yield replace(frame, subjects=subjects)

    kinds = frozenset(one.kind for frame in read_truth(path) for one in frame.subjects)
    return Truth(path.name, frames, kinds=kinds)


def _mot(path: Path, kind: Kind) -> Truth:
    rows = read_mot(path)

    def frames(size: tuple[int, int]) -> Iterator[FrameTruth]:
        for index in count():
            found = (subject(row, kind, size) for row in rows.get(index, ()))
            yield FrameTruth(index, 0.0, size, tuple(one for one in found if one is not None))

    return Truth(path.name, frames, least=max(rows, default=-1) + 1)
