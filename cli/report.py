"""`anonymize report`: show, sign, check and summarise reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize.cli.help import App
from anonymize.cli.option import named
from anonymize.cli.options import takes

app = App(
    no_args_is_help=True,
    help="Show reports as pages, sign, check and summarise them.",
)

ReportFile = Annotated[Path, typer.Argument(help="A report (.report.json).", metavar="REPORT", show_default=False)]


@app.command()
@takes("report page")
def page(report: ReportFile, output: Path | None) -> None:
    """Write a report as an HTML page."""
    from anonymize.cli.render.output import say
    from anonymize.pages import save
    from anonymize.report import read
    from anonymize.report.page import page as make

    target = output or report.with_suffix(".html")
    save(make(read(report)), target)
    say(f"{report} -> {target}")


@app.command()
def index(
    reports: Annotated[
        Path,
        typer.Argument(help="A folder of reports.", metavar="FOLDER", show_default=False, exists=True, file_okay=False),
    ],
) -> None:
    """Write an index page of the reports in a folder, as `run` does for several inputs."""
    from anonymize.cli.render.output import say
    from anonymize.report.index import NAME, write_index

    write_index(reports)
    say(f"{reports} -> {reports / NAME}")


@app.command()
@takes("report keygen")
def keygen(
    key: Annotated[
        Path,
        typer.Argument(
            help="The private key's file; the public one gets .pub.",
            metavar="FILE",
            show_default=False,
            callback=named,
        ),
    ],
    passphrase: str,
) -> None:
    """Make a pair of Ed25519 keys for signing reports."""
    from anonymize.cli.render.output import say
    from anonymize.report.sign import keygen as make

    public, name = make(key, passphrase)
    say(f"private key: {key} (keep it to yourself)", f"public key:  {public} (give it to whoever checks)", name)


@app.command()
@takes("report sign")
def sign(report: ReportFile, key: Path, passphrase: str, force: bool) -> None:
    """Sign a report, so that changes of it, or of the files it describes, can be detected."""
    from anonymize.cli.render.output import say
    from anonymize.report.sign import sign_file

    say(f"{report}: signed with the key {sign_file(report, key, passphrase, force=force)}")


@app.command()
@takes("report check")
def check(report: ReportFile, key: Path | None, output: Path | None, source: Path | None, json: bool) -> None:
    """Check that a report is as it was signed, and that files are those it describes."""
    from anonymize.cli.render import lists
    from anonymize.report.sign import check_file

    lists.signature(report, check_file(report, key, source=source, output=output), machine=json)


@app.command()
@takes("report dpia")
def dpia(
    reports: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Reports, folders of reports, metrics of `live`, or alarms (.json or text).",
            metavar="REPORT",
            show_default=False,
        ),
    ] = None,
    *,
    live: Path | None,
    output: Path,
    title: str,
    force: bool,
) -> None:
    """Write an annex to a data protection impact assessment from what was done and measured."""
    from anonymize.cli.render.output import say
    from anonymize.report.dpia import write

    first = []
    if live is not None:
        from anonymize.live.dpia import pilot
        from anonymize.live.evidence import gather

        first = pilot(gather(live))
    for path in write(reports or (), output, title=title, force=force, first=first):
        say(str(path))
