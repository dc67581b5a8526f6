"""Render one output and verify it until it passes or fails; verify an existing file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anonymize import media, report
from anonymize.aspect import parse
from anonymize.data import Kind, Timestamps
from anonymize.detect import Detector, second_detectors
from anonymize.errors import InputError, PlanError, VerificationError
from anonymize.kinds import PEOPLE, Verdict
from anonymize.media import MediaInfo, Source, VideoSink, VideoSource
from anonymize.parallel.segments import SegmentRunner, times_of
from anonymize.plan import Plan
from anonymize.progress import OnProgress, Progress, followed_by, ignore
from anonymize.recorded import passes
from anonymize.recorded.item import Item
from anonymize.recorded.kept import Kept
from anonymize.report import Report
from anonymize.settings import Settings
from anonymize.text.mapping import to_mapping
from anonymize.verify import Evidence, Verified, Wanted, examine
from anonymize.verify.repair import repairable, repaired


@dataclass(slots=True)
class Stopwatch:
    """Wall time by stage, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the time that the block takes to that of `stage`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - start, 3)


@dataclass(slots=True)
class Known:
    """What is known of an input while it is processed, for the report in case it fails.

    Args:
        settings: all settings of the run; None before they are known.
        source: what a report says of a source, as far as it is known.
        found_by: detectors of the first look, once they have begun.
        plan: "given", or empty.
        watch: times the stages.
    """

    settings: Settings | None = None
    source: dict[str, Any] = field(default_factory=dict)
    found_by: Sequence[Detector] = ()
    plan: str = ""
    watch: Stopwatch = field(default_factory=Stopwatch)

    def account(self, error: str) -> Report:
        """The report of a failure."""
        return Report(
            verdict=Verdict.FAIL,
            error=error,
            source=self.source,
            not_looked_for=not_looked_for(self.settings) if self.settings else (),
            plan=self.plan,
            settings=to_mapping(self.settings) if self.settings else {},
            models={detector.name: detector.sha256 for detector in self.found_by},
            seconds=self.watch.seconds,
        )


@dataclass(frozen=True, slots=True)
class Job:
    """One input on its way to release.

    Args:
        source: open, and read to its end.
        item: where it comes from and goes to.
        settings: all settings of the run.
        found_by: detectors of the first look.
        on_progress: called after every frame.
        watch: times the stages.
        runner: of its segments.
        by_hand: a person decided what the plan holds.
        plan: "made" in this run, or "given".
        instead: the settings that differ from those of a given plan.
    """

    source: Source
    item: Item
    settings: Settings
    found_by: Sequence[Detector]
    on_progress: OnProgress
    watch: Stopwatch
    runner: SegmentRunner
    by_hand: bool = False
    plan: str = "made"
    instead: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Refused(VerificationError):
    """An output did not pass verification.

    Args:
        message, path: as for every error.
        verified: the complete result of the verification.
        plan: what was drawn, repairs included.
    """

    def __init__(self, message: str, path: object, verified: Verified, plan: Plan) -> None:
        super().__init__(message, path)
        self.verified = verified
        self.plan = plan
        self.kept: Kept | None = None
        """The plan, if it was kept to continue with."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.path, self.verified, self.plan), {"kept": self.kept}

    def __str__(self) -> str:
        return super().__str__() + (f"; {self.kept.where}" if self.kept else "")


@dataclass(frozen=True, slots=True)
class Proved:
    """A rendering that passed verification.

    Args:
        plan: what was drawn, repairs included.
        times: when its frames are shown, in seconds.
        notes: what had to be changed for the output's container.
        verified: the result of the verification.
        devices: on which the detectors of both looks ran, by detector name.
    """

    plan: Plan
    times: Timestamps
    notes: tuple[str, ...]
    verified: Verified
    devices: dict[str, str]


def render_until_verified(job: Job, made: Plan, temporary: Path) -> Proved:
    """Render and verify; if the settings ask for repairs, redact what the second look found and begin again.

    Args:
        job: the input.
        made: what to draw.
        temporary: the file to write; it exists.

    Raises:
        Refused: the output did not pass.
        AnonymizeError: it could not be made.
    """
    if job.settings.verify.publish_unverified:
        return Proved(made, *_render(job, made, temporary), Verified(Verdict.UNVERIFIED), devices_of(job.found_by))
    detectors = second_detectors(job.settings, job.found_by)
    turn = made.about.repaired  # a kept plan is verified as it was last, since a person answered that
    repairs = turn + repairs_of(job.settings, by_hand=job.by_hand)
    while True:
        rendering = followed_by(job.on_progress, "verify", perhaps=repairs - turn)
        times, notes = _render(replace(job, on_progress=rendering), made, temporary)
        wanted = Wanted.of(job.source, times, job.settings.output)
        with job.watch.time("verify"):
            verified = examine(
                temporary,
                Evidence(wanted, job.source, made, job.by_hand),
                job.settings,
                detectors,
                turn=turn,
                on_progress=followed_by(job.on_progress, perhaps=repairs - turn),
                runner=job.runner,
            )
        verified = replace(verified, repaired=turn)
        if turn >= repairs or not repairable(verified):
            break
        turn += 1
        repairing = followed_by(job.on_progress, "render", "verify", perhaps=repairs - turn)
        with job.watch.time("repair"):
            made = repaired(made, job.source, verified, job.settings, repairing)
        made = replace(made, about=replace(made.about, repaired=turn))
    if verified.verdict is Verdict.FAIL:
        raise Refused(_complaint(job, verified), job.item.label, verified, made)
    return Proved(made, times, notes, verified, devices_of((*job.found_by, *detectors)))


def repairs_of(settings: Settings, *, by_hand: bool = False) -> int:
    """The maximum number of repairs: none of a plan that a person changed, or without verification."""
    return 0 if by_hand or settings.verify.publish_unverified else settings.verify.repair


def check_file(
    output: Path,
    settings: Settings,
    detectors: Sequence[Detector],
    *,
    source: Path | None = None,
    drawn: Plan | None = None,
    on_progress: OnProgress = ignore,
) -> Report:
    """Verify the file `output`, whatever made it; the result, as a report.

    Args:
        output: a video, picture or animation.
        settings: what to detect, how thoroughly, and the quality with which it was encoded.
        detectors: of the first look.
        source: what it was made from.
        drawn: the plan that was drawn.
        on_progress: called after every frame.

    Raises:
        InputError: the source cannot be used.
        PlanError: the plan was made for another file.
        UsageError: without a plan, a span in `settings` lies after the last frame.
    """
    watch = Stopwatch()
    if drawn is None and settings.only:
        with suppress(InputError), media.open_source(output) as result:  # verification reports what cannot be read
            passes.refuse_unmet_ahead(result, settings)
    about_source: dict[str, Any] = {}
    with ExitStack() as stack:
        wanted = original = None
        if source:
            media.check_readable(source)
            digest = report.sha256(source)
            if drawn and drawn.about.sha256 != digest:
                raise PlanError("the plan was made for another file", source)
            asked = settings.shape_of_pixels or (parse(drawn.about.settings.pixel_aspect) if drawn else None)
            original = stack.enter_context(
                media.open_source(source, allow_damaged=settings.allow_damaged, pixel_aspect=asked)
            )
            if drawn and isinstance(original, VideoSource):
                original.silence(drawn.silences)
            reading = followed_by(on_progress, "verify")
            total = original.info.frame_count

            def on_frame(done: int) -> None:
                reading(Progress("read", done, total))

            with watch.time("read"):
                times = times_of(original.frames(), on_frame)
            wanted = Wanted.of(original, times)
            about_source = facts(original.info, digest, times)
        evidence = Evidence(wanted, original, drawn)
        second = second_detectors(settings, detectors)
        with watch.time("verify"):
            verified = examine(output, evidence, settings, second, on_progress=on_progress)
    return Report(
        verdict=verified.verdict,
        error="; ".join(verified.failures) if verified.verdict is Verdict.FAIL else "",
        source=about_source,
        output={"sha256": report.sha256(output)},
        not_looked_for=not_looked_for(settings),
        verified=verified.as_dict(),
        plan="given" if drawn else "",
        settings=to_mapping(settings),
        models={detector.name: detector.sha256 for detector in second},
        devices=devices_of(second),
        seconds=watch.seconds,
    )


def devices_of(detectors: Sequence[Detector]) -> dict[str, str]:
    """The device of each of `detectors`, by its name."""
    return {detector.name: detector.device for detector in detectors}


def not_looked_for(settings: Settings) -> tuple[str, ...]:
    """Which of faces and plates no detector is asked to find."""
    sought = settings.targets | (PEOPLE if settings.targets & PEOPLE else set())  # who hides heads hides faces
    return tuple(kind.label for kind in (Kind.FACE, Kind.PLATE) if kind not in sought)


def facts(info: MediaInfo, sha256: str, times: Sequence[Any] | None) -> dict[str, Any]:
    """What a report says of a source.

    Args:
        info: the source.
        sha256: of its bytes.
        times: of its frames, in seconds; None if it was not read to its end.
    """
    known = {
        "sha256": sha256,
        "width": info.width,
        "height": info.height,
        "container": info.container,
        "codec": info.codec,
    }
    if times is None:
        return known
    return known | {"frames": len(times), "duration": float(times[-1] - times[0]) if len(times) else 0.0}


def _render(job: Job, made: Plan, temporary: Path) -> tuple[Timestamps, tuple[str, ...]]:
    """Draw `made` into the file `temporary`; the times of its frames, and what had to be changed."""
    source, output = job.source, job.settings.output
    with job.watch.time("render"):
        if cut := job.runner.cut:
            with job.runner.fallback(), media.open_sink(temporary, source, output) as sink:
                assert isinstance(sink, VideoSink)
                times = passes.render_segments(cut, job.runner, made, sink, output, job.on_progress)
                return times, sink.notes
        with media.open_sink(temporary, source, output) as sink:
            return passes.render(source, made, sink, job.on_progress), sink.notes


def _complaint(job: Job, verified: Verified) -> str:
    """Why an output was deleted, and what the user can do."""
    why = verified.failures or tuple(check.detail for check in verified.checks if check.name != "structure")
    advice = ""
    if repairable(verified) and not job.by_hand:
        advice = (
            "; --repair redacts what the second look found"
            if not job.settings.verify.repair
            else "; a person has to say what is left (anonymize doubts)"
        )
    elif verified.verdict is Verdict.FAIL and job.by_hand and not verified.failures:
        advice = (
            "; the settings allow no doubts (verify.doubts): answer those in its plan (anonymize doubts), or render "
            "with a preset that releases with doubts (--preset default)"
        )
    return f"the output did not pass its check and was deleted: {'; '.join(why)}{advice}"
