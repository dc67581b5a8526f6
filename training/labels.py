"""Writes the label file that training reads: truth, the teachers' faces, and areas to ignore."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from training.beliefs import believe, read_beliefs, read_nobody, without
from training.geometry import Boxes, Picture, as_boxes, floats
from training.known import by_eye, ignore_unknown
from training.sources import BY_NAME, SOURCES, Example, kept_for_tests, may_train, read_annotations
from training.teachers import Agreement, Pass, Scored, centerface, centerface_path, label_faces, passes, yunet

THOROUGH: tuple[tuple[Pass, ...], ...] = (
    ((640, False), (640, True), (1024, False)),
    ((640, False), (640, True), (1024, False), (1024, True)),
)
"""Passes of CenterFace, and of YuNet, over pictures of people; no picture is enlarged more than twice, but to 640."""
QUICK: tuple[tuple[Pass, ...], ...] = ((), ((640, False), (640, True)))
"""The same over pictures of vehicles, where faces are few: enough to know what to ignore."""


HEADS = Path(__file__).with_name("heads.jsonl")
"""Finds of heads by a net after 31.6 Gpx in pictures of hardhat7035, each looked at: 874 are heads, 956 are not."""


def read_picture(path: Path) -> Picture:
    """A picture as BGR, with no rotation applied.

    Raises:
        ValueError: the file can't be decoded.
    """
    picture = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise ValueError(f"not a readable picture: {path}")
    return np.asarray(picture, dtype=np.uint8)


def read_finds(path: Path) -> dict[str, list[list[Scored]]]:
    """What the teachers found, by image, teacher and pass."""
    finds: dict[str, list[list[Scored]]] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            finds[row["image"]] = [
                [(as_boxes([f[:4] for f in one]), floats([f[4] for f in one])) for one in teacher]
                for teacher in row["finds"]
            ]
    return finds


def write_finds(
    data: Path, yunet_path: Path, out: Path, names: set[str], part: tuple[int, int] = (0, 1)
) -> Iterator[str]:
    """Shows the pictures of the named sets to both teachers; appends what they find to `out` and yields each image.

    Images that `out` holds already are passed over, so a run that was killed goes on. `part` (i, n) takes every
    n-th picture from the i-th on, so that processes can share the work.
    """
    done = set(read_finds(out)) if out.exists() else set()
    cv2.setNumThreads(1)
    teachers = [centerface(centerface_path()), yunet(yunet_path)]
    todo = [e for e in read_annotations(data, names) if BY_NAME[e.source].ships][part[0] :: part[1]]
    with out.open("a", encoding="utf-8") as lines:
        for example in todo:
            if example.image in done:
                continue
            picture = read_picture(data / example.image)
            plans = QUICK if BY_NAME[example.source].plates else THOROUGH
            most = max(640, 2 * max(example.width, example.height))
            looks = [tuple(look for look in plan if look[0] <= most) for plan in plans]
            found = [passes(teacher, picture, look) for teacher, look in zip(teachers, looks, strict=True)]
            finds = [[_rows(one) for one in teacher] for teacher in found]
            lines.write(json.dumps({"image": example.image, "finds": finds}) + "\n")
            lines.flush()
            yield example.image


def _rows(scored: Scored) -> list[list[float]]:
    """x0, y0, x1, y1 and score of each find."""
    return [[round(float(v), 3) for v in (*box, score)] for box, score in zip(*scored, strict=True)]


def read_heads(path: Path = HEADS) -> dict[str, tuple[Boxes, Boxes]]:
    """By image, finds of heads that a person saw to be heads, and those seen to be none."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {row["image"]: (as_boxes(row["heads"]), as_boxes(row["nobody"])) for row in rows}


def label(
    data: Path, finds: list[Path], beliefs: Path | None = None, rule: Agreement | None = None
) -> Iterator[Example]:
    """Every picture that may train, with truth, the teachers' faces, and unlabelled areas ignored.

    Where the teachers did not run and faces are not labelled, the whole picture is ignored for faces; where the net
    itself looked (`beliefs`), the areas in which it half believes in people.
    """
    believed, nobody = read_beliefs(beliefs) if beliefs else {}, read_nobody()
    eyed = read_heads()
    seen: dict[str, list[list[Scored]]] = {}
    for path in finds:
        seen.update(read_finds(path))
    for example in read_annotations(data, {source.name for source in SOURCES if source.ships}):
        if may_train(example) or kept_for_tests(example):
            looked = example.image in seen
            known = label_faces(example, seen[example.image], rule or Agreement()) if looked else example
            if example.image in believed:
                wrong = nobody.get(example.image, as_boxes([]))
                yield replace(believe(known, without(believed[example.image], wrong)), nobody=wrong)
            else:
                known = ignore_unknown(known, faces=not looked)
                yield by_eye(known, *eyed[example.image]) if example.image in eyed else known
