"""The only loop, in its two halves: look at every frame and plan; draw the plan and write.

    source -> detect -> track -> plan
    source -> redact what the plan says -> sink

Recorded video is read twice, so that what is learnt at its end can be redacted at its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from anonymize.compose import compose
from anonymize.data import Frame, Region, Timestamps, Track, seconds
from anonymize.detect import Detector, Gaze
from anonymize.errors import PlanError
from anonymize.media import Sink, Source
from anonymize.plan import About, Plan, Regions
from anonymize.redact import Memory, redact
from anonymize.settings import Redact, Settings
from anonymize.track import Tracker


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage has come.

    Args:
        stage: "detect", "render" or "verify".
        done: frames done.
        total: frames in all, None where the container does not say.
    """

    stage: str
    done: int
    total: int | None


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """The `OnProgress` that does nothing."""


class _Watch:
    """Looks through a video as it goes by: every frame is seen by the tracker, some by the detectors.

    A look is due at the first and the last frame of every scene, and at the rate that the settings ask for. The frame
    before the present one is kept, so that the last frame of a scene can be looked at when the next begins.
    """

    def __init__(self, detectors: Sequence[Detector], settings: Settings) -> None:
        self._settings = settings
        self._every = Fraction(str(settings.detect.every))
        self._thorough_every = Fraction(str(settings.detect.thorough_every))
        self._max_gap = Fraction(str(settings.follow.max_gap))
        self._gaze = Gaze(detectors, settings.detect, settings.targets, self._max_gap)
        self._tracker = Tracker(settings.follow, settings.detect.high)
        self._previous: Frame | None = None
        self._thorough_at: Fraction | None = None
        self.looks: list[Fraction] = []
        self.cuts: list[Fraction] = []

    def see(self, frame: Frame) -> None:
        """Take the next frame."""
        cut = self._tracker.see(frame)
        since = seconds(frame) - self.looks[-1] if self.looks else self._every
        if cut:
            self.cuts.append(seconds(frame))
        if cut or since > self._max_gap:
            self._look_at_previous()
        if cut or since >= self._every:
            self._look(frame, cut)
        self._previous = frame

    def finish(self) -> list[Track]:
        """All subjects of the video, after its last frame."""
        self._look_at_previous()
        return self._tracker.finish()

    def _look_at_previous(self) -> None:
        if self._previous and seconds(self._previous) != self.looks[-1]:
            self._look(self._previous, cut=False)

    def _look(self, frame: Frame, cut: bool) -> None:
        time = seconds(frame)
        thorough = cut or self._thorough_at is None or time - self._thorough_at >= self._thorough_every
        if thorough:
            self._thorough_at = time
        self.looks.append(time)
        self._tracker.find(frame.index, self._gaze.look(frame, thorough=thorough))


def detect(
    source: Source,
    settings: Settings,
    detectors: Sequence[Detector],
    sha256: str,
    on_progress: OnProgress = ignore,
) -> Plan:
    """Look through `source` and plan what to redact.

    Args:
        source: where frames come from, read to its end once.
        settings: what to look for, how hard, and how to draw it.
        detectors: what looks; may be empty where only zones are redacted.
        sha256: of the source, for the plan's header.
        on_progress: told after every frame.

    Raises:
        InputError: the source cannot be read to its end.
    """
    times = Timestamps()
    tracks, looks, cuts = _watched(source, settings, detectors, times, on_progress)
    for detector in detectors:
        detector.rest()  # the encoder needs the memory
    size = (source.info.width, source.info.height)
    about = About(
        sha256=sha256,
        frames=len(times),
        width=size[0],
        height=size[1],
        redact=settings.redact,
        found_by={detector.name: detector.sha256 for detector in detectors},
    )
    return Plan(about, Regions(compose(tracks, times, looks, cuts, size, settings)))


def _watched(
    source: Source, settings: Settings, detectors: Sequence[Detector], times: Timestamps, on_progress: OnProgress
) -> tuple[list[Track], list[Fraction], list[Fraction]]:
    """Tracks, times of looks, times of cuts; `times` gets every frame's."""
    watch = _Watch(detectors, settings)
    for frame in source.frames():
        times.append(frame)
        if detectors:
            watch.see(frame)
        on_progress(Progress("detect", len(times), source.info.frame_count))
    return watch.finish(), watch.looks, watch.cuts


def render(source: Source, plan: Plan, sink: Sink, on_progress: OnProgress = ignore) -> Timestamps:
    """Draw `plan` on every frame of `source` and write it to `sink`; the times of the frames written.

    Raises:
        PlanError: the plan does not cover exactly the frames that came.
        InputError: the source cannot be read to its end.
        OutputError: the sink cannot be written.
    """
    memory = Memory()
    times = Timestamps()
    for frame in source.frames():
        times.append(frame)
        sink.write(_redacted(frame, plan.at(frame.index), plan.about.redact, memory))
        on_progress(Progress("render", len(times), plan.about.frames))
    if len(times) != plan.about.frames:
        raise PlanError(f"the plan covers {plan.about.frames} frames, the video has {len(times)}: detect again")
    sink.finish()
    return times


def _redacted(frame: Frame, regions: Sequence[Region], looks: Redact, memory: Memory) -> Frame:
    """`frame` itself where nothing is to be done, else a copy of it with `regions` drawn."""
    if not regions:
        return frame
    copy = frame.writable()
    redact(copy.planes, regions, looks, memory)
    return copy
