"""Work on one long video in segments, in one process or several, with the same result.

    with segment_runner(source, settings, detectors, workers) as runner:
        if cut := runner.cut:
            with runner.fallback():     # the segments may turn out not to be usable
                return ...              # in segments
        return ...                      # in one go

Segments depend on the file alone (`anonymize.media.video.segments`), and each is processed independently; whatever
must agree across them (tracks, sound, decoding times) is done by one process, in order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from anonymize import media
from anonymize.data import Frame, Region, Timestamps
from anonymize.detect import Context, Detector, Witness, context_of, first_detectors, second_detectors, witness_of
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


@dataclass
class WorkerContext:
    """What a process needs to work on one video. Sent to another process, it opens and makes everything there anew.

    Args:
        path: the video.
        settings: all settings of the run.
        threads: processor threads it may use; 0 for all.
        video: the same, open; opened when needed if not given.
        first: detectors of the first look; made when needed if not given.
        second: detectors of the second look; made when needed if not given.
        asked: about weak faces and faint places; made when needed.
    """

    path: Path
    settings: Settings
    threads: int = 0
    video: VideoSource | None = field(default=None, repr=False)
    first: Sequence[Detector] | None = field(default=None, repr=False)
    second: Sequence[Detector] | None = field(default=None, repr=False)
    asked: Witness | None = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return WorkerContext, (self.path, self.settings, self.threads)

    @property
    def source(self) -> VideoSource:
        """The video, open."""
        if self.video is None:
            self.video = media.open_video(
                self.path, allow_damaged=self.settings.allow_damaged, pixel_aspect=self.settings.shape_of_pixels
            )
            self.video.threads = self.threads
            if self.threads:
                import cv2

                cv2.setNumThreads(self.threads)
        return self.video

    def opened(self, path: Path, also: tuple[Fraction, ...]) -> VideoSource:
        """Another video, open; `also`: pixel aspects with which it may be shown besides its own."""
        source = media.open_video(path, allow_damaged=self.settings.allow_damaged, also=also)
        source.threads = self.threads
        return source

    @property
    def first_detectors(self) -> Sequence[Detector]:
        """The detectors of the first look."""
        if self.first is None:
            self.first = first_detectors(self.settings, self.threads)
        return self.first

    def witness(self) -> Witness | None:
        """The network that is asked about weak finds and faint places."""
        if self.asked is None:
            self.asked = witness_of(self.threads)
        return self.asked

    def context(self) -> Context | None:
        """Who is asked about weak finds of one segment; knows nothing of the others."""
        made = context_of(self.settings, self.threads, self.asked)
        self.asked = made.witness if made else self.asked
        return made

    @property
    def second_detectors(self) -> Sequence[Detector]:
        """The detectors of the second look."""
        if self.second is None:
            self.second = second_detectors(self.settings, self.first_detectors, self.threads)
        return self.second

    def memory_after(self, plan: Plan, seeds: Sequence[Seed]) -> Memory:
        """The colours that the mosaics of earlier segments have, as sampled on the frames of `seeds`."""
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
    """Work on one segment. It is pickled and sent to a process."""

    def do(self, context: WorkerContext) -> Iterator[Any]:
        """Its messages, in order; the same ones each time it is done."""


@dataclass(frozen=True, slots=True)
class ScanSegment:
    """Scan a segment: a `ScannedFrame` for every frame, then `PassTraits`. Without `detect`, it is only read."""

    segment: Segment
    detect: bool

    def do(self, context: WorkerContext) -> Iterator[ScannedFrame | PassTraits]:
        """See `Task.do`."""
        traits = PassTraits()
        frames = context.source.part(self.segment, traits)
        detectors = context.first_detectors if self.detect else ()
        asked = context.context() if self.detect else None
        yield from scan(frames, detectors, context.settings, context.threads, asked)
        yield traits


@dataclass(frozen=True, slots=True)
class DrawSegment:
    """Draw a plan on a segment and encode it: a `Head`, then for every frame a list of `EncodedPacket`.

    Args:
        segment: of the source.
        plan: what is drawn on it, and on the frames of `seeds`.
        seeds: where the mosaics that are older than the segment got their colours.
        info: the source.
        target, output: how it is encoded.
    """

    segment: Segment
    plan: Plan
    seeds: tuple[Seed, ...]
    info: MediaInfo
    target: Target
    output: Output

    def do(self, context: WorkerContext) -> Iterator[Head | list[EncodedPacket]]:
        """See `Task.do`."""
        for detector in context.first or ():
            detector.release_memory()  # the encoder needs it
        memory = context.memory_after(self.plan, self.seeds)
        appearance = self.plan.about.redact
        frames = context.source.part(self.segment, PassTraits())
        drawn = (redacted(frame, self.plan.at(frame.index), appearance, memory) for frame in frames)
        yield from media.coded(drawn, self.info, self.target, self.output)


def redacted(frame: Frame, regions: Sequence[Region], appearance: Redact, memory: Memory) -> Frame:
    """A copy of `frame` with `regions` drawn, or `frame` itself if there are none.

    Args:
        frame: any.
        regions: what to draw, in its pixels.
        appearance: how.
        memory: the colours of mosaics, from frame to frame.
    """
    if not regions:
        return frame
    copy = frame.writable()
    redact(copy.planes, regions, appearance, memory)
    return copy


class SegmentRunner:
    """Works on one video in segments, until they turn out not to be usable.

    Args:
        source: the video.
        cut: its segments; None if it is to be read in one go.
        context: goes to every process.
        workers: number of processes; with 1 the work is done in this one.
    """

    def __init__(self, source: Source, cut: Cut | None, context: WorkerContext, workers: int) -> None:
        self._source = source
        self.cut = cut
        """The segments; None if the video is to be read in one go."""
        self._context = context
        self._pool = OrderedPool(workers, context, source.info.name)

    @classmethod
    def whole(cls, source: Source, settings: Settings) -> SegmentRunner:
        """One that reads `source` in one go, in this process."""
        return cls(source, None, WorkerContext(Path(), settings), workers=1)

    def close(self) -> None:
        """End all processes."""
        self._pool.close()

    @property
    def peaks(self) -> list[int]:
        """Peak memory of each process beside this one, in bytes."""
        return list(self._pool.peaks.values())

    @contextmanager
    def fallback(self) -> Iterator[None]:
        """Work on segments in the block; on `CannotCut` it ends, `cut` is None, and the caller reads in one go."""
        try:
            yield
        except CannotCut:
            self.cut = None
            self._pool.close()

    def scanned(self, detectors: Sequence[Detector]) -> Iterator[ScannedFrame]:
        """Every frame, scanned in segments if there are any, else in one go; only read if there are no `detectors`.

        Raises:
            CannotCut: see `scanned_frames`.
        """
        if self.cut is not None:
            return self.scanned_frames(self.cut, detect=bool(detectors))
        settings = self._context.settings
        asked = context_of(settings, once=media.is_picture(self._source)) if detectors else None
        return scan(self._source.frames(), detectors, settings, context=asked)

    def scanned_frames(self, cut: Cut, *, detect: bool) -> Iterator[ScannedFrame]:
        """Every frame of all segments. After the last, the source knows what a pass over the whole file would find.

        Args:
            cut: of the source.
            detect: whether detectors run.

        Raises:
            CannotCut: the segments do not give what a pass over the whole file would.
        """
        parts: list[PassTraits] = []
        for messages in self._pool.run([ScanSegment(segment, detect) for segment in cut.segments]):
            for message in messages:
                if isinstance(message, PassTraits):
                    parts.append(message)
                else:
                    yield message
        assert isinstance(self._source, VideoSource)
        self._source.joined(cut, parts)

    def read(self, on_frame: Callable[[int], None]) -> Timestamps:
        """Read the video to its end, so that all facts about the source are known; the times of its frames.

        `on_frame` is called after every frame with the number read so far.

        Raises:
            InputError: it cannot be read.
        """
        while True:
            with self.fallback():
                return times_of(self.scanned(()), on_frame)

    def drawn(
        self, cut: Cut, plan: Plan, target: Target, output: Output
    ) -> Iterator[Iterator[Head | list[EncodedPacket]]]:
        """The messages of `DrawSegment` for every segment.

        Args:
            cut: of the source.
            plan: what to draw.
            target, output: how to encode it.
        """
        info = self._source.info
        parts = self.parts(cut, plan)
        return self._pool.run([DrawSegment(segment, part, of, info, target, output) for segment, part, of in parts])

    def parts(self, cut: Cut, plan: Plan) -> Iterator[tuple[Segment, Plan, tuple[Seed, ...]]]:
        """Every segment, what of `plan` is drawn on it, and where its older mosaics got their colours."""
        before = seeds(cut, plan, (self._source.info.width, self._source.info.height))
        for segment, of in zip(cut.segments, before, strict=True):
            frames = [(segment.first, segment.end), *((frame, frame + 1) for seed in of for frame in seed.frames)]
            yield segment, replace(plan, regions=plan.regions.within(frames)), of

    def run(self, tasks: Sequence[Task], second: Sequence[Detector]) -> Iterator[Iterator[Any]]:
        """The messages of other tasks; `second`: detectors of the second look, used where tasks run in this process."""
        self._context.second = second
        return self._pool.run(tasks)


def times_of(frames: Iterable[Frame | ScannedFrame], on_frame: Callable[[int], None]) -> Timestamps:
    """When each of `frames` is shown; `on_frame` is called after each with their number so far."""
    times = Timestamps()
    for frame in frames:
        times.append(frame)
        on_frame(len(times))
    return times


@contextmanager
def segment_runner(
    source: Source, settings: Settings, detectors: Sequence[Detector], workers: int
) -> Iterator[SegmentRunner]:
    """The `SegmentRunner` of `source`; its processes end with the block.

    Args:
        source: open.
        settings: all settings of the run.
        detectors: of the first look, used with one worker; other processes make their own from `settings`.
        workers: number of processes; with 1 the work is done in this one.
    """
    cut = media.cut_up(source.input, source.name, source.presentation) if isinstance(source, VideoSource) else None
    if cut is None or not isinstance(source, VideoSource) or not isinstance(source.input, Path):
        yield SegmentRunner.whole(source, settings)
        return
    workers = min(workers, len(cut.segments))
    if workers > 1:
        context = WorkerContext(source.input, settings, max(1, (os.cpu_count() or 1) // workers))
    else:
        context = WorkerContext(source.input, settings, 0, source, detectors)
    with closing(SegmentRunner(source, cut, context, workers)) as runner:
        yield runner
