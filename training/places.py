"""Places in labelled pictures about which the witness learns to answer: is a head, a face, a plate there?

They are what the shipped detectors find there, faintly too, and the labels themselves. A find is one of a head, a face
or a plate if it shares enough with a label, none if it is far from all of them in a picture in which they are labelled
throughout, and says nothing otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from anonymize.data import Kind
from anonymize.detect.detector import Detector
from training.geometry import Boxes, Floats, Picture, area, as_boxes, inside, iou
from training.labels import read_picture
from training.sources import BY_NAME, KINDS, Example

FACE, HEAD, PLATE = (KINDS.index(kind) for kind in ("face", "head", "plate"))
LOOKS: tuple[tuple[str, int, bool], ...] = (
    ("argus2", 640, True),
    ("argus2", 800, True),
    ("argus2", 1024, True),
    ("argus", 640, True),
    ("argus", 1024, False),
    ("centerface", 640, False),
    ("centerface", 900, False),
)
"""Which detector looks at pictures of which long side, and whether at those of vehicles, too."""
LEAST = 0.12
"""The least score of a find that is kept."""
NARROW = 6.0
"""What has a shorter side in pixels teaches nothing; plates need twice as much width."""
ROOMY = 6.0
"""A find around a plate may be so many times as large."""
MINE: dict[Kind, int] = {Kind.FACE: FACE, Kind.HEAD: HEAD, Kind.PLATE: PLATE}

ANYWHERE = "anywhere"
"""By what a place was found that no detector found."""

Answers = tuple[int, int, int]
"""Whether a head, a face and a plate is there: 1, 0, or -1 where nobody knows."""


@dataclass(frozen=True, slots=True)
class Find:
    """What a detector found: a box in pixels of the picture, and the kind as an index into `KINDS`."""

    box: tuple[float, float, float, float]
    kind: int
    score: float
    by: str


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a picture, as which kind it is shown, and what is there. `by`: the detector; "" for a label."""

    image: str
    source: str
    box: tuple[float, float, float, float]
    kind: int
    score: float
    by: str
    answers: Answers


def write_finds(data: Path, examples: Sequence[Example], detectors: dict[str, Detector], out: Path) -> Iterator[str]:
    """Shows pictures to `detectors`, as `LOOKS` says; appends what they find to `out` and yields each image.

    Images that `out` holds already are passed over.
    """
    done = {image for image, _ in read_finds(out)} if out.exists() else set()
    with out.open("a", encoding="utf-8") as lines:
        for example in examples:
            if example.image not in done:
                found = list(_found(example, read_picture(data / example.image), detectors))
                rows = [[*(round(v, 1) for v in one.box), one.kind, round(one.score, 3), one.by] for one in found]
                lines.write(json.dumps({"image": example.image, "finds": rows}) + "\n")
                yield example.image


def _found(example: Example, picture: Picture, detectors: dict[str, Detector]) -> Iterator[Find]:
    vehicles = BY_NAME[example.source].plates
    for name, side, both in LOOKS:
        if vehicles and not both:
            continue
        scale = side / max(example.width, example.height)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        seen = detectors[name].detect(np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way)))
        for xyxy, score, number in zip((seen.xyxy / scale).tolist(), seen.score.tolist(), seen.kind, strict=True):
            if score >= LEAST and Kind(int(number)) in MINE:
                yield Find(tuple(xyxy), MINE[Kind(int(number))], score, name)


def read_finds(path: Path) -> Iterator[tuple[str, list[Find]]]:
    """Each image of a file that `write_finds` wrote, with its finds."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["image"], [Find(tuple(f[:4]), f[4], f[5], f[6]) for f in row["finds"]]


def places(example: Example, finds: Iterable[Find]) -> Iterator[Place]:
    """What there is to learn in one picture."""
    people = _People(example)
    for box, kind, answers in (*people.labelled(), *_labelled_plates(example)):
        yield Place(example.image, example.source, _tuple(box), kind, 1.0, "", answers)
    for find in (*finds, *_anywhere(example)):
        box = as_boxes([find.box])
        said = _plate(example, box) if find.kind == PLATE else people.answers(box, find.kind)
        if said is not None:
            yield Place(example.image, example.source, find.box, find.kind, find.score, find.by, said)


def _anywhere(example: Example) -> Iterator[Find]:
    """Places that no detector found, the same for a picture each time: most hold nothing, or small people in the
    distance, as does a find that is far too large."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(example.image.encode()).digest()[:8], "big"))
    for kind in (FACE, HEAD, PLATE):
        wide = max(example.width, example.height) * float(np.exp(rng.uniform(np.log(0.06), np.log(0.6))))
        high = wide / float(rng.uniform(1.5, 4.5) if kind == PLATE else rng.uniform(0.65, 1.0))
        x, y = rng.uniform(0, example.width), rng.uniform(0, example.height)
        yield Find((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), kind, 0.0, ANYWHERE)


class _People:
    """The heads and faces of a picture."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.faces, self.vague_faces = example.of_kind(FACE)
        self.heads, self.vague_heads = example.of_kind(HEAD)
        views = example.views or ("",) * len(example.kinds)
        self.views = [view for view, kind in zip(views, example.kinds, strict=True) if kind == HEAD]
        of_heads = np.asarray(inside(self.faces, self.heads) >= 0.6)
        self.with_face = np.asarray(of_heads.any(axis=0))

    def labelled(self) -> Iterator[tuple[Floats, int, Answers]]:
        """The labels, and what a person saw to be nobody."""
        for number, head in enumerate(self.heads):
            yield head, HEAD, (1, self._shows_face(number), 0)
        for face in self.faces:
            yield face, FACE, (1, 1, 0)
        for box in self.example.nobody:
            yield box, HEAD, (0, 0, -1)

    def _shows_face(self, number: int) -> int:
        """Whether something of the face of a head is to be seen: what covers a face shows that it is turned to us."""
        if self.with_face[number] or self.views[number] in ("front", "profile", "covered"):
            return 1
        return 0 if self.views[number] == "back" else -1

    def answers(self, box: Boxes, kind: int) -> Answers | None:
        """What is in `box` (1, 4), found as a head or face; None if nobody knows."""
        if min(box[0, 2] - box[0, 0], box[0, 3] - box[0, 1]) < NARROW:
            return None
        if (number := self._head(box, kind)) is not None:
            return 1, self._shows_face(number), 0
        if self._is_face(box, kind):
            return 1, 1, 0
        around = np.concatenate([self.heads, self.faces, self.vague_heads, self.vague_faces])
        if self._near(box) and not self._too_large(box, around):
            return None
        if HEAD in self.example.whole:
            return 0, 0, -1
        return (-1, 0, -1) if FACE in self.example.whole or not len(self.vague_faces) else None

    def _head(self, box: Boxes, kind: int) -> int | None:
        """The head that `box` shows, or whose face it is."""
        if not len(self.heads):
            return None
        shared = iou(box, self.heads)[0]
        if shared.max() >= (0.4 if kind == HEAD else 0.3):
            return int(shared.argmax())
        within = inside(box, self.heads)[0]
        best = int(within.argmax())
        tall = (box[0, 3] - box[0, 1]) >= 0.35 * (self.heads[best, 3] - self.heads[best, 1])
        return best if kind == FACE and within[best] >= 0.8 and tall else None

    def _is_face(self, box: Boxes, kind: int) -> bool:
        if not len(self.faces):
            return False
        large = area(self.faces) >= 0.2 * area(box)
        around = kind == HEAD and bool(((inside(self.faces, box)[:, 0] >= 0.8) & large).any())
        return around or bool(iou(box, self.faces)[0].max() >= 0.4)

    def _near(self, box: Boxes) -> bool:
        """Whether a label, or an area in which nothing counts, is so near that `box` may belong to it."""
        labels, vague = (self.heads, self.faces), (self.vague_heads, self.vague_faces)
        return any((inside(box, some)[0] > 0.2).any() for some in vague if len(some)) or any(
            (iou(box, some)[0] > 0.1).any() or (inside(some, box)[:, 0] > 0.5).any() for some in labels if len(some)
        )

    def _too_large(self, box: Boxes, around: Boxes) -> bool:
        """Whether `box` is much larger than all heads in it, in a picture whose heads are known."""
        met = around[iou(box, around)[0] > 0] if len(around) else around
        return HEAD in self.example.whole and len(met) > 0 and bool(area(box)[0] > 8 * area(met).max())


def _labelled_plates(example: Example) -> Iterator[tuple[Floats, int, Answers]]:
    truth, _ = example.of_kind(PLATE)
    yield from ((box, PLATE, (0, 0, 1)) for box in truth if box[2] - box[0] >= 2 * NARROW)


def _plate(example: Example, box: Boxes) -> Answers | None:
    """What is in `box` (1, 4), found as a plate; None if nobody knows."""
    truth, vague = example.of_kind(PLATE)
    wide = min(box[0, 2] - box[0, 0], 2 * (box[0, 3] - box[0, 1])) >= 2 * NARROW
    if not wide or not (PLATE in example.whole or BY_NAME[example.source].plates):
        return None
    if len(truth):
        around = (inside(truth, box)[:, 0] >= 0.9) & (area(box)[0] <= ROOMY * area(truth))
        if iou(box, truth)[0].max() >= 0.3 or around.any():  # what covers a plate must stay, though it covers more
            return 0, 0, 1
        if (inside(box, truth)[0] > 0.2).any() or (inside(truth, box)[:, 0] > 0.3).any():
            return None
    if len(vague) and ((inside(box, vague)[0] > 0.1).any() or (inside(vague, box)[:, 0] > 0.3).any()):
        return None
    return (-1, -1, 0) if PLATE in example.whole else None


def _tuple(box: npt.NDArray[np.float32]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(v) for v in box)
    return x0, y0, x1, y1
