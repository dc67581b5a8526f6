"""Scanning a video: a motion sample of every frame, and on some frames the finds of the detectors.

    scan(frames, detectors, settings)  ->  ScannedFrame of every frame  ->  Follower  ->  tracks

`scan` needs no frame before or after those it gets, and so can run on any segment of a video, in any process.
`Follower` takes the scanned frames of all segments in order, so that tracks continue from one to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from fractions import Fraction

from anonymize.data import Detections, Frame, Track, seconds
from anonymize.detect import (
    GROUPS,
    TURNS,
    Context,
    DetectionResult,
    Detector,
    InOrder,
    Pending,
    ScaleScheduler,
    executor_for,
)
from anonymize.detect.context import Said
from anonymize.settings import Settings
from anonymize.track import MotionSample, Tracker, Whispers

Due = tuple[Frame, Collection[int]]
"""A frame on which detectors are to run, and the groups of scales."""


@dataclass(frozen=True, slots=True, eq=False)
class ScannedFrame:
    """What planning needs of one frame: no picture but a small grey one.

    Args:
        pts: when it is shown, in units of `time_base`.
        time_base: seconds per unit.
        sample: for the tracker; None if there are no detectors.
        results: of detection on this frame, or on the one before it if that was the last of its scene.
    """

    pts: int
    time_base: Fraction
    sample: MotionSample | None = None
    results: tuple[DetectionResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """The tracks of a whole video, when detectors ran and scenes began, in seconds, and what was found too faintly."""

    tracks: list[Track]
    detected: list[Fraction]
    cuts: list[Fraction]
    faint: list[Track]
    around: Mapping[int, Said] = field(default_factory=dict)
    """What another network says of weak finds and heads, by frame (`anonymize.detect.context`)."""


class ScanSchedule:
    """Decides on which frames of a segment detectors run, and at which groups of scales.

    Detection is due on the first and the last frame of every scene and segment, and at the rate in the settings. It
    takes all scales on the first frame, and on the last if that was not due by rate; on others the scales take turns
    (`anonymize.detect.TURNS`), so that none is left out for longer than `max_gap`. The previous frame is kept, so that
    detectors can run on the last frame of a scene when the next one begins.

    Args:
        settings: how often to detect.
    """

    def __init__(self, settings: Settings) -> None:
        self._every = Fraction(str(settings.detect.every))
        self._max_gap = Fraction(str(settings.follow.max_gap))
        self._turn_every = min(Fraction(str(settings.detect.thorough_every)), self._max_gap) / len(TURNS)
        self._previous: Frame | None = None
        self._detected_at: Fraction | None = None
        self._began = Fraction(0)
        self._turn = 0

    def due(self, frame: Frame, *, cut: bool) -> list[Due]:
        """The frames to detect on now, with the groups of scales, after `frame` was read.

        Args:
            frame: the next one.
            cut: whether it begins a scene.
        """
        since = self._every if self._detected_at is None else seconds(frame) - self._detected_at
        due = self.due_on_last() if cut or since > self._max_gap else []
        if cut or since >= self._every:
            due.append((frame, self._groups(seconds(frame), whole=cut)))
        self._previous = frame
        return due

    def due_on_last(self) -> list[Due]:
        """The latest frame, the last of its scene or segment, with all groups of scales; empty if it had its turn."""
        if self._previous is None or seconds(self._previous) == self._detected_at:
            return []
        return [(self._previous, self._groups(seconds(self._previous), whole=True))]

    def _groups(self, time: Fraction, *, whole: bool) -> Collection[int]:
        """The groups of scales whose turns came since the last detection: at least the next; at first all."""
        if whole or self._detected_at is None:
            self._began, self._turn = time, 0
        self._detected_at = time
        if not self._turn_every or not self._turn:
            self._turn = 1
            return GROUPS
        first, passed = self._turn, (time - self._began) // self._turn_every
        self._turn = max(first, passed) + 1
        turns = range(max(first, self._turn - len(TURNS)), self._turn)
        return frozenset[int]().union(*(TURNS[turn % len(TURNS)] for turn in turns))


def scan(
    frames: Iterable[Frame],
    detectors: Sequence[Detector],
    settings: Settings,
    threads: int = 0,
    context: Context | None = None,
) -> Iterator[ScannedFrame]:
    """Scan the consecutive `frames` of one segment of a video.

    Args:
        frames: in order.
        detectors: if there are none, only times are recorded.
        settings: what to find, and how often.
        threads: processor threads for all detection; 0 for all.
        context: is asked about weak finds.
    """
    if not detectors:
        yield from (ScannedFrame(frame.pts, frame.time_base) for frame in frames)
        return
    scheduler = ScaleScheduler(detectors, settings, executor_for(threads), quiet=True)
    schedule = ScanSchedule(settings)
    results, sample, held = InOrder[ScannedFrame](), None, None
    for frame in frames:
        sample = MotionSample.of(frame, sample)
        cut = sample.step is not None and sample.step.cut
        begun = [(due[0], scheduler.detect(*due)) for due in schedule.due(frame, cut=cut)]
        if held is not None:  # the last frame gets the detections that are due at the end
            yield from results.put(_with(*held, context))
        held = ScannedFrame(frame.pts, frame.time_base, sample), begun
    if held is not None:
        scanned, begun = held
        begun += [(due[0], scheduler.detect(*due)) for due in schedule.due_on_last()]
        yield from results.put(_with(scanned, begun, context))
    yield from results.rest()


def _with(
    scanned: ScannedFrame, begun: Sequence[tuple[Frame, Future[DetectionResult]]], context: Context | None
) -> Pending[ScannedFrame]:
    """`scanned` with the results of `begun`, and what `context` says of them; `begun` has the frames looked at."""

    def result(frame: Frame, found: DetectionResult) -> DetectionResult:
        if context is None:
            return found
        finds, confirmed = context.confirmed(frame, found.time, found.finds, found.quiet)
        said = context.around(frame, found.time, finds)
        return replace(found, finds=finds, around=said, confirmed=confirmed)

    futures = [future for _, future in begun]
    return Pending(
        futures, lambda: replace(scanned, results=tuple(result(frame, future.result()) for frame, future in begun))
    )


class Follower:
    """Tracks what was found through a whole video.

    Args:
        settings: how to track, and the score from which a find counts.
    """

    def __init__(self, settings: Settings) -> None:
        self._tracker = Tracker(settings.follow, settings.detect.high)
        self._whispers = Whispers(settings.detect.low, settings.detect.high)
        self._detected: list[Fraction] = []
        self._cuts: list[Fraction] = []
        self._around: dict[int, Said] = {}

    def take(self, frame: ScannedFrame) -> None:
        """Take the next frame of all segments."""
        if frame.sample is not None and self._tracker.take(frame.sample):
            self._cuts.append(frame.pts * frame.time_base)
        for result in frame.results:
            self._detected.append(result.time)
            self._tracker.find(result.index, result.finds, parts=result.parts, confirmed=result.confirmed)
            if result.around:
                self._around[result.index] = result.around
            self._whispers.take(result.index, result.time, Detections.concatenate([result.finds, result.quiet]))

    def finish(self) -> Followed:
        """Everything, after the last frame."""
        tracks, faint = self._tracker.finish(), self._tracker.faint()
        whispers = self._whispers.tracks([*tracks, *faint])
        return Followed(tracks, self._detected, self._cuts, [*faint, *whispers], self._around)
