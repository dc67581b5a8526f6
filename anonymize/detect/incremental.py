"""Looks through a video that look again only where something changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.aspect import PerShape
from anonymize.data import Detections, Frame, readings, seconds
from anonymize.detect.changes import BLOCK, Changes, Mask
from anonymize.detect.concurrency import Do, Later, at_once, once
from anonymize.detect.detector import Detector
from anonymize.detect.merge import SAME, alike, fuse, without_holders
from anonymize.detect.multiscale import GROUPS, HALF_STEP, Part, begin_look, in_stored_pixels
from anonymize.settings import Settings

AROUND = 3
"""Blocks around one that changed that are looked at again: a face is larger than what moves in it."""
CONTEXT = 64
"""Pixels around these that a detector is shown beside, for it to see where it is; finds there do not count."""
MOST = 0.5
"""Share of the picture from which looking at all of it costs no more."""

NEWS = 0.25
"""Weight of a new look at what stands still in the score that it has by then."""

NEVER = Fraction(-(10**9))
"""Seconds; long before any frame is shown."""

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
    """Looks at frames in the shape in which they are shown, and remembers what it saw.

    Args:
        detectors: all of them look.
        settings: for what, how hard, and how often.
        do: has them look.
    """

    def __init__(self, detectors: Sequence[Detector], settings: Settings, do: Do = at_once) -> None:
        self._shapes = PerShape(lambda: _InShape(detectors, settings, do))
        detect, targets = settings.detect, settings.targets
        self._looking = partial(begin_look, detectors=detectors, detect=detect, targets=targets, do=do)

    def look(self, frame: Frame, groups: Collection[int]) -> Later[Glance]:
        """What `anonymize.detect.multiscale` finds in `frame`, or would find, and what is known at other scales.

        It is later than the last one.
        """
        begun = [(picture, known.look(picture, groups)) for picture, known in self._shapes.of(frame)]
        others = [(reading.back, self._looking(reading.frame)) for reading in readings(frame)]
        if len(begun) == 1 and begun[0][0] is frame and not others:
            return begun[0][1]

        def result() -> Glance:
            seen = [(picture, later()) for picture, later in begun]
            finds = [in_stored_pixels(frame, [(picture, glance.finds) for picture, glance in seen])]
            finds += [back(later()) for back, later in others]
            whole = finds[0] if len(finds) == 1 else without_holders(fuse(Detections.concatenate(finds)))
            return Glance(whole, max(glance.share for _, glance in seen))

        return once(result)


class _InShape:
    """Looks at groups of scales, each with a gaze of its own, which share what they know.

    At least every `max_gap` the whole picture is looked at, whether it changed or not. Where it stands still, it is
    looked at each time at the scales for which that is longest ago, and at those half a step below: looking once more
    in the same way would show the same once more.

    Args:
        detectors: all of them look.
        settings: for what, how hard, and how often.
        do: has them look.
    """

    def __init__(self, detectors: Sequence[Detector], settings: Settings, do: Do = at_once) -> None:
        detect, targets = settings.detect, settings.targets

        def gaze(group: int, factor: float) -> Gaze:
            def looking(frame: Frame, part: Part | None) -> Later[Detections]:
                return begin_look(frame, detectors, detect, targets, groups={group}, factor=factor, part=part, do=do)

            return Gaze(looking)

        self._gazes = {group: gaze(group, 1.0) for group in sorted(GROUPS)}
        self._between = [gaze(group, HALF_STEP) for group in sorted(GROUPS)]
        self._max_gap = Fraction(str(settings.follow.max_gap))
        self._at = NEVER

    def look(self, frame: Frame, groups: Collection[int]) -> Later[Glance]:
        """What `anonymize.detect.multiscale` finds in `frame`, or would find, and what is known at other scales.

        It is later than the last one.
        """
        seen = {gaze: gaze.look(frame) for group, gaze in self._gazes.items() if group in groups}
        gazes = [*self._gazes.values(), *self._between]
        due = self._due(seconds(frame), gazes)
        if due is not None:
            seen[due] = due.look(frame, whole=True)
        known = [gaze.known(frame) for gaze in gazes if gaze not in seen]

        def result() -> Glance:
            glances = [later() for later in seen.values()]
            finds = Detections.concatenate([*(glance.finds for glance in glances), *(later() for later in known)])
            return Glance(without_holders(fuse(finds)), min(glance.share for glance in glances))

        return once(result)

    def _due(self, time: Fraction, gazes: Sequence[Gaze]) -> Gaze | None:
        """Who looks at the whole picture now, at `time`, if it is high time and nobody has."""
        wait, self._at = time - self._at, time
        last = max(gaze.whole_at for gaze in gazes)
        # The next look is as far off as the last one, and would come too late.
        if last == time or time - last + wait <= self._max_gap:
            return None
        return min(gazes, key=lambda gaze: gaze.whole_at)


class Gaze:
    """Looks at frames of one scene after another, in order and in one way, and knows what it saw.

    Where nothing changed since the last look, a look would find the same again, and so it does without looking. All of
    the picture is looked at whenever half of it changed, as it does when the camera moves.

    Args:
        looking: the way to look.
    """

    def __init__(self, looking: Looking) -> None:
        self._looking = looking
        self._changes = Changes()
        self.whole_at = NEVER
        """When the whole picture was looked at, in seconds."""
        self._last: Later[Glance] = lambda: Glance(Detections.empty(), 0.0)

    def look(self, frame: Frame, whole: bool = False) -> Later[Glance]:
        """What is found in `frame`, or would be found. It is later than the last one.

        Args:
            frame: to look at.
            whole: at all of it, whether it changed or not.
        """
        changed = self._changes.see(frame)
        if not whole and not changed.any():  # and the last look need not be waited for
            last = self._last
            return lambda: Glance(last().finds, 0.0)
        places = None if whole else self._places(changed, frame)
        if places is None:  # what a look that fails did not see is still new to the next one
            found = self._looking(frame, None)
            stood = _standing(self._last().finds, changed) if whole else Detections.empty()
            self._last = once(lambda: Glance(_judged_again(stood, found()), 1.0))
            self._changes.looked()
            self.whole_at = seconds(frame)
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
        if self.whole_at == NEVER:
            return Detections.empty
        changed, last = self._changes.see(frame), self._last
        return lambda: _standing(last().finds, changed)

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

        return once(result)


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


def _standing(found: Detections, changed: Mask) -> Detections:
    """Those finds around which nothing changed."""
    return found.select(~_touched(found, _dilated(changed)))


def _judged_again(known: Detections, found: Detections) -> Detections:
    """What a new look `found`; what is `known` and stands still stays where it is, and its score comes near the mean.

    Of many looks at one and the same sign, one takes it for a plate.
    """
    again, here, new = np.zeros(len(known), np.float32), np.zeros(len(known), bool), np.ones(len(found), bool)
    for one, other in alike(known, found, SAME):
        here[one], new[other] = True, False
        np.maximum.at(again, one, found.score[other])
    known, again = known.select(here), again[here]
    score = known.score + np.float32(NEWS) * (again - known.score)
    return Detections.concatenate([Detections(known.xyxy, score, known.kind), found.select(new)])


def _dilated(changed: Mask) -> Mask:
    side = 2 * AROUND + 1
    return np.asarray(cv2.dilate(changed.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)
