"""The empty place, learnt while it was vouched empty, and what differs from it: for the target `motion`.

    place = Background()
    place.looked(time, found, sure)                   # a run of the detectors at every scale on a frame of that time
    place.take(frame, time)                           # every frame when it comes
    place.over(frame, time)                           # when it leaves: its pixels become those of the empty place

No pixel of a frame goes out: where it differs a cover does, and elsewhere what was learnt. A cell is learnt once
nothing near it has moved for `STILL` seconds and the detectors found nobody there, and from then on kept: who stands
still for however long never becomes part of it. Its brightness alone follows the light. Where somebody is found later,
it was not empty: that is forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Detections
from anonymize.kinds import PEOPLE, Kind
from anonymize.live.health import Obstacle
from anonymize.media.frames.frame import VideoPicture

STILL = 10
"""Seconds without motion and without a find in which the empty place is learnt ..."""
LOOKS = 3
"""... and the looks at every scale in them."""
KNOWN = 0.5
"""Share of the picture from which on it is shown."""
MOST = 0.8
"""Share that may be covered; beyond it all is hidden, as when the camera moves."""
ANEW = 60
"""Seconds after which a place that differs nearly everywhere is learnt anew: the camera was turned, or night came."""
_PATIENCE, _SHAKES = 3 * STILL, STILL
"""Seconds without a place that can be shown from which on that is an obstacle: where it is not learnt, and where nearly
all differs from it."""
BEFORE, AFTER = Fraction(2, 5), Fraction(3, 5)
"""Seconds before and after a frame that differs in which the same is covered, so that covers have no holes."""
_BLOCK = 8
"""About how many pixels a compared block is wide and high."""
_CELL = 32
"""The same of what is covered at once: an outline made of such cells tells nobody's gait or shape."""
_NOISE = (2.0, 2.0)
"""A block differs by more levels of 8 bits than this, and so many times the camera's noise."""
_NOISIEST = 4.0
"""Levels; what differs more is no noise, but a flash, unless most frames do."""
_RECENT = 500
"""Frames by which the noise is told: more than there are between two whole pictures of an encoder, which differ most
from those before them."""
_AROUND = 12
"""Blocks around motion in which nothing is learnt: a coat may be still while its owner's outline moves."""
_SLOW = 1
"""Seconds in which the brightness of a cell may follow the light by one level."""
_FOLLOWS = 40
"""Levels by which it may in all."""
_GAIN = (0.6, 1.6)
"""Changes of light of the whole picture that are told from motion."""
_VOUCHED = 3
"""Seconds for which a look vouches."""
_BODY = (3.0, 2.0, 9.0)
"""Widths of a face or head beside it, and heights above and below it, that its owner may take up."""
_CAME = 0.5
"""Share of a find that differs from the empty place from which on it has come into it, and is covered already."""
_CAR = 4.0
"""Widths of a plate, or of anything else, around it that belong to it."""

Samples = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Levels = NDArray[np.float32]


@dataclass(slots=True)
class _Candidate:
    """What may be the empty place.

    Args:
        small: planes at the size of chroma, to be compared with: each block's at the time in `since`.
        mean: planes at full size, averaged since then.
        since: for each block, seconds of the presentation since which nothing near it moved.
    """

    small: NDArray[np.uint8]
    mean: list[Levels]
    since: NDArray[np.float64]


class Background:
    """The empty place in front of one camera. Times are presentation times in seconds."""

    def __init__(self) -> None:
        self._masks: deque[tuple[Fraction, Mask]] = deque()
        """Time of a frame, and the blocks in which it differs from the empty place or that were not known then."""
        self._came: deque[tuple[Fraction, Mask]] = deque()
        """The same with those alone that were known and differ."""
        self._looks: deque[Fraction] = deque(maxlen=STILL * 100)
        """Times of the looks at every scale."""
        self._hidden: Fraction | None = None
        """Since when nothing of it can be shown."""
        self.obstacle: Obstacle | None = None
        """Why nothing of it can be shown, where that lasts."""
        self._forget()

    def _forget(self) -> None:
        self._planes: list[NDArray[np.int16]] = []
        """In the light in which the first of it was learnt, which may lie beyond what a sample holds."""
        self._lit: list[Samples] = []
        self._small: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)
        self._size = (0, 0)
        self._known: Mask = np.zeros((0, 0), bool)
        self._light: Levels = np.zeros((0, 0), np.float32)
        self._candidate: _Candidate | None = None
        self._last: NDArray[np.uint8] | None = None
        self._noises: deque[float] = deque(maxlen=_RECENT)
        """Levels by which the blocks of a frame differ from the frame before, their median."""
        self._noise = 0.0
        self._followed = Fraction(-1)
        self._strange: Fraction | None = None
        """Since when the place differs nearly everywhere."""
        self._gain = 1.0

    @property
    def share(self) -> float:
        """Share of the picture that is known."""
        return float(self._known.mean()) if self._known.size else 0.0

    def looked(self, time: Fraction, found: Detections, sure: float) -> None:
        """Take what the detectors found on a frame, at every scale.

        Args:
            time: of the frame.
            found: all that may be somebody.
            sure: score from which on it is.
        """
        self._looks.append(time)
        if not len(found) or not self._known.size:
            return
        if self._candidate is not None:
            near = self._taken_up_by(found)
            self._candidate.since[near] = np.maximum(self._candidate.since[near], float(time))
        self._known &= ~self._taken_up_by(self._at_rest(found.select(found.score >= sure), time))

    def _at_rest(self, found: Detections, time: Fraction) -> Detections:
        """Those of `found`, on the frame at `time`, that the empty place itself shows: others have come into it."""
        differs = next((mask for at, mask in reversed(self._came) if at == time), None)
        if differs is None or differs.shape != self._known.shape:
            return found
        (rows, columns), (width, height) = differs.shape, self._size
        scale = np.array([columns / width, rows / height] * 2)
        blocks = (found.xyxy * scale).astype(int).clip(0)
        inside = [differs[y0 : y1 + 1, x0 : x1 + 1] for x0, y0, x1, y1 in blocks.tolist()]
        return found.select(np.array([part.size == 0 or part.mean() < _CAME for part in inside], bool))

    def _taken_up_by(self, found: Detections) -> Mask:
        """The blocks that whoever was found may take up."""
        taken = np.zeros_like(self._known)
        (rows, columns), (width, height) = taken.shape, self._size
        for kind, (x0, y0, x1, y1) in zip(found.kind.tolist(), found.xyxy.tolist(), strict=True):
            wide, high = x1 - x0, y1 - y0
            side, above, below = _CAR * wide, _CAR * wide, _CAR * wide
            if Kind(kind) is Kind.PERSON:
                side, above, below = wide / 2, high / 4, high / 4
            elif Kind(kind) in PEOPLE:
                side, above, below = (part * length for part, length in zip(_BODY, (wide, high, high), strict=True))
            top, bottom = (int(max(y, 0) * rows / height) for y in (y0 - above, y1 + below))
            left, right = (int(max(x, 0) * columns / width) for x in (x0 - side, x1 + side))
            taken[top : bottom + 1, left : right + 1] = True
        return taken

    def take(self, frame: VideoPicture, time: Fraction) -> None:
        """Take the next frame, raw."""
        small = _small(frame)
        if small.shape != self._small.shape:
            self._forget()
            self._small = np.zeros_like(small)
            self._known = np.zeros(_grid(frame, _BLOCK), bool)
            self._size = (frame.width, frame.height)
        differs = self._differs(small) if self._known.any() else np.zeros_like(self._known)
        unsure = differs | ~self._known
        for masks, mask in ((self._masks, unsure), (self._came, differs & self._known)):
            masks.append((time, mask))
            while time - masks[0][0] > BEFORE + AFTER + 10:  # the longest lookahead
                masks.popleft()
        self._learn(frame, small, time)
        self._watch(time, float(differs[self._known].mean()) if self._known.any() else 0.0)
        if time - self._followed >= _SLOW and self._vouched(time) and self._known.any():
            self._follow(small, unsure)
            self._followed = time
        self._judge(time)

    def _judge(self, time: Fraction) -> None:
        """Say why nothing can be shown for long."""
        known = self.share >= KNOWN
        if known and self._strange is None:
            self._hidden = self.obstacle = None
            return
        self._hidden = time if self._hidden is None else self._hidden
        if time - self._hidden < (_SHAKES if known else _PATIENCE):
            return
        seen = self._vouched(time) and self._often(time)
        self.obstacle = Obstacle.DIFFERS if known else Obstacle.UNLEARNT if seen else Obstacle.UNSEEN

    def over(self, frame: VideoPicture, time: Fraction, level: int) -> Mask | None:
        """Overwrite `frame`: with a cover where frames around it differ from the empty place, elsewhere with that.

        Args:
            frame: writable.
            time: of the frame, which was taken before.
            level: luma of covers.

        Returns:
            The cells covered, (rows, columns); None if it must be hidden, since too little is known or too much
            differs. Nothing was written then.
        """
        near = [mask for at, mask in self._masks if time - AFTER <= at <= time + BEFORE]
        if not self._lit or not near or near[0].shape != self._known.shape:
            return None
        unsure = np.logical_or.reduce([mask for mask in near if mask.shape == self._known.shape]) | ~self._known
        grown = np.asarray(cv2.dilate(unsure.astype(np.uint8), np.ones((3, 3), np.uint8)), np.uint8)
        covered = _coarser(grown, _grid(frame, _CELL))
        if self.share < KNOWN or covered.mean() > MOST:
            return None
        table = _lit_by(self._gain)
        for number, (plane, kept) in enumerate(zip(frame.planes, self._lit, strict=True)):
            rows, columns = kept.shape
            mask = cv2.resize(covered.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST)
            shown = cv2.LUT(kept, table) if number == 0 and self._gain != 1 else kept
            np.copyto(plane.pixels, np.where(mask, level if number == 0 else plane.black, shown))
        return covered

    def _differs(self, small: Samples) -> Mask:
        """The blocks that differ from the empty place in the light of now."""
        self._gain = self._light_now(small)
        expected = self._small
        if self._gain != 1:
            expected = expected.copy()
            expected[..., 0] = cv2.LUT(np.ascontiguousarray(expected[..., 0]), _lit_by(self._gain))
        least, times = _NOISE
        return np.asarray(_differences(small, expected, self._known.shape) > least + times * self._noise)

    def _light_now(self, small: Samples) -> float:
        """By how much the picture is lighter than the empty place: the median of all known blocks."""
        rows, columns = self._known.shape
        now, then = (
            cv2.resize(np.ascontiguousarray(picture[..., 0]), (columns, rows), interpolation=cv2.INTER_AREA)
            for picture in (small, self._small)
        )
        bright = self._known & (np.asarray(then) > 48)
        if not bright.any():
            return 1.0
        light, before = (np.asarray(picture, np.float32)[bright] - 16 for picture in (now, then))
        found = float(np.median(light / before))
        return 1.0 if abs(found - 1) < 0.01 else min(max(found, _GAIN[0]), _GAIN[1])

    def _learn(self, frame: VideoPicture, small: Samples, time: Fraction) -> None:
        """Take up what has been still for long enough, if nobody was found there meanwhile."""
        if self._known.all():
            self._last = None  # a frame from before a long time tells nothing of the noise
            return
        now, shape = float(time), self._known.shape
        if self._candidate is None:
            begun = [plane.pixels.astype(np.float32) for plane in frame.planes]
            self._candidate = _Candidate(small.copy(), begun, np.full(shape, now))
        kept = self._candidate
        if self._last is not None:
            self._noises.append(float(np.median(_differences(small, self._last, shape))))
            usual = min(float(np.median(self._noises)), _NOISIEST)
            self._noise = max([usual, *(noise for noise in self._noises if noise < _NOISIEST)])
        self._last = small
        least, times = _NOISE
        moved = np.asarray(_differences(small, kept.small, shape) > least + times * self._noise, np.uint8)
        reach = np.ones((2 * _AROUND + 1, 2 * _AROUND + 1), np.uint8)
        moved = np.asarray(cv2.dilate(moved, reach), np.uint8)
        kept.since[moved > 0] = now
        kept.small[_stretched(moved, small.shape)] = small[_stretched(moved, small.shape)]
        for mean, plane in zip(kept.mean, frame.planes, strict=True):
            cv2.accumulateWeighted(plane.pixels, mean, 0.1)
            anew = _stretched(moved, mean.shape)
            mean[anew] = plane.pixels[anew]
        new = ~self._known & (now - kept.since >= STILL)
        if new.any() and self._vouched(time) and self._often(time):
            self._take_up(new)

    def _take_up(self, new: Mask) -> None:
        """The blocks `new` of the candidate are known from now on."""
        kept = self._candidate
        assert kept is not None
        luma, *chroma = kept.mean
        if not self._planes:
            self._planes = [np.zeros(plane.shape, np.int16) for plane in kept.mean]
            self._light = np.zeros(_cells(luma.shape), np.float32)
        then = (luma - 16) / self._gain + 16 - self._light_of(luma.shape)
        for mine, its in zip(self._planes, [then, *chroma], strict=True):
            where = _stretched(new.astype(np.uint8), mine.shape)
            mine[where] = np.rint(its[where])
        self._known |= new
        self._relight()
        if self._known.all():
            self._candidate = None

    def _vouched(self, time: Fraction) -> bool:
        """Whether the newest look was a short while ago."""
        return bool(self._looks) and time - self._looks[-1] <= _VOUCHED

    def _often(self, time: Fraction) -> bool:
        """Whether there were enough looks in the time in which it is learnt."""
        return sum(time - at <= STILL for at in self._looks) >= LOOKS

    def _follow(self, small: Samples, unsure: Mask) -> None:
        """Move the brightness of every cell where nothing differs a level towards that of now."""
        expected = cv2.LUT(np.ascontiguousarray(self._small[..., 0]), _lit_by(self._gain))
        rows, columns = self._light.shape
        error = np.ascontiguousarray(small[..., 0]).astype(np.float32) - np.asarray(expected, np.float32)
        mean = np.asarray(cv2.resize(error, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
        calm = ~_coarser(cv2.dilate(unsure.astype(np.uint8), np.ones((5, 5), np.uint8)), self._light.shape)
        step = np.where(calm & (np.abs(mean) > 0.5), np.clip(mean, -1, 1), 0)
        if step.any():
            self._light = np.clip(self._light + step, -_FOLLOWS, _FOLLOWS).astype(np.float32)
            self._relight()

    def _relight(self) -> None:
        """What is shown and compared with: what was learnt, as bright as cells are."""
        luma, *chroma = self._planes
        lit = np.clip(np.rint(luma + self._light_of(luma.shape)), 16, 235) if self._light.any() else luma
        self._lit = [np.clip(plane, 0, 255).astype(np.uint8) for plane in (lit, *chroma)]
        self._small = _halved(self._lit)

    def _light_of(self, shape: tuple[int, ...]) -> Levels:
        """By how much each pixel of a luma plane is lighter than it was learnt."""
        return np.asarray(cv2.resize(self._light, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)

    def _watch(self, time: Fraction, share: float) -> None:
        """Forget a place that has differed nearly everywhere for long."""
        if share <= MOST:
            self._strange = None
        elif self._strange is None:
            self._strange = time
        elif time - self._strange >= ANEW:
            self._forget()


def boxes(covered: Mask, width: int, height: int) -> Iterator[Box]:
    """The pieces of a picture of `width` x `height` pixels that the cells `covered` make up."""
    rows, columns = covered.shape
    count, _, stats, _ = cv2.connectedComponentsWithStats(covered.astype(np.uint8))
    for x, y, across, down, _ in stats[1:count].tolist():
        yield (
            x * width / columns,
            y * height / rows,
            (x + across) * width / columns,
            (y + down) * height / rows,
        )


def _small(frame: VideoPicture) -> Samples:
    return _halved([plane.pixels for plane in frame.planes])


def _halved(planes: list[Samples]) -> Samples:
    """(h, w, 3) the three planes at the size of chroma."""
    luma, *chroma = planes
    rows, columns = chroma[0].shape
    half = cv2.resize(luma, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.stack([np.asarray(half, np.uint8), *chroma], axis=-1)


def _grid(frame: VideoPicture, side: int) -> tuple[int, int]:
    """Rows and columns of blocks of about `side` pixels."""
    return max(round(frame.height / side), 1), max(round(frame.width / side), 1)


def _cells(shape: tuple[int, ...]) -> tuple[int, int]:
    return max(round(shape[0] / _CELL), 1), max(round(shape[1] / _CELL), 1)


def _differences(one: Samples, other: Samples, shape: tuple[int, ...]) -> Levels:
    """(rows, columns) mean absolute difference in each block, of the plane that differs most."""
    different = np.asarray(cv2.absdiff(one, other), np.float32)
    means = np.asarray(cv2.resize(different, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(means.max(axis=-1), np.float32)


def _coarser(mask: Any, shape: tuple[int, ...]) -> Mask:
    """`mask`, uint8, on a coarser grid: each cell that it touches."""
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(np.asarray(mask, np.float32), size, interpolation=cv2.INTER_AREA) > 1e-6, bool)


def _stretched(mask: NDArray[np.uint8], shape: tuple[int, ...]) -> Mask:
    """`mask`, uint8, at the size of a plane."""
    return np.asarray(cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST), bool)


def _lit_by(gain: float) -> Samples:
    """Luma in limited range -> the same, lighter by `gain`."""
    return np.asarray(np.clip(np.rint((np.arange(256) - 16) * gain + 16), 16, 235), np.uint8)
