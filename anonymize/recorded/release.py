"""Rendering and examining one output, until it passes or is found wanting; and examining a file that is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anonymize import media, report
from anonymize.aspect import parse
from anonymize.data import Kind, Timestamps
from anonymize.detect import Detector, second_detectors
from anonymize.errors import InputError, PlanError, VerificationError
from anonymize.kinds import Verdict
from anonymize.media import Cut, MediaInfo, Source, VideoSink
from anonymize.parallel.segments import Team, times_of
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

T = TypeVar("T")


@dataclass(slots=True)
class Stopwatch:
    """Wall time by stage, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    def time(self, stage: str, work: Callable[[], T]) -> T:
        """Do `work` and add its time to that of `stage`."""
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - start, 3)


@dataclass(slots=True)
class Known:
    """What is known of an input while it is worked on: all that can be told of it where that fails.

    Args:
        settings: everything that is asked for; None before anybody asked.
        source: what a report tells of a source, as far as it is known.
        found_by: who has begun to look for faces and plates.
        plan: "given", or empty.
        watch: times the stages.
    """

    settings: Settings | None = None
    source: dict[str, Any] = field(default_factory=dict)
    found_by: Sequence[Detector] = ()
    plan: str = ""
    watch: Stopwatch = field(default_factory=Stopwatch)

    def account(self, error: str) -> Report:
        """The account of a failure."""
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
class Work:
    """One input on its way to release.

    Args:
        source: open, and read to its end.
        item: where it comes from and goes to.
        settings: everything that is asked for.
        found_by: who looked for faces and plates.
        on_progress: told after every frame.
        watch: times the stages.
        team: who renders it.
        by_hand: a person decided what the plan holds.
        plan: "made" in this run, or "given".
        instead: the settings that differ from those of a plan that was given.
    """

    source: Source
    item: Item
    settings: Settings
    found_by: Sequence[Detector]
    on_progress: OnProgress
    watch: Stopwatch
    team: Team
    by_hand: bool = False
    plan: str = "made"
    instead: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Refused(VerificationError):
    """An output did not pass its check.

    Args:
        message, path: as of every error.
        verified: the whole result of the examination.
        plan: what was drawn, repairs included.
    """

    def __init__(self, message: str, path: object, verified: Verified, plan: Plan) -> None:
        super().__init__(message, path)
        self.verified = verified
        self.plan = plan
        self.kept: Kept | None = None
        """Where the plan was put, to go on with."""

    def __str__(self) -> str:
        return super().__str__() + (f"; {self.kept.where}" if self.kept else "")


@dataclass(frozen=True, slots=True)
class Proved:
    """A rendering that passed: what was drawn, when its frames are shown, what had to be changed, what was examined.

    Args:
        devices: on what the detectors of both looks ran, by name.
    """

    plan: Plan
    times: Timestamps
    notes: tuple[str, ...]
    verified: Verified
    devices: dict[str, str]


def render_until_verified(work: Work, made: Plan, temporary: Path) -> Proved:
    """Render and examine; where the settings ask for it, redact what the second look finds, and begin again.

    Args:
        work: the input.
        made: what is to be drawn.
        temporary: where; the file exists.

    Raises:
        Refused: the output did not pass.
        AnonymizeError: it could not be made.
    """
    if work.settings.verify.publish_unverified:
        return Proved(made, *_render(work, made, temporary), Verified(Verdict.UNVERIFIED), devices_of(work.found_by))
    looking = second_detectors(work.settings, work.found_by)
    turn = made.about.repaired  # a plan that was kept is looked at as it was last: that is what a person answered
    repairs = turn + repairs_of(work.settings, by_hand=work.by_hand)
    while True:
        times, notes = _render(_going_on(work, "verify", perhaps=repairs - turn), made, temporary)
        checking = _going_on(work, perhaps=repairs - turn)
        verified = replace(_examine(checking, made, times, temporary, looking, turn), repaired=turn)
        if turn >= repairs or not repairable(verified):
            break
        turn += 1
        tell = followed_by(work.on_progress, "render", "verify", perhaps=repairs - turn)
        made = work.watch.time("repair", partial(repaired, made, work.source, verified, work.settings, tell))
        made = replace(made, about=replace(made.about, repaired=turn))
    if verified.verdict is Verdict.FAIL:
        raise Refused(_complaint(work, verified), work.item.label, verified, made)
    return Proved(made, times, notes, verified, devices_of((*work.found_by, *looking)))


def repairs_of(settings: Settings, *, by_hand: bool = False) -> int:
    """How many repairs there may be, at most: none of what a person decided, or of what nobody checks."""
    return 0 if by_hand or settings.verify.publish_unverified else settings.verify.repair


def _going_on(work: Work, *stages: str, perhaps: int) -> Work:
    return replace(work, on_progress=followed_by(work.on_progress, *stages, perhaps=perhaps))


def check_file(
    output: Path,
    settings: Settings,
    detectors: Sequence[Detector],
    *,
    source: Path | None = None,
    drawn: Plan | None = None,
    on_progress: OnProgress = ignore,
) -> Report:
    """Examine the file `output`, whoever made it; what the examination found, as a report.

    Args:
        output: a video, picture or animation.
        settings: what to look for, how hard, and with what quality it was encoded.
        detectors: who took the first look.
        source: what it was made from.
        drawn: the plan that was drawn.
        on_progress: told after every frame.

    Raises:
        InputError: the source cannot be used.
        PlanError: the plan was made for another file.
        UsageError: without a plan, a span in `settings` lies behind the last frame.
    """
    watch = Stopwatch()
    if drawn is None and settings.only:
        with suppress(InputError), media.open_source(output) as result:  # what cannot be read, the examination says
            passes.refuse_unmet_ahead(result, settings)
    told: dict[str, Any] = {}
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
            reading = followed_by(on_progress, "verify")
            total = original.info.frame_count

            def on_frame(done: int) -> None:
                reading(Progress("read", done, total))

            times = watch.time("read", partial(times_of, original.frames(), on_frame))
            wanted = Wanted.of(original, times)
            told = facts(original.info, digest, times)
        evidence = Evidence(wanted, original, drawn)
        looking = second_detectors(settings, detectors)
        verified = watch.time("verify", lambda: examine(output, evidence, settings, looking, on_progress=on_progress))
    return Report(
        verdict=verified.verdict,
        error="; ".join(verified.failures) if verified.verdict is Verdict.FAIL else "",
        source=told,
        output={"sha256": report.sha256(output)},
        not_looked_for=not_looked_for(settings),
        verified=verified.as_dict(),
        plan="given" if drawn else "",
        settings=to_mapping(settings),
        models={detector.name: detector.sha256 for detector in looking},
        devices=devices_of(looking),
        seconds=watch.seconds,
    )


def devices_of(detectors: Sequence[Detector]) -> dict[str, str]:
    """On what each of `detectors` runs, by its name."""
    return {detector.name: detector.device for detector in detectors}


def not_looked_for(settings: Settings) -> tuple[str, ...]:
    """The kinds that no detector is asked to find."""
    return tuple(kind.label for kind in (Kind.FACE, Kind.PLATE) if kind not in settings.targets)


def facts(info: MediaInfo, sha256: str, times: Sequence[Any] | None) -> dict[str, Any]:
    """What a report tells of a source; `times`, of its frames, are None where it was not read to its end."""
    told = {
        "sha256": sha256,
        "width": info.width,
        "height": info.height,
        "container": info.container,
        "codec": info.codec,
    }
    if times is None:
        return told
    return told | {"frames": len(times), "duration": float(times[-1] - times[0]) if len(times) else 0.0}


def _render(work: Work, made: Plan, temporary: Path) -> tuple[Timestamps, tuple[str, ...]]:
    """Draw `made` into the file `temporary`; the times of its frames, and what had to be changed."""
    source, output = work.source, work.settings.output

    def in_segments(cut: Cut) -> tuple[Timestamps, tuple[str, ...]]:
        with media.open_sink(temporary, source, output) as sink:
            assert isinstance(sink, VideoSink)
            return passes.render_segments(cut, work.team, made, sink, output, work.on_progress), sink.notes

    def whole() -> tuple[Timestamps, tuple[str, ...]]:
        with media.open_sink(temporary, source, output) as sink:
            return passes.render(source, made, sink, work.on_progress), sink.notes

    return work.watch.time("render", lambda: work.team.either(in_segments, whole))


def _examine(
    work: Work, made: Plan, times: Timestamps, temporary: Path, looking: Sequence[Detector], turn: int
) -> Verified:
    evidence = Evidence(Wanted.of(work.source, times, work.settings.output), work.source, made, work.by_hand)
    return work.watch.time(
        "verify",
        lambda: examine(
            temporary, evidence, work.settings, looking, turn=turn, on_progress=work.on_progress, team=work.team
        ),
    )


def _complaint(work: Work, verified: Verified) -> str:
    """Why an output was deleted, and what to do about it."""
    why = verified.failures or tuple(check.detail for check in verified.checks if check.name != "structure")
    advice = ""
    if repairable(verified) and not work.by_hand:
        advice = (
            "; --repair redacts what the second look found"
            if not work.settings.verify.repair
            else "; a person has to say what is left (anonymize doubts)"
        )
    elif verified.verdict is Verdict.FAIL and work.by_hand and not verified.failures:
        advice = (
            "; the settings allow no doubts (verify.doubts): answer those in its plan (anonymize doubts), or render "
            "with a preset that releases with doubts (--preset default)"
        )
    return f"the output did not pass its check and was deleted: {'; '.join(why)}{advice}"
