"""`anonymize status`: how a run gets on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize.cli.options import takes
from anonymize.errors import ExitCode


@takes("status")
def status(
    output: Annotated[Path, typer.Argument(help="The output folder of a run.", metavar="FOLDER", show_default=False)],
    json: bool,
) -> None:
    """Show how a run gets on, or how it ended.

    From the ledger in its output folder; nothing is changed.

    Ends with 0 (finished), 10 (finished, some files failed), 15 (going on) or 16 (stopped: the same command goes on).
    """
    from anonymize.batch import ledger
    from anonymize.batch.ledger.status import Going
    from anonymize.cli import render as show

    found = ledger.status(output)
    show.status(output, found, machine=json)
    ended = ExitCode.PARTIAL if found.failed else ExitCode.DONE
    code = {Going.ON: ExitCode.RUNNING, Going.STOPPED: ExitCode.STOPPED, Going.ENDED: ended}[found.going]
    if code:
        raise typer.Exit(code)
