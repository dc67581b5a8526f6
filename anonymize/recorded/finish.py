"""The end of a job: the output is rendered and verified under a temporary name, and only then gets its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from anonymize import media, report, storage
from anonymize.errors import InputError, OutputError
from anonymize.kinds import Verdict
from anonymize.media import Source
from anonymize.parallel.process import peak_memory
from anonymize.plan import Plan
from anonymize.recorded.item import Item, fitting
from anonymize.recorded.kept import Kept, keep
from anonymize.recorded.release import Job, Proved, Refused, facts, not_looked_for, render_until_verified
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


def release(job: Job, made: Plan, before: tuple[object, ...], *, force: bool) -> Released:
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
    target = named(item, source, settings)
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
        refuse_changed(item, before, made.about.sha256)
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
    sound = (f"the sound ({muted} track{'s' * (muted != 1)})",) if muted else _silent(source, made)
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


def _silent(source: Source, made: Plan) -> tuple[str, ...]:
    """What a person silenced in the sound, if there is any, in words."""
    spans = made.silences if source.info.audio else ()
    if not spans:
        return ()
    seconds = sum(one.end - one.first for one in spans)
    return (f"{seconds:.2f} s of the sound, in {len(spans)} part{'s' * (len(spans) != 1)}",)


def named(item: Item, source: Source, settings: Settings) -> Place:
    """Where the output of `item` goes, with its final suffix."""
    return item.target if item.named else fitting(item, media.output_suffix(source, settings.output))


def identity(item: Item) -> tuple[object, ...]:
    """What changes when the source does (`storage.identity`); empty for standard input or a missing file."""
    try:
        return storage.identity(item.source) if item.source else ()
    except (OSError, InputError):  # opening it raises a better message
        return ()


def refuse_changed(item: Item, before: tuple[object, ...], digest: str) -> None:
    """Raise `InputError` if the source was changed or replaced during the run.

    Args:
        item: the input.
        before: its identity before the first pass.
        digest: its sha256 then.
    """
    if item.source and (identity(item) != before or not storage.has_sha256(item.source, digest)):
        raise _changed(item)


@contextmanager
def said_to_have_changed(item: Item, before: tuple[object, ...]) -> Iterator[None]:
    """What cannot be read any more because somebody changed the source meanwhile is said to have changed.

    Args:
        item: the input.
        before: its identity before the first pass.
    """
    try:
        yield
    except InputError as error:
        now = identity(item)
        if now and now != before:
            raise _changed(item) from error
        raise


def _changed(item: Item) -> InputError:
    return InputError(
        "something wrote to it, or put another file in its place, while it was worked on: nothing "
        "was released. Run again when nobody writes to it any more",
        item.label,
    )
