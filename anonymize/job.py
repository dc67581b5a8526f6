"""One input, from open to released: what `run`, `detect` and `render` do for a single file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from anonymize import media, pipeline, plan, report
from anonymize.data import Kind
from anonymize.detect import Detector, build
from anonymize.errors import OutputError, PlanError, VerificationError
from anonymize.inputs import Item
from anonymize.media import Source
from anonymize.pipeline import OnProgress, ignore
from anonymize.plan import Plan
from anonymize.report import Report
from anonymize.settings import Settings, to_mapping
from anonymize.verify import check

T = TypeVar("T")


@dataclass(slots=True)
class _Stopwatch:
    """Wall time by stage, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    def time(self, stage: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[stage] = round(time.perf_counter() - start, 3)


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
) -> tuple[Path, Report]:
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
    watch = _Stopwatch()
    found_by = detectors_for(settings) if detectors is None else detectors
    with _open(item, settings, stdin) as source:
        digest = _digest(item, stdin)
        made = watch.time("detect", lambda: pipeline.detect(source, settings, found_by, digest, on_progress))
        return _release(source, made, item, settings, force, on_progress, watch)


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
) -> tuple[Path, Report]:
    """Draw a plan on the input it was made for: verify and release. The released path, and the account of it.

    Raises:
        PlanError: the plan was made for another file.
        AnonymizeError: nothing was released; the message says why.
    """
    if made.about.sha256 != _digest(item, stdin):
        raise PlanError(f"{item.label}: the plan was made for another file; detect again on this one")
    with _open(item, settings, stdin) as source:
        for _ in source.frames():  # as `run` does: what a file holds is known for sure at its end only
            continue
        return _release(source, made, item, settings, force, on_progress, _Stopwatch())


def _open(item: Item, settings: Settings, stdin: bytes) -> Source:
    return media.open_source(item.source or stdin, allow_damaged=settings.allow_damaged)


def _digest(item: Item, stdin: bytes) -> str:
    return report.sha256(item.source or BytesIO(stdin))


def _release(
    source: Source,
    made: Plan,
    item: Item,
    settings: Settings,
    force: bool,
    on_progress: OnProgress,
    watch: _Stopwatch,
) -> tuple[Path, Report]:
    """Render `made` under a temporary name, check what came out, and only then give it its name."""
    target = item.target if item.named else _fitting(item.target, media.output_suffix(source, settings.output))
    with media.pending(target, force=force) as temporary:
        with media.open_sink(temporary, source, settings.output) as sink:
            times = watch.time("render", lambda: pipeline.render(source, made, sink, on_progress))
            notes = sink.notes
        failures = watch.time("verify", lambda: check(temporary, source.info, times, settings.output, on_progress))
        if failures:
            raise VerificationError(
                f"{item.label}: the output did not pass its check and was deleted: {'; '.join(failures)}"
            )
        digest = report.sha256(temporary)
    info = source.info
    return target, Report(
        verdict="pass",
        source={
            "sha256": made.about.sha256,
            "frames": len(times),
            "duration": float(times[-1] - times[0]) if len(times) else 0.0,
            "width": info.width,
            "height": info.height,
            "container": info.container,
            "codec": info.codec,
        },
        output={"sha256": digest, "notes": list(notes)},
        redacted={"tracks": made.regions.tracks(), "box_frames": made.regions.reasons()},
        not_looked_for=tuple(kind.label for kind in (Kind.FACE, Kind.PLATE) if kind not in settings.targets),
        removed=info.removed,
        lost=tuple(source.losses),
        settings=to_mapping(settings),
        models=dict(made.about.found_by),
        seconds=watch.seconds,
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


def _fitting(target: Path, suffix: str) -> Path:
    """`target` in a folder that exists, under the suffix of its container; its own spelling of it is kept."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target.parent}: cannot make this folder: {error.strerror}") from error
    own = target.suffix.lower()
    return target if _SAME.get(own, own) == _SAME.get(suffix, suffix) else target.with_suffix(suffix)
