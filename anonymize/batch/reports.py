"""Reports on the inputs of a run: each is written before its input's outcome is passed on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from anonymize import report
from anonymize.batch.outcome import OnItem, Outcome
from anonymize.errors import OutputError
from anonymize.progress import Progress
from anonymize.recorded.item import Item
from anonymize.settings import Settings
from anonymize.text.mapping import to_mapping


@dataclass(frozen=True, slots=True)
class Reports:
    """Where reports are written, as JSON and as pages.

    Args:
        folder: made if there is none.
        title: their heading.

    Raises:
        UsageError: the title is invalid.
    """

    folder: Path
    title: str = ""

    def __post_init__(self) -> None:
        report.check_title(self.title)

    def prepare(self) -> None:
        """Test whether reports can be written. Raises `OutputError`."""
        report.prepare(self.folder)


def with_reports(reports: Reports | None, settings: Settings, on_item: OnItem) -> OnItem:
    """`on_item`, with a report written before each outcome; a report that cannot be written is part of the outcome."""

    def report_first(item: Item, news: Progress | Outcome) -> None:
        if reports and isinstance(news, Outcome) and not news.left_out:
            news = _reported(reports, settings, news)
        on_item(item, news)

    return report_first


def _reported(reports: Reports, settings: Settings, outcome: Outcome) -> Outcome:
    """`outcome` after writing its report, with the error if that failed."""
    item = outcome.item
    names = (item.source, item.target, outcome.output, outcome.kept.plan if outcome.kept else None)
    source = outcome.report.source or _hash(item)
    error = report.nameless(outcome.report.error, names)
    asked = outcome.report.settings or ({} if outcome.before else to_mapping(settings))  # if its process died
    account = replace(outcome.report, title=reports.title, source=source, error=error, settings=asked)
    try:
        report.write(account, report.path_for(reports.folder, item.relative))
    except OutputError as error:
        message = f"{item.label}: its report could not be written: {error}"
        message = "; ".join(filter(None, (outcome.message, message)))
        return replace(outcome, message=message, exit_code=outcome.exit_code or error.exit_code)
    return outcome


def _hash(item: Item) -> dict[str, str]:
    """The hash of a source that was never read: a report contains no name, so the hash identifies the file."""
    try:
        return {"sha256": report.sha256(item.source)} if isinstance(item.source, Path) and item.source.is_file() else {}
    except OSError:  # that is why it failed
        return {}
