"""`anonymize report`: show, sign and check reports, and sum them up for an impact assessment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize.cli import options as o
from anonymize.cli.help import App

app = App(
    no_args_is_help=True,
    help="Show reports as pages, sign and check them, sum them up.",
)

ReportFile = Annotated[Path, typer.Argument(help="A report (.report.json).", metavar="REPORT", show_default=False)]
Passphrase = Annotated[
    str,
    typer.Option(
        envvar="ANONYMIZE_KEY_PASSPHRASE",
        metavar="TEXT",
        help="Of the private key. Better set ANONYMIZE_KEY_PASSPHRASE: others can read your commands.",
        show_default=False,
    ),
]


@app.command()
def page(
    report: ReportFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The page to write.",
            metavar="FILE",
            show_default="beside the report, with .html",
            callback=o.named,
        ),
    ] = None,
) -> None:
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
def keygen(
    key: Annotated[
        Path,
        typer.Argument(
            help="The private key's file; the public one gets .pub.",
            metavar="FILE",
            show_default=False,
            callback=o.named,
        ),
    ],
    passphrase: Passphrase = "",
) -> None:
    """Make a pair of Ed25519 keys to sign reports with."""
    from anonymize.cli.render import say
    from anonymize.report.sign import keygen as make

    public, name = make(key, passphrase)
    say(f"private key: {key} (keep it to yourself)", f"public key:  {public} (give it to whoever checks)", name)


@app.command()
def sign(
    report: ReportFile,
    key: Annotated[Path, typer.Option("--key", "-k", help="Your private key.", metavar="FILE", show_default=False)],
    passphrase: Passphrase = "",
    force: Annotated[bool, typer.Option("--force", "-f", help="Put it in place of another signature.")] = False,
) -> None:
    """Sign a report, so that a change of it, or of the files it tells of, can be seen later."""
    from anonymize.cli.render import say
    from anonymize.report.sign import sign_file

    say(f"{report}: signed with the key {sign_file(report, key, passphrase, force=force)}")


@app.command()
def check(
    report: ReportFile,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", "-k", help="The public key of whoever should have signed it.", metavar="FILE", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Compare this file with the report's output.", metavar="FILE", show_default=False
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--source", help="Compare this file with the report's source.", metavar="FILE", show_default=False
        ),
    ] = None,
    json: o.Json = False,
) -> None:
    """Find out whether a report is what was signed, and whether files are those it tells of."""
    from anonymize.cli import render as show
    from anonymize.report.sign import check_file

    show.signature(report, check_file(report, key, source=source, output=output), machine=json)


@app.command()
def dpia(
    reports: Annotated[
        list[Path],
        typer.Argument(
            help="Reports, folders of them, or the metrics of a live set-up (.json or text).",
            metavar="REPORT",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The annex to write: NAME.md and NAME.html.",
            metavar="NAME",
            show_default=False,
            callback=o.named,
        ),
    ],
    title: o.AnnexTitle = "",
    force: o.Force = False,
) -> None:
    """Fill an annex to a data protection impact assessment with what was done and measured."""
    from anonymize.cli.render import say
    from anonymize.report.dpia import write

    for path in write(reports, output, title=title, force=force):
        say(str(path))
