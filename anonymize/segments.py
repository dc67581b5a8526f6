"""One long video worked on in segments, by one process or by several: what comes out is the same.

Segments are a function of the file (`anonymize.media.segments`), and each is worked on as if it stood alone; what must
agree across them (tracks, sound, times of decoding) is done by one process, in order. A video that cannot be cut is
one segment, worked on here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from anonymize import media
from anonymize.crew import Crew
from anonymize.data import Frame, Region
from anonymize.detect import Detector, build
from anonymize.media import CannotCut, Coded, Cut, Head, MediaInfo, Segment, Source, Target, Traits, VideoSource
from anonymize.plan import Plan
from anonymize.redact import Memory, redact
from anonymize.seeds import Seed, seeds
from anonymize.settings import Output, Redact, Settings
from anonymize.watch import Observation, observed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Looking:
    """A task: look through a segment; where `detectors` is false, only read it."""

    segment: Segment
    detectors: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A task: draw a plan on a segment and encode it.

    Args:
        segment: which.
        plan: what is drawn on it, and on the frames of `seeds`.
        seeds: where mosaics get their colours that were sampled before it began.
        info: the source.
        target, output: how it is encoded.
    """

    segment: Segment
    plan: Plan
    seeds: tuple[Seed, ...]
    info: MediaInfo
    target: Target
    output: Output


@dataclass
class Bench:
    """Where tasks are done, in any process.

    Args:
        path: the video.
        settings: everything that is asked for.
        threads: processor threads that each detector and decoder may use; 0 for all.
    """

    path: Path
    settings: Settings
    threads: int = 0
    _source: VideoSource | None = field(default=None, repr=False)
    _detectors: Sequence[Detector] | None = field(default=None, repr=False)

    @classmethod
    def here(cls, source: VideoSource, settings: Settings, detectors: Sequence[Detector]) -> Bench:
        """In this process, with what is open already."""
        assert isinstance(source.input, Path)
        return cls(source.input, settings, 0, source, detectors)

    @cached_property
    def source(self) -> VideoSource:
        """The video, open."""
        if self._source is None:
            self._source = media.open_video(self.path, allow_damaged=self.settings.allow_damaged)
            self._source.threads = self.threads
            _share_processor(self.threads)
        return self._source

    @cached_property
    def detectors(self) -> Sequence[Detector]:
        """Who looks."""
        if self._detectors is None:
            self._detectors = build(self.settings.detect.detectors, self.settings.targets, self.threads)
        return self._detectors

    def do(self, task: Any) -> Iterator[Any]:
        """Do a `Looking` (observations, then `Traits`) or a `Drawing` (a `Head`, then lists of `Coded`).

        Raises:
            CannotCut: the segment does not hold what it should.
        """
        return self._look(task) if isinstance(task, Looking) else self._draw(task)

    def _look(self, task: Looking) -> Iterator[Observation | Traits]:
        traits = Traits()
        frames = self.source.part(task.segment, traits)
        yield from observed(frames, self.detectors if task.detectors else (), self.settings)
        yield traits

    def _draw(self, task: Drawing) -> Iterator[Head | list[Coded]]:
        if self._detectors is not None:
            for detector in self._detectors:
                detector.rest()  # the encoder needs the memory
        memory = self._remembered(task)
        looks = task.plan.about.redact
        frames = self.source.part(task.segment, Traits())
        drawn = (redacted(frame, task.plan.at(frame.index), looks, memory) for frame in frames)
        yield from media.coded(drawn, task.info, task.target, task.output)

    def _remembered(self, task: Drawing) -> Memory:
        """The colours that the mosaics of earlier segments have where this one begins."""
        memory = Memory()
        for seed in task.seeds:
            wanted = set(seed.frames)
            for frame in self.source.part(seed.segment, Traits()):
                if frame.index in wanted:
                    redact(frame.writable().planes, task.plan.at(frame.index), task.plan.about.redact, memory)
                    wanted.remove(frame.index)
                    if not wanted:
                        break
        return memory


def _share_processor(threads: int) -> None:
    """Let OpenCV take no more threads than the others of this process."""
    if threads:
        import cv2

        cv2.setNumThreads(threads)


def redacted(frame: Frame, regions: Sequence[Region], looks: Redact, memory: Memory) -> Frame:
    """`frame` itself where nothing is to be done, else a copy of it with `regions` drawn."""
    if not regions:
        return frame
    copy = frame.writable()
    redact(copy.planes, regions, looks, memory)
    return copy


class Team:
    """Whoever works on one video: on its segments, until it is found that they do not serve.

    Args:
        source: the video.
        cut: its segments; None where it is read in one go.
        crew: who works on them.
    """

    def __init__(self, source: Source, cut: Cut | None, crew: Crew) -> None:
        self._source = source
        self._cut = cut
        self._crew = crew

    @property
    def peaks(self) -> list[int]:
        """The most memory that each process beside this one took, in bytes."""
        return list(self._crew.peaks.values())

    def either(self, in_segments: Callable[[Cut], T], whole: Callable[[], T]) -> T:
        """What `in_segments` makes of the video; of one that does not come in segments, what `whole` makes of it."""
        if self._cut is not None:
            try:
                return in_segments(self._cut)
            except CannotCut:
                self._cut = None
                self._crew.close()
        return whole()

    def observations(self, cut: Cut, *, looking: bool) -> Iterator[Observation]:
        """Every frame of all segments. After the last, the source knows what a pass over the whole file tells.

        Args:
            cut: of the source.
            looking: whether detectors look.

        Raises:
            CannotCut: the segments are not what a pass over the whole file would give.
        """
        parts: list[Traits] = []
        for telling in self._crew.run([Looking(segment, looking) for segment in cut.segments]):
            for news in telling:
                if isinstance(news, Traits):
                    parts.append(news)
                else:
                    yield news
        assert isinstance(self._source, VideoSource)
        self._source.joined(cut, parts)

    def read(self) -> None:
        """Read the video to its end, so that all that a source tells is known.

        Raises:
            InputError: it cannot be.
        """

        def in_segments(cut: Cut) -> None:
            for _ in self.observations(cut, looking=False):
                continue

        def whole() -> None:
            for _ in self._source.frames():
                continue

        self.either(in_segments, whole)

    def drawn(self, cut: Cut, plan: Plan, target: Target, output: Output) -> Iterator[Iterator[Head | list[Coded]]]:
        """Every segment, drawn and encoded."""
        size = self._source.info.width, self._source.info.height
        before = seeds(cut, plan, size)
        tasks = [
            Drawing(segment, _part(plan, segment, of), of, self._source.info, target, output)
            for segment, of in zip(cut.segments, before, strict=True)
        ]
        return self._crew.run(tasks)


@contextmanager
def team(source: Source, settings: Settings, detectors: Sequence[Detector], workers: int) -> Iterator[Team]:
    """Whoever works on `source`: so many processes beside this one, or with one worker this one alone.

    Args:
        source: open.
        settings: everything that is asked for.
        detectors: who looks, where this process works alone; others make their own from `settings`.
        workers: how many.
    """
    cut = media.cut_up(source.input, source.name) if isinstance(source, VideoSource) else None
    if cut is None or not isinstance(source, VideoSource) or not isinstance(source.input, Path):
        yield Team(source, None, Crew(1, Bench(Path(), settings), ""))
        return
    workers = min(workers, len(cut.segments))
    if workers > 1:
        bench = Bench(source.input, settings, max(1, (os.cpu_count() or 1) // workers))
    else:
        bench = Bench.here(source, settings, detectors)
    with Crew(workers, bench, source.name) as crew:
        yield Team(source, cut, crew)


def _part(plan: Plan, segment: Segment, seeds: Sequence[Seed]) -> Plan:
    """What of `plan` is needed to draw `segment`."""
    frames = [(segment.first, segment.end), *((frame, frame + 1) for seed in seeds for frame in seed.frames)]
    return Plan(plan.about, plan.regions.within(frames))
