"""What `run`, `detect` and `render` do for one input: from opening it to releasing the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize import media, plan, report
from anonymize.data import Timestamps
from anonymize.detect import Detector, Unfound, first_detectors, is_known, refuse_unfit
from anonymize.errors import ModelError, PlanError, UnreadableInput, UsageError
from anonymize.media import Source, VideoSource
from anonymize.pages.words import plural
from anonymize.parallel.process import end_unguarded
from anonymize.parallel.segments import segment_runner
from anonymize.plan import Plan, consent
from anonymize.plan.settings import instead, to_render
from anonymize.progress import OnProgress, Progress, followed_by, ignore
from anonymize.recorded import passes
from anonymize.recorded.finish import Released, identity, named, refuse_changed, release, said_to_have_changed
from anonymize.recorded.forecast import Forecast
from anonymize.recorded.forecast import forecast as expected
from anonymize.recorded.item import Item
from anonymize.recorded.release import (
    Job,
    Known,
    Stopwatch,
    facts,
    repairs_of,
)
from anonymize.settings import Settings
from anonymize.text.words import clock, system

if TYPE_CHECKING:
    pass


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
    if settings.review.approvals:
        raise UsageError(
            f"these settings ask for {plural(settings.review.approvals, 'person', 'people')} to sign what is "
            "published: `anonymize review` finds, shows and publishes it",
            item.label,
        )
    found_by = detectors_for(settings) if detectors is None else detectors
    before = identity(item)
    with (
        said_to_have_changed(item, before),
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
        return release(Job(source, item, settings, found_by, on_progress, watch, runner), made, before, force=force)


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
        return expected(item, named(item, source, settings), source, made, settings, watch.seconds["detect"])


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
    before = identity(item)
    with (
        said_to_have_changed(item, before),
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
        refuse_changed(item, before, digest)
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
    before = identity(item)
    media.check_readable(item.source or stdin)
    digest = _digest(item, stdin)
    known.source = {"sha256": digest}
    if made.about.sha256 != digest:
        raise PlanError("the plan was made for another file; detect again on this one", item.label)
    settings = settings or to_render(made.about)
    refuse_unsigned(made, settings, item.label)
    settings = replace(settings, pixel_aspect=settings.pixel_aspect or made.about.settings.pixel_aspect)
    known.settings = settings
    differing, by_hand = instead(made.about, settings), made.by_hand
    made = made.drawn(settings.redact)
    found_by = [] if settings.verify.publish_unverified else _detectors_of(made, settings)
    with (
        said_to_have_changed(item, before),
        media.understood(item.label),
        _open(item, settings, stdin) as source,
        segment_runner(source, settings, found_by, workers) as runner,
    ):
        known.source = facts(source.info, digest, None)
        if isinstance(source, VideoSource):
            source.silence(made.silences)
        _check_output(item, source, settings, stdin, force=force)
        passes.refuse_unmet_ahead(source, settings)
        reading = followed_by(on_progress, *_after(settings), perhaps=repairs_of(settings, by_hand=by_hand))
        # To its end, as in `run`: only then is it certain what the file holds.
        times = runner.read(lambda done: reading(Progress("read", done, made.about.frames)))
        _refuse_unheard(source, made)
        persons = [one for one in settings.show_persons if one not in made.about.settings.show_persons]
        made = consent.visible(made, times, settings, item.label, persons)
        known.found_by = found_by
        job = Job(
            source, item, settings, found_by, on_progress, known.watch, runner, by_hand, plan="given", instead=differing
        )
        return release(job, made, before, force=force)


def _detectors_of(made: Plan, settings: Settings) -> list[Detector]:
    """The detectors that check what `made` hides. Raises `ModelError` as `detectors_for`, and if the plan was made with
    a model that is not there any more."""
    theirs = {*made.about.settings.detect.detectors, *made.about.settings.verify.detectors}
    for text in (*settings.detect.detectors, *settings.verify.detectors) if settings.targets else ():
        name = text.partition(":")[0].strip()
        if text in theirs and not is_known(name):
            raise ModelError(
                f"the plan was made with the model {name!r}, which is missing here: import it again (anonymize models "
                "import FILE.onnx --card CARD.toml), or name other detectors to check with: --detectors"
            )
    try:
        return detectors_for(settings)
    except Unfound as error:
        again = f"; or detect again, with --targets {error.others}" if error.others else ""
        raise ModelError(f"the plan cannot be checked: {error.what}{again}") from error


def refuse_unsigned(made: Plan, settings: Settings, name: str) -> None:
    """Raise `PlanError` where the settings ask for more people to sign a plan than did."""
    wanted = max(settings.review.approvals, made.about.settings.review.approvals)
    signed = made.reviewed.approvals() if made.reviewed else 0
    if signed < wanted:
        raise PlanError(
            f"{signed} of {wanted} people signed the plan as it is: nothing was published. `anonymize review` shows it "
            "to the next one, who signs there",
            name,
        )


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
    target = named(item, source, settings)
    media.check_target(target, force=force or item.may_replace(target), makes_folder=not item.named)
    if item.named:
        media.check_name(source, settings.output, target)
    media.check_output(source, settings.output, item.target.suffix if item.named else "")
    media.check_room(target, item.source.stat().st_size if isinstance(item.source, Path) else len(stdin))


def _refuse_unheard(source: Source, made: Plan) -> None:
    """Raise `PlanError` where the plan silences what lies after all sound, which was surely meant to lie elsewhere.

    Args:
        source: read to its end.
        made: the plan.
    """
    ends = [track.end for track in source.info.audio if track.end is not None]
    for one in made.silences if ends else ():
        if one.first >= max(ends):
            raise PlanError(
                f"the sound from {clock(one.first)} to {clock(one.end)} is to be silenced, but it ends at "
                f"{clock(float(max(ends)))}: give times of this film",
                source.info.name,
            )


def _open(item: Item, settings: Settings, stdin: bytes) -> Source:
    return media.open_source(
        item.source or stdin, allow_damaged=settings.allow_damaged, pixel_aspect=settings.shape_of_pixels
    )


def _digest(item: Item, stdin: bytes) -> str:
    try:
        return report.sha256(item.source or BytesIO(stdin))
    except OSError as error:
        raise UnreadableInput(f"cannot be read ({system(error)})", item.label) from error
