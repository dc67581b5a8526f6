"""Areas to ignore for unlabelled objects: found by a trained network in training sets, by eye in test sets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from training.geometry import Boxes, Picture, as_boxes, inside, iou
from training.sources import BY_NAME, KINDS, Example, ignore_more


def repair(
    pictures: Iterable[tuple[Example, Picture]], weights: Path, long_side: int = 640, threshold: float = 0.55
) -> Iterator[Example]:
    """Ignores the plates that a trained net finds beside the labelled ones, in the sets that have plate truth.

    Elsewhere such finds are mostly the net's own mistakes, which it should go on unlearning.
    """
    from training.evaluate import detector

    plate = KINDS.index("plate")
    detect = detector(weights, long_side, floor=threshold)
    for example, picture in pictures:
        if not BY_NAME[example.source].plates:
            yield example
            continue
        boxes, _, kinds = detect(picture)
        found = boxes[kinds == plate]
        truth, _ = example.of_kind(plate)
        if len(truth):
            found = found[(iou(found, truth) < 0.2).all(axis=1) & (inside(found, truth) < 0.5).all(axis=1)]
        yield ignore_more(example, found, plate)


def read_repairs(path: Path) -> dict[str, tuple[Boxes, tuple[int, ...]]]:
    """Areas by image, with their kinds. Each line of the file is a JSON object: image, kind, xyxy in its pixels."""
    rows: dict[str, list[tuple[list[float], int]]] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows.setdefault(row["image"], []).append((row["xyxy"], KINDS.index(row["kind"])))
    return {image: (as_boxes([b for b, _ in found]), tuple(k for _, k in found)) for image, found in rows.items()}


def apply_repairs(examples: Iterable[Example], path: Path) -> Iterator[Example]:
    """Each example with the areas that `path` lists for it."""
    repairs = read_repairs(path)
    for example in examples:
        boxes, kinds = repairs.get(example.image, (as_boxes([]), ()))
        for kind in set(kinds):
            example = ignore_more(example, boxes[np.asarray(kinds) == kind], kind)
        yield example
