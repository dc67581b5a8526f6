"""Scanning a video: a motion sample of every frame, and on some frames the finds of the detectors.

    scan(frames, detectors, settings)  ->  ScannedFrame of every frame  ->  followed(...)  ->  tracks

`scan` needs no frame before or after those it gets, and so can run on any segment of a video, in any process.
`followed` takes the scanned frames of all segments in order, so that tracks continue from one to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from fractions import Fraction

from anonymize.data import Frame, Track, seconds
from anonymize.detect import (
    GROUPS,
    IN_THIS_THREAD,
    TURNS,
    DetectionResult,
    Detector,
    Pending,
    ScaleScheduler,
    executor_for,
    in_order,
)
from anonymize.settings import Settings
from anonymize.track import MotionSample, Tracker


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
    """The tracks of a whole video, and when detectors ran and scenes began, in seconds."""

    tracks: list[Track]
    detected: list[Fraction]
    cuts: list[Fraction]


class Scanner:
    """Decides on which frames of a segment detectors run, and runs them.

    Detection is due on the first and the last frame of every scene and segment, and at the rate in the settings. It
    takes all scales on the first frame, and on the last if that was not due by rate; on others the scales take turns
    (`anonymize.detect.TURNS`), so that none is left out for longer than `max_gap`. The previous frame is kept, so that
    detectors can run on the last frame of a scene when the next one begins.

    Args:
        detectors: all of them run.
        settings: what to find, and how often.
        executor: runs them.
    """

    def __init__(self, detectors: Sequence[Detector], settings: Settings, executor: Executor = IN_THIS_THREAD) -> None:
        self._every = Fraction(str(settings.detect.every))
        self._max_gap = Fraction(str(settings.follow.max_gap))
        self._turn_every = min(Fraction(str(settings.detect.thorough_every)), self._max_gap) / len(TURNS)
        self._scheduler = ScaleScheduler(detectors, settings, executor)
        self._previous: Frame | None = None
        self._sample: MotionSample | None = None
        self._detected_at: Fraction | None = None
        self._began = Fraction(0)
        self._turn = 0

    def scan(self, frame: Frame) -> Pending[ScannedFrame]:
        """Take the next frame."""
        time = seconds(frame)
        self._sample = sample = MotionSample.of(frame, self._sample)
        cut = sample.step is not None and sample.step.cut
        since = self._every if self._detected_at is None else time - self._detected_at
        begun: list[Future[DetectionResult]] = []
        if cut or since > self._max_gap:
            begun += self.detect_on_last()
        if cut or since >= self._every:
            begun.append(self._detect(frame, cut))
        self._previous = frame
        return _with(ScannedFrame(frame.pts, frame.time_base, sample), begun)

    def detect_on_last(self) -> list[Future[DetectionResult]]:
        """Detect on the latest frame, the last of its scene or segment, unless that was done."""
        if self._previous is None or seconds(self._previous) == self._detected_at:
            return []
        return [self._detect(self._previous, True)]

    def _detect(self, frame: Frame, whole: bool) -> Future[DetectionResult]:
        time = seconds(frame)
        if whole or self._detected_at is None:
            self._began, self._turn = time, 0
        groups = self._groups(time)
        self._detected_at = time
        return self._scheduler.detect(frame, groups)

    def _groups(self, time: Fraction) -> Collection[int]:
        """The groups of scales whose turns came since the last detection: at least the next; at first all."""
        if not self._turn_every or not self._turn:
            self._turn = 1
            return GROUPS
        first, passed = self._turn, (time - self._began) // self._turn_every
        self._turn = max(first, passed) + 1
        turns = range(max(first, self._turn - len(TURNS)), self._turn)
        return frozenset[int]().union(*(TURNS[turn % len(TURNS)] for turn in turns))


def _with(scanned: ScannedFrame, begun: Sequence[Future[DetectionResult]]) -> Pending[ScannedFrame]:
    """`scanned` with the results of `begun`."""
    return Pending(begun, lambda: replace(scanned, results=tuple(future.result() for future in begun)))


def scan(
    frames: Iterable[Frame], detectors: Sequence[Detector], settings: Settings, threads: int = 0
) -> Iterator[ScannedFrame]:
    """Scan the consecutive `frames` of one segment of a video.

    Args:
        frames: in order.
        detectors: if there are none, only times are recorded.
        settings: what to find, and how often.
        threads: processor threads for all detection; 0 for all.
    """
    if not detectors:
        return (ScannedFrame(frame.pts, frame.time_base) for frame in frames)
    return in_order(_to_the_end(frames, Scanner(detectors, settings, executor_for(threads))))


def _to_the_end(frames: Iterable[Frame], scanner: Scanner) -> Iterator[Pending[ScannedFrame]]:
    """Scan every frame, and run detectors on the last one too."""
    held: Pending[ScannedFrame] | None = None
    for frame in frames:
        scanned = scanner.scan(frame)
        if held is not None:
            yield held
        held = scanned
    if held is not None:
        last, begun = held, scanner.detect_on_last()

        def ended() -> ScannedFrame:
            scanned = last.result()
            return replace(scanned, results=(*scanned.results, *(future.result() for future in begun)))

        yield Pending([*last.futures, *begun], ended)


def followed(frames: Iterable[ScannedFrame], settings: Settings) -> Followed:
    """Track what was found through a whole video; `frames` are those of all segments, in order."""
    tracker = Tracker(settings.follow, settings.detect.high)
    detected: list[Fraction] = []
    cuts: list[Fraction] = []
    for frame in frames:
        if frame.sample is not None and tracker.take(frame.sample):
            cuts.append(frame.pts * frame.time_base)
        for result in frame.results:
            detected.append(result.time)
            tracker.find(result.index, result.finds)
    return Followed(tracker.finish(), detected, cuts)
