"""Many inputs: each ends as released or failed, and one that fails leaves the others alone.

Where they go to a folder, a ledger there says which still have to be done, and is told what becomes of them. It is
wrapped around whatever does the work (`_execute`), which takes items and tells of them in this process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize import report
from anonymize.batch import ledger
from anonymize.batch.inputs import output_folder
from anonymize.batch.outcome import OnItem, Outcome, Work, attempt, caught, failed, ignore
from anonymize.errors import ExitCode, OutputError, UsageError
from anonymize.parallel.process import Do
from anonymize.parallel.unordered import Died, unordered
from anonymize.plan import Plan
from anonymize.progress import OnProgress, Progress
from anonymize.recorded import job
from anonymize.recorded.forecast import Forecast
from anonymize.recorded.item import Item
from anonymize.recorded.release import Known
from anonymize.settings import Settings
from anonymize.text.mapping import to_mapping

if TYPE_CHECKING:
    from anonymize.batch.cluster import Cluster


OnForecast = Callable[[Item, "Progress | Outcome | Forecast"], None]
"""Told of every step of every item, and of what would become of it; an outcome is one that fails or is left out."""

OnStart = Callable[[ledger.Start], None]
"""Told what the ledger of the output folder knew, before anything is done."""


def ignore_start(start: ledger.Start) -> None:
    """The `OnStart` that does nothing."""


def run(
    items: Sequence[Item],
    settings: Settings,
    *,
    force: bool = False,
    workers: int = 1,
    reports: Path | None = None,
    title: str = "",
    stdin: bytes = b"",
    on_item: OnItem = ignore,
    on_start: OnStart = ignore_start,
    cluster: Cluster | None = None,
) -> list[Outcome]:
    """Anonymise every item; the outcomes, in the order of `items`.

    Where the outputs go to a folder, its ledger is kept: what an earlier run did is not done again, unless the
    settings, the source or the output changed since.

    Args:
        items: inputs and where their results go.
        settings: the same for all.
        force: replace existing outputs, and do again what was done.
        workers: processes that work side by side: on files where there are several, else on the segments of a long
            video. 1 works in this one.
        reports: folder for an account of every picture and video, as JSON and as a page, written as each ends; of
            several inputs, or a folder, an index as well.
        title: what these accounts are called.
        stdin: the medium itself, where an item is standard input.
        on_item: told of progress and outcomes.
        on_start: told what was done before, where there is a ledger.
        cluster: where to work; on this machine if not given.

    Raises:
        UsageError: persons are to be shown, and there are several inputs; the title is none; or workers are asked for
            by a script that does its work while it is imported.
        ModelError: a model is missing: found out before the first item, since it would fail them all.
        OutputError: no report, index or ledger can be written, or another run works in the output folder.
        LedgerError: the ledger is damaged, or of a newer version.
        ClusterError: the cluster cannot be reached or used.
    """
    from anonymize.report import index  # it fills pages

    _refuse_persons(items, settings)
    report.check_title(title)
    folder = output_folder(items)
    listed = reports if folder or len(items) > 1 else None
    if reports:
        report.prepare(reports)
    if listed:
        index.refuse_others(listed)
    several = 1 if len(items) > 1 else workers
    work = None if cluster else _worker(settings, force, stdin, threads=0, workers=several)

    def execute(items: Sequence[Item], on_item: OnItem) -> None:
        tell = _telling(reports, title, settings, on_item)
        if cluster:
            from anonymize.batch.cluster.driver import run_on

            run_on(cluster, items, settings, force, tell)
        elif work:
            _execute(items, work, (settings, force, stdin), workers, tell)

    settled, remember = _remembering(on_item)
    if folder is None:
        execute(items, remember)
    else:
        with ledger.keep(folder, items, settings, force=force, stdin=stdin) as book:

            def tell(item: Item, news: Progress | Outcome) -> None:
                book.tell(item, news)
                remember(item, news)

            on_start(book.start)
            _done_before(book, reports, title, settings, remember)
            execute(book.todo, tell)
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

    Raises:
        UsageError, ModelError: as `run`.
    """
    _refuse_persons(items, settings)
    detectors = job.detectors_for(settings)
    found: list[Outcome | Forecast] = []
    for item in items:

        def look(item: Item = item) -> Forecast:
            tell = partial(on_item, item)
            return job.forecast(item, settings, detectors, force=force, stdin=stdin, on_progress=tell)

        found.append(caught(item, look))
        on_item(item, found[-1])
    return found


def _refuse_persons(items: Sequence[Item], settings: Settings) -> None:
    if settings.show_persons and len(items) > 1:
        raise UsageError(
            f"a person to show is one of a single video or picture, and there are {len(items)} inputs: "
            "run that one by itself"
        )


def _execute(items: Sequence[Item], work: Work, job: tuple[Settings, bool, bytes], workers: int, tell: OnItem) -> None:
    """Do the work on every item, here or elsewhere; `tell`, in this process, of all progress and every outcome."""
    workers = min(workers, len(items))
    if workers <= 1:
        for item in items:
            _settle(item, work, tell)
        return

    def heard(item: Item, news: Progress | Outcome | Died) -> None:
        if isinstance(news, Died):
            news = failed(item, f"the process working on it died ({news.how})", ExitCode.INTERNAL)
        tell(item, news)

    threads = max(1, (os.cpu_count() or 1) // workers)
    unordered(items, workers, partial(_working, *job, threads), heard)


def _working(settings: Settings, force: bool, stdin: bytes, threads: int) -> Do:
    """What anonymises items in a process of its own."""
    work = _worker(settings, force, stdin, threads)
    return lambda item, send: attempt(item, work, send)


def _done_before(book: ledger.RunLedger, reports: Path | None, title: str, settings: Settings, on_item: OnItem) -> None:
    """What earlier runs did or left out; a report that one of them could not write any more is written now."""
    for earlier in book.before:
        outcome = Outcome(earlier.item, earlier.output, earlier.report, left_out=not earlier.output, before=True)
        (_telling(reports, title, settings, on_item) if earlier.whole else on_item)(earlier.item, outcome)


def render(
    item: Item,
    made: Plan,
    settings: Settings,
    *,
    force: bool = False,
    workers: int = 1,
    reports: Path | None = None,
    title: str = "",
    stdin: bytes = b"",
    on_item: OnItem = ignore,
) -> Outcome:
    """Draw a plan on the input it was made for.

    Args:
        item: the input and where its result goes.
        made: the plan.
        settings: what to draw, write and check it with (`anonymize.plan.settings.to_render`).
        force: replace an existing output.
        workers: processes that work side by side on the segments of a long video.
        reports: folder for the account, as JSON and as a page.
        title: what the account is called.
        stdin: the medium itself, where the item is standard input.
        on_item: told of progress and of the outcome.

    Raises:
        OutputError: the report cannot be written.
        UsageError: the title is none.
    """
    report.check_title(title)
    if reports:
        report.prepare(reports)

    def work(item: Item, on_progress: OnProgress, known: Known) -> job.Released:
        return job.render(
            item, made, settings, force=force, stdin=stdin, workers=workers, on_progress=on_progress, known=known
        )

    settled, remember = _remembering(on_item)
    _settle(item, work, _telling(reports, title, settings, remember))
    return settled[item.relative]


def _worker(settings: Settings, force: bool, stdin: bytes, threads: int, workers: int = 1) -> Work:
    """What anonymises items, with detectors made once."""
    detectors = job.detectors_for(settings, threads)

    def work(item: Item, on_progress: OnProgress, known: Known) -> job.Released:
        return job.run(
            item,
            settings,
            force=force,
            detectors=detectors,
            stdin=stdin,
            workers=workers,
            on_progress=on_progress,
            known=known,
        )

    return work


def _remembering(on_item: OnItem) -> tuple[dict[Path, Outcome], OnItem]:
    """`on_item`, and where it keeps every outcome, by the item's relative target."""
    settled: dict[Path, Outcome] = {}

    def remember(item: Item, news: Progress | Outcome) -> None:
        if isinstance(news, Outcome):
            settled[item.relative] = news
        on_item(item, news)

    return settled, remember


def _telling(reports: Path | None, title: str, settings: Settings, on_item: OnItem) -> OnItem:
    """`on_item`, with a report written before it is told of an outcome. One that cannot be is part of the outcome.

    Of what is no media there is nothing to report.
    """

    def tell(item: Item, news: Progress | Outcome) -> None:
        wanted = reports if isinstance(news, Outcome) and not news.left_out else None
        on_item(item, _reported(wanted, title, settings, news) if wanted and isinstance(news, Outcome) else news)

    return tell


def _reported(reports: Path, title: str, settings: Settings, outcome: Outcome) -> Outcome:
    """`outcome`, its report written; with the error where that failed."""
    item = outcome.item
    names = (item.source, item.target, outcome.output, outcome.kept.plan if outcome.kept else None)
    source = outcome.report.source or _hash(item)
    error = report.nameless(outcome.report.error, names)
    asked = outcome.report.settings or ({} if outcome.before else to_mapping(settings))  # of a process that died
    account = replace(outcome.report, title=title, source=source, error=error, settings=asked)
    try:
        report.write(account, report.path_for(reports, item.relative))
    except OutputError as error:
        message = f"{item.label}: its report could not be written: {error}"
        message = "; ".join(filter(None, (outcome.message, message)))
        return replace(outcome, message=message, exit_code=outcome.exit_code or error.exit_code)
    return outcome


def _settle(item: Item, work: Work, tell: OnItem) -> None:
    tell(item, attempt(item, work, lambda progress: tell(item, progress)))


def _hash(item: Item) -> dict[str, str]:
    """The hash of a source that was not got as far as: a report holds no name, and tells by it whose it is."""
    try:
        return {"sha256": report.sha256(item.source)} if isinstance(item.source, Path) and item.source.is_file() else {}
    except OSError:  # which is why it failed
        return {}
