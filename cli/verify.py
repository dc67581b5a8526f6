"""`anonymize verify`: examine a file before it is published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import anonymize.presets as presets
from anonymize.cli.options import settings_of, takes
from anonymize.cli.values import reports_in
from anonymize.errors import ExitCode, UsageError
from anonymize.kinds import Verdict

EXIT_CODES = {
    Verdict.PASS: ExitCode.DONE,
    Verdict.PASS_WITH_DOUBTS: ExitCode.DOUBTS,
    Verdict.FAIL: ExitCode.VERIFICATION,
}


@takes("verify")
def verify(
    output: Annotated[
        Path, typer.Argument(help="The video or picture to examine.", metavar="FILE", show_default=False)
    ],
    source: Path | None,
    plan: Path | None,
    version: str,
    preset: str | None,
    report: Path | None,
    title: str,
    quiet: bool,
    json: bool,
    **asked: Any,
) -> None:
    """Examine an output of this or any other tool.

    Checks its structure, compares its pictures with the plan, and runs detectors on it.

    Exits with 0 (pass), 11 (pass, with doubts that a person should look at) or 7 (fail).
    """
    from anonymize import report as reports
    from anonymize.batch.inputs import the_file
    from anonymize.cli.render.progress import RunDisplay
    from anonymize.plan import read
    from anonymize.plan.settings import to_render
    from anonymize.recorded import job, release

    if version and not plan:
        raise UsageError("--version is one of a plan's: add --plan FILE")
    drawn = read(plan, version) if plan else None
    chosen = presets.load(preset).settings if preset else None
    settings = settings_of(
        to_render(drawn.about, chosen) if drawn else chosen or presets.load(presets.DEFAULT).settings, asked
    )
    item = the_file(output)
    if places := reports_in(report, title or (version if report else "")):
        places.prepare()
    with RunDisplay([item], machine=json, quiet=quiet) as display:
        account = release.check_file(
            output,
            settings,
            job.detectors_for(settings),
            source=source,
            drawn=drawn,
            on_progress=lambda news: display(item, news),
        )
        display.verified(item, account)
    if report:
        reports.write(replace(account, title=title or version), reports.path_for(report, Path(output.name)))
    if code := EXIT_CODES[account.verdict]:
        raise typer.Exit(code)
