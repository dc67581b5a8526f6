"""`anonymize review`: a page on which a person corrects what was found, and publishes the result."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

import anonymize.presets as presets
from anonymize.cli.options import takes


@takes("review")
def review(
    source: Annotated[
        Path, typer.Argument(help="The video or picture to review.", metavar="SOURCE", show_default=False)
    ],
    plan: Path | None,
    preset: str,
    by: str,
    port: int,
    browser: bool,
) -> None:
    """Correct what was found on a page in your browser, and publish it.

    Without a plan, finds first. Every edit is saved in the plan at once: Ctrl-C ends the review, and the same command
    continues it.
    """
    import threading
    import webbrowser

    from anonymize.cli.render.output import say
    from anonymize.review.app import app
    from anonymize.review.review import Review, plan_for
    from anonymize.web.server import Server

    made = plan or plan_for(source)
    if not made.exists():
        _find(source, made, preset)
    with Review(source, made, by) as opened:
        server = Server(port, app(opened), secrets.token_urlsafe(24))
        try:
            say(f"review: {server.address}", f"saved in {made}; Ctrl-C ends the review")
            if browser:
                webbrowser.open(server.address)
            threading.Event().wait()
        except KeyboardInterrupt:
            say("", f"all edits are saved in {made}")
        finally:
            server.close()


def _find(source: Path, made: Path, preset: str) -> None:
    """Write the plan `made`, as `detect` does."""
    from anonymize.batch.inputs import only_item
    from anonymize.cli.render.progress import RunDisplay
    from anonymize.recorded import job

    chosen = presets.load(preset)
    item = only_item(str(source), str(made))
    with RunDisplay([item], machine=False, quiet=False) as display:
        job.detect(item, chosen.settings, preset=chosen.as_dict(), on_progress=lambda news: display(item, news))
