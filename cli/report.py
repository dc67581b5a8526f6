"""`anonymize report`: show, sign and check reports, and sum them up for an impact assessment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize.cli.help import App
from anonymize.cli.option import named
from anonymize.cli.options import takes

app = App(
    no_args_is_help=True,
    help="Show reports as pages, sign and check them, sum them up.",
)

ReportFile = Annotated[Path, typer.Argument(help="A report (.report.json).", metavar="REPORT", show_default=False)]


@app.command()
@takes("report page")
def page(report: ReportFile, output: Path | None) -> None:
    """Write a report as a page for people again."""
    from anonymize.cli.render import say
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
    """Write a page with a line for each report of a folder, as `run` does for several inputs."""
    from anonymize.cli.render import say
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
    """Make a pair of Ed25519 keys to sign reports with."""
    from anonymize.cli.render import say
    from anonymize.report.sign import keygen as make

    public, name = make(key, passphrase)
    say(f"private key: {key} (keep it to yourself)", f"public key:  {public} (give it to whoever checks)", name)


@app.command()
@takes("report sign")
def sign(report: ReportFile, key: Path, passphrase: str, force: bool) -> None:
    """Sign a report, so that a change of it, or of the files it tells of, can be seen later."""
    from anonymize.cli.render import say
    from anonymize.report.sign import sign_file

    say(f"{report}: signed with the key {sign_file(report, key, passphrase, force=force)}")


@app.command()
@takes("report check")
def check(report: ReportFile, key: Path | None, output: Path | None, source: Path | None, json: bool) -> None:
    """Find out whether a report is what was signed, and whether files are those it tells of."""
    from anonymize.cli import render as show
    from anonymize.report.sign import check_file

    show.signature(report, check_file(report, key, source=source, output=output), machine=json)


@app.command()
@takes("report dpia")
def dpia(
    reports: Annotated[
        list[Path],
        typer.Argument(
            help="Reports, folders of them, or the metrics of a live set-up (.json or text).",
            metavar="REPORT",
            show_default=False,
        ),
    ],
    output: Path,
    title: str,
    force: bool,
) -> None:
    """Fill an annex to a data protection impact assessment with what was done and measured."""
    from anonymize.cli.render import say
    from anonymize.report.dpia import write

    for path in write(reports, output, title=title, force=force):
        say(str(path))
