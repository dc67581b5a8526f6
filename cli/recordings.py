"""`anonymize recordings`: what `live` recorded: find it, export it, hold it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import anonymize.presets as presets
from anonymize.cli.help import App
from anonymize.cli.options import settings_of, takes
from anonymize.cli.values import reports_in
from anonymize.cli.verify import EXIT_CODES
from anonymize.errors import ExitCode

if TYPE_CHECKING:
    from anonymize.live.recordings.folder import RecordedSegment
    from anonymize.progress import Progress
    from anonymize.report import Report

app = App(
    no_args_is_help=True,
    help="What `live` recorded: list, export, hold and verify it.",
)

Folder = Annotated[
    Path,
    typer.Argument(
        help="A folder of recordings, as of record:FOLDER.", metavar="FOLDER", show_default=False, file_okay=False
    ),
]


@app.command("list")
@takes("recordings list")
def list_(folder: Folder, start: str | None, end: str | None, json: bool) -> None:
    """List what was recorded when, and what is missing."""
    from anonymize.cli.render import recordings
    from anonymize.live.recordings import folder as there
    from anonymize.live.recordings.times import span

    recordings.listed(folder, there.look(folder, *span(start, end)), there.being_written(folder), machine=json)


@app.command()
@takes("recordings export")
def export(
    folder: Folder,
    start: str,
    end: str,
    output: Path,
    key: Path | None,
    passphrase: str,
    report: Path | None,
    title: str,
    by: str,
    force: bool,
    json: bool,
) -> None:
    """Write a span of recordings to one film, with a report.

    Cut at key pictures and copied, not coded anew: it begins up to two seconds before --from. Gaps are told and kept.
    """
    from anonymize.cli.render import recordings
    from anonymize.live.recordings import export as exporting
    from anonymize.live.recordings.times import asked

    account = exporting.Account(report, key, passphrase, by, title)
    recordings.exported(exporting.export(folder, asked(start, end), output, account, force=force), machine=json)


@app.command()
@takes("recordings hold")
def hold(folder: Folder, start: str, end: str, reason: str, by: str, json: bool) -> None:
    """Keep a span of recordings from being deleted by --keep."""
    from anonymize.cli.render import recordings
    from anonymize.live.recordings import holding
    from anonymize.live.recordings.times import asked

    recordings.changed("held", folder, holding.place(folder, asked(start, end), reason, by), machine=json)


@app.command()
@takes("recordings release")
def release(folder: Folder, start: str, end: str, reason: str, by: str, json: bool) -> None:
    """Hold a span of recordings no longer: --keep deletes it when it is due."""
    from anonymize.cli.render import recordings
    from anonymize.live.recordings import holding
    from anonymize.live.recordings.times import asked

    recordings.changed("released", folder, holding.release(folder, asked(start, end), reason, by), machine=json)


@app.command()
@takes("recordings verify")
def verify(
    folder: Folder,
    start: str | None,
    end: str | None,
    preset: str,
    report: Path | None,
    by: str,
    quiet: bool,
    json: bool,
    **asked: Any,
) -> None:
    """Examine segments as `anonymize verify` does a file, and compare them with what the recorder noted.

    Exits with 0 (pass), 11 (pass, with doubts that a person should look at), 7 (fail) or 12 (the custody log alone was
    changed).
    """
    from anonymize import report as reports
    from anonymize.batch.inputs import the_file
    from anonymize.cli.render.output import note
    from anonymize.cli.render.progress import RunDisplay
    from anonymize.live.recordings import checking
    from anonymize.live.recordings.times import span
    from anonymize.recorded import job
    from anonymize.report import Report

    settings = settings_of(presets.load(preset).settings, asked)
    found = checking.chosen(folder, *span(start, end))
    if places := reports_in(report):
        places.prepare()
    items = {segment.name: the_file(folder / segment.name) for segment in found.segments}
    with RunDisplay(list(items.values()), machine=json, quiet=quiet) as display:

        def on_segment(segment: RecordedSegment, news: Progress | Report) -> None:
            if not isinstance(news, Report):
                display(items[segment.name], news)
                return
            display.verified(items[segment.name], news)
            if report:
                reports.write(news, reports.path_for(report, Path(segment.name)))

        detectors = job.detectors_for(settings)
        checked = checking.check(folder, found.segments, settings, detectors, on_segment, by)
    for line in (*found.notes, *checked.complaints):
        note(f"{folder}: {line}")
    if code := EXIT_CODES[checked.verdict]:
        raise typer.Exit(code)
    if checked.complaints:
        raise typer.Exit(ExitCode.REPORT)
