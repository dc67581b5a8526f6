"""What an exported network finds, misses and falsely finds, on pictures with truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from training.decode import FIRST_EDITION, Found, decode
from training.geometry import Boxes, Picture, as_boxes, clip, covered, floats, grow, inside, iou
from training.labels import read_picture
from training.model_constants import MULTIPLE
from training.sources import KINDS, Example, light

Detect = Callable[[Picture], Found]
SIZES = (8, 16, 24, 32, 64, 128, 256)
"""Edges of the classes by size of a truth box in the network's input."""


def detector(path: Path, long_side: int, floor: float = 0.05, threads: int = 1) -> Detect:
    """The net at one scale; boxes come back in the picture's own pixels.

    The picture is brought to `long_side` and padded with black, right and below, to multiples of 32.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    listed = session.get_modelmeta().custom_metadata_map.get("kinds")
    names = tuple(listed.split(",")) if listed else FIRST_EDITION

    def find(picture: Picture) -> Found:
        height, width = picture.shape[:2]
        scale = long_side / max(height, width)
        size = (round(width * scale), round(height * scale))
        canvas = np.zeros((-(-size[1] // MULTIPLE) * MULTIPLE, -(-size[0] // MULTIPLE) * MULTIPLE, 3), np.uint8)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=way)
        image = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None])
        scores, distances = session.run(["scores", "distances"], {"image": image})
        boxes, score, kind = decode(scores[0], distances[0], names, floor)
        return clip(boxes / np.float32(scale), width, height), score, kind

    return find


def both(first: Detect, second: Detect, overlap: float = 0.45) -> Detect:
    """Two scales as one detector: what the second finds again adds nothing."""

    def find(picture: Picture) -> Found:
        looks = [first(picture), second(picture)]
        boxes, scores, kinds = (np.concatenate([look[i] for look in looks]) for i in range(3))
        order = np.argsort(-scores, kind="stable")
        kept: list[int] = []
        overlaps = iou(as_boxes(boxes), as_boxes(boxes)) >= overlap
        for i in order:
            if not any(overlaps[i, j] and kinds[i] == kinds[j] for j in kept):
                kept.append(int(i))
        return as_boxes(boxes[kept]), floats(scores[kept]), np.asarray(kinds[kept], dtype=np.int64)

    return find


@dataclass(frozen=True, slots=True)
class Counts:
    """One picture: each truth box's size in the network's input and the score of its find (0: none); all finds.

    The size is a plate's width, and the height of anything else. `views` are of the truth boxes, "" where unknown.
    """

    example: Example
    truth: Boxes
    sizes: npt.NDArray[np.float32]
    views: tuple[str, ...]
    matched: npt.NDArray[np.float32]
    found: Boxes
    scores: npt.NDArray[np.float32]
    false: npt.NDArray[np.bool_]


def compare(example: Example, found: Found, kind: int, long_side: int, at: float) -> Counts:
    """Matches finds, best first, to the truth box they overlap most, by at least `at` of the union.

    A find that matches no truth box is false, unless half of it lies in an area to ignore.
    """
    truth, ignored = example.of_kind(kind)
    own = found[2] == kind
    boxes, scores = found[0][own], found[1][own]
    overlap = iou(boxes, truth)
    matched = np.zeros(len(truth), np.float32)
    false = np.ones(len(boxes), np.bool_)
    for i in range(len(boxes)):
        free = np.where(matched == 0, overlap[i], 0)
        if len(truth) and free.max() >= at:
            matched[int(free.argmax())] = scores[i]
            false[i] = False
    if len(ignored):
        false &= (inside(boxes, ignored) < 0.5).all(axis=1)
    side = 0 if KINDS[kind] == "plate" else 1
    sizes = (truth[:, 2 + side] - truth[:, side]) * (long_side / max(example.width, example.height))
    views = example.views or ("",) * len(example.kinds)
    own_views = tuple(view for view, k in zip(views, example.kinds, strict=True) if k == kind)
    return Counts(example, truth, sizes, own_views, matched, boxes, scores, false)


def pictures(data: Path, examples: Iterable[Example]) -> Iterator[tuple[Example, Picture]]:
    """Each example with its picture."""
    for example in examples:
        yield example, read_picture(data / example.image)


def run(
    detect: Detect, pictures: Iterable[tuple[Example, Picture]], kind: int, long_side: int, at: float = 0.5
) -> list[Counts]:
    """One outcome for each picture."""
    return [compare(example, detect(picture), kind, long_side, at) for example, picture in pictures]


def false_rate(outcomes: list[Counts], threshold: float) -> float:
    """False boxes a picture at a threshold."""
    return sum(int((o.false & (o.scores >= threshold)).sum()) for o in outcomes) / max(1, len(outcomes))


def threshold_for(outcomes: list[Counts], rate: float) -> float:
    """The lowest threshold with at most `rate` false boxes a picture."""
    scores = np.sort(np.concatenate([floats([]), *(o.scores[o.false] for o in outcomes)]))[::-1]
    allowed = int(rate * len(outcomes))
    return 1e-6 + (float(scores[allowed]) if allowed < len(scores) else 0)  # never 0, the score of what is missed


def figures(
    outcomes: list[Counts], threshold: float, least: float = 0, most: float = np.inf, view: str | None = None
) -> dict[str, float]:
    """Recall, C10 and C20 of the truth boxes between two sizes in the network's input, of one view if one is named."""
    hits, covers10, covers20, count = 0, 0, 0, 0
    for o in outcomes:
        wanted = (o.sizes >= least) & (o.sizes < most)
        if view is not None:
            wanted &= np.asarray([v == view for v in o.views], dtype=np.bool_)
        seen = o.found[o.scores >= threshold]
        truth = clip(o.truth[wanted], o.example.width, o.example.height)
        count += int(wanted.sum())
        hits += int((o.matched[wanted] >= threshold).sum())
        covers10 += int((covered(truth, grow(seen, 0.1)) >= 0.9).sum())
        covers20 += int((covered(truth, grow(seen, 0.2)) >= 0.9).sum())
    some = max(1, count)
    return {
        "count": count,
        "recall": round(hits / some, 4),
        "c10": round(covers10 / some, 4),
        "c20": round(covers20 / some, 4),
    }


def table(outcomes: list[Counts], threshold: float) -> dict[str, object]:
    """Everything about one kind on one set at one threshold."""
    edges = [0, *SIZES, np.inf]
    classes = {f"{low:g}-{high:g}": figures(outcomes, threshold, low, high) for low, high in pairwise(edges)}
    lights: dict[str, list[Counts]] = {}
    for o in outcomes:
        lights.setdefault(light(o.example) or "not told", []).append(o)
    return {
        "threshold": round(threshold, 3),
        "pictures": len(outcomes),
        "false_per_picture": round(false_rate(outcomes, threshold), 3),
        "all": figures(outcomes, threshold),
        "16 and larger": figures(outcomes, threshold, 16),
        "32 and larger": figures(outcomes, threshold, 32),
        "by size": {name: row for name, row in classes.items() if row["count"]},
        "by light, 32 and larger": {
            name: {**figures(some, threshold, 32), "false_per_picture": round(false_rate(some, threshold), 3)}
            for name, some in sorted(lights.items())
        },
    }
