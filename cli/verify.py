"""`anonymize verify`: examine a file that somebody wants to publish."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from anonymize import presets
from anonymize.cli import options as o
from anonymize.errors import ExitCode
from anonymize.kinds import Verdict

EXIT_CODES = {
    Verdict.PASS: ExitCode.DONE,
    Verdict.PASS_WITH_DOUBTS: ExitCode.DOUBTS,
    Verdict.FAIL: ExitCode.VERIFICATION,
}


def verify(
    output: Annotated[
        Path, typer.Argument(help="The video or picture to examine.", metavar="FILE", show_default=False)
    ],
    source: Annotated[
        Path | None, typer.Option("--source", help="What it was made from.", metavar="FILE", show_default=False)
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="The plan that was drawn.", metavar="FILE", show_default=False)
    ] = None,
    preset: o.PlanPreset = None,
    targets: o.TargetOption = None,
    detectors: o.Detectors = None,
    device: o.DeviceOption = None,
    min_face: o.MinFace = None,
    min_plate: o.MinPlate = None,
    quality: o.CodedQuality = None,
    only: o.Only = None,
    pixel_aspect: o.PixelAspect = None,
    report: o.ReportFolder = None,
    title: o.Title = "",
    quiet: o.Quiet = False,
    json: o.Json = False,
) -> None:
    """Examine an output, whoever made it.

    Its structure, its pictures against the plan, and a second look for what is to be found.

    Ends with 0 (pass), 11 (pass, with doubts that a person should look at) or 7 (fail).
    """
    from anonymize import job, proof
    from anonymize import report as reports
    from anonymize.batch.inputs import the_file
    from anonymize.cli import render as show
    from anonymize.plan import read
    from anonymize.plan_settings import to_render

    drawn = read(plan) if plan else None
    chosen = presets.load(preset).settings if preset else None
    settings = o.settings(
        to_render(drawn.about, chosen) if drawn else chosen or presets.load(presets.DEFAULT).settings,
        targets=targets,
        detectors=detectors,
        device=device,
        min_face=min_face,
        min_plate=min_plate,
        quality=quality,
        only=only,
        pixel_aspect=pixel_aspect,
    )
    item = the_file(output)
    o.title_of(report, title)
    if report:
        reports.prepare(report)
    with show.Display([item], machine=json, quiet=quiet) as display:
        account = proof.check_file(
            output,
            settings,
            job.detectors_for(settings),
            source=source,
            drawn=drawn,
            on_progress=lambda news: display(item, news),
        )
        display.verified(item, account)
    if report:
        reports.write(replace(account, title=title), reports.path_for(report, Path(output.name)))
    if code := EXIT_CODES[account.verdict]:
        raise typer.Exit(code)
