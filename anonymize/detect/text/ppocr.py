"""PP-OCR's detector of text: PP-OCRv6 small, from the wheel of rapidocr, whose Python code is not used.

Its output is a map of the input's size: how probable it is at each pixel that it lies in the middle of a line of text.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind
from anonymize.detect.detector import FLOOR, Picture, finds, padded
from anonymize.detect.merge import suppress
from anonymize.models import session
from anonymize.settings import Device

MULTIPLE = 32
"""The network halves its input five times."""
PROBABLE = 0.3
"""Pixels of the map that are more probable than this, and touch, are one line."""
SQUAT, LESS = 3.0, 0.65
"""A middle that is shorter than so many times its height, as of one or two letters, has its score multiplied by this:
people on bright paving look like letters. Seen from above they hid half of some frames."""
STEEP, STOUT, THICK, STANDING = 60.0, 8.0, 6.5, 0.6
"""A middle that is within 30 degrees of upright (`STEEP`), shorter than so many times its thickness (`STOUT`), and so
many pixels thick, has its score multiplied by `STANDING`: whoever stands on bright paving looks like a line on its end.
A line on its end is found at a smaller scale, too, where it is thinner."""
LOFTY, LOWER = 20.0, 0.75
"""One that is so many pixels thick has its score multiplied by this: people side by side look like a line of high
letters."""
GROW = 1.6
"""How far a line is pushed out on each side, in multiples of its area over its circumference: the map shows its middle.
As PP-OCR was trained."""
LEAST, HIGHEST = 3.0, 64.0
"""Pixels; a middle that is lower shows no line, and one that is higher is left to smaller scales: in pictures without
text the network sees some in whole people and treetops."""
POWER = 1.36
"""Scores are raised to this power, so that one threshold means the same as for other detectors: .6 becomes .5. On 50
photos those from .6 on were text but for people and trees that fill the picture, and 8 smaller things."""
MOST = 2000
"""How many lines of one picture are measured, the largest: noise can give tens of thousands."""
OVERLAP = 0.45
"""Overlap (IoU) for non-maximum suppression."""

Floats = NDArray[np.float32]


class Line(NamedTuple):
    """One line of text, perhaps turned.

    Args:
        corners: (4, 2) in pixels of the picture, pushed out.
        score: mean probability within the rectangle around its middle, as what is no line is ragged, to the `POWER`.
    """

    corners: Floats
    score: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Upright box around it."""
        (x0, y0), (x1, y1) = self.corners.min(axis=0).tolist(), self.corners.max(axis=0).tolist()
        return x0, y0, x1, y1

    def tighter(self, share: float) -> Line:
        """It without `share` of its lower side on each side."""
        middle, (wide, high), turned = cv2.minAreaRect(self.corners)
        less = 2 * share * min(wide, high)
        return Line(np.asarray(cv2.boxPoints((middle, (wide - less, high - less), turned)), np.float32), self.score)


class PPOCR:
    """Lines of text, whatever the script; a word alone is a line, too."""

    name = "ppocr"
    kinds = frozenset({Kind.TEXT})
    min_size: ClassVar = {Kind.TEXT: 12.0}
    max_reliable_size: ClassVar[dict[Kind, float]] = {}
    max_input_side = 1280

    def __init__(self, threads: int = 0, device: Device = Device.CPU) -> None:
        self._session = session("ppocr", threads, device)
        self.device, self.sha256 = self._session.device_report, self._session.sha256

    def detect(self, picture: Picture) -> Detections:
        """Text in `picture`. See `anonymize.detect.Detector.detect`."""
        lines = [line for line in self.lines(picture) if line.score >= FLOOR]
        boxes = np.array([line.box for line in lines], np.float32).reshape(-1, 4)
        return suppress(finds(boxes, np.array([line.score for line in lines], np.float32), Kind.TEXT), OVERLAP)

    def lines(self, picture: Picture) -> list[Line]:
        """The lines in `picture`, each as it is turned, in pixels of it."""
        (chances,) = self._session.run(None, {"x": blob(picture)})
        return lines_in(chances[0, 0, : picture.shape[0], : picture.shape[1]])

    def release_memory(self) -> None:
        """Release the network's memory."""
        self._session.release_memory()


def blob(picture: Picture) -> Floats:
    """`picture` as input of PP-OCR's networks: (1, 3, h, w), BGR, -1 to 1."""
    made = padded(picture, MULTIPLE, np.float32)
    made *= np.float32(2 / 255)
    made -= np.float32(1)
    return made


def lines_in(chances: Floats) -> list[Line]:
    """The lines in a map of probabilities (h, w)."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats((chances > PROBABLE).astype(np.uint8), connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA]
    mean = np.bincount(parts.ravel(), chances.ravel(), minlength=count) / np.maximum(area, 1)
    found = []
    for number in (np.argsort(-area[1:], kind="stable")[:MOST] + 1).tolist():
        x, y, width, height = stats[number, :4].tolist()
        rows, columns = np.nonzero(parts[y : y + height, x : x + width] == number)
        # a pixel is a square: its corners count, or a line of one row would have no area
        points = np.concatenate([np.stack([columns + a, rows + b], axis=1) for a in (0, 1) for b in (0, 1)])
        hull = cv2.convexHull(points.astype(np.float32))
        middle, (wide, high), turned = cv2.minAreaRect(hull)
        if not LEAST <= min(wide, high) <= HIGHEST:
            continue
        out = GROW * wide * high / (2 * (wide + high))
        corners = cv2.boxPoints((middle, (wide + 2 * out, high + 2 * out), turned))
        filled = min(1.0, float(area[number]) / (wide * high))
        score = (min(1.0, float(mean[number])) * filled) ** POWER
        long, thick = max(wide, high), min(wide, high)
        if long < SQUAT * thick:
            score *= LESS
        elif thick >= THICK and long < STOUT * thick and _steepness(wide, high, turned) >= STEEP:
            score *= STANDING
        if thick >= LOFTY:
            score *= LOWER
        found.append(Line((corners + np.array([x, y])).astype(np.float32), score))
    return found


def _steepness(wide: float, high: float, turned: float) -> float:
    """Degrees (0 to 90) between the horizontal and the longer side of a rectangle as `cv2.minAreaRect` gives it."""
    along = (turned if wide >= high else turned + 90) % 180
    return min(along, 180 - along)
