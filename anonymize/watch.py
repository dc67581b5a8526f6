"""Looking through a video: what every frame shows, and on some of them what the detectors find.

    observed(frames, detectors, settings)  ->  ScannedFrame of every frame  ->  followed(...)  ->  tracks

The first half knows no frame before or after those it is given, and so may run on any segment of a video, in any
process. The second half is one for the whole video: it takes the observations of all segments in order, and so the
tracks agree where they meet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from anonymize.data import Detections, Frame, Track, seconds
from anonymize.detect import (
    GROUPS,
    TURNS,
    Counted,
    Detector,
    Do,
    Eyesight,
    Later,
    Step,
    at_once,
    in_order,
    side_by_side,
)
from anonymize.settings import Settings
from anonymize.track import MotionSample, Tracker


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the detectors found on one frame.

    Args:
        index: of the frame.
        time: when it is shown, in seconds.
        finds: in upright pixels.
    """

    index: int
    time: Fraction
    finds: Detections


@dataclass(frozen=True, slots=True, eq=False)
class ScannedFrame:
    """One frame, as far as planning needs it: no picture but a small grey one.

    Args:
        pts: when it is shown, in units of `time_base`.
        time_base: seconds per unit.
        sample: what the tracker follows; None where nobody looks for anything.
        looks: taken at this frame or at the one before it, which turned out to be the last of its scene.
    """

    pts: int
    time_base: Fraction
    sample: MotionSample | None = None
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of following a whole video: its subjects, and the times in seconds of looks and of cuts, ascending."""

    tracks: list[Track]
    looks: list[Fraction]
    cuts: list[Fraction]


class Scanner:
    """Decides which frames of a segment are looked at, and has them looked at.

    A look is due at the first and the last frame of every scene, of every segment too, and at the rate that the
    settings ask for. The first takes all scales, as does the last where it was not due by rate; others what their turn
    is (`anonymize.detect.multiscale.TURNS`), so that none is left out for longer than `max_gap`. The frame before the
    present one is kept, so that the last frame of a scene can be looked at when the next begins.
    """

    def __init__(self, detectors: Sequence[Detector], settings: Settings, do: Do = at_once) -> None:
        self._every = Fraction(str(settings.detect.every))
        self._max_gap = Fraction(str(settings.follow.max_gap))
        self._turn_every = min(Fraction(str(settings.detect.thorough_every)), self._max_gap) / len(TURNS)
        self._do = Counted(do)
        self._eyesight = Eyesight(detectors, settings, self._do)
        self._previous: Frame | None = None
        self._seen: MotionSample | None = None
        self._looked_at: Fraction | None = None
        self._began = Fraction(0)
        self._turn = 0

    def see(self, frame: Frame) -> Step[ScannedFrame]:
        """Take the next frame."""
        time = seconds(frame)
        self._seen = sample = MotionSample.of(frame, self._seen)
        cut = sample.step is not None and sample.step.cut
        since = self._every if self._looked_at is None else time - self._looked_at
        looks: list[Later[Look]] = []
        if cut or since > self._max_gap:
            looks += self.look_at_last()
        if cut or since >= self._every:
            looks += self._look(frame, cut)
        self._previous = frame
        seen = ScannedFrame(frame.pts, frame.time_base, sample)
        return Step(len(looks) if self._do.taken() else 0, lambda: _with(seen, looks))

    def look_at_last(self) -> list[Later[Look]]:
        """Look at the latest frame, if nobody did: it is the last of its scene, or of all."""
        if self._previous is None or seconds(self._previous) == self._looked_at:
            return []
        return self._look(self._previous, True)

    def _look(self, frame: Frame, whole: bool) -> list[Later[Look]]:
        time = seconds(frame)
        if whole or self._looked_at is None:
            self._began, self._turn = time, 0
        groups = self._groups(time)
        self._looked_at = time
        index, later = frame.index, self._eyesight.look(frame, groups)
        return [lambda: Look(index, time, later().finds)]

    def _groups(self, time: Fraction) -> Collection[int]:
        """The scales whose turns have come by `time` since the last look: the next ones at least, all at the first."""
        if not self._turn_every or not self._turn:
            self._turn = 1
            return GROUPS
        first, passed = self._turn, (time - self._began) // self._turn_every
        self._turn = max(first, passed) + 1
        turns = range(max(first, self._turn - len(TURNS)), self._turn)
        return frozenset[int]().union(*(TURNS[turn % len(TURNS)] for turn in turns))


def _with(seen: ScannedFrame, looks: Sequence[Later[Look]]) -> ScannedFrame:
    """`seen`, when `looks` are taken, too."""
    return replace(seen, looks=(*seen.looks, *(later() for later in looks)))


def observed(
    frames: Iterable[Frame], detectors: Sequence[Detector], settings: Settings, threads: int = 0
) -> Iterator[ScannedFrame]:
    """Look through `frames`, which follow one another in one segment of a video.

    Args:
        frames: in order.
        detectors: who looks; where there are none, only times are noted.
        settings: for what, and how hard.
        threads: processor threads there are for looking; 0 for all.
    """
    if not detectors:
        yield from (ScannedFrame(frame.pts, frame.time_base) for frame in frames)
        return
    watch = Scanner(detectors, settings, side_by_side(threads))
    yield from in_order(_to_the_end(frames, watch))


def _to_the_end(frames: Iterable[Frame], watch: Scanner) -> Iterator[Step[ScannedFrame]]:
    """Every frame, the last one looked at."""
    held: Step[ScannedFrame] | None = None
    for frame in frames:
        seen = watch.see(frame)
        if held is not None:
            yield held
        held = seen
    if held is not None:
        last, looks = held, watch.look_at_last()
        yield Step(last.looks + len(looks), lambda: _with(last.result(), looks))


def followed(observations: Iterable[ScannedFrame], settings: Settings) -> Followed:
    """Follow what was observed through a whole video, segment after segment."""
    tracker = Tracker(settings.follow, settings.detect.high)
    looks: list[Fraction] = []
    cuts: list[Fraction] = []
    for seen in observations:
        if seen.sample is not None and tracker.take(seen.sample):
            cuts.append(seen.pts * seen.time_base)
        for taken in seen.looks:
            looks.append(taken.time)
            tracker.find(taken.index, taken.finds)
    return Followed(tracker.finish(), looks, cuts)
