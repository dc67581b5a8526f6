"""Looking at one frame in other ways than the first look did.

The picture is mirrored and moved by some pixels, which shifts the network's grid and the tiles; the scales lie between
those of the first look, which takes these too only where nothing moves; and a second detector has a say where there is
one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Frame, Kind, readings
from anonymize.detect import IN_THIS_THREAD, Detector, asked, combined
from anonymize.detect.detector import Picture
from anonymize.detect.merge import alike
from anonymize.detect.multiscale import HALF_STEP, Part, as_shown, at_scale, plausible, scales, too_big
from anonymize.detect.tiles import detect_tiled
from anonymize.settings import Detect

SHIFTS = (7, 13, 22, 3)
"""Pixels by which the picture is moved, right and down, in successive variants."""
HEARD = 0.2
"""Least score with which a find supports that of another detector."""
LEAST_HEIGHT = 10.0
"""Pixels; less shows nobody."""
MARGIN = 96.0
"""Pixels around a find that are looked at when it is to be confirmed, beside its own size."""
SAME = 0.3
"""Overlap of two boxes that show the same thing, in one picture or from one looked-at frame to the next."""


class Variants:
    """The ways in which a frame is looked at.

    Args:
        detectors: who looks. The scores of those that took the first look, as `detect` names them, count by themselves;
            those of others where one of these agrees a little. All count for a kind that none of these looked for.
        detect: how hard the first look was.
        targets: the kinds wanted.
        turn: number of this examination of the file, from 0: each mirrors and moves in another way.
    """

    def __init__(self, detectors: Sequence[Detector], detect: Detect, targets: Collection[Kind], turn: int = 0) -> None:
        self._detectors = detectors
        self._detect = detect
        self._targets = frozenset(targets)
        self._turn = turn
        first = asked(detect.detectors)
        by_first = frozenset[Kind]().union(*(first.get(detector.name, ()) for detector in detectors))
        self._own = [first.get(detector.name, frozenset[Kind]()) | (self._targets - by_first) for detector in detectors]
        """What of each detector's finds counts by itself."""

    def detect(
        self, frame: Frame, number: int = 0, part: Part | None = None, executor: Executor = IN_THIS_THREAD
    ) -> Future[Detections]:
        """What is found in variant `number` (0 to 2) of `frame` or a part of it, one box a thing, in its pixels.

        `executor` runs each detector at each scale.
        """
        mirrored = (number == 0) == (self._turn % 2 == 0)
        shift = SHIFTS[(number + self._turn) % len(SHIFTS)]

        def in_shape(frame: Frame, part: Part | None) -> Future[Detections]:
            begun = [
                self._heard(frame, detector, number, mirrored, shift, part, executor) for detector in self._detectors
            ]

            def merged(heard: list[Detections]) -> Detections:
                own = [_of(found, kinds) for found, kinds in zip(heard, self._own, strict=True)]
                others = [_of(found, self._targets - kinds) for found, kinds in zip(heard, self._own, strict=True)]
                by_first = Detections.concatenate(own)
                return _best_of(Detections.concatenate([by_first, *(_supported(other, by_first) for other in others)]))

            return combined(begun, merged)

        begun = [as_shown(each, part, in_shape) for each in (frame, *(reading.frame for reading in readings(frame)))]
        # An output is turned in one way alone, so that boxes are the same in all readings.
        return begun[0] if len(begun) == 1 else combined(begun, lambda found: _best_of(Detections.concatenate(found)))

    def _heard(
        self,
        frame: Frame,
        detector: Detector,
        number: int,
        mirrored: bool,
        shift: int,
        part: Part | None,
        executor: Executor,
    ) -> Future[Detections]:
        """What `detector` finds in `frame`, at every other one of the scales between those of its first look."""
        size = (frame.width, frame.height)
        steps = [step * HALF_STEP for step in scales(detector, self._detect, self._targets, size)[number % 2 :: 2]]
        run = partial(detect_moved, mirrored=mirrored, shift=shift)
        begun = [executor.submit(at_scale, frame, detector, step, part, run) for step in steps]

        def merged(parts: list[Detections]) -> Detections:
            kept = [here.select(~too_big(here, detector, step)) for here, step in zip(parts[:-1], steps, strict=False)]
            found = Detections.concatenate([*kept, *parts[-1:]])
            return found.select(plausible(found, frame, self._targets))

        return combined(begun, merged)

    def confirmed(self, frame: Frame, found: Detections, executor: Executor = IN_THIS_THREAD) -> NDArray[np.float32]:
        """(N,) the mean of the two best scores that each find of variant 0 has in all three."""
        scores = [found.score]
        part = _around(found, frame)
        for future in [self.detect(frame, number, part, executor) for number in (1, 2)]:
            scores.append(_best_alike(found, future.result()))
        return np.asarray(np.sort(np.stack(scores), axis=0)[-2:].mean(axis=0), np.float32)


def _around(found: Detections, frame: Frame) -> Part:
    """The part of `frame` that holds the finds, with as much again and `MARGIN` around them."""
    low, high = found.xyxy[:, :2].min(axis=0), found.xyxy[:, 2:].max(axis=0)
    more = (found.xyxy[:, 2:] - found.xyxy[:, :2]).max() + MARGIN
    (x0, y0), (x1, y1) = np.floor(low - more).astype(int).tolist(), np.ceil(high + more).astype(int).tolist()
    return max(x0, 0), max(y0, 0), min(x1, frame.width), min(y1, frame.height)


def detect_moved(detector: Detector, picture: Picture, *, mirrored: bool, shift: int) -> Detections:
    """What `detector` finds in `picture`, perhaps mirrored, and moved by `shift` pixels; in pixels of `picture`."""
    found = detect_tiled(detector, _Moved(picture, shift, mirrored))
    boxes = found.xyxy - np.float32(shift)
    if mirrored:
        width = picture.shape[1]
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    return Detections(boxes, found.score, found.kind)


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """A picture, perhaps mirrored, with its first row and column `shift` times before it; made where it is looked at.

    Large pictures would be held three times over.
    """

    picture: Picture
    shift: int
    mirrored: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns, channels)."""
        height, width, channels = self.picture.shape
        return height + self.shift, width + self.shift, channels

    def __getitem__(self, part: tuple[slice, slice]) -> Picture:
        """A part of it: rows and columns, each with its start and stop."""
        (top, y0, y1), (left, x0, x1) = (self._of(side) for side in part)
        if self.mirrored:
            width = self.picture.shape[1]
            turned = cv2.flip(self.picture[y0:y1, width - x1 : width - x0], 1)
        else:
            turned = self.picture[y0:y1, x0:x1]
        return np.asarray(cv2.copyMakeBorder(turned, top, 0, left, 0, cv2.BORDER_REPLICATE), np.uint8)

    def _of(self, side: slice) -> tuple[int, int, int]:
        """How many rows or columns of a part lie before the picture, and which of the picture follow: one at least."""
        start, stop = side.start - self.shift, side.stop - self.shift
        return max(-start, 0), max(start, 0), stop


def _of(found: Detections, kinds: Collection[Kind]) -> Detections:
    """The finds of these kinds."""
    return found.select(np.isin(found.kind, [int(kind) for kind in kinds]))


def _supported(found: Detections, by: Detections) -> Detections:
    """Another detector's finds, each with the geometric mean of its score and of the best that agrees."""
    support = _best_alike(found, by)
    score = np.sqrt(found.score * support).astype(np.float32)
    return Detections(found.xyxy, score, found.kind).select(support >= HEARD)


def _best_of(found: Detections) -> Detections:
    """Of finds that show the same thing, the best; those too small to show anybody are left out."""
    found = found.select(found.xyxy[:, 3] - found.xyxy[:, 1] >= LEAST_HEIGHT)
    order = np.argsort(-found.score, kind="stable")
    found = found.select(order)
    best = np.ones(len(found), bool)
    for one, other in alike(found, found, SAME):
        best[np.maximum(one, other)[one != other]] = False
    return found.select(best)


def _best_alike(found: Detections, others: Detections) -> NDArray[np.float32]:
    """(N,) the best score among `others` of what shows the same as each of `found`; 0 where nothing does."""
    best = np.zeros(len(found), np.float32)
    for one, other in alike(found, others, SAME):
        np.maximum.at(best, one, others.score[other])
    return best
