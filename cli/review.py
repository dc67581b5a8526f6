"""`anonymize review`: a page on which a person corrects what was found, and publishes the result."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

import anonymize.presets as presets
from anonymize.cli.options import takes


@takes("review")
def review(
    source: Annotated[
        Path | None,
        typer.Argument(
            help="The video or picture to review, or a folder to choose from; this folder, if none is given.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None,
    *,
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
    from anonymize.review import desk_app
    from anonymize.review.app import app
    from anonymize.review.desk import desk
    from anonymize.review.review import Review, plan_for
    from anonymize.review.session import is_torn
    from anonymize.web.server import Server

    chosen, made = presets.load(preset), plan or (plan_for(source) if source else None)
    with ExitStack() as stack:
        if source and made and made.exists() and not source.is_dir() and not is_torn(made):
            served = app(stack.enter_context(Review(source, made, by)))
        else:
            served = desk_app.app(stack.enter_context(desk(source or Path(), plan, chosen, by)))
        server = Server(port, served, secrets.token_urlsafe(24))
        saved = f"saved in {made}" if made and source and not source.is_dir() else "saved beside each file"
        try:
            say(f"review: {server.address}", saved, "Ctrl-C ends the review")
            if browser:
                webbrowser.open(server.address)
            threading.Event().wait()
        except KeyboardInterrupt:
            say("", f"all edits are {saved}")
        finally:
            server.close()
