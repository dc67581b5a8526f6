"""`anonymize recordings`: what `live` recorded: find it, export it, hold it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize.cli.help import App
from anonymize.cli.options import takes

app = App(
    no_args_is_help=True,
    help="What `live` recorded: list it, export a part of it.",
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
