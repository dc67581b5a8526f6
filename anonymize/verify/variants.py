"""Looking at one frame in other ways than the first look did.

The picture is mirrored and moved by some pixels, which shifts the network's grid and the tiles; the scales lie between
those of the first look; and a second detector has a say where there is one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Frame, Kind
from anonymize.detect import Detector
from anonymize.detect.look import plausible, scales
from anonymize.detect.merge import overlaps
from anonymize.detect.tiles import detect_tiled
from anonymize.settings import Detect

BETWEEN = 2**-0.25
"""From a scale of the first look to that of the second: half a step of its half octaves."""
SHIFTS = (7, 13, 22, 3)
"""Pixels by which the picture is moved, right and down, in successive variants."""
HEARD = 0.2
"""Least score with which a find supports that of another detector."""
LEAST_HEIGHT = 10.0
"""Pixels; less shows nobody."""
SAME = 0.3
"""Overlap of two boxes that show the same thing, in one picture or from one looked-at frame to the next."""


class Variants:
    """The ways in which a frame is looked at.

    Args:
        detectors: who looks. The scores of those that took the first look count by themselves, as `detect` names them;
            those of others where one of these agrees a little. If all are others, all count.
        detect: how hard the first look was.
        targets: the kinds wanted.
        turn: number of this examination of the file, from 0: each mirrors and moves in another way.
    """

    def __init__(self, detectors: Sequence[Detector], detect: Detect, targets: Collection[Kind], turn: int = 0) -> None:
        self._detectors = detectors
        self._detect = detect
        self._targets = targets
        self._turn = turn

    def find(self, frame: Frame, number: int = 0) -> Detections:
        """What is found in variant `number` (0 to 2) of `frame`, one box a thing, in its pixels."""
        mirrored = (number == 0) == (self._turn % 2 == 0)
        shift = SHIFTS[(number + self._turn) % len(SHIFTS)]
        heard = [self._heard(frame, detector, number, mirrored, shift) for detector in self._detectors]
        named = [detector.name in self._detect.detectors for detector in self._detectors]
        if not any(named):
            return _best_of(Detections.concatenate(heard))
        by_first = Detections.concatenate(part for part, first in zip(heard, named, strict=True) if first)
        others = [part for part, first in zip(heard, named, strict=True) if not first]
        return _best_of(Detections.concatenate([by_first, *(_supported(other, by_first) for other in others)]))

    def _heard(self, frame: Frame, detector: Detector, number: int, mirrored: bool, shift: int) -> Detections:
        """What `detector` finds in `frame`, at every other one of the scales between those of its first look."""
        size = (frame.width, frame.height)
        steps = scales(detector, self._detect, self._targets, size, thorough=True)[number % 2 :: 2]
        parts = [_at_scale(frame, detector, step * BETWEEN, mirrored, shift) for step in steps]
        found = Detections.concatenate(parts)
        return found.select(plausible(found, frame, self._targets))

    def confirmed(self, frame: Frame, found: Detections) -> NDArray[np.float32]:
        """(N,) the mean of the two best scores that each find of variant 0 has in all three."""
        scores = [found.score]
        for number in (1, 2):
            again = self.find(frame, number)
            near = overlaps(found.xyxy, again.xyxy)[0] >= SAME if len(again) else np.zeros((len(found), 0), bool)
            same = near & (found.kind[:, None] == again.kind[None, :])
            scores.append(np.where(same, again.score[None, :], 0).max(axis=1, initial=0).astype(np.float32))
        return np.asarray(np.sort(np.stack(scores), axis=0)[-2:].mean(axis=0), np.float32)


def _at_scale(frame: Frame, detector: Detector, scale: float, mirrored: bool, shift: int) -> Detections:
    """What `detector` finds in `frame`, scaled, perhaps mirrored, and moved by `shift` pixels; in its own pixels."""
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    picture = frame.bgr(width, height)
    turned = cv2.flip(picture, 1) if mirrored else picture
    moved = np.asarray(cv2.copyMakeBorder(turned, shift, 0, shift, 0, cv2.BORDER_REPLICATE), np.uint8)
    found = detect_tiled(detector, moved)
    return _placed(found, shift, mirrored, width, (frame.width / width, frame.height / height))


def _placed(found: Detections, shift: int, mirrored: bool, width: int, scale: tuple[float, float]) -> Detections:
    """Finds in a moved and perhaps mirrored picture of `width` pixels, in the frame's own pixels."""
    boxes = found.xyxy - np.float32(shift)
    if mirrored:
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    return Detections(boxes, found.score, found.kind).moved(scale, (0.0, 0.0))


def _supported(found: Detections, by: Detections) -> Detections:
    """Another detector's finds, each with the geometric mean of its score and of the best that agrees."""
    if not len(found) or not len(by):
        return Detections.empty()
    near = (overlaps(found.xyxy, by.xyxy)[0] >= SAME) & (found.kind[:, None] == by.kind[None, :])
    support = np.where(near, by.score[None, :], 0).max(axis=1)
    score = np.sqrt(found.score * support).astype(np.float32)
    return Detections(found.xyxy, score, found.kind).select(support >= HEARD)


def _best_of(found: Detections) -> Detections:
    """Of finds that show the same thing, the best; those too small to show anybody are left out."""
    found = found.select(found.xyxy[:, 3] - found.xyxy[:, 1] >= LEAST_HEIGHT)
    order = np.argsort(-found.score, kind="stable")
    found = found.select(order)
    near = (overlaps(found.xyxy, found.xyxy)[0] >= SAME) & (found.kind[:, None] == found.kind[None, :])
    best = [row for row in range(len(found)) if not near[row, :row].any()]
    return found.select(np.array(best, np.intp))
