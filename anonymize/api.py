"""The Python API: one input per call, given by its path."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

from anonymize import plan
from anonymize.batch.inputs import only_item
from anonymize.presets import load as load_preset
from anonymize.progress import OnProgress, ignore
from anonymize.recorded import job
from anonymize.report import Report
from anonymize.settings import Settings

__all__ = ["load_preset", "render_plan", "run", "write_plan"]

AnyPath = str | PathLike[str]


def run(
    source: AnyPath,
    output: AnyPath,
    settings: Settings | None = None,
    *,
    force: bool = False,
    workers: int = 1,
    on_progress: OnProgress = ignore,
) -> Report:
    """Anonymise the video or picture `source` into `output`, verified.

    Args:
        source: any file that FFmpeg or Pillow reads.
        output: the result; its suffix chooses the container.
        settings: what to find and how to draw it; the defaults if not given.
        force: replace an existing output.
        workers: processes that share the segments of a long video. With more than one, a script must do its work
            below ``if __name__ == "__main__":``, because every process imports it again.
        on_progress: called after every frame.

    Returns:
        The report.

    Raises:
        AnonymizeError: nothing was written to `output`; the message says why.
    """
    item = only_item(str(source), str(output))
    return job.run(item, settings or Settings(), force=force, workers=workers, on_progress=on_progress).report


def write_plan(
    source: AnyPath,
    output: AnyPath,
    settings: Settings | None = None,
    *,
    force: bool = False,
    workers: int = 1,
    on_progress: OnProgress = ignore,
) -> plan.Plan:
    """Write what would be redacted in `source` to the plan file `output` (docs/plan.md), and return the plan.

    Takes the arguments of `run`.

    Raises:
        AnonymizeError: no plan was written; the message says why.
    """
    item = only_item(str(source), str(output))
    return job.detect(item, settings or Settings(), force=force, workers=workers, on_progress=on_progress)[0]


def render_plan(
    source: AnyPath,
    plan_file: AnyPath,
    output: AnyPath,
    settings: Settings | None = None,
    *,
    version: str = "",
    force: bool = False,
    workers: int = 1,
    on_progress: OnProgress = ignore,
) -> Report:
    """Redact `source` by the plan in `plan_file`, into `output`, and verify the result.

    Args:
        source: the video or picture that the plan was made for.
        plan_file: the plan.
        output: the result; its suffix chooses the container.
        settings: how to encode and verify the output; those in the plan if not given.
        version: the one to draw of the plan's named versions; what holds for all of them if empty.
        force, workers, on_progress: see `run`.

    Raises:
        AnonymizeError: nothing was written to `output`; the message says why.
    """
    item = only_item(str(source), str(output))
    made = plan.read(Path(plan_file), version)
    wanted = replace(settings, redact=made.about.redact) if settings else None
    return job.render(item, made, wanted, force=force, workers=workers, on_progress=on_progress).report
