"""`anonymize evaluate`: leak, exposure and collateral of any tool's output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize.cli.options import takes


@takes("evaluate")
def evaluate(
    original: Annotated[
        Path,
        typer.Argument(help="A video, a picture or a folder before redaction.", metavar="ORIGINAL", show_default=False),
    ],
    redacted: Annotated[
        Path,
        typer.Argument(
            help="The same after redaction; files of folders match by name.", metavar="REDACTED", show_default=False
        ),
    ],
    truth: Annotated[
        Path,
        typer.Argument(
            help="What there is to hide: .jsonl (ours), .json (COCO), .txt (MOT), or a folder.",
            metavar="TRUTH",
            show_default=False,
        ),
    ],
    kind: str | None,
    html: Path | None,
    json: bool,
) -> None:
    """Measure what any tool's output still shows of what it should hide."""
    from anonymize import evaluate as e
    from anonymize.cli.render import lists
    from anonymize.data import Kind

    if html:
        from anonymize.media import check_target

        check_target(html, force=True, makes_folder=True)
    results = []
    for pair, found in e.evaluate_pairs(e.pairs(original, redacted, truth, Kind.named(kind) if kind else None)):
        results.append((pair.name, found))
        lists.evaluated(pair.name, found, machine=json)
    lists.evaluated_all(results, machine=json)
    if html:
        from anonymize.evaluate.page import page
        from anonymize.pages import save

        save(page(results), html)
