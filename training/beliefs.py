"""Background where nobody labelled: what the net itself does not even half believe, in pictures with few people.

Wheels, lamps, windows and signs look like heads to a net that has met none of them as background, and the pictures that
hold most of them are labelled for plates only. There the net looks for people: where it half believes in one, nothing
counts; the rest of the picture is background. Its finds become no labels. What a person saw to be nobody
(`nobody.jsonl`) is background, too, whatever the net believes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.decode import Found
from training.geometry import Boxes, as_boxes, clip, floats, grow, inside, iou
from training.known import FACE, HEAD, PERSON, bodies, ignore_unknown
from training.sources import KINDS, SOURCES, Example, ignore_more

SETS = frozenset({"mik1i_gray"} | {source.name for source in SOURCES if source.plates and source.ships})
"""Pictures of vehicles, and rooms with a face close by: few people in each, as one whom the net misses altogether is
taught as background."""
LOOKS = (640, 1024)
"""Long sides at which the net looks; no picture is enlarged more than twice, but to the first."""
DOUBT = {FACE: 0.15, HEAD: 0.2, PERSON: 0.2}
"""Scores from which on it half believes. At .1 a young net half believes in every wheel."""
UPRIGHT = 0.35
"""Score of a head from which on a body may be below it."""
NOBODY = Path(__file__).with_name("nobody.jsonl")
"""Finds of heads that a person saw, enlarged, to be signs, lamps, lanterns, wheels, mirrors, windows and trees."""
SAME = 0.3
"""Share of the union from which on a find is one of those."""
ROOM = {FACE: 0.4, HEAD: 0.5, PERSON: 0.2}
"""Shares of a find's sides by which the area grows in which nothing counts."""
AROUND = 0.8
"""The same for a face that is labelled or ignored: a head is around it."""


def write_beliefs(data: Path, examples: list[Example], weights: Path, out: Path) -> Iterator[str]:
    """Shows `examples` to the exported net at `weights`, writes what it half believes to `out` and yields each image.

    `out` is written whole or not at all, as the finds of two nets do not belong in one file.
    """
    from training.evaluate import detector
    from training.labels import read_picture

    detects = {side: detector(weights, side, floor=min(DOUBT.values())) for side in LOOKS}
    part = out.with_suffix(".part")
    with part.open("w", encoding="utf-8") as lines:
        for example in examples:
            picture = read_picture(data / example.image)
            most = max(LOOKS[0], 2 * max(example.width, example.height))
            finds = [row for side, detect in detects.items() if side <= most for row in _rows(detect(picture))]
            lines.write(json.dumps({"image": example.image, "finds": finds}) + "\n")
            yield example.image
    part.replace(out)


def _rows(found: Found) -> list[list[object]]:
    """Kind, corners and score of each find that is half believed."""
    return [
        [KINDS[kind], *(round(float(v), 1) for v in box), round(float(score), 3)]
        for box, score, kind in zip(*found, strict=True)
        if int(kind) in DOUBT and score >= DOUBT[int(kind)]
    ]


def read_beliefs(path: Path) -> dict[str, Found]:
    """What `write_beliefs` wrote, by image; nothing if there is no such file."""
    if not path.exists():
        return {}
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {row["image"]: _found(row["finds"]) for row in rows}


def read_nobody(path: Path = NOBODY) -> dict[str, Boxes]:
    """Where nobody is, by image."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {row["image"]: as_boxes(row["xyxy"]) for row in rows}


def without(found: Found, nobody: Boxes) -> Found:
    """`found` but for faces and heads where nobody is."""
    boxes, scores, kinds = found
    same = (iou(boxes, nobody) >= SAME) | ((inside(boxes, nobody) >= 0.7) & (kinds == FACE)[:, None])
    kept = ~same.any(axis=1) | (kinds == PERSON)
    return as_boxes(boxes[kept]), floats(scores[kept]), kinds[kept]


def _found(finds: list[list[object]]) -> Found:
    kinds = np.array([KINDS.index(str(find[0])) for find in finds], np.int64)
    return as_boxes([find[1:5] for find in finds]), floats([find[5] for find in finds]), kinds


def believe(example: Example, found: Found) -> Example:
    """`example` with all that is not half believed taught as background, for faces, heads and persons; a kind that was
    labelled throughout stays as it is.

    Where a head may be, a face and a body may be, too; where a person may be, a head may; a face is in a head.
    """
    boxes, scores, kinds = found
    of = {kind: boxes[(kinds == kind) & (scores >= least)] for kind, least in DOUBT.items()}
    faces = np.concatenate(example.of_kind(FACE))
    may_be = np.concatenate([grow(faces, AROUND), *(grow(of[kind], ROOM[kind]) for kind in DOUBT)])
    upright = np.concatenate([faces, boxes[(kinds == HEAD) & (scores >= UPRIGHT)]])
    areas = {FACE: may_be, HEAD: may_be, PERSON: np.concatenate([may_be, bodies(upright)])}
    known = ignore_unknown(replace(example, whole=tuple(sorted({*example.whole, *areas}))))
    for kind in areas.keys() - example.whole:
        known = ignore_more(known, clip(areas[kind], example.width, example.height), kind)
    return known
