"""Several inputs: each is released or fails, and a failure does not affect the others.

If they go to a folder, a ledger there says which are left to do and records their outcomes. It wraps whatever does the
work, which takes items and reports on them in this process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from anonymize.batch import ledger
from anonymize.batch.cluster import Cluster
from anonymize.batch.inputs import output_folder
from anonymize.batch.outcome import OnItem, Outcome, attempt, failed, failure, ignore
from anonymize.batch.reports import Reports, with_reports
from anonymize.errors import ExitCode, UsageError
from anonymize.parallel.process import Do
from anonymize.parallel.unordered import Died, unordered
from anonymize.plan import Plan
from anonymize.progress import Progress
from anonymize.recorded import job
from anonymize.recorded.forecast import Forecast
from anonymize.recorded.item import Item
from anonymize.settings import Settings

OnForecast = Callable[[Item, "Progress | Outcome | Forecast"], None]
"""Called with every item's progress and its forecast, or its outcome if it fails or is left out."""

OnStart = Callable[[ledger.Start], None]
"""Called with the state of the output folder by its ledger, before anything is done."""


def ignore_start(start: ledger.Start) -> None:
    """The `OnStart` that does nothing."""


def run(
    items: Sequence[Item],
    settings: Settings,
    *,
    force: bool = False,
    workers: int | Cluster = 1,
    reports: Reports | None = None,
    stdin: bytes = b"",
    on_item: OnItem = ignore,
    on_start: OnStart = ignore_start,
) -> list[Outcome]:
    """Anonymise every item; return the outcomes, in the order of `items`.

    If the outputs go to a folder, it has a ledger: what an earlier run did is not redone, unless the settings, the
    source or the output changed since.

    Args:
        items: inputs and where their outputs go.
        settings: the same for all.
        force: replace existing outputs, and redo what was done.
        workers: parallel processes: on files if there are several, else on the segments of a long video. 1 works in
            this process; a cluster, on its machines.
        reports: where a report on every picture and video is written as each ends; for several inputs or a folder,
            with an index.
        stdin: the content, where an item is standard input.
        on_item: called with progress and outcomes.
        on_start: called with what was done before, if there is a ledger.

    Raises:
        UsageError: persons are to be shown, and there are several inputs; or workers are used by a script that does
            its work when it is imported.
        ModelError: a model is missing, which is found before the first item, since it would fail them all.
        OutputError: no report, index or ledger can be written, or another run uses the output folder.
        LedgerError: the ledger is damaged, or of a newer version.
        ClusterError: the cluster cannot be reached or used.
    """
    from anonymize.report import index  # loads the page templates

    _refuse_persons(items, settings)
    folder = output_folder(items)
    listed = reports.folder if reports and (folder or len(items) > 1) else None
    if reports:
        reports.prepare()
    if listed:
        index.refuse_others(listed)
    detectors = [] if isinstance(workers, Cluster) else job.detectors_for(settings)
    settled, on_item = _remembering(on_item)
    with ExitStack() as stack:
        todo, notify = items, on_item
        if folder is not None:
            kept = stack.enter_context(ledger.keep(folder, items, settings, force=force, stdin=stdin))
            on_start(kept.start)
            _report_earlier(kept, reports, settings, on_item)
            todo, notify = kept.todo, _recorded(kept, on_item)
        notify = with_reports(reports, settings, notify)
        if isinstance(workers, Cluster):
            from anonymize.batch.cluster.driver import run_on

            run_on(workers, todo, settings, force, notify)
        elif min(workers, len(todo)) > 1:
            _side_by_side(todo, partial(_working, settings, force, stdin), min(workers, len(todo)), notify)
        else:
            segments = 1 if len(items) > 1 else workers
            work = partial(job.run, settings=settings, force=force, detectors=detectors, stdin=stdin, workers=segments)
            for item in todo:
                notify(item, attempt(item, work, partial(notify, item)))
    if listed:
        index.write_index(listed)
    return [settled[item.relative] for item in items]


def forecast(
    items: Sequence[Item],
    settings: Settings,
    *,
    force: bool = False,
    stdin: bytes = b"",
    on_item: OnForecast,
) -> list[Outcome | Forecast]:
    """What `run` would do to every item; nothing is written, and no ledger is read or kept.

    Args:
        items, settings, force, stdin: see `run`.
        on_item: called with progress, and with each item's result.

    Raises:
        UsageError, ModelError: see `run`.
    """
    _refuse_persons(items, settings)
    detectors = job.detectors_for(settings)
    found: list[Outcome | Forecast] = []
    for item in items:
        notify = partial(on_item, item)
        try:
            found.append(job.forecast(item, settings, detectors, force=force, stdin=stdin, on_progress=notify))
        except Exception as error:  # noqa: BLE001 - one file must not stop the others
            found.append(failure(item, error))
        notify(found[-1])
    return found


def _refuse_persons(items: Sequence[Item], settings: Settings) -> None:
    if settings.show_persons and len(items) > 1:
        raise UsageError(
            f"a person to show belongs to a single video or picture, but there are {len(items)} inputs: "
            "run that one by itself"
        )


def _side_by_side(items: Sequence[Item], make: Callable[[int], Do], workers: int, on_item: OnItem) -> None:
    """Do the work on every item in processes.

    Args:
        items: what to do.
        make: makes in each process what does it, with so many processor threads.
        workers: number of processes.
        on_item: called in this process with all progress and every outcome.
    """

    def receive(item: Item, news: Progress | Outcome | Died) -> None:
        if isinstance(news, Died):
            news = failed(item, f"the process working on it died ({news.how})", ExitCode.INTERNAL)
        on_item(item, news)

    unordered(items, workers, partial(make, max(1, (os.cpu_count() or 1) // workers)), receive)


def _working(settings: Settings, force: bool, stdin: bytes, threads: int) -> Do:
    """What anonymises items in a process of its own."""
    detectors = job.detectors_for(settings, threads)
    work = partial(job.run, settings=settings, force=force, detectors=detectors, stdin=stdin)
    return lambda item, send: attempt(item, work, send)


def _report_earlier(kept: ledger.RunLedger, reports: Reports | None, settings: Settings, on_item: OnItem) -> None:
    """Pass on the outcomes of earlier runs, and write the reports that a killed run could not write."""
    for earlier in kept.before:
        left_out, message = earlier.output is None, f"{earlier.item.label}: {earlier.report.error}"
        outcome = Outcome(earlier.item, earlier.output, earlier.report, left_out=left_out, before=True)
        outcome = replace(outcome, message=message) if left_out else outcome
        (with_reports(reports, settings, on_item) if earlier.whole else on_item)(earlier.item, outcome)


def render(
    item: Item,
    made: Plan,
    settings: Settings,
    *,
    force: bool = False,
    workers: int = 1,
    reports: Reports | None = None,
    stdin: bytes = b"",
    on_item: OnItem = ignore,
) -> Outcome:
    """Render a plan on the input it was made for.

    Args:
        item: the input and where its output goes.
        made: the plan.
        settings: how to draw, encode and verify it (`anonymize.plan.settings.to_render`).
        force: replace an existing output.
        workers: parallel processes on the segments of a long video.
        reports: where its report is written.
        stdin: the content, where the item is standard input.
        on_item: called with progress and the outcome.

    Raises:
        OutputError: the report cannot be written.
    """
    if reports:
        reports.prepare()
    settled, on_item = _remembering(on_item)
    notify = with_reports(reports, settings, on_item)
    work = partial(job.render, made=made, settings=settings, force=force, stdin=stdin, workers=workers)
    notify(item, attempt(item, work, partial(notify, item)))
    return settled[item.relative]


def _remembering(on_item: OnItem) -> tuple[dict[Path, Outcome], OnItem]:
    """An empty dictionary, and `on_item` that also puts every outcome there, by the item's relative target."""
    settled: dict[Path, Outcome] = {}

    def remember(item: Item, news: Progress | Outcome) -> None:
        if isinstance(news, Outcome):
            settled[item.relative] = news
        on_item(item, news)

    return settled, remember


def _recorded(kept: ledger.RunLedger, on_item: OnItem) -> OnItem:
    """`on_item`, after the ledger has recorded the news."""

    def record(item: Item, news: Progress | Outcome) -> None:
        kept.record(item, news)
        on_item(item, news)

    return record
