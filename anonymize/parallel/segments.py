"""One long video worked on in segments, by one process or by several: what comes out is the same.

Segments are a function of the file (`anonymize.media.video.segments`), and each is worked on as if it stood alone;
what must
agree across them (tracks, sound, times of decoding) is done by one process, in order. A video that cannot be cut is
one segment, worked on here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from anonymize import media
from anonymize.data import Frame, Region, Timestamps
from anonymize.detect import Detector, first_detectors
from anonymize.detect.scan import ScannedFrame, scan
from anonymize.media import (
    CannotCut,
    Cut,
    EncodedPacket,
    Head,
    MediaInfo,
    PassTraits,
    Segment,
    Source,
    Target,
    VideoSource,
)
from anonymize.parallel.mosaic_seeds import Seed, seeds
from anonymize.parallel.ordered import OrderedPool
from anonymize.plan import Plan
from anonymize.redact import Memory, redact
from anonymize.settings import Output, Redact, Settings

T = TypeVar("T")


@dataclass
class Bench:
    """Where tasks are done, in any process.

    Args:
        path: the video.
        settings: everything that is asked for.
        threads: processor threads there are for it; 0 for all.
    """

    path: Path
    settings: Settings
    threads: int = 0
    _source: VideoSource | None = field(default=None, repr=False)
    _detectors: Sequence[Detector] | None = field(default=None, repr=False)
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    """What tasks leave for the next one."""

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process goes what it opens and makes for itself: a worker may be replaced at any stage."""
        return Bench, (self.path, self.settings, self.threads)

    @classmethod
    def here(cls, source: VideoSource, settings: Settings, detectors: Sequence[Detector]) -> Bench:
        """In this process, with what is open already."""
        assert isinstance(source.input, Path)
        return cls(source.input, settings, 0, source, detectors)

    @cached_property
    def source(self) -> VideoSource:
        """The video, open."""
        if self._source is None:
            self._source = media.open_video(
                self.path, allow_damaged=self.settings.allow_damaged, pixel_aspect=self.settings.shape_of_pixels
            )
            self._source.threads = self.threads
            _share_processor(self.threads)
        return self._source

    def opened(self, path: Path, also: tuple[Fraction, ...]) -> VideoSource:
        """Another video, open; its pixels may be shown with other aspects than it says."""
        source = media.open_video(path, allow_damaged=self.settings.allow_damaged, also=also)
        source.threads = self.threads
        return source

    @cached_property
    def detectors(self) -> Sequence[Detector]:
        """Who looks."""
        if self._detectors is None:
            self._detectors = first_detectors(self.settings, self.threads)
        return self._detectors

    def release_memory(self) -> None:
        """Have the detectors give back their memory: the encoder needs it."""
        for detector in self._detectors or ():
            detector.release_memory()

    def remembered(self, plan: Plan, seeds: Sequence[Seed]) -> Memory:
        """The colours that the mosaics of earlier segments have where a segment begins."""
        memory = Memory()
        for seed in seeds:
            wanted = set(seed.frames)
            for frame in self.source.part(seed.segment, PassTraits()):
                if frame.index in wanted:
                    redact(frame.writable().planes, plan.at(frame.index), plan.about.redact, memory)
                    wanted.remove(frame.index)
                    if not wanted:
                        break
        return memory

    def do(self, task: Task) -> Iterator[Any]:
        """Do `task`.

        Raises:
            CannotCut: the segment does not hold what it should.
        """
        return task.do(self)


class Task(Protocol):
    """Work on one segment. It is sent to a process, and does there what it says."""

    def do(self, bench: Bench) -> Iterator[Any]:
        """What it tells, in order, and always the same."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Look through a segment: observations, then `PassTraits`. Where `detectors` is false, it is only read."""

    segment: Segment
    detectors: bool

    def do(self, bench: Bench) -> Iterator[ScannedFrame | PassTraits]:
        """See `Task.do`."""
        traits = PassTraits()
        frames = bench.source.part(self.segment, traits)
        yield from scan(frames, bench.detectors if self.detectors else (), bench.settings, bench.threads)
        yield traits


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draw a plan on a segment and encode it: a `Head`, then for every frame a list of `EncodedPacket`.

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

    def do(self, bench: Bench) -> Iterator[Head | list[EncodedPacket]]:
        """See `Task.do`."""
        bench.release_memory()
        memory = bench.remembered(self.plan, self.seeds)
        looks = self.plan.about.redact
        frames = bench.source.part(self.segment, PassTraits())
        drawn = (redacted(frame, self.plan.at(frame.index), looks, memory) for frame in frames)
        yield from media.coded(drawn, self.info, self.target, self.output)


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
        bench: where they are worked on.
        workers: processes that do it; 1 for this one.
    """

    def __init__(self, source: Source, cut: Cut | None, bench: Bench, workers: int) -> None:
        self._source = source
        self._cut = cut
        self._bench = bench
        self._pool = OrderedPool(workers, bench, source.info.name)

    def close(self) -> None:
        """End all processes."""
        self._pool.close()

    @property
    def peaks(self) -> list[int]:
        """The most memory that each process beside this one took, in bytes."""
        return list(self._pool.peaks.values())

    def either(self, in_segments: Callable[[Cut], T], whole: Callable[[], T]) -> T:
        """What `in_segments` makes of the video; of one that does not come in segments, what `whole` makes of it."""
        if self._cut is not None:
            try:
                return in_segments(self._cut)
            except CannotCut:
                self._cut = None
                self._pool.close()
        return whole()

    def observations(self, cut: Cut, *, looking: bool) -> Iterator[ScannedFrame]:
        """Every frame of all segments. After the last, the source knows what a pass over the whole file tells.

        Args:
            cut: of the source.
            looking: whether detectors look.

        Raises:
            CannotCut: the segments are not what a pass over the whole file would give.
        """
        parts: list[PassTraits] = []
        for telling in self._pool.run([Looking(segment, looking) for segment in cut.segments]):
            for news in telling:
                if isinstance(news, PassTraits):
                    parts.append(news)
                else:
                    yield news
        assert isinstance(self._source, VideoSource)
        self._source.joined(cut, parts)

    def read(self, on_frame: Callable[[int], None]) -> Timestamps:
        """Read the video to its end, so that all that a source tells is known; the times of its frames.

        `on_frame` is told after every frame how many there were.

        Raises:
            InputError: it cannot be.
        """

        def in_segments(cut: Cut) -> Timestamps:
            return times_of(self.observations(cut, looking=False), on_frame)

        def whole() -> Timestamps:
            return times_of(self._source.frames(), on_frame)

        return self.either(in_segments, whole)

    def drawn(
        self, cut: Cut, plan: Plan, target: Target, output: Output
    ) -> Iterator[Iterator[Head | list[EncodedPacket]]]:
        """Every segment, drawn and encoded."""
        info = self._source.info
        parts = self.parts(cut, plan)
        return self._pool.run([Drawing(segment, part, of, info, target, output) for segment, part, of in parts])

    def parts(self, cut: Cut, plan: Plan) -> Iterator[tuple[Segment, Plan, tuple[Seed, ...]]]:
        """Every segment with what of `plan` is drawn on it, and where its mosaics get the colours that they have."""
        before = seeds(cut, plan, (self._source.info.width, self._source.info.height))
        for segment, of in zip(cut.segments, before, strict=True):
            frames = [(segment.first, segment.end), *((frame, frame + 1) for seed in of for frame in seed.frames)]
            yield segment, replace(plan, regions=plan.regions.within(frames)), of

    def run(self, tasks: Sequence[Task], **kept: Any) -> Iterator[Iterator[Any]]:
        """What each of other tasks tells; `kept` is on this process's own bench, for where nobody else works."""
        self._bench.kept.update(kept)
        return self._pool.run(tasks)


def times_of(frames: Iterable[Frame | ScannedFrame], on_frame: Callable[[int], None]) -> Timestamps:
    """When each of `frames` is shown; `on_frame` is told after each how many there were."""
    times = Timestamps()
    for frame in frames:
        times.append(frame)
        on_frame(len(times))
    return times


@contextmanager
def team(source: Source, settings: Settings, detectors: Sequence[Detector], workers: int) -> Iterator[Team]:
    """Whoever works on `source`: so many processes beside this one, or with one worker this one alone.

    Args:
        source: open.
        settings: everything that is asked for.
        detectors: who looks, where this process works alone; others make their own from `settings`.
        workers: how many.
    """
    cut = media.cut_up(source.input, source.name, source.presentation) if isinstance(source, VideoSource) else None
    if cut is None or not isinstance(source, VideoSource) or not isinstance(source.input, Path):
        yield Team(source, None, Bench(Path(), settings), workers=1)
        return
    workers = min(workers, len(cut.segments))
    if workers > 1:
        bench = Bench(source.input, settings, max(1, (os.cpu_count() or 1) // workers))
    else:
        bench = Bench.here(source, settings, detectors)
    with closing(Team(source, cut, bench, workers)) as made:
        yield made
