"""What another network sees at a place: whose face it is, or whether there is a plate.

For a face or head it gets a picture of its surroundings, in which the face has always the same size. A plate is left
in its size: letters in a small picture are many things, and what is far around it shows whether they are on a vehicle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Kind
from anonymize.detect.context.judging import Floats
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
ASKED_ABOUT = frozenset({Kind.FACE, Kind.HEAD, Kind.PLATE})
"""The kinds about which there is an opinion."""
WIDE = 384.0
"""The side of the picture around a plate, in pixels."""
SHOWN = (96.0, 192.0)
"""Wider plates are shown so wide, in both sizes: of some the network sees one alone."""
SAME = 0.2
"""Overlap (IoU) from which a find of the network is at the place."""


def opinion(witness: Detector, picture: Picture, kind: Kind, box: Floats, *, large: bool = False) -> float:
    """How surely `witness` sees a face, head or plate in `box` (4,) of `picture`, or whose face it is: 0 to 1.

    It sees a `large` face in two sizes.
    """
    if kind is Kind.PLATE:
        return _of_plate(witness, picture, box)
    sides = (SIDE, 2 * SIDE) if large else (SIDE,)
    return max(support(witness, picture, Kind.FACE, box, side) for side in sides)


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


def _of_plate(witness: Detector, picture: Picture, box: Floats) -> float:
    scales = {min(1.0, wide / max(float(box[2] - box[0]), 1.0)) for wide in SHOWN}
    return max(_plate_at(witness, picture, box, scale) for scale in scales)


def _plate_at(witness: Detector, picture: Picture, box: Floats, scale: float) -> float:
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = box.tolist()
    reach, x, y = WIDE / scale / 2, (x0 + x1) / 2, (y0 + y1) / 2
    left, top = max(0, int(x - reach)), max(0, int(y - reach))
    right, bottom = min(width, math.ceil(x + reach)), min(height, math.ceil(y + reach))
    if right <= left or bottom <= top:
        return 0.0
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    part = cv2.resize(picture[top:bottom, left:right], size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    seen = witness.detect(part).moved(((right - left) / size[0], (bottom - top) / size[1]), (left, top))
    here = (seen.kind == Kind.PLATE) & (iou(seen.xyxy, box) >= SAME)
    return float(seen.score[here].max(initial=0.0))
