"""`anonymize status`: the state of a run."""

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
    """Show how far a run is, or how it ended.

    Reads the ledger in its output folder and changes nothing.

    Exits with 0 (finished), 10 (finished, some files failed), 15 (running) or 16 (stopped: the same command resumes).
    """
    from anonymize.batch import ledger
    from anonymize.batch.ledger.status import Going
    from anonymize.cli.render import lists

    found = ledger.status(output)
    lists.status(output, found, machine=json)
    ended = ExitCode.PARTIAL if found.failed else ExitCode.DONE
    code = {Going.ON: ExitCode.RUNNING, Going.STOPPED: ExitCode.STOPPED, Going.ENDED: ended}[found.going]
    if code:
        raise typer.Exit(code)
