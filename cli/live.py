"""`anonymize live`: cameras and streams, anonymised before anyone else sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize import presets
from anonymize.cli.options import settings_of, takes
from anonymize.cli.wanted import Asked
from anonymize.errors import UsageError
from anonymize.settings import Audio

Source = Annotated[
    str | None,
    typer.Argument(
        help="A camera (0, /dev/video0), an rtsp://, rtmp://, http://, srt:// or udp:// address, a file, or - for "
        "standard input. Write passwords as ${NAME} or ${file:/path}.",
        metavar="SOURCE",
        show_default=False,
    ),
]


@takes("live")
def live(
    context: typer.Context,
    source: Source = None,
    *,
    to: list[str] | None,
    config: Path | None,
    preset: str,
    asked: Asked,
    audio: Audio,
    quality: int,
    loop: bool,
    keep: str,
    segment: float,
    preview: int | None,
    metrics: int | None,
    name: str,
    json: bool,
) -> None:
    """Anonymise a camera or stream as it comes.

    A frame leaves only when it has been looked at in time, or obscured.
    """
    from anonymize.live import log, secrets

    secrets.hide_arguments()
    log.to_stderr(machine=True if json else None)
    if context.args:
        raise UsageError("more than one source (none is repeated: it may hold a password); --config FILE takes several")
    if config is not None:
        if source is not None or to:
            raise UsageError("--config names sources and sinks by itself: give no SOURCE and no --to beside it")
        _all(config, json)
        return
    if source is None:
        raise UsageError("a source is missing: a camera, a stream's address, a file, - or --config FILE")

    from anonymize.cli import render as show
    from anonymize.live.camera import run_camera
    from anonymize.live.metrics import Metrics
    from anonymize.live.supervisor.config import Camera, for_live
    from anonymize.settings import Settings

    def settings() -> Settings:
        return for_live(settings_of(presets.load(preset).settings, asked))

    camera = Camera(
        source=source,
        to=tuple(to or ()),
        name=name,
        audio=audio,
        loop=loop,
        quality=quality,
        keep=keep,
        segment=segment,
        preview=preview,
        metrics=metrics,
    )
    for address in (source, *camera.to):
        if secrets.has_password(address):
            log.logger.warning("a password on the command line can be read by others; use ${NAME} or ${file:/path}")
    settings()
    run_camera(camera.resolved(), settings, Metrics(name), announce=show.preview)


def _all(config: Path, machine: bool) -> None:
    from anonymize.live.supervisor.run import supervise

    supervise(config, machine=machine or None)
