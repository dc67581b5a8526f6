"""One examination of one output, which is read once, frame by frame, for all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Self

from anonymize import media
from anonymize.aspect import parse
from anonymize.data import Frame, Kind
from anonymize.detect import Detector, in_order, witness_of
from anonymize.errors import AnonymizeError, ProcessError
from anonymize.kinds import PEOPLE, Verdict
from anonymize.media import Cut, MediaInfo, PassTraits, Source, VideoSource
from anonymize.media.still.source import StillSource
from anonymize.parallel.segments import SegmentRunner
from anonymize.plan import Plan
from anonymize.progress import OnProgress, Progress, ignore
from anonymize.settings import Doubts, Settings, Style
from anonymize.text.words import clock
from anonymize.verify.against_plan import Comparison
from anonymize.verify.containers.contents import unexamined
from anonymize.verify.faint import LISTED, FaintPlaces, ThirdLook
from anonymize.verify.frames import Checker, Checking, FrameFindings, second_look
from anonymize.verify.hiding import RATE, gathered, hiding, subject_of
from anonymize.verify.sample import Sample, bound, sample_size
from anonymize.verify.sound import still_heard
from anonymize.verify.structure import TimeComparison, Wanted, is_picture, of_picture, of_video
from anonymize.verify.uncovered import Uncovered
from anonymize.verify.verdict import Check, Find, Verified

STRUCTURE, PICTURES, LOOK = "structure", "picture against plan", "second look"
_NAMED = 5
"""Maximum number of finds that a line names; the lists hold all."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an output besides the file itself; whatever is missing is not checked.

    Args:
        wanted: what its structure is compared with.
        source: to compare pictures with.
        plan: what was drawn.
        by_hand: a person decided what the plan holds, so what it leaves visible is a doubt, not a failure.
    """

    wanted: Wanted | None = None
    source: Source | None = None
    plan: Plan | None = None
    by_hand: bool = False


def examine(
    path: Path,
    evidence: Evidence,
    settings: Settings,
    detectors: Sequence[Detector],
    *,
    turn: int = 0,
    on_progress: OnProgress = ignore,
    runner: SegmentRunner | None = None,
) -> Verified:
    """Examine the output at `path`, whatever its name.

    Args:
        path: a video, picture or animation.
        evidence: what is known of it.
        settings: how hard to look, and with what the output was encoded.
        detectors: who takes the second look; nobody does where there are none.
        turn: number of this examination, from 0; each looks in other ways at other frames.
        on_progress: told after every frame.
        runner: of `evidence.source`; its segments are used where the output can be cut as it was.

    Raises:
        ProcessError: the processes of `runner` died.
    """
    if isinstance(evidence.source, StillSource) and _compared_with(evidence) is None:
        evidence.source.release_memory()  # large images would be held twice
    try:
        with media.open_source(path, also=_aspects(evidence, settings)) as result:
            if evidence.wanted is not None and isinstance(result, VideoSource):
                result.timed_as_output_of(evidence.wanted.source)

            examination = None
            begin = partial(_Examination, result.info, evidence, settings, detectors, turn)
            if runner and (cut := runner.cut) and evidence.plan is not None and isinstance(result, VideoSource):
                alike = media.cut_up(path, path.name, result.presentation, like=cut)
                if alike is not None:
                    with runner.fallback():
                        begun = begin()
                        segments = begun.checked_in_segments(runner, result, path, cut, alike)
                        examination = begun.taken(segments, len(alike.times), on_progress)
            if examination is None:
                begun = begin()
                examination = begun.taken(begun.checked(result), result.info.frame_count, on_progress)
            found = result.info
            silences = evidence.plan.silences if evidence.plan else ()
            heard = list(still_heard(result, silences)) if isinstance(result, VideoSource) else []
    except ProcessError:
        raise  # says nothing about the output
    except AnonymizeError as error:
        broken = Check(STRUCTURE, False, f"it cannot be read back: {error}")
        return Verified(Verdict.FAIL, (broken,), not_checked=("its pictures: they cannot be read",))
    for detector in detectors:
        detector.release_memory()
    return examination.result(path, found, result if isinstance(result, StillSource) else None, heard)


def _aspects(evidence: Evidence, settings: Settings) -> tuple[Fraction, ...]:
    """Known pixel aspect ratios of the source: an output shows what its source did, whatever it states itself."""
    known = [settings.shape_of_pixels]
    if evidence.wanted is not None:
        known += evidence.wanted.source.pixel_aspects
    if evidence.plan is not None:
        known.append(parse(evidence.plan.about.settings.pixel_aspect))
    return tuple(aspect for aspect in known if aspect is not None)


def _compared_with(evidence: Evidence) -> Source | None:
    """The source, if its pictures are needed: a solid region can be checked without them."""
    return evidence.source if evidence.plan is None or _mosaics(evidence.plan) else None


def _pairs(result: Source, source: Source | None) -> Iterator[tuple[Frame, Frame | None]]:
    """The frames of the output, each with that of the source, if they are to be compared."""
    if source is None:
        yield from ((frame, None) for frame in result.frames())
        return
    originals = source.frames()
    yield from ((frame, next(originals, None)) for frame in result.frames())
    for _ in originals:  # only at its end does a source know what was lost of it
        continue


class _Examination:
    """Gathers the findings on an output's frames."""

    def __init__(
        self, info: MediaInfo, evidence: Evidence, settings: Settings, detectors: Sequence[Detector], turn: int
    ) -> None:
        self._evidence, self._settings, self._detectors = evidence, settings, detectors
        plan = evidence.plan
        self._plan = plan
        self.compared_with = _compared_with(evidence)
        self._clock = TimeComparison(evidence.wanted.times if evidence.wanted else None)
        self._comparison = Comparison() if plan else None
        blind = plan is None and evidence.source is None
        sampled = settings.verify if plan else replace(settings.verify, look_every=0.0)
        frames = plan.about.frames if plan else info.frame_count or 0
        wanted = sample_size(sampled, info.average_rate, frames)
        self._sample = Sample(wanted, frames, f"{plan.about.sha256 if plan else ''}:{turn}")
        self._turn = turn
        self._look = second_look(detectors, settings, turn, Uncovered() if blind else None)
        self._faint = FaintPlaces(plan, settings.targets) if plan else None
        self._asked = self._faint.questions() if self._faint and detectors else {}

    @property
    def frames(self) -> int:
        """Number of frames so far."""
        return self._clock.count

    def checked(self, result: Source) -> Iterator[FrameFindings]:
        """The findings on every frame of `result`, for `take`."""
        witness = witness_of(1) if self._asked else None  # on small pictures more threads are no faster
        third = ThirdLook(witness, self._asked) if witness else None
        checker = Checker(self._plan, self._settings, self._sample, self._look, third=third)
        pairs = _pairs(result, self.compared_with)
        yield from in_order(checker.see(frame, original) for frame, original in pairs)

    def checked_in_segments(
        self, runner: SegmentRunner, result: VideoSource, path: Path, cut: Cut, alike: Cut
    ) -> Iterator[FrameFindings]:
        """The same, in segments.

        Args:
            runner: of the source.
            result: the output, open.
            path: the output.
            cut: of the source.
            alike: of the output, into as many segments.

        Raises:
            CannotCut: the segments do not hold what they should.
        """
        assert self._plan is not None
        tasks = [
            Checking(
                path,
                result.presentation,
                segment,
                original if self.compared_with else None,
                plan,
                seeds,
                self._sample,
                self._turn,
                self._settings.output.quality,
                result.also,
                {index: self._asked[index] for index in range(segment.first, segment.end) if index in self._asked},
            )
            for segment, (original, plan, seeds) in zip(alike.segments, runner.parts(cut, self._plan), strict=True)
        ]
        parts: list[PassTraits] = []
        for messages in runner.run(tasks, self._detectors):
            for message in messages:
                if isinstance(message, PassTraits):
                    parts.append(message)
                else:
                    yield message
        result.joined(alike, parts)

    def taken(self, frames: Iterable[FrameFindings], total: int | None, on_progress: OnProgress) -> Self:
        """This, after all of `frames`; `total` is their number if known, and `on_progress` is called after each."""
        for checked in frames:
            self.take(checked)
            on_progress(Progress("verify", self.frames, total))
        return self

    def take(self, checked: FrameFindings) -> None:
        """Add the findings on the next frame."""
        if self._faint:
            self._faint.see(self.frames, checked)
            self._faint.hear(checked.opinions)
            if checked.seen:
                self._faint.take(checked.seen)
        self._clock.see(checked)
        if self._comparison and checked.compared:
            self._comparison.take(checked.compared)
        if self._look and checked.seen:
            self._look.take(checked.seen)

    def result(self, path: Path, found: MediaInfo, picture: StillSource | None, heard: Sequence[str] = ()) -> Verified:
        """The verdict, after the last frame.

        Args:
            path: the output.
            found: describes it.
            picture: the output, if it is one.
            heard: what is wrong with its sound.
        """
        checks = [self._structure(path, found, picture, heard)]
        leaks: list[Find] = []
        doubts: list[Find] = []
        scanned = showing = 0
        if self._comparison:
            leaks, doubts = (self._hiding(finds, found) for finds in self._comparison.finds())
            checks.append(self._pictures(leaks, doubts))
        if self._look:
            seen, maybe, showing = self._look.finds()
            if self._evidence.by_hand:
                seen, maybe = [], [*seen, *maybe]
            subject = self._subject(found)
            seen, maybe = (gathered(self._hiding(finds, found), subject) for finds in (seen, maybe))
            scanned = self._look.scanned
            checks.append(_second_look(seen, maybe, scanned, self._clock.count))
            leaks, doubts = [*leaks, *seen], [*doubts, *maybe]
        places, unlikely = self._faint.finds() if self._faint else ([], 0)
        faint = self._hiding(places, found)
        failed = not all(check.passed for check in checks)
        failed |= bool(doubts) and self._settings.verify.doubts is Doubts.FAIL
        return Verified(
            verdict=Verdict.FAIL if failed else Verdict.PASS_WITH_DOUBTS if doubts else Verdict.PASS,
            checks=tuple(checks),
            leaks=tuple(leaks),
            doubts=tuple(doubts),
            looked_frames=scanned,
            of_frames=self._clock.count,
            bound=bound(scanned, showing, self._clock.count),
            not_checked=tuple(self._not_checked(found)),
            faint=tuple(faint[:LISTED]),
            faint_places=len(faint) - unlikely,
            faint_unlikely=unlikely,
        )

    def _hiding(self, finds: Sequence[Find], found: MediaInfo) -> list[Find]:
        return hiding(finds, found, self._clock.count, self._settings)

    def _subject(self, found: MediaInfo) -> Callable[[Find], int]:
        """A function that gives the track of the plan that a find is of."""
        if self._plan is None:
            return lambda _: -1
        rows, rate = self._plan.covered().columns(), float(found.average_rate or RATE)
        return partial(subject_of, rows=rows, appearances=self._plan.about.redact, rate=rate)

    def _structure(self, path: Path, found: MediaInfo, picture: StillSource | None, heard: Sequence[str]) -> Check:
        if is_picture(path):
            failures = of_picture(path, self._evidence.wanted, picture)
        else:
            failures = [*self._clock.failures(), *of_video(path, found, self._evidence.wanted)]
        failures += heard
        count = self._clock.count
        if self._plan and self._plan.about.frames != count:
            failures.append(f"the plan covers {self._plan.about.frames} frames, it has {count}")
        passed = f"{count} frames, each at its time" if count > 1 else "one picture"
        return Check(STRUCTURE, not failures, "; ".join(failures) or f"{passed}; nothing beside picture and sound")

    def _pictures(self, leaks: Sequence[Find], doubts: Sequence[Find]) -> Check:
        assert self._comparison is not None
        count = self._comparison.compared
        if leaks:
            return Check(
                PICTURES, False, f"{_listed('redacted region', leaks)} still visible: {_named(leaks, self.frames)}"
            )
        if doubts:
            return Check(
                PICTURES, True, f"{_listed('redacted region', doubts)} possibly visible: {_named(doubts, self.frames)}"
            )
        return Check(PICTURES, True, f"{count} region{'s' * (count != 1)} compared: none shows what it hides")

    def _not_checked(self, found: MediaInfo) -> Iterator[str]:
        if self._evidence.wanted is None:
            yield "frames, times, sound and colours against the source: no source was given"
        if self._plan is None:
            yield "regions: no plan was given; anyone left visible on purpose counts as a find"
        elif self._comparison and self._comparison.skipped:
            yield f"{self._comparison.skipped} overlapping mosaics: only the source shows what was drawn"
        looked_for = {kind for detector in self._detectors for kind in detector.kinds} & set(self._settings.targets)
        sought = {Kind.FACE, Kind.PLATE} | set(self._settings.targets)
        for kind in sorted(sought - looked_for - (PEOPLE if looked_for & PEOPLE else set())):
            yield f"{kind.label}s: no detector was asked to find them"
        yield from unexamined(found.container, "" if found.codec == found.container else found.codec)


def _mosaics(plan: Plan) -> bool:
    """Whether `plan` draws any kind of region other than black."""
    return any(plan.about.redact.of(kind).style is not Style.SOLID for kind in Kind)


def _second_look(leaks: Sequence[Find], doubts: Sequence[Find], scanned: int, frames: int) -> Check:
    if not scanned:
        return Check(LOOK, False, "not checked: no frame was scanned")
    how = f"{scanned} of {frames} frame{'s' * (frames != 1)} scanned"
    if leaks:
        return Check(LOOK, False, f"{_listed('find', leaks)} that nothing hides, on {how}: {_named(leaks, frames)}")
    if doubts:
        return Check(LOOK, True, f"{_listed('doubtful find', doubts)} on {how}: {_named(doubts, frames)}")
    return Check(LOOK, True, f"{how}: nothing found")


def _listed(what: str, finds: Sequence[Find]) -> str:
    return f"{len(finds)} {what}{'s' if len(finds) != 1 else ''}"


def _named(finds: Sequence[Find], frames: int) -> str:
    """Kind and time of the first few; in a single picture, which has no times, the middle of their boxes in pixels."""
    middles = (f"{(find.box[0] + find.box[2]) / 2:.0f},{(find.box[1] + find.box[3]) / 2:.0f}" for find in finds)
    places = (clock(find.start) for find in finds) if frames > 1 else middles
    words = [f"{find.kind.label} at {place}" for find, place in zip(finds[:_NAMED], places, strict=False)]
    more = f" and {len(finds) - _NAMED} more" if len(finds) > _NAMED else ""
    return ", ".join(words) + more
