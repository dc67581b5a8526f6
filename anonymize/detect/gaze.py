"""Looks through a video that look again only where something changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Frame, seconds
from anonymize.detect.ahead import Do, Later, at_once
from anonymize.detect.changes import BLOCK, Changes, Mask
from anonymize.detect.detector import Detector
from anonymize.detect.look import ORDINARY, Part, begin_look
from anonymize.detect.merge import fuse, without_holders
from anonymize.settings import Settings

AROUND = 3
"""Blocks around one that changed that are looked at again: a face is larger than what moves in it."""
CONTEXT = 64
"""Pixels around these that a detector is shown beside, for it to see where it is; finds there do not count."""
MOST = 0.5
"""Share of the picture from which looking at all of it costs no more."""

SELDOM_EVERY = Fraction(2)
"""Seconds between two looks at the whole picture at the scales that have one turn, at most, where it does not change.
"""

Looking = Callable[[Frame, Part | None], Later[Detections]]
"""A way to look at a frame, or at a part of it: the finds, in the frame's pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """What came of a look.

    Args:
        finds: in upright pixels of the frame.
        share: of the frame that was looked at, because it had changed.
    """

    finds: Detections
    share: float


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
    """Looks at some scales each, which share what they know.

    A look at the whole picture comes at every scale of `ORDINARY` at least every `max_gap`, at others every
    `SELDOM_EVERY`.

    Args:
        detectors: all of them look.
        settings: for what, how hard, and how often.
        do: has them look.
    """

    def __init__(self, detectors: Sequence[Detector], settings: Settings, do: Do = at_once) -> None:
        def gaze(turns: Collection[int], full_every: Fraction) -> Gaze:
            def looking(frame: Frame, part: Part | None) -> Later[Detections]:
                return begin_look(frame, detectors, settings.detect, settings.targets, turns=turns, part=part, do=do)

            return Gaze(looking, full_every)

        ordinary = gaze(ORDINARY, Fraction(str(settings.follow.max_gap)))
        self._gazes = {0: gaze({0}, SELDOM_EVERY), 1: ordinary, 2: gaze({2}, SELDOM_EVERY), 3: ordinary}

    def look(self, frame: Frame, turns: Collection[int]) -> Later[Glance]:
        """What `anonymize.detect.look` finds in `frame`, or would find, and what is known of other turns.

        It is later than the last one.
        """
        taking = list(dict.fromkeys(self._gazes[turn] for turn in sorted(turns)))
        seen = [gaze.look(frame) for gaze in taking]
        known = [gaze.known(frame) for gaze in dict.fromkeys(self._gazes.values()) if gaze not in taking]

        def result() -> Glance:
            glances = [later() for later in seen]
            finds = Detections.concatenate([*(glance.finds for glance in glances), *(later() for later in known)])
            return Glance(without_holders(fuse(finds)), min(glance.share for glance in glances))

        return cache(result)


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
        self._at = Fraction(0)
        self._last: Later[Glance] = lambda: Glance(Detections.empty(), 0.0)

    def look(self, frame: Frame) -> Later[Glance]:
        """What is found in `frame`, or would be found. It is later than the last one."""
        changed = self._changes.see(frame)
        time = seconds(frame)
        # The next look is as far off as the last one, and would come too late.
        due = self._full_at is None or time - self._full_at + time - self._at > self._full_every
        self._at = time
        places = None if due else self._places(changed, frame)
        if places is None:  # what a look that fails did not see is still new to the next one
            found = self._looking(frame, None)
            self._last = lambda: Glance(found(), 1.0)
            self._changes.looked()
            self._full_at = time
        else:
            self._last = self._again(frame, places, self._last().finds)
            self._changes.looked(_dilated(changed))
        return self._last

    def _places(self, changed: Mask, frame: Frame) -> list[_Place] | None:
        """Where something `changed`; None where that is so much that looking at all of `frame` costs no more."""
        if _much(_places(changed, Detections.empty(), frame), frame):
            return None  # and the last look need not be waited for
        places = _places(changed, self._last().finds, frame)
        return None if _much(places, frame) else places

    def known(self, frame: Frame) -> Later[Detections]:
        """What was found at the last look and nothing changed around, without looking at `frame`."""
        changed, last = _dilated(self._changes.see(frame)), self._last
        return lambda: last().finds.select(~_touched(last().finds, changed))

    def _again(self, frame: Frame, places: Sequence[_Place], known: Detections) -> Later[Glance]:
        """What is `known`, with the finds of `places` in the place of those that were there."""
        size = (frame.width, frame.height)
        begun = [self._looking(frame, place.shown) for place in places]

        def result() -> Glance:
            parts = [known.select(~_within(known, [place.core for place in places], size))]
            for place, new in zip(places, begun, strict=True):
                parts.append(new().select(_within(new(), [place.core], size)))
            found = fuse(Detections.concatenate(parts)) if places else known
            return Glance(found, sum(map(_shown, places)) / (size[0] * size[1]))

        return cache(result)


def _much(places: Sequence[_Place], frame: Frame) -> bool:
    return sum(map(_shown, places)) >= MOST * frame.width * frame.height


def _places(changed: Mask, known: Detections, frame: Frame) -> list[_Place]:
    """The rectangles that hold all that changed, and `known` finds in which something did."""
    width, height = frame.width, frame.height
    count, _, stats, _ = cv2.connectedComponentsWithStats(_dilated(changed).astype(np.uint8))
    cores: list[Part] = [
        (x * BLOCK, y * BLOCK, min((x + wide) * BLOCK, width), min((y + high) * BLOCK, height))
        for x, y, wide, high, _ in stats[1:count].tolist()
    ]
    cores = [_with_known(core, known, width, height) for core in cores]
    return [_Place(core, _grown(core, width, height)) for core in _merged(cores, width, height)]


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


def _shown(place: _Place) -> int:
    """Pixels that the detectors are given."""
    x0, y0, x1, y1 = place.shown
    return (x1 - x0) * (y1 - y0)


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
