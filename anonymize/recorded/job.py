"""What `run`, `detect` and `render` do for one input: from opening it to releasing the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from anonymize import media, plan, report, storage
from anonymize.data import Timestamps
from anonymize.detect import Detector, first_detectors, refuse_unfit
from anonymize.errors import InputError, OutputError, PlanError, UnreadableInput
from anonymize.kinds import Verdict
from anonymize.media import Source
from anonymize.parallel.process import end_unguarded, peak_memory
from anonymize.parallel.segments import segment_runner
from anonymize.plan import Plan, consent
from anonymize.plan.settings import instead, to_render
from anonymize.progress import OnProgress, Progress, followed_by, ignore
from anonymize.recorded import passes
from anonymize.recorded.forecast import Forecast
from anonymize.recorded.forecast import forecast as expected
from anonymize.recorded.item import Item, fitting
from anonymize.recorded.kept import Kept, keep
from anonymize.recorded.release import (
    Job,
    Known,
    Proved,
    Refused,
    Stopwatch,
    facts,
    not_looked_for,
    render_until_verified,
    repairs_of,
)
from anonymize.report import Report
from anonymize.settings import Audio, Settings
from anonymize.text.mapping import to_mapping
from anonymize.text.words import system
from anonymize.verify import By, Verified
from anonymize.verify.doubting import doubted

if TYPE_CHECKING:
    from anonymize.storage import Place


class Released(NamedTuple):
    """A released output.

    Args:
        output: the file.
        report: of the run.
        kept: its plan, if verification left doubts in it.
    """

    output: Place
    report: Report
    kept: Kept | None = None


def detectors_for(settings: Settings, threads: int = 0) -> list[Detector]:
    """The detectors of the first look; none if only zones are to be redacted.

    Args:
        settings: targets, detectors and device.
        threads: processor threads they may use; 0 for all.

    Raises:
        ModelError: a model is missing or altered, no detector finds the targets, or the device cannot be used.
    """
    end_unguarded()  # every run begins here
    if settings.targets:
        refuse_unfit(settings.verify.detectors, settings.detect.device)
    return first_detectors(settings, threads)


def run(
    item: Item,
    settings: Settings,
    *,
    force: bool = False,
    detectors: Sequence[Detector] | None = None,
    stdin: bytes = b"",
    workers: int = 1,
    on_progress: OnProgress = ignore,
    known: Known | None = None,
) -> Released:
    """Anonymise one input: plan, draw, verify, release.

    Args:
        item: the input and where its output goes.
        settings: all settings of the run.
        force: replace an existing output.
        detectors: of the first look; made from `settings` if not given. Pass them to share them between files.
        stdin: the bytes of the medium, if the item is standard input.
        workers: processes that work on the segments of a long video; 1 for this process alone. Each makes its own
            detectors from `settings`. The result is the same with any number.
        on_progress: called after every frame.
        known: gets what is known of the input, for the report in case of failure.

    Raises:
        AnonymizeError: nothing was released; the message says why.
    """
    known = known or Known()
    known.settings = settings
    found_by = detectors_for(settings) if detectors is None else detectors
    before = _identity(item)
    with (
        media.understood(item.label),
        item.claim.at_work() if item.claim else nullcontext(),
        _open(item, settings, stdin) as source,
        segment_runner(source, settings, found_by, workers) as runner,
    ):
        _check_output(item, source, settings, stdin, force=force)
        passes.refuse_unmet_ahead(source, settings)
        detecting = followed_by(on_progress, *_after(settings), perhaps=repairs_of(settings))
        detecting(Progress("detect", 0, None))
        digest = _digest(item, stdin)
        known.source, known.found_by, watch = facts(source.info, digest, None), found_by, known.watch
        with watch.time("detect"):
            made, _ = passes.detect(source, settings, found_by, digest, detecting, runner)
        return _release(Job(source, item, settings, found_by, on_progress, watch, runner), made, before, force=force)


def forecast(
    item: Item,
    settings: Settings,
    detectors: Sequence[Detector],
    *,
    force: bool = False,
    stdin: bytes = b"",
    on_progress: OnProgress = ignore,
) -> Forecast:
    """Scan one input and say what `run` would do, without writing anything; arguments as there.

    An existing output in a folder is no error, since a ledger may know it.

    Raises:
        AnonymizeError: `run` would fail.
    """
    watch = Stopwatch()
    with media.understood(item.label), _open(item, settings, stdin) as source:
        _check_output(item, source, settings, stdin, force=force or not item.named)
        passes.refuse_unmet_ahead(source, settings)
        on_progress(Progress("detect", 0, None))
        with watch.time("detect"):
            made, _ = passes.detect(source, settings, detectors, "", on_progress)
        return expected(item, _named(item, source, settings), source, made, settings, watch.seconds["detect"])


def detect(
    item: Item,
    settings: Settings,
    *,
    preset: Mapping[str, str] | None = None,
    force: bool = False,
    stdin: bytes = b"",
    workers: int = 1,
    on_progress: OnProgress = ignore,
    page: Path | None = None,
) -> tuple[Plan, Timestamps]:
    """Scan one input and write the plan to `item.target`; the plan, and when each frame is shown.

    Args:
        item: the input and where its plan goes.
        settings, force, stdin, workers, on_progress: as for `run`.
        preset: ``name`` and ``sha256`` of the preset that `settings` are based on, recorded in the plan.
        page: file for a page of the plan's tracks.

    Raises:
        AnonymizeError: no plan was written; the message says why.
    """
    if page:
        media.check_target(page, force=force, makes_folder=True)
    found_by = detectors_for(settings)
    before = _identity(item)
    with (
        media.understood(item.label),
        _open(item, settings, stdin) as source,
        segment_runner(source, settings, found_by, workers) as runner,
        media.pending(item.target, force=force) as temporary,
    ):
        passes.refuse_unmet_ahead(source, settings)
        digest = _digest(item, stdin)
        found, times = passes.detect(source, settings, found_by, digest, on_progress, runner)
        made = found.marked()
        made = replace(made, about=replace(made.about, preset=dict(preset or {})))
        plan.write(made, temporary)
        _refuse_changed(item, before, digest)
        if page:
            report.write_tracks(made, times, page)
    return made, times


def render(
    item: Item,
    made: Plan,
    settings: Settings | None = None,
    *,
    force: bool = False,
    stdin: bytes = b"",
    workers: int = 1,
    on_progress: OnProgress = ignore,
    known: Known | None = None,
) -> Released:
    """Draw a plan on the input it was made for, verify, release.

    An unchanged plan is treated as in `run`. If a person changed its regions, a face that it leaves visible is a doubt
    rather than a failure, and is not repaired.

    Args:
        item: the input and where its output goes.
        made: the plan.
        settings: for drawing, encoding and verifying; the plan's own if not given.
        force, stdin, workers, on_progress, known: as for `run`.

    Raises:
        PlanError: the plan was made for another file, or has no settings and none are given.
        UsageError: a person to show is not in it.
        AnonymizeError: nothing was released; the message says why.
    """
    known = known or Known()
    known.plan = "given"
    before = _identity(item)
    media.check_readable(item.source or stdin)
    digest = _digest(item, stdin)
    known.source = {"sha256": digest}
    if made.about.sha256 != digest:
        raise PlanError("the plan was made for another file; detect again on this one", item.label)
    settings = settings or to_render(made.about)
    settings = replace(settings, pixel_aspect=settings.pixel_aspect or made.about.settings.pixel_aspect)
    known.settings = settings
    differing, by_hand = instead(made.about, settings), made.by_hand
    made = made.drawn(settings.redact)
    found_by = [] if settings.verify.publish_unverified else detectors_for(settings)
    with (
        media.understood(item.label),
        _open(item, settings, stdin) as source,
        segment_runner(source, settings, found_by, workers) as runner,
    ):
        known.source = facts(source.info, digest, None)
        _check_output(item, source, settings, stdin, force=force)
        passes.refuse_unmet_ahead(source, settings)
        reading = followed_by(on_progress, *_after(settings), perhaps=repairs_of(settings, by_hand=by_hand))
        # To its end, as in `run`: only then is it certain what the file holds.
        times = runner.read(lambda done: reading(Progress("read", done, made.about.frames)))
        persons = [one for one in settings.show_persons if one not in made.about.settings.show_persons]
        made = consent.visible(made, times, settings, item.label, persons)
        known.found_by = found_by
        job = Job(
            source, item, settings, found_by, on_progress, known.watch, runner, by_hand, plan="given", instead=differing
        )
        return _release(job, made, before, force=force)


def _after(settings: Settings) -> tuple[str, ...]:
    """The stages that follow detection."""
    return ("render",) if settings.verify.publish_unverified else ("render", "verify")


def _check_output(item: Item, source: Source, settings: Settings, stdin: bytes, *, force: bool) -> None:
    """Check that the output can be written, before an hour is spent on detection.

    Args:
        item: the input and where its output goes.
        source: open.
        settings: all settings of the run.
        stdin: the bytes of the medium, if the item is standard input.
        force: replace an existing output.

    Raises:
        AnonymizeError: it cannot be written.
    """
    target = _named(item, source, settings)
    media.check_target(target, force=force or item.may_replace(target), makes_folder=not item.named)
    if item.named:
        media.check_name(source, settings.output, target)
    media.check_output(source, settings.output, item.target.suffix if item.named else "")
    media.check_room(target, item.source.stat().st_size if isinstance(item.source, Path) else len(stdin))


def _open(item: Item, settings: Settings, stdin: bytes) -> Source:
    return media.open_source(
        item.source or stdin, allow_damaged=settings.allow_damaged, pixel_aspect=settings.shape_of_pixels
    )


def _digest(item: Item, stdin: bytes) -> str:
    try:
        return report.sha256(item.source or BytesIO(stdin))
    except OSError as error:
        raise UnreadableInput(f"cannot be read ({system(error)})", item.label) from error


def _identity(item: Item) -> tuple[object, ...]:
    """What changes when the source does (`storage.identity`); empty for standard input or a missing file."""
    try:
        return storage.identity(item.source) if item.source else ()
    except (OSError, InputError):  # opening it raises a better message
        return ()


def _refuse_changed(item: Item, before: tuple[object, ...], digest: str) -> None:
    """Raise `InputError` if the source was changed or replaced during the run.

    Args:
        item: the input.
        before: its identity before the first pass.
        digest: its sha256 then.
    """
    if item.source and (_identity(item) != before or not storage.has_sha256(item.source, digest)):
        raise InputError(
            "something wrote to it, or put another file in its place, while it was worked on: nothing "
            "was released. Run again when nobody writes to it any more",
            item.label,
        )


def _release(job: Job, made: Plan, before: tuple[object, ...], *, force: bool) -> Released:
    """Render `made` under a temporary name, verify the result, and only then give it its name.

    Args:
        job: the input.
        made: what to draw.
        before: identity of the source before the first pass.
        force: replace an existing output.
    """
    source, item = job.source, job.item
    suffix = item.target.suffix if item.named else ""
    with job.watch.time("render"):
        output = media.with_quality(source, job.settings.output, suffix)
    asked, settings = job.settings, replace(job.settings, output=output)
    job = replace(job, settings=settings)
    target = _named(item, source, settings)
    if not item.named and isinstance(target, Path):  # remote storage needs none
        media.make_folder(target.parent)
    replaces, given = force or item.may_replace(target), made if job.plan == "given" else None
    with media.pending(target, force=replaces, mark=item.mark) as temporary:
        try:
            proved = render_until_verified(job, made, temporary)
        except Refused as error:
            error.kept, lost = _keep(error.plan, error.verified, job, asked, target, given=given, force=force)
            error.args = ("; ".join(filter(None, (error.message, lost))), error.path)
            raise
        kept, lost = None, ""
        if any(find.by is By.LOOK for find in proved.verified.doubts):
            kept, lost = _keep(proved.plan, proved.verified, job, asked, target, given=given, force=force)
        notes = (*proved.notes, *(("the plan, with what is doubtful, could not be kept",) if lost else ()))
        account = _account(job, asked, replace(proved, notes=notes), report.sha256(temporary))
        _refuse_changed(item, before, made.about.sha256)
        if item.claim and isinstance(target, Path):
            item.claim.leave_proof(item, target, account)
    return Released(target, account, kept)


def _keep(
    made: Plan, verified: Verified, job: Job, asked: Settings, target: Place, *, given: Plan | None, force: bool
) -> tuple[Kept | None, str]:
    """Keep a plan with open doubts beside `target`: the kept plan, or why it could not be kept.

    A given plan is not written again unless it has new doubts.

    Args:
        made: what was drawn.
        verified: what verification found; it becomes doubts in the plan.
        job: the input.
        asked: the settings as the user gave them.
        target: where the output goes, or would have gone.
        given: the plan that the user gave, if any.
        force: replace any file with the plan's name.
    """
    item = job.item
    rate = job.source.info.average_rate
    asking = doubted(made, verified, float(rate) if rate else None, asked)
    if given and (given.doubts, given.about.repaired) == (asking.doubts, asking.about.repaired):
        return None, ""
    output = item.keep_in / target.name if item.keep_in else target
    asking = replace(asking, about=replace(asking.about, settings=asked))
    mark, released = item.mark, verified.verdict is not Verdict.FAIL
    try:
        return keep(asking, output, force=force, mark=mark, by_hand=job.by_hand, released=released), ""
    except OutputError as why:
        return None, f"its plan could not be kept: {why.message}"
    except OSError as why:
        return None, f"its plan could not be kept: {system(why)}"


def _account(job: Job, asked: Settings, proved: Proved, digest: str) -> Report:
    """The report of a release.

    Args:
        job: the input.
        asked: the settings as the user gave them, before a quality was chosen.
        proved: what passed verification.
        digest: sha256 of the output.
    """
    source, made, times, quality = job.source, proved.plan, proved.times, job.settings.output.quality
    muted = len(source.info.audio) if asked.output.audio is Audio.MUTE else 0
    sound = (f"the sound ({muted} track{'s' * (muted != 1)})",) if muted else ()
    return Report(
        verdict=proved.verified.verdict,
        source=facts(source.info, made.about.sha256, times),
        output={
            "sha256": digest,
            **({} if quality is None else {"quality": quality}),  # pictures have their own
            "notes": list(proved.notes),
        },
        redacted=report.account(made, times),
        not_looked_for=not_looked_for(asked),
        removed=(*sound, *source.info.removed),
        lost=tuple(source.losses),
        verified=proved.verified.as_dict(),
        plan="changed" if job.by_hand else job.plan,
        instead_of_plan={name: dict(values) for name, values in job.instead.items()},
        settings=to_mapping(asked),
        models=dict(made.about.found_by),
        devices=proved.devices,
        seconds=job.watch.seconds,
        memory=(peak_memory(), *job.runner.peaks),
    )


def _named(item: Item, source: Source, settings: Settings) -> Place:
    """Where the output of `item` goes, with its final suffix."""
    return item.target if item.named else fitting(item, media.output_suffix(source, settings.output))
