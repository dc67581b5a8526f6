"""The second look at one frame: detectors run in other ways than in the first.

The picture is mirrored and shifted by some pixels, which moves the network's grid and the tiles; the scales lie between
those of the first look, which uses these as well only where nothing moves; and a second detector counts, if there is
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
from anonymize.detect import IN_THIS_THREAD, Detector, asked, combined, with_usual
from anonymize.detect.detector import Picture
from anonymize.detect.merge import alike
from anonymize.detect.multiscale import HALF_STEP, Part, as_shown, at_scale, plausible, scales, too_big
from anonymize.detect.tiles import detect_tiled
from anonymize.settings import Detect

SHIFTS = (7, 13, 22, 3)
"""Pixels by which the picture is shifted, right and down, in successive variants."""
MIN_SUPPORT = 0.2
"""Minimum score of a find that supports one of another detector."""
MIN_HEIGHT = 10.0
"""Pixels; anything lower shows nobody. Letters are read from less."""
MARGIN = 96.0
"""Pixels around a find, beyond its own size, that are scanned to confirm it."""
SAME = 0.3
"""Overlap of two boxes that show the same thing, in one picture or from one scanned frame to the next."""


class Variants:
    """The variants in which a frame is scanned.

    Args:
        detectors: finds of those that took the first look, as `detect` names them, count by themselves; those of
            others if one of these agrees a little. All count for a kind that none of the first ones detects.
        detect: settings of the first look.
        targets: the kinds wanted.
        turn: number of this examination of the file, from 0: each mirrors and shifts in another way.
    """

    def __init__(self, detectors: Sequence[Detector], detect: Detect, targets: Collection[Kind], turn: int = 0) -> None:
        self._detectors = detectors
        self._detect = detect
        self._targets = frozenset(targets)
        self._turn = turn
        first = asked(with_usual(detect.detectors, targets))
        by_first = frozenset[Kind]().union(*(first.get(detector.name, ()) for detector in detectors))
        self._own = [first.get(detector.name, frozenset[Kind]()) | (self._targets - by_first) for detector in detectors]
        """The kinds of each detector whose finds count by themselves."""

    def detect(
        self, frame: Frame, number: int = 0, part: Part | None = None, executor: Executor = IN_THIS_THREAD
    ) -> Future[Detections]:
        """Scan one variant of `frame`; one box per thing, in pixels of `frame`.

        Args:
            frame: to scan.
            number: of the variant, 0 to 2.
            part: of the frame to scan; None for all of it.
            executor: runs each detector at each scale.
        """
        mirrored = (number == 0) == (self._turn % 2 == 0)
        shift = SHIFTS[(number + self._turn) % len(SHIFTS)]

        def in_shape(frame: Frame, part: Part | None) -> Future[Detections]:
            begun = [
                self._found_by(detector, frame, number, mirrored, shift, part, executor) for detector in self._detectors
            ]

            def merged(finds: list[Detections]) -> Detections:
                own = [_of(found, kinds) for found, kinds in zip(finds, self._own, strict=True)]
                others = [_of(found, self._targets - kinds) for found, kinds in zip(finds, self._own, strict=True)]
                by_first = Detections.concatenate(own)
                return _best_of(Detections.concatenate([by_first, *(_supported(other, by_first) for other in others)]))

            return combined(begun, merged)

        begun = [as_shown(each, part, in_shape) for each in (frame, *(reading.frame for reading in readings(frame)))]
        # An output has one orientation only, so boxes are the same in all readings.
        return begun[0] if len(begun) == 1 else combined(begun, lambda found: _best_of(Detections.concatenate(found)))

    def _found_by(
        self,
        detector: Detector,
        frame: Frame,
        number: int,
        mirrored: bool,
        shift: int,
        part: Part | None,
        executor: Executor,
    ) -> Future[Detections]:
        """Finds of `detector` in `frame`, at every other one of the scales between those of its first look."""
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
        """(N,) for each find of variant 0 in `frame`, the mean of its two best scores in all three variants."""
        scores = [found.score]
        part = _around(found, frame)
        for future in [self.detect(frame, number, part, executor) for number in (1, 2)]:
            scores.append(_best_alike(found, future.result()))
        return np.asarray(np.sort(np.stack(scores), axis=0)[-2:].mean(axis=0), np.float32)


def _around(found: Detections, frame: Frame) -> Part:
    """The part of `frame` that holds the finds, with the size of the largest and `MARGIN` around them."""
    low, high = found.xyxy[:, :2].min(axis=0), found.xyxy[:, 2:].max(axis=0)
    more = (found.xyxy[:, 2:] - found.xyxy[:, :2]).max() + MARGIN
    (x0, y0), (x1, y1) = np.floor(low - more).astype(int).tolist(), np.ceil(high + more).astype(int).tolist()
    return max(x0, 0), max(y0, 0), min(x1, frame.width), min(y1, frame.height)


def detect_moved(detector: Detector, picture: Picture, *, mirrored: bool, shift: int) -> Detections:
    """Run `detector` on `picture`, perhaps mirrored, and shifted by `shift` pixels; boxes in pixels of `picture`."""
    found = detect_tiled(detector, _Moved(picture, shift, mirrored))
    boxes = found.xyxy - np.float32(shift)
    if mirrored:
        width = picture.shape[1]
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    return Detections(boxes, found.score, found.kind)


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """A picture, perhaps mirrored, with `shift` copies of its first row and column before it; made tile by tile.

    Otherwise large pictures would be held three times.
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
        """A part of it: slices of rows and columns, each with start and stop."""
        (top, y0, y1), (left, x0, x1) = (self._of(side) for side in part)
        if self.mirrored:
            width = self.picture.shape[1]
            turned = cv2.flip(self.picture[y0:y1, width - x1 : width - x0], 1)
        else:
            turned = self.picture[y0:y1, x0:x1]
        return np.asarray(cv2.copyMakeBorder(turned, top, 0, left, 0, cv2.BORDER_REPLICATE), np.uint8)

    def _of(self, side: slice) -> tuple[int, int, int]:
        """How many rows or columns of a part lie before the picture, and the range (start, stop) of those in it."""
        start, stop = side.start - self.shift, side.stop - self.shift
        return max(-start, 0), max(start, 0), stop


def _of(found: Detections, kinds: Collection[Kind]) -> Detections:
    """The finds of these kinds."""
    return found.select(np.isin(found.kind, [int(kind) for kind in kinds]))


def _supported(found: Detections, by: Detections) -> Detections:
    """Finds of another detector, each with the geometric mean of its score and that of the best one that agrees."""
    support = _best_alike(found, by)
    score = np.sqrt(found.score * support).astype(np.float32)
    return Detections(found.xyxy, score, found.kind).select(support >= MIN_SUPPORT)


def _best_of(found: Detections) -> Detections:
    """The best of all finds that show the same thing, without those too small to show anybody."""
    high = found.xyxy[:, 3] - found.xyxy[:, 1] >= MIN_HEIGHT
    found = found.select(high | (found.kind == Kind.TEXT))
    order = np.argsort(-found.score, kind="stable")
    found = found.select(order)
    best = np.ones(len(found), bool)
    for one, other in alike(found, found, SAME):
        best[np.maximum(one, other)[one != other]] = False
    return found.select(best)


def _best_alike(found: Detections, others: Detections) -> NDArray[np.float32]:
    """(N,) for each of `found`, the best score among `others` that show the same thing; 0 where none does."""
    best = np.zeros(len(found), np.float32)
    for one, other in alike(found, others, SAME):
        np.maximum.at(best, one, others.score[other])
    return best
