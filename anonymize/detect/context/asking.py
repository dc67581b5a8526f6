"""What is around a weak find: another network looks at it alone, and at what surrounds it.

A network that knows faces alone takes a lantern for one, again and again, and no less surely than a face in the
distance. One that knows heads and persons, too, sees nobody there. It gets a picture of each weak find and its
surroundings, in which the find always has the same size: that costs a thirtieth of a look at a picture of 1280x720.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.aspect import display_size
from anonymize.data import Detections, Frame, Kind
from anonymize.detect.context.judging import LARGE, NEED, SAME, Floats, Rule
from anonymize.detect.detector import Detector, Picture
from anonymize.track.pairs import area, iou

SIDE = 24.0
"""The side of a find in that picture, in pixels. Large ones are looked at in twice this size, too."""
AROUND = (3.0, 3.0, 3.0, 4.0)
"""How far it reaches from the middle of the find to the left, top, right and bottom, in sides of the find."""
ENLARGED = 3.0
"""The most by which finds are enlarged."""
AREAS: Mapping[Kind, Mapping[Kind, tuple[float, float]]] = {
    Kind.FACE: {Kind.FACE: (0.25, 4.0), Kind.HEAD: (0.35, 8.0), Kind.PERSON: (2.0, 400.0)},
}
"""The area of what supports a find of a kind, as a multiple of the find's: itself, its head, its person."""
UPPER = 0.5
"""A face lies in this upper share of its person."""
ASKED = 12
"""The most finds of a frame about which the network is asked, the best ones."""
KNOWN_FOR = Fraction(1)
"""Seconds for which nothing is asked about a place where somebody is."""


@dataclass(slots=True)
class Context:
    """Asks `witness` about weak finds.

    Args:
        witness: knows faces, heads and persons.
        rule: which finds are weak.
    """

    witness: Detector
    rule: Rule
    _known: list[tuple[Fraction, Detections]] = field(default_factory=list)
    """When and where somebody was, and how surely."""

    def around(self, frame: Frame, time: Fraction, found: Detections) -> Detections:
        """Those of `found` that need support, each with the score of what supports it.

        Frames come in order. What was found less than `KNOWN_FOR` ago and needed none, or had it, is the answer.
        """
        self._known = [one for one in self._known if time - one[0] < KNOWN_FOR]
        share = area(found.xyxy) / (frame.width * frame.height)
        of_them, unsure = np.isin(found.kind, list(NEED)), self.rule.weak(found.score) | (share >= LARGE)
        needs, strong = of_them & unsure, of_them & ~unsure
        weak = np.flatnonzero(needs)
        weak = weak[np.argsort(-found.score[weak], kind="stable")][:ASKED]
        some = found.select(weak)
        known = [self._answer(box, kind) for box, kind in zip(some.xyxy, some.kind, strict=True)]
        scores = np.array(known, np.float32)
        asked = scores < 0
        if asked.any():
            width, height = display_size(frame.width, frame.height, frame.aspects[0])
            picture = frame.bgr(width, height)
            shown = some.moved((width / frame.width, height / frame.height), (0.0, 0.0)).xyxy
            for row in np.flatnonzero(asked).tolist():
                sides = (SIDE, 2 * SIDE) if share[weak[row]] >= LARGE else (SIDE,)
                kind = Kind(int(some.kind[row]))
                scores[row] = max(support(self.witness, picture, kind, shown[row], side) for side in sides)
        seen = replace(some, score=scores)
        self._known.append((time, found.select(strong)))
        self._known.append((time, seen.select(asked & (scores >= self.rule.enough))))
        return seen

    def _answer(self, box: Floats, kind: int) -> float:
        """What is known of a place of something of this kind; -1 if nothing is."""
        here = (there.score[(there.kind == kind) & (iou(there.xyxy, box) >= SAME)] for _, there in self._known)
        return max((float(scores.max(initial=-1.0)) for scores in here), default=-1.0)


def support(witness: Detector, picture: Picture, kind: Kind, box: Floats, wanted: float = SIDE) -> float:
    """How surely `witness` sees that, or whom, the find of `kind` in `box` (4,) of `picture` belongs to: 0 to 1.

    It is shown the surroundings, in which the find's side (of a square as large) is `wanted` pixels.
    """
    x0, y0, x1, y1 = box.tolist()
    side, x, y = math.sqrt((x1 - x0) * (y1 - y0)), (x0 + x1) / 2, (y0 + y1) / 2
    height, width = picture.shape[:2]
    left, top = max(0, int(x - AROUND[0] * side)), max(0, int(y - AROUND[1] * side))
    right, bottom = min(width, math.ceil(x + AROUND[2] * side)), min(height, math.ceil(y + AROUND[3] * side))
    inside = np.clip(box, 0, [width, height, width, height])  # networks differ in how far beyond a border boxes reach
    if right <= left or bottom <= top or not (inside[:2] < inside[2:]).all():
        return 0.0
    scale = min(wanted / side, ENLARGED)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    part = cv2.resize(picture[top:bottom, left:right], size, interpolation=how).astype(np.uint8, copy=False)
    seen = witness.detect(part)
    seen = seen.moved(((right - left) / size[0], (bottom - top) / size[1]), (left, top))
    there = np.clip(seen.xyxy, 0, [width, height, width, height]).astype(np.float32)
    return float(seen.score[_supports(there, seen.kind, kind, inside)].max(initial=0.0))


def _supports(seen: Floats, kinds: NDArray[np.int64], of: Kind, box: Floats) -> NDArray[np.bool_]:
    """(N,) which boxes (N, 4) of these kinds support the find of kind `of` in `box`."""
    middle = (box[:2] + box[2:]) / 2
    there = ((seen[:, :2] <= middle) & (middle < seen[:, 2:])).all(axis=1)
    upper = middle[1] <= seen[:, 1] + UPPER * (seen[:, 3] - seen[:, 1])
    times, fits = area(seen) / area(box), np.zeros(len(seen), bool)
    for kind, (least, most) in AREAS[of].items():
        fits |= (kinds == kind) & (least <= times) & (times <= most)
    return np.asarray(there & fits & ((kinds != Kind.PERSON) | upper))
