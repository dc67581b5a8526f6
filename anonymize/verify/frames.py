"""The examination of single frames, before their findings are gathered over time: of any segment, in any process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Frame, Kind, Region, seconds
from anonymize.detect import Detector, Matcher, Pending, executor_for, facing_of, in_order
from anonymize.media import PassTraits, Segment
from anonymize.media.clock.presentation import Presentation
from anonymize.parallel.mosaic_seeds import Seed
from anonymize.parallel.segments import WorkerContext
from anonymize.plan import Plan
from anonymize.plan.compose import stays_visible
from anonymize.plan.consent import expected
from anonymize.redact import Memory
from anonymize.settings import Settings
from anonymize.verify.against_plan import Compared, Comparer
from anonymize.verify.faint import Opinions, Place, ThirdLook
from anonymize.verify.sample import Sample
from anonymize.verify.second_look import Meant, SecondFinds, SecondLook
from anonymize.verify.uncovered import Uncovered
from anonymize.verify.variants import Variants


@dataclass(frozen=True, slots=True)
class FrameFindings:
    """The findings on one frame.

    Args:
        pts: presentation timestamp, in units of `time_base`.
        time_base: seconds per unit.
        compared: with the plan; None without a plan.
        seen: by the second look; None if it did not scan the frame.
        opinions: of a third network on faint places.
    """

    pts: int
    time_base: Fraction
    compared: Compared | None
    seen: SecondFinds | None
    opinions: Opinions = ()


class Checker:
    """Examines frames one by one.

    Args:
        plan: what was drawn, if known.
        settings: of detection, and of the output's encoding.
        sample: the frames to scan.
        look: scans them; None for no second look.
        memory: the colours of mosaics at the first of these frames.
        third: is asked about faint places; None if nobody is.
    """

    def __init__(
        self,
        plan: Plan | None,
        settings: Settings,
        sample: Sample,
        look: SecondLook | None,
        memory: Memory | None = None,
        third: ThirdLook | None = None,
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._sample = sample
        self._look = look
        self._third = third
        self._comparer = Comparer(plan, settings.output.quality, memory) if plan else None

    def see(self, frame: Frame, original: Frame | None) -> Pending[FrameFindings]:
        """Examine the next frame of the output; `original` is that of the source, if needed and available."""
        regions: list[Region] = []
        compared = None
        seen: Pending[SecondFinds] | None = None
        if self._plan and self._comparer and frame.index < self._plan.about.frames:
            regions = self._plan.at(frame.index)
            compared = self._comparer.see(frame, original)
        if self._look:
            self._look.watch(frame)
            if frame.index in self._sample:
                seen = self._look.detect(frame, regions, self._meant(frame), None if self._plan else original)
        said = self._third.see(frame) if self._third else ()
        pts, time_base = frame.pts, frame.time_base
        futures = seen.futures if seen else ()
        return Pending(futures, lambda: FrameFindings(pts, time_base, compared, seen.result() if seen else None, said))

    def _meant(self, frame: Frame) -> Meant:
        """Says which finds on `frame` are expected: all at some times, else one for each visible region of the plan."""
        free = stays_visible(seconds(frame), self._settings)
        visible: list[Region] = []
        if self._plan and frame.index < self._plan.about.frames:
            visible = self._plan.expected_at(frame.index)
            looks = self._plan.about.redact
        size = (frame.width, frame.height)

        def meant(found: Detections) -> NDArray[np.bool_]:
            if free or not visible:
                return np.full(len(found), free)
            return expected(found, visible, looks, size)

        return meant


def second_look(
    detectors: Sequence[Detector], settings: Settings, turn: int, uncovered: Uncovered | None = None, threads: int = 0
) -> SecondLook | None:
    """The second look by `detectors`; None if there are none.

    Args:
        detectors: to run.
        settings: targets, and the settings of the first look.
        turn: number of the examination; each scans in other variants.
        uncovered: finds where covers come off, if the plan is unknown.
        threads: processor threads for detection; 0 for all.
    """
    if not detectors:
        return None
    variants = Variants(detectors, settings.detect, settings.targets, turn)
    matcher = Matcher.of(settings, detectors)
    facing = facing_of(settings) if any(Kind.HEAD in detector.kinds for detector in detectors) else None
    return SecondLook(variants, settings.detect.high, uncovered, executor_for(threads), matcher, facing)


@dataclass(frozen=True, slots=True)
class Checking:
    """Examine a segment of an output: a `FrameFindings` for every frame, then `PassTraits`.

    Args:
        output: the file.
        presentation: when its contents are played.
        segment: of the file.
        original: the same segment of the source; None if its pictures are not needed.
        plan: what was drawn on it, and on the frames of `seeds`.
        seeds: where mosaics sampled their colours before it began.
        sample: the frames to scan.
        turn: number of this examination.
        quality: that it was encoded with; None if unknown.
        also: pixel aspect ratios that it may be shown with, besides its own.
        asked: the faint places about which a third network is asked, by frame.
    """

    output: Path
    presentation: Presentation
    segment: Segment
    original: Segment | None
    plan: Plan
    seeds: tuple[Seed, ...]
    sample: Sample
    turn: int
    quality: int | None
    also: tuple[Fraction, ...] = ()
    asked: Mapping[int, Sequence[Place]] = field(default_factory=dict)

    def do(self, context: WorkerContext) -> Iterator[FrameFindings | PassTraits]:
        """See `anonymize.parallel.segments.Task.do`."""
        look = second_look(context.second_detectors, context.settings, self.turn, threads=context.threads)
        memory = context.memory_after(self.plan, self.seeds)
        encoded = replace(context.settings, output=replace(context.settings.output, quality=self.quality))
        witness = context.witness() if self.asked else None
        third = ThirdLook(witness, self.asked) if witness else None
        checker = Checker(self.plan, encoded, self.sample, look, memory, third)
        traits = PassTraits()
        originals = context.source.part(self.original, PassTraits()) if self.original else iter(())
        output = context.opened(self.output, self.also)
        output.presentation = self.presentation
        frames = output.part(self.segment, traits)
        yield from in_order(checker.see(frame, next(originals, None)) for frame in frames)
        yield traits
