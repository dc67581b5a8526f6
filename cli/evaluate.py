"""`anonymize evaluate`: leak, exposure and collateral of any tool's output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize.cli.options import BoxKind, takes


@takes("evaluate")
def evaluate(
    original: Annotated[
        Path,
        typer.Argument(
            help="Before the redaction: a video, a picture or a folder.", metavar="ORIGINAL", show_default=False
        ),
    ],
    redacted: Annotated[
        Path,
        typer.Argument(
            help="The same after it; files of folders match by name.", metavar="REDACTED", show_default=False
        ),
    ],
    truth: Annotated[
        Path,
        typer.Argument(
            help="What was there to hide: .jsonl (ours), .json (COCO), .txt (MOT), or a folder.",
            metavar="TRUTH",
            show_default=False,
        ),
    ],
    kind: BoxKind,
    html: Path | None,
    json: bool,
) -> None:
    """Measure what is left in any tool's output of what should be gone."""
    from anonymize import evaluate as e
    from anonymize.cli import render as show
    from anonymize.data import Kind

    if html:
        from anonymize.media import check_target

        check_target(html, force=True, makes_folder=True)
    results = []
    for pair, found in e.evaluate_pairs(e.pairs(original, redacted, truth, Kind.of(kind.value))):
        results.append((pair.name, found))
        show.evaluated(pair.name, found, machine=json)
    show.evaluated_all(results, machine=json)
    if html:
        from anonymize.evaluate.page import page
        from anonymize.pages import save

        save(page(results), html)
