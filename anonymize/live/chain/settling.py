"""Whether the first looks at a scene are over: until then nothing of it is shown.

    settling = Settling()
    settling.begin(time)                    # a start, a cut, a reconnection
    settling.take(time, luma)               # every frame; a jump of light is noticed
    settling.looked(time, effort)           # a run of the detector on a frame of that time, and its finds are tracked
    settling.settled(time)                  # whether a frame may leave

One look misses faces that the next one finds: a frame after a cut that leaves on the strength of a single look shows
them. Later in a scene tracks carry what earlier looks found. So a scene begins with `LOOKS` looks at the sizes asked
for, the first of them at every scale, and a frame leaves when they are over; or, from a slow camera, when every frame
so far was looked at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from anonymize.live.chain.canvas import brightness
from anonymize.live.detector.pace import ORDINARY, THOROUGH, Effort

LOOKS = 3
"""The looks that must agree: as many as make a subject of weak finds (`anonymize.track.tracker`)."""
_WITHIN = 0.5
"""Seconds in which a change of light is a jump; a slower one lets detectors keep up."""
_JUMP = (6.0, 0.25)
"""Levels of 8 bits, and share of the darker level, by which the mean of the picture changes in a jump of light."""


@dataclass(slots=True)
class _Scene:
    """What follows a cut, or a jump of light within a scene.

    Args:
        begins: time of its first frame in seconds.
        cut: whether nothing before it is known to show the same.
        frames: taken so far.
        looks: at the sizes asked for, so far.
        thorough: whether one of them was at every scale.
    """

    begins: Fraction
    cut: bool
    frames: int = 0
    looks: int = 0
    thorough: bool = False


class Settling:
    """The scenes of the frames that wait, and how often each was looked at. Times are presentation times in seconds."""

    def __init__(self) -> None:
        self._scenes: deque[_Scene] = deque()
        self._levels: deque[tuple[Fraction, float]] = deque()

    def begin(self, time: Fraction) -> None:
        """A scene begins with the frame at `time`."""
        self._begin(time, cut=True)

    def take(self, time: Fraction, luma: NDArray[np.uint8]) -> None:
        """Take the picture of every frame ((height, width) uint8): after a jump of light the looks begin anew."""
        level = brightness(luma)
        while self._levels and time - self._levels[0][0] > _WITHIN:
            self._levels.popleft()
        if any(abs(level - before) > _JUMP[0] + _JUMP[1] * min(level, before) for _, before in self._levels):
            self._begin(time, cut=False)
        self._levels.append((time, level))
        for scene in self._back_to_cut(len(self._scenes)):
            scene.frames += 1

    def needed(self) -> Effort | None:
        """The effort that the next look at the newest scene must have; None once it is settled."""
        newest = self._scenes[-1] if self._scenes else None
        if newest is None or _is_over(newest):
            return None
        return ORDINARY if newest.thorough else THOROUGH

    def looked(self, time: Fraction, effort: Effort) -> None:
        """The frame at `time` was looked at with `effort`. A look for larger faces alone proves nothing."""
        if effort.coarser != 1:
            return
        for scene in self._back_to_cut(self._after(time)):
            scene.looks += 1
            scene.thorough |= effort == THOROUGH

    def settled(self, time: Fraction) -> bool:
        """Whether the first looks at the scene of the frame at `time` are over."""
        at = self._after(time)
        return at > 0 and _is_over(self._scenes[at - 1])

    def forget(self, before: Fraction) -> None:
        """Forget the scenes that end before the frame at `before`."""
        while len(self._scenes) > 1 and self._scenes[1].begins <= before:
            self._scenes.popleft()

    def _begin(self, time: Fraction, *, cut: bool) -> None:
        self._scenes.append(_Scene(time, cut))
        self._levels.clear()

    def _back_to_cut(self, end: int) -> Iterator[_Scene]:
        """The scenes before index `end`, backwards, to the last cut: what was before it is another scene."""
        for scene in reversed([*self._scenes][:end]):
            yield scene
            if scene.cut:
                return

    def _after(self, time: Fraction) -> int:
        """Index of the first scene that begins after `time`."""
        return bisect_right(self._scenes, time, key=lambda scene: scene.begins)


def _is_over(scene: _Scene) -> bool:
    return scene.thorough and scene.looks >= min(LOOKS, scene.frames)
