"""One input, from open to released: what `run`, `detect` and `render` do for a single file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize import media, pipeline, plan, report
from anonymize.data import Kind
from anonymize.detect import Detector, build
from anonymize.errors import OutputError, PlanError
from anonymize.inputs import Item
from anonymize.media import Source
from anonymize.pipeline import OnProgress, ignore
from anonymize.plan import Plan
from anonymize.proof import Stopwatch, Work, facts, prove
from anonymize.report import Report
from anonymize.settings import Settings, to_mapping

if TYPE_CHECKING:
    from anonymize.storage import Place


def detectors_for(settings: Settings, threads: int = 0) -> list[Detector]:
    """The detectors that `settings` ask for; none where only zones are to be redacted.

    Args:
        settings: targets and detectors.
        threads: processor threads that each may use; 0 for all.

    Raises:
        ModelError: a model is missing or altered, or none of them finds what is wanted.
    """
    return list(build(settings.detect.detectors, settings.targets, threads)) if settings.targets else []


def run(
    item: Item,
    settings: Settings,
    *,
    force: bool = False,
    detectors: Sequence[Detector] | None = None,
    stdin: bytes = b"",
    on_progress: OnProgress = ignore,
) -> tuple[Place, Report]:
    """Anonymise one input: plan, draw, verify, release. The released path, and the account of it.

    Args:
        item: the input and where its result goes.
        settings: everything that is asked for.
        force: replace an existing output.
        detectors: what looks; made from `settings` if not given. Pass them to share them between files.
        stdin: the medium itself, where the item is standard input.
        on_progress: told after every frame.

    Raises:
        AnonymizeError: nothing was released; the message says why.
    """
    watch = Stopwatch()
    found_by = detectors_for(settings) if detectors is None else detectors
    with _open(item, settings, stdin) as source:
        digest = _digest(item, stdin)
        made = watch.time("detect", lambda: pipeline.detect(source, settings, found_by, digest, on_progress))
        return _release(Work(source, item, settings, found_by, on_progress, watch), made, force=force)


def detect(
    item: Item, settings: Settings, *, force: bool = False, stdin: bytes = b"", on_progress: OnProgress = ignore
) -> Plan:
    """Look through one input and write the plan to `item.target`.

    Raises:
        AnonymizeError: nothing was written; the message says why.
    """
    with _open(item, settings, stdin) as source, media.pending(item.target, force=force) as temporary:
        made = pipeline.detect(source, settings, detectors_for(settings), _digest(item, stdin), on_progress)
        plan.write(made, temporary)
    return made


def render(
    item: Item,
    made: Plan,
    settings: Settings,
    *,
    force: bool = False,
    stdin: bytes = b"",
    on_progress: OnProgress = ignore,
) -> tuple[Place, Report]:
    """Draw a plan on the input it was made for: verify and release. The released path, and the account of it.

    A person may have edited the plan, so a face that it leaves visible is a doubt and no failure, and is not repaired.

    Raises:
        PlanError: the plan was made for another file.
        AnonymizeError: nothing was released; the message says why.
    """
    if made.about.sha256 != _digest(item, stdin):
        raise PlanError(f"{item.label}: the plan was made for another file; detect again on this one")
    with _open(item, settings, stdin) as source:
        for _ in source.frames():  # as `run` does: what a file holds is known for sure at its end only
            continue
        found_by = [] if settings.verify.publish_unverified else detectors_for(settings)
        work = Work(source, item, settings, found_by, on_progress, Stopwatch(), by_hand=True)
        return _release(work, made, force=force)


def _open(item: Item, settings: Settings, stdin: bytes) -> Source:
    return media.open_source(item.source or stdin, allow_damaged=settings.allow_damaged)


def _digest(item: Item, stdin: bytes) -> str:
    return report.sha256(item.source or BytesIO(stdin))


def _release(work: Work, made: Plan, *, force: bool) -> tuple[Place, Report]:
    """Render `made` under a temporary name, examine what came out, and only then give it its name."""
    source, item, settings = work.source, work.item, work.settings
    target = item.target if item.named else _fitting(item.target, media.output_suffix(source, settings.output))
    with media.pending(target, force=force) as temporary:
        proved = prove(work, made, temporary)
        digest = report.sha256(temporary)
    times, made = proved.times, proved.plan
    return target, Report(
        verdict=proved.verified.verdict.value,
        source=facts(source.info, made.about.sha256, times),
        output={"sha256": digest, "notes": list(proved.notes)},
        redacted=report.account(made, times),
        not_looked_for=tuple(kind.label for kind in (Kind.FACE, Kind.PLATE) if kind not in settings.targets),
        removed=source.info.removed,
        lost=tuple(source.losses),
        verified=proved.verified.as_dict(),
        plan="given" if work.by_hand else "made",
        settings=to_mapping(replace(settings, redact=made.about.redact)),
        models=dict(made.about.found_by),
        seconds=work.watch.seconds,
    )


_SAME = {
    ".jpeg": ".jpg",
    ".jpe": ".jpg",
    ".tif": ".tiff",
    ".qt": ".mov",
    ".mts": ".ts",
    ".m2ts": ".ts",
    ".heif": ".heic",
}


def _fitting(target: Place, suffix: str) -> Place:
    """`target` in a folder that exists, under the suffix of its container; its own spelling of it is kept."""
    try:
        if isinstance(target, Path):  # storages make theirs
            target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target.parent}: cannot make this folder: {error.strerror}") from error
    own = target.suffix.lower()
    return target if _SAME.get(own, own) == _SAME.get(suffix, suffix) else target.with_suffix(suffix)
