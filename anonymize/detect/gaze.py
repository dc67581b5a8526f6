"""Looks through a video that look again only where something changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Frame, seconds
from anonymize.detect.changes import BLOCK, Changes, Mask
from anonymize.detect.detector import Detector
from anonymize.detect.look import Part, look
from anonymize.detect.merge import fuse
from anonymize.settings import Settings

AROUND = 3
"""Blocks around one that changed that are looked at again: a face is larger than what moves in it."""
CONTEXT = 64
"""Pixels around these that a detector is shown beside, for it to see where it is; finds there do not count."""
MOST = 0.5
"""Share of the picture from which looking at all of it costs no more."""

THOROUGH_FULL_EVERY = Fraction(2)
"""Seconds between two thorough looks at the whole picture, at most, where it does not change."""

Looking = Callable[[Frame, Part | None], Detections]
"""A way to look at a frame, or at a part of it: the finds, in the frame's pixels."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A part of the frame that is looked at again.

    Args:
        core: what is found with its middle in there counts, in pixels x0, y0, x1, y1.
        shown: what the detectors are given.
    """

    core: Part
    shown: Part


class Eyesight:
    """Ordinary and thorough looks, which share what they know.

    An ordinary look at the whole picture comes at least every `max_gap`, a thorough one every `THOROUGH_FULL_EVERY`.

    Args:
        detectors: all of them look.
        settings: for what, how hard, and how often.
    """

    def __init__(self, detectors: Sequence[Detector], settings: Settings) -> None:
        def gaze(full_every: Fraction, thorough: bool) -> Gaze:
            def looking(frame: Frame, part: Part | None) -> Detections:
                return look(frame, detectors, settings.detect, settings.targets, thorough=thorough, part=part)

            return Gaze(looking, full_every)

        every, max_gap = Fraction(str(settings.detect.every)), Fraction(str(settings.follow.max_gap))
        self._ordinary = gaze(max_gap - every, thorough=False)  # the next look would come too late
        self._thorough = gaze(max(THOROUGH_FULL_EVERY, Fraction(str(settings.detect.thorough_every))), thorough=True)

    def look(self, frame: Frame, *, thorough: bool) -> Detections:
        """What `anonymize.detect.look` finds in `frame`, or would find. It is later than the last one."""
        if thorough:
            return self._thorough.look(frame)
        return fuse(Detections.concatenate([self._ordinary.look(frame), self._thorough.known(frame)]))

    @property
    def pixels(self) -> float:
        """Share of the pictures asked about that was looked at, summed over looks."""
        return self._ordinary.pixels + self._thorough.pixels


class Gaze:
    """Looks at frames of one scene after another, in order and in one way, and knows what it saw.

    Where nothing changed since the last look, a look would find the same again, and so it does without looking. A full
    look comes at least every `full_every`, and whenever half of the picture changed, as it does when the camera moves.

    Args:
        looking: the way to look.
        full_every: seconds between two looks at the whole picture, at most.
    """

    def __init__(self, looking: Looking, full_every: Fraction) -> None:
        self._looking = looking
        self._full_every = full_every
        self._changes = Changes()
        self._full_at: Fraction | None = None
        self._found = Detections.empty()
        self.pixels = 0.0
        """Share of the pictures asked about that was looked at, summed over looks."""

    def look(self, frame: Frame) -> Detections:
        """What is found in `frame`, or would be found. It is later than the last one."""
        changed = self._changes.see(frame)
        time = seconds(frame)
        due = self._full_at is None or time - self._full_at >= self._full_every
        places = None if due else _places(changed, self._found, frame.width, frame.height)
        if places is None:  # what a look that fails did not see is still new to the next one
            self._found = self._looking(frame, None)
            self._changes.looked()
            self._full_at = time
            self.pixels += 1.0
        else:
            self._found = self._found_again(frame, places)
            self._changes.looked(_dilated(changed))
        return self._found

    def known(self, frame: Frame) -> Detections:
        """What was found at the last look and nothing changed around, without looking at `frame`."""
        changed = _dilated(self._changes.see(frame))
        return self._found.select(~_touched(self._found, changed))

    def _found_again(self, frame: Frame, places: Sequence[_Place]) -> Detections:
        """What is known, with the finds of `places` in the place of those that were there."""
        size = (frame.width, frame.height)
        parts = [self._found.select(~_within(self._found, [place.core for place in places], size))]
        for place in places:
            new = self._looking(frame, place.shown)
            parts.append(new.select(_within(new, [place.core], size)))
            self.pixels += _area(place.shown) / (frame.width * frame.height)
        return fuse(Detections.concatenate(parts)) if places else self._found


def _places(changed: Mask, known: Detections, width: int, height: int) -> list[_Place] | None:
    """The rectangles that hold all that changed, and `known` finds in which something did; None where that is much."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(_dilated(changed).astype(np.uint8))
    cores: list[Part] = [
        (x * BLOCK, y * BLOCK, min((x + wide) * BLOCK, width), min((y + high) * BLOCK, height))
        for x, y, wide, high, _ in stats[1:count].tolist()
    ]
    cores = [_with_known(core, known, width, height) for core in cores]
    places = [_Place(core, _grown(core, width, height)) for core in _merged(cores, width, height)]
    return None if sum(_area(place.shown) for place in places) >= MOST * width * height else places


def _with_known(core: Part, known: Detections, width: int, height: int) -> Part:
    """`core`, stretched over the known finds that it touches: where a mouth moves, the face is looked at."""
    x0, y0, x1, y1 = core
    touched = known.xyxy[((known.xyxy[:, :2] < [x1, y1]) & (known.xyxy[:, 2:] > [x0, y0])).all(axis=1)]
    if not len(touched):
        return core
    low, high = np.floor(touched[:, :2].min(axis=0)), np.ceil(touched[:, 2:].max(axis=0))
    return (
        max(0, min(x0, int(low[0]))),
        max(0, min(y0, int(low[1]))),
        min(width, max(x1, int(high[0]))),
        min(height, max(y1, int(high[1]))),
    )


def _merged(cores: list[Part], width: int, height: int) -> list[Part]:
    """Rectangles of which no two, with what is shown around them, overlap."""
    merged: list[Part] = []
    for core in cores:
        while touching := [
            other for other in merged if _meet(_grown(core, width, height), _grown(other, width, height))
        ]:
            merged = [other for other in merged if other not in touching]
            xs0, ys0, xs1, ys1 = zip(core, *touching, strict=True)
            core = (min(xs0), min(ys0), max(xs1), max(ys1))
        merged.append(core)
    return merged


def _grown(part: Part, width: int, height: int) -> Part:
    """`part` with its context, within the picture."""
    x0, y0, x1, y1 = part
    return max(x0 - CONTEXT, 0), max(y0 - CONTEXT, 0), min(x1 + CONTEXT, width), min(y1 + CONTEXT, height)


def _meet(a: Part, b: Part) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _area(part: Part) -> int:
    return (part[2] - part[0]) * (part[3] - part[1])


def _within(found: Detections, parts: Sequence[Part], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(N,) whether the middle of each find, or the point of the picture next to it, lies in one of `parts`."""
    middle = np.clip((found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2, 0, np.array(size) - 0.5)
    inside = np.zeros(len(found), bool)
    for x0, y0, x1, y1 in parts:
        inside |= (middle >= [x0, y0]).all(axis=1) & (middle < [x1, y1]).all(axis=1)
    return inside


def _touched(found: Detections, changed: Mask) -> NDArray[np.bool_]:
    """(N,) whether a block under each find changed."""
    rows, columns = changed.shape
    touched = np.zeros(len(found), bool)
    for i, (x0, y0, x1, y1) in enumerate(found.xyxy):
        left, right = np.clip([x0 // BLOCK, x1 // BLOCK], 0, columns - 1).astype(int)
        top, bottom = np.clip([y0 // BLOCK, y1 // BLOCK], 0, rows - 1).astype(int)
        touched[i] = changed[top : bottom + 1, left : right + 1].any()
    return touched


def _dilated(changed: Mask) -> Mask:
    side = 2 * AROUND + 1
    return np.asarray(cv2.dilate(changed.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)
