"""What another network sees at places where something was found too faintly to be covered.

A face or head gets a picture of its surroundings, enlarged, as a weak find does. A plate is left in its size: letters
in a small picture are many things, and what is far around it shows whether they are on a vehicle.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from anonymize.data import Kind
from anonymize.detect.context.asking import support
from anonymize.detect.context.judging import Floats
from anonymize.detect.detector import Detector, Picture
from anonymize.track.pairs import iou

ASKED_ABOUT = frozenset({Kind.FACE, Kind.HEAD, Kind.PLATE})
"""The kinds about which there is an opinion."""
WIDE = 384.0
"""The side of the picture around a plate, in pixels."""
SHOWN = (96.0, 192.0)
"""Wider plates are shown so wide, in both sizes: of some the network sees one alone."""
SAME = 0.2
"""Overlap (IoU) from which a find of the network is at the place."""


def opinion(witness: Detector, picture: Picture, kind: Kind, box: Floats) -> float:
    """How surely `witness` sees a face, head or plate in `box` (4,) of `picture`, or whose face it is: 0 to 1."""
    if kind is Kind.PLATE:
        return _of_plate(witness, picture, box)
    return support(witness, picture, Kind.FACE, box)


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
