"""The last seconds of a video as motion sees them: working pictures, times and scenes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Frame, seconds
from anonymize.track.motion import STILL, Picture, Shot, Step, carry, shot_of, step_between

Floats = NDArray[np.float64]

_WIDTH = (640, 960)
"""The working picture's longer side is half the video's, but within this."""
_MEMORY = 96 << 20
"""Bytes of working pictures kept, at most."""
_DRIFT = 0.08
"""Doubt that a second of following the picture adds, as a share of the box's side."""
_LOST = 0.5
"""Doubt that a second of following the camera alone adds."""
_VISIBLE = 0.05
"""Share of a box that must be in the picture for its subject to be there."""
_PATCH = (16, 16)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One frame."""

    shot: Shot
    step: Step
    """From the frame before it."""
    scale: Floats
    """(4,) working pixels per upright pixel: x, y, x, y."""


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """Boxes on the neighbour of the frame they came from.

    Args:
        boxes: (N, 4) upright pixels.
        doubt: (N,) how much less sure they are than before, as a share of their side.
        inside: (N,) whether they are (still) in the picture.
    """

    boxes: Floats
    doubt: Floats
    inside: NDArray[np.bool_]


class Reel:
    """A ring of frames.

    Args:
        reach: seconds for which pictures are kept, unless they would take more than 96 MB.
        memory: seconds for which times are kept.
    """

    def __init__(self, reach: float, memory: float) -> None:
        self._reach = reach
        self._memory = memory
        self._ring: dict[int, _Seen] = {}
        self._cuts: list[int] = []
        self.times: dict[int, float] = {}
        """Frame index → seconds, never decreasing."""
        self.end = 0
        """One past the last frame seen."""
        self.interval = 1 / 25
        """Seconds between frames lately."""

    def see(self, frame: Frame) -> bool:
        """Take in the next frame; True if a new scene begins with it.

        Raises:
            ValueError: the frame is not the next one.
        """
        if self._ring and frame.index != self.end:
            raise ValueError(f"frames come in order: expected index {self.end}, got {frame.index}")
        shrink = min(1.0, float(np.clip(max(frame.width, frame.height) / 2, *_WIDTH)) / max(frame.width, frame.height))
        width, height = max(round(frame.width * shrink), 1), max(round(frame.height * shrink), 1)
        shot = shot_of(frame.luma(width, height))
        scale = np.array([width / frame.width, height / frame.height] * 2)
        step, time = STILL, float(seconds(frame))
        before = self._ring.get(frame.index - 1)
        if before is not None:
            time = max(time, self.times[frame.index - 1])
            self.interval += 0.1 * (time - self.times[frame.index - 1] - self.interval)
            same = before.shot.picture.shape == shot.picture.shape and bool((before.scale == scale).all())
            step = step_between(before.shot, shot) if same else Step(STILL.affine, STILL.gain, True)
        self._ring[frame.index] = _Seen(shot, step, scale)
        self.times[frame.index] = time
        self.end = frame.index + 1
        if step.cut:
            self._cuts.append(frame.index)
        self._forget(time, shot.picture.nbytes)
        return step.cut

    def _forget(self, now: float, nbytes: int) -> None:
        most = max(_MEMORY // max(nbytes, 1), 8)
        while len(self._ring) > most or now - self.times[next(iter(self._ring))] > self._reach:
            del self._ring[next(iter(self._ring))]
        while now - self.times[next(iter(self.times))] > self._memory:
            del self.times[next(iter(self.times))]

    def scene(self, index: int) -> int:
        """The number of the scene that frame `index` belongs to."""
        return bisect_right(self._cuts, index)

    def now(self, index: int) -> float:
        """When frame `index` is shown; the last frame seen if it is still to come."""
        return self.times.get(index, self.times.get(self.end - 1, 0.0))

    def clock(self, start: int, stop: int) -> Floats:
        """Seconds of the frames ``start <= index <= stop``."""
        return np.array([self.times[i] for i in range(start, stop + 1)])

    def size(self, index: int) -> tuple[float, float] | None:
        """Width and height of frame `index` in upright pixels, None if its picture is gone."""
        seen = self._ring.get(index)
        if seen is None:
            return None
        height, width = seen.shot.picture.shape
        return width / float(seen.scale[0]), height / float(seen.scale[1])

    def carried(self, here: int, there: int, rows: Sequence[Floats]) -> Carried:
        """Boxes of frame `here` on its neighbour `there`. Where a picture is gone they stay, in doubt."""
        boxes = np.array(rows).reshape(-1, 4)
        elapsed = abs(self.times[there] - self.times[here])
        before, after = self._ring.get(here), self._ring.get(there)
        if before is None or after is None or not len(boxes):
            return Carried(boxes, np.full(len(boxes), _LOST * elapsed), np.ones(len(boxes), bool))
        step = after.step if there > here else before.step.inverse
        moved, sure = carry(before.shot, after.shot, step, boxes * before.scale)
        height, width = after.shot.picture.shape
        seen = np.minimum(moved[:, 2:], [width, height]) - np.maximum(moved[:, :2], 0)
        share = np.prod(np.maximum(seen, 0), axis=1) / np.prod(moved[:, 2:] - moved[:, :2], axis=1)
        return Carried(moved / after.scale, np.where(sure, _DRIFT, _LOST) * elapsed, np.asarray(share > _VISIBLE))

    def backward(self, index: int, box: Floats) -> Iterator[tuple[int, Floats, float, bool]]:
        """Follow one box back in time, as far as the pictures and the scene reach.

        Yields:
            frame index, (4,) box, doubt so far, whether it is in the picture; from ``index - 1`` on down.
        """
        doubt = 0.0
        while index - 1 in self._ring and self.scene(index - 1) == self.scene(index):
            moved = self.carried(index, index - 1, [box])
            index, box, doubt = index - 1, moved.boxes[0], doubt + float(moved.doubt[0])
            yield index, box, doubt, bool(moved.inside[0])

    def patch(self, index: int, box: Floats) -> Picture | None:
        """What stands in `box` on frame `index`, 16 × 16; None if less than half of it is in the picture."""
        seen = self._ring.get(index)
        if seen is None:
            return None
        height, width = seen.shot.picture.shape
        x0, y0, x1, y1 = box * seen.scale
        left, top, right, bottom = max(round(x0), 0), max(round(y0), 0), min(round(x1), width), min(round(y1), height)
        if (right - left) * (bottom - top) < (x1 - x0) * (y1 - y0) / 2 or right - left < 2 or bottom - top < 2:
            return None
        part = seen.shot.picture[top:bottom, left:right]
        return cv2.resize(part, _PATCH, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def likeness(a: Picture | None, b: Picture | None) -> float:
    """Correlation of two patches, whatever their brightness and contrast; 0 where there is nothing to compare."""
    if a is None or b is None:
        return 0.0
    left, right = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((left * left).sum() * (right * right).sum()))
    return float((left * right).sum()) / norm if norm > 0 else 0.0
