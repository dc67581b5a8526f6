"""The last seconds of a video for motion estimation: working pictures, times and scenes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.aspect import display_size
from anonymize.data import Frame, seconds
from anonymize.track.motion import STILL, Picture, Step, WorkingPicture, carry, step_between, transformed

Floats = NDArray[np.float64]

_WIDTH = (640, 960)
"""The least and most pixels of the working picture's longer side, which is half the video's."""
_MEMORY = 96 << 20
"""The most bytes of working pictures kept."""
_DRIFT = 0.08
"""Uncertainty that a second of following the picture adds, as a share of the box's side."""
_LOST = 0.5
"""Uncertainty that a second of following only the camera adds."""
_SETTLE = 0.2
"""Seconds in which a subject's speed is learnt, and in which half of it is forgotten."""
_VISIBLE = 0.05
"""Share of a box that must be in the picture for its subject to be there."""
FLASH = 0.4
"""A picture that comes back within so many seconds was interrupted by a flash or a fault, not by a cut."""
LAG = 32
"""How many frames a subject's rows may lag behind; times are kept for at least twice as many frames."""
_PATCH = (16, 16)

OnStepBack = Callable[[int, Floats, float, bool], bool]
"""Takes a frame's index, a box (4,) there, its uncertainty so far, and whether it is in the picture; returns whether to
go on."""


@dataclass(frozen=True, slots=True, eq=False)
class MotionSample:
    """What the tracker needs of one frame: small and without the frame itself, so it can come from another process.

    Args:
        index: of the frame.
        time: when it is shown, in seconds.
        working: its working picture, in display shape.
        scale: (4,) working pixels per upright pixel: x, y, x, y.
        step: from the frame before it; None if that was not available.
    """

    index: int
    time: float
    working: WorkingPicture
    scale: Floats
    step: Step | None = None

    @classmethod
    def of(cls, frame: Frame, before: MotionSample | None) -> MotionSample:
        """The sample of `frame`; `before` is that of the frame before it."""
        across, down = display_size(frame.width, frame.height, frame.aspects[0])
        longest = max(across, down)
        shrink = min(1.0, float(np.clip(longest / 2, *_WIDTH)) / longest)
        width, height = max(round(across * shrink), 1), max(round(down * shrink), 1)
        scale = np.array([width / frame.width, height / frame.height] * 2)
        sample = cls(frame.index, float(seconds(frame)), WorkingPicture(frame.luma(width, height)), scale)
        return sample if before is None else replace(sample, step=sample.step_from(before))

    def step_from(self, before: MotionSample) -> Step:
        """The step from the frame before to this one; pictures of different sizes are of different scenes."""
        same = before.working.picture.shape == self.working.picture.shape and bool((before.scale == self.scale).all())
        return step_between(before.working, self.working) if same else Step(STILL.affine, STILL.gain, True)


@dataclass(slots=True)
class Drift:
    """A subject's own speed, for when the picture does not show where it went."""

    speed: Floats = field(default_factory=lambda: np.zeros(2))
    """(2,) upright pixels a second, relative to the camera's motion."""

    def steer(self, box: Floats, own: Floats, sure: bool, elapsed: float) -> Floats:
        """Learn the speed from a sure step, or else move the box at the speed learnt, which decays.

        Args:
            box: (4,) after the step.
            own: (2,) the motion of this step relative to the camera, in upright pixels.
            sure: whether the picture showed where the box went.
            elapsed: seconds.
        """
        if elapsed <= 0:
            return box
        if sure:
            self.speed = self.speed + min(elapsed / _SETTLE, 1.0) * (own / elapsed - self.speed)
            return box
        moved = box + np.concatenate([self.speed, self.speed]) * elapsed
        self.speed = self.speed * 0.5 ** (elapsed / _SETTLE)
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """Boxes carried to a neighbouring frame.

    Args:
        boxes: (N, 4) upright pixels.
        own: (N, 2) how far they moved relative to the camera, in upright pixels.
        sure: (N,) whether the picture showed where they went; the others moved with the camera.
        elapsed: seconds between the two frames.
        size: width and height of the picture in upright pixels; infinite if it is no longer kept.
    """

    boxes: Floats
    own: Floats
    sure: NDArray[np.bool_]
    elapsed: float
    size: tuple[float, float]

    def step(self, i: int, drift: Drift) -> tuple[Floats, float, bool]:
        """Box `i` steered by `drift`, the uncertainty added as a share of its side, whether it is in the picture."""
        sure = bool(self.sure[i])
        box = drift.steer(self.boxes[i], self.own[i], sure, self.elapsed)
        return box, (_DRIFT if sure else _LOST) * self.elapsed, self.inside(box)

    def inside(self, box: Floats) -> bool:
        """Whether a box (4,) on the frame they were carried to is in the picture."""
        x0, y0, x1, y1 = box.tolist()
        wide, high = min(x1, self.size[0]) - max(x0, 0.0), min(y1, self.size[1]) - max(y0, 0.0)
        return bool(min(wide, high) > 0 and wide * high > _VISIBLE * (x1 - x0) * (y1 - y0))


class FrameHistory:
    """The motion samples of the latest frames.

    Args:
        reach: seconds for which pictures are kept, unless they would take more than 96 MB.
        memory: seconds for which times are kept.
    """

    def __init__(self, reach: float, memory: float) -> None:
        self._reach = reach
        self._memory = memory
        self._samples: dict[int, MotionSample] = {}
        self._cuts: list[int] = []
        self._past = 0
        self._left: WorkingPicture | None = None
        self.times: dict[int, float] = {}
        """Frame index → seconds, never decreasing."""
        self.end = 0
        """One past the last frame taken."""
        self.interval = 1 / 25
        """Recent seconds between frames."""

    def keep(self, reach: float, memory: float) -> None:
        """From now on, keep pictures for `reach` seconds and times for `memory` seconds."""
        self._reach, self._memory = reach, memory

    @property
    def last(self) -> MotionSample | None:
        """The sample of the last frame taken."""
        return self._samples.get(self.end - 1)

    def take(self, sample: MotionSample) -> bool:
        """Take the next frame. Return whether a new scene begins with it, or an old one comes back after a flash.

        A picture that comes back within 0.4 s of a cut shows that there was no cut (a photographer's flash, a torn
        frame): the frames before, during and after the flash become one scene again.

        Raises:
            ValueError: the frame is not the next one.
        """
        index = sample.index
        if self._samples and index != self.end:
            raise ValueError(f"frames come in order: expected index {self.end}, got {index}")
        step, time, new = STILL, sample.time, False
        before = self._samples.get(index - 1)
        if before is not None:
            time = max(time, self.times[index - 1])
            self.interval += 0.1 * (time - self.times[index - 1] - self.interval)
            step = sample.step or sample.step_from(before)
            new = step.cut
            if new:
                step = self._cut(index, time, before.working, sample.working, step)
        self._samples[index] = replace(sample, step=step)
        self.times[index] = time
        self.end = index + 1
        self._forget(time, sample.working.picture.nbytes)
        return new

    def _cut(self, index: int, time: float, before: WorkingPicture, after: WorkingPicture, step: Step) -> Step:
        """Record a cut, or undo the last one if this is the picture from before it. Return the resulting step."""
        if self._left is not None and self._cuts and time - self.times.get(self._cuts[-1], -np.inf) <= FLASH:
            over = step_between(self._left, after) if self._left.picture.shape == after.picture.shape else step
            if not over.cut:
                self._cuts.pop()
                self._left = None
                return over
        self._cuts.append(index)
        self._left = before
        return step

    def scene_age(self, index: int) -> float:
        """Seconds for which the scene of frame `index` has lasted; infinite in the first one."""
        began = bisect_right(self._cuts, index) - 1
        return self.now(index) - self.times.get(self._cuts[began], -np.inf) if began >= 0 else np.inf

    def _forget(self, now: float, nbytes: int) -> None:
        most = max(_MEMORY // max(nbytes, 1), 8)
        for kept, span, least in ((self._samples, self._reach, 8), (self.times, self._memory, 2 * LAG)):
            while len(kept) > least and now - self.times[next(iter(kept))] > span:
                del kept[next(iter(kept))]
        while len(self._samples) > most:
            del self._samples[next(iter(self._samples))]
        over = bisect_right(self._cuts, next(iter(self.times))) - 1  # keep the cut that begins the oldest time's scene
        if over > 0:
            del self._cuts[:over]
            self._past += over

    def scene(self, index: int) -> int:
        """The number of the scene of frame `index`, whose time is still kept."""
        return self._past + bisect_right(self._cuts, index)

    def now(self, index: int) -> float:
        """When frame `index` is shown, in seconds; the time of the last frame if `index` is still to come."""
        return self.times.get(index, self.times.get(self.end - 1, 0.0))

    def clock(self, start: int, stop: int) -> Floats:
        """Times in seconds of the frames ``start <= index <= stop``."""
        return np.array([self.times[i] for i in range(start, stop + 1)])

    def size(self, index: int) -> tuple[float, float] | None:
        """Width and height of frame `index` in upright pixels; None if its picture is no longer kept."""
        seen = self._samples.get(index)
        if seen is None:
            return None
        height, width = seen.working.picture.shape
        return width / float(seen.scale[0]), height / float(seen.scale[1])

    def carried(self, here: int, there: int, rows: Sequence[Floats]) -> Carried:
        """Boxes `rows` of frame `here`, carried to its neighbour `there`. They stay in place if a picture is gone."""
        boxes = np.array(rows).reshape(-1, 4)
        elapsed = abs(self.times[there] - self.times[here])
        step, before, after = self._step(here, there), self._samples.get(here), self._samples.get(there)
        if step is None or before is None or after is None or not len(boxes):
            return Carried(boxes, np.zeros((len(boxes), 2)), np.zeros(len(boxes), bool), elapsed, (np.inf, np.inf))
        moved, own, sure = carry(before.working, after.working, step, boxes * before.scale)
        height, width = after.working.picture.shape
        size = width / float(after.scale[0]), height / float(after.scale[1])
        return Carried(moved / after.scale, own / after.scale[:2], sure, elapsed, size)

    def with_camera(self, here: int, there: int, box: Floats) -> Floats:
        """Where `box` (4,) of frame `here` is on its neighbour `there` if it moved with the camera alone."""
        step, before, after = self._step(here, there), self._samples.get(here), self._samples.get(there)
        if step is None or before is None or after is None:
            return box
        return np.asarray(transformed((box * before.scale)[None], step.affine)[0] / after.scale)

    def _step(self, here: int, there: int) -> Step | None:
        """The step from frame `here` to its neighbour `there`; None if one of their pictures is gone."""
        if here not in self._samples or there not in self._samples:
            return None
        onward = self._samples[max(here, there)].step or STILL
        return onward if there > here else onward.inverse

    def backward(self, index: int, boxes: Sequence[Floats], paths: Sequence[OnStepBack]) -> None:
        """Follow boxes (4,) of frame `index` back in time together, as far as pictures are kept and the scene lasts.

        Each is told to its own of `paths`, from frame ``index - 1`` down, until that returns False. Together this costs
        little more than for a single box.
        """
        going = [(path, box, 0.0, Drift()) for path, box in zip(paths, boxes, strict=True)]
        while going and index - 1 in self._samples and self.scene(index - 1) == self.scene(index):
            carried = self.carried(index, index - 1, [box for _, box, _, _ in going])
            index -= 1
            left = []
            for i, (path, _, doubt, drift) in enumerate(going):
                box, more, inside = carried.step(i, drift)
                if path(index, box, doubt + more, inside):
                    left.append((path, box, doubt + more, drift))
            going = left

    def patch(self, index: int, box: Floats) -> Picture | None:
        """The content of `box` on frame `index`, 16 × 16; None if less than half of it is in the picture."""
        seen = self._samples.get(index)
        if seen is None:
            return None
        height, width = seen.working.picture.shape
        x0, y0, x1, y1 = box * seen.scale
        left, top, right, bottom = max(round(x0), 0), max(round(y0), 0), min(round(x1), width), min(round(y1), height)
        if (right - left) * (bottom - top) < (x1 - x0) * (y1 - y0) / 2 or right - left < 2 or bottom - top < 2:
            return None
        part = seen.working.picture[top:bottom, left:right]
        return cv2.resize(part, _PATCH, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def likeness(a: Picture | None, b: Picture | None) -> float:
    """Correlation of two patches, independent of brightness and contrast; 0 if one is missing or uniform."""
    if a is None or b is None:
        return 0.0
    left, right = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((left * left).sum() * (right * right).sum()))
    return float((left * right).sum()) / norm if norm > 0 else 0.0
