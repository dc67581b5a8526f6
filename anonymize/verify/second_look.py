"""The second look, at the output: is there a face or a plate that is not redacted?

Scanning in the same way as the first look would find the same, so each frame is scanned in another variant
(`anonymize.verify.variants`). Likely finds are scanned again, in further variants: a texture often fools a detector
once, seldom twice. Finds are gathered into trails over time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.aspect import PerShape
from anonymize.data import Box, Detections, Frame, Kind, Region, Shape, seconds
from anonymize.detect import IN_THIS_THREAD, Facing, IncrementalDetector, Matcher, Pending
from anonymize.detect.multiscale import QUIET, in_stored_pixels
from anonymize.evaluate.detail import LEAKING, survival
from anonymize.kinds import PEOPLE, firm
from anonymize.verify.uncovered import NEAR, Flash, Uncovered
from anonymize.verify.variants import Variants
from anonymize.verify.verdict import By, Find

UNSURE = 0.15
"""How far the score of a plate, or of anything else that does not belong to a person, must exceed the one that starts a
track, to be a doubt. Signs look like plates: what the first look did not take for one mostly is not one."""
SURE = 0.1
"""How much higher its score must be to count as a leak."""
BLIND = 0.1
"""How much higher it must be if the plan is unknown: then every frame is scanned, and there are many textures."""
FAINT = 0.3
"""The score that is enough where a cover comes off for a moment: black before and after, and something between."""
APART = 1.0
"""Maximum seconds between two finds of one thing."""
STEP, SPEED = 0.35, 2.0
"""Maximum distance from one find to the next, in multiples of its size: `STEP`, or `SPEED` a second."""
ALIKE = 1.6
"""Maximum ratio of the sizes of two finds of one thing."""
SAME_FOR = Fraction(2)
"""Seconds for which unchanged parts need not be scanned again."""
WITHIN = 0.3
"""A find is covered if the part within this share of its half sides around its middle is covered."""

Points = NDArray[Any]
Meant = Callable[[Detections], NDArray[np.bool_]]
"""Says (N,) which of all finds on a frame, however faint, are expected to be visible."""


@dataclass(slots=True)
class _GrowingFind:
    """A find as it grows over scanned frames."""

    kind: Kind
    first: float
    last: float
    box: Box
    best: Box
    frame: int
    score: float
    before: bool
    """Its place was covered just before it first showed."""
    after: bool = False
    """Its place was covered just after it last showed."""
    places: list[tuple[int, Box]] = field(default_factory=list)
    faces: list[float] = field(default_factory=list)
    """Of a head: how surely a face shows, at each place."""


@dataclass(frozen=True, slots=True)
class SecondFinds:
    """The finds on one scanned frame.

    Args:
        frame: index.
        time: of the frame, in seconds.
        finds: kind, box and score of each, and how surely a face shows in a head: 1 of others, and where nobody is
            asked.
        faint: all that was found outside the regions, however faintly, with scores of the first scan; nothing without
            a plan.
    """

    frame: int
    time: float
    finds: tuple[tuple[Kind, Box, float, float], ...]
    faint: Detections = field(default_factory=Detections.empty)


class SecondLook:
    """Scans frames of an output, and gathers what shows there into finds over time.

    Args:
        variants: in which frames are scanned.
        high: score from which a find starts a track at the first look.
        uncovered: finds where covers come off, if the plan is unknown. At every frame it needs the results of all
            earlier scans, so detectors then run at once, in this thread.
        executor: runs detectors.
        matcher: says which text counts; all if not given.
        facing: says of heads how surely a face shows; heads seen from behind do not count. All do if not given.
    """

    def __init__(
        self,
        variants: Variants,
        high: float,
        uncovered: Uncovered | None = None,
        executor: Executor = IN_THIS_THREAD,
        matcher: Matcher | None = None,
        facing: Facing | None = None,
    ) -> None:
        self._variants = variants
        self._high = high
        self._matcher = matcher
        self._facing = facing
        self._uncovered = uncovered
        self._open: list[_GrowingFind] = []
        self._done: list[_GrowingFind] = []
        self._times: deque[float] = deque(maxlen=NEAR + 1)
        self._executor = executor if uncovered is None else IN_THIS_THREAD
        self._shapes = PerShape(
            lambda: IncrementalDetector(lambda frame, part: variants.detect(frame, part=part, executor=self._executor))
        )
        self._confirmed: dict[tuple[Box, float], float] = {}
        """Confirmed scores of the last scan's finds, by box and score: what did not change is not scanned again."""
        self.scanned = 0
        """Frames scanned, if only in the parts that changed."""

    def watch(self, frame: Frame) -> None:
        """Take note of `frame`, the next one, whether it is to be scanned or not."""
        if self._uncovered is not None:
            self._uncovered.see(frame)
            for trail in self._open:
                if frame.index - trail.places[-1][0] <= NEAR:
                    trail.after |= self._uncovered.covered_now(trail.box)
            self._times.append(float(seconds(frame)))
            for flash in self._uncovered.flashes():
                self._flash(flash, frame.index)

    def detect(
        self, frame: Frame, regions: Sequence[Region], meant: Meant, original: Frame | None = None
    ) -> Pending[SecondFinds]:
        """Scan `frame` for `take`. Results are to be taken in order, by one thread.

        Args:
            frame: of the output.
            regions: redacted; finds inside them do not count.
            meant: says which finds are expected to be visible.
            original: the same frame of the source, if there is no plan: a find whose detail is gone does not count.
        """
        shapes = self._shapes.of(frame)
        begun = [known.detect(picture, seconds(frame) - known.whole_at >= SAME_FOR) for picture, known in shapes]
        pictures = [picture for picture, _ in shapes]

        def result() -> SecondFinds:
            finds = [(picture, known.result().finds) for picture, known in zip(pictures, begun, strict=True)]
            return self._counting(frame, in_stored_pixels(frame, finds), regions, meant, original)

        return Pending(begun, result)

    def _counting(
        self, frame: Frame, found: Detections, regions: Sequence[Region], meant: Meant, original: Frame | None
    ) -> SecondFinds:
        """Those of `found` that count, with confirmed scores; see `detect`."""
        least = self._high if self._uncovered is None else FAINT
        faint = found.select(~covered(found.xyxy, regions) & ~meant(found))
        found = faint.select(faint.score >= _each(faint, least))
        if original is not None:
            found = found.select(_survives(frame, original, found.xyxy))
        if self._matcher is not None:
            found = self._matcher.fitting(frame, found)
            faint = faint.select(faint.kind != Kind.TEXT)
        known = [(as_box(row), float(score)) for row, score in zip(found.xyxy, found.score, strict=True)]
        scores = self._scores(frame, found.select(np.array([find not in self._confirmed for find in known], bool)))
        self._confirmed = {find: scores.get(find[0], self._confirmed.get(find, 0.0)) for find in known}
        kinds = [Kind(int(kind)) for kind in found.kind]
        faces = self._facing.of(frame, found) if self._facing else np.ones(len(found), np.float32)
        finds = tuple(
            (kind, find[0], self._confirmed[find], face)
            for kind, find, face in zip(kinds, known, faces.tolist(), strict=True)
        )
        planned = self._uncovered is None and original is None
        quiet = faint.select(faint.score >= QUIET) if planned else Detections.empty()
        return SecondFinds(frame.index, float(seconds(frame)), finds, quiet)

    def _scores(self, frame: Frame, found: Detections) -> dict[Box, float]:
        """The score of each find, by its box; of further scans if one of them may count."""
        if not len(found):
            return {}
        score = (
            self._variants.confirmed(frame, found, self._executor)
            if (found.score >= _each(found, self._high)).any()
            else found.score
        )
        return {as_box(row): float(value) for row, value in zip(found.xyxy, score, strict=True)}

    def take(self, seen: SecondFinds) -> None:
        """Add the finds on the next scanned frame."""
        self.scanned += 1
        for kind, box, score, face in seen.finds:
            self._note(kind, box, score, seen).faces.append(face)

    def finds(self) -> tuple[list[Find], list[Find], int]:
        """Finds that fail the file, doubtful ones, and the number of scanned frames that show either."""
        leaks: list[Find] = []
        doubts: list[Find] = []
        frames: set[int] = set()
        more = BLIND if self._uncovered is not None else 0.0
        for trail in sorted((*self._done, *self._open), key=lambda trail: trail.first):
            off = self._came_off(trail)
            enough = firm(trail.kind, self._high) + more + (0.0 if trail.kind in PEOPLE else UNSURE)
            if (trail.score < enough and not off) or not self._is_said(trail):
                continue
            frames.update(index for index, _ in trail.places)
            listed = leaks if trail.score >= enough + SURE or off else doubts
            listed.append(_find(trail, len(listed)))
        return leaks, doubts, len(frames)

    def _note(self, kind: Kind, box: Box, score: float, seen: SecondFinds) -> _GrowingFind:
        """Add a find to its trail, or start one; the trail."""
        time = seen.time
        self._done += [trail for trail in self._open if time - trail.last > APART and self._counts(trail)]
        self._open = [trail for trail in self._open if time - trail.last <= APART]
        near = [
            (_distance(trail, box, time), trail) for trail in self._open if trail.kind == kind and trail.last < time
        ]
        least, trail = min(near, key=lambda pair: pair[0], default=(1.0, None))
        if trail is not None and least < 1:
            trail.box, trail.last, trail.after = box, time, False
            trail.places.append((seen.frame, box))
            if score > trail.score:
                trail.score, trail.best, trail.frame = score, box, seen.frame
            return trail
        before = self._uncovered is not None and self._uncovered.covered_before(box)
        begun = _GrowingFind(kind, time, time, box, box, seen.frame, score, before, places=[(seen.frame, box)])
        self._open.append(begun)
        return begun

    def _flash(self, flash: Flash, index: int) -> None:
        """A cover came off for a few frames, up to `index`: a doubt even where no detector finds anybody."""
        shown = range(index - flash.frames, index)
        known = (place for trail in (*self._open, *self._done) if self._is_said(trail) for place in trail.places)
        if any(frame in shown and _meets(other, flash.box) for frame, other in known):
            return
        first, last = self._times[-flash.frames - 1], self._times[-2]
        places = [(frame, flash.box) for frame in shown]
        score = self._high + BLIND
        self._done.append(
            _GrowingFind(Kind.FACE, first, last, flash.box, flash.box, shown[0], score, False, places=places)
        )

    def _counts(self, trail: _GrowingFind) -> bool:
        """Whether a finished trail can matter; the others are dropped."""
        return trail.score >= firm(trail.kind, self._high) or self._came_off(trail)

    def _is_said(self, trail: _GrowingFind) -> bool:
        """Whether a trail can matter and is no head from behind, unless a cover came off there."""
        behind = self._facing is not None and trail.kind is Kind.HEAD and self._facing.behind(trail.faces)
        return self._counts(trail) and (not behind or self._came_off(trail))

    def _came_off(self, trail: _GrowingFind) -> bool:
        """Whether a cover came off for a moment.

        Over more than a few frames things move, and a supposed plate is often clothing between two covers: such a find
        needs a higher score.
        """
        brief = trail.places[-1][0] - trail.places[0][0] < NEAR and trail.kind in PEOPLE
        return trail.before and trail.after and (brief or trail.score >= firm(trail.kind, self._high))


def _each(found: Detections, high: float) -> NDArray[np.float32]:
    """(N,) the score from which each of `found` counts by itself."""
    return np.array([firm(Kind(kind), high) for kind in found.kind.tolist()], np.float32)


def covered(xyxy: NDArray[np.float32], regions: Sequence[Region]) -> NDArray[np.bool_]:
    """(N,) whether the middle of each box (N, 4) lies in `regions`: at least half of 25 points around it."""
    if not len(xyxy) or not regions:
        return np.zeros(len(xyxy), bool)
    place = np.linspace(-WITHIN, WITHIN, 5, dtype=np.float32)
    middle, half = (xyxy[:, :2] + xyxy[:, 2:]) / 2, (xyxy[:, 2:] - xyxy[:, :2]) / 2
    x = middle[:, :1] + half[:, :1] * np.repeat(place, 5)[None, :]
    y = middle[:, 1:] + half[:, 1:] * np.tile(place, 5)[None, :]
    inside = np.zeros(x.shape, bool)
    around = np.array([region.xyxy for region in regions])
    for row, (x0, y0, x1, y1) in enumerate(xyxy.tolist()):
        near = (around[:, :2] <= [x1, y1]) & (around[:, 2:] >= [x0, y0])
        for number in np.flatnonzero(near.all(axis=1)).tolist():
            inside[row] |= _within(x[row], y[row], regions[number])
            if inside[row].all():
                break
    return np.asarray(inside.mean(axis=1) >= 0.5)


def _within(x: Points, y: Points, region: Region) -> NDArray[np.bool_]:
    """Which of the points lie in `region`."""
    x0, y0, x1, y1 = region.xyxy
    if region.shape is Shape.ELLIPSE:
        across, down = (2 * x - x0 - x1) / (x1 - x0), (2 * y - y0 - y1) / (y1 - y0)
        return np.asarray(across * across + down * down <= 1)
    if region.shape is Shape.POLYGON:
        corners = np.array(region.polygon, np.float32)
        flat = [
            cv2.pointPolygonTest(corners, (float(a), float(b)), False) >= 0 for a, b in zip(x.flat, y.flat, strict=True)
        ]
        return np.array(flat, bool).reshape(x.shape)
    return np.asarray((x0 <= x) & (x < x1) & (y0 <= y) & (y < y1))


def _survives(frame: Frame, original: Frame, xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) whether the detail in the boxes (N, 4) of `original` survives in `frame`."""
    if not len(xyxy):
        return np.zeros(0, bool)
    before, after = (picture.luma(picture.width, picture.height) for picture in (original, frame))
    limits = np.array([frame.width, frame.height] * 2, np.float32)
    counts = [survival(before, after, as_box(row)) for row in np.clip(xyxy, 0, limits)]
    return np.array([surviving > LEAKING * informative for informative, surviving in counts], bool)


def as_box(row: NDArray[np.float32]) -> Box:
    """A row of boxes as plain numbers."""
    x0, y0, x1, y1 = (float(value) for value in row)
    return x0, y0, x1, y1


def _meets(a: Box, b: Box) -> bool:
    """Whether two boxes overlap."""
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _distance(trail: _GrowingFind, box: Box, time: float) -> float:
    """Distance of `box` from the last one of `trail`, relative to the maximum; 1 or more is too far."""
    x0, y0, x1, y1 = trail.box
    size, other = max(x1 - x0, y1 - y0), max(box[2] - box[0], box[3] - box[1])
    if max(size, other) > ALIKE * min(size, other):
        return 1.0
    away = math.hypot((x0 + x1 - box[0] - box[2]) / 2, (y0 + y1 - box[1] - box[3]) / 2)
    return away / (size * max(STEP, SPEED * (time - trail.last)))


def _find(trail: _GrowingFind, number: int) -> Find:
    x0, y0, x1, y1 = trail.best
    return Find(
        track=number,
        kind=trail.kind,
        start=trail.first,
        end=trail.last,
        box=trail.best,
        size=x1 - x0 if trail.kind.wide else y1 - y0,
        score=trail.score,
        by=By.LOOK,
        frame=trail.frame,
        frames=len(trail.places),
        places=tuple(trail.places),
    )
