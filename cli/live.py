"""`anonymize live`: anonymise cameras and streams in real time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import anonymize.presets as presets
from anonymize.cli.options import settings_of, takes
from anonymize.errors import UsageError
from anonymize.settings import Audio, Transport

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
    audio: Audio,
    quality: int,
    loop: bool,
    transport: Transport,
    poll: float,
    keep: list[str] | None,
    segment: float,
    viewers: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    preview: int | None,
    metrics: int | None,
    name: str,
    json: bool,
    **asked: Any,
) -> None:
    """Anonymise a camera or stream in real time.

    A frame is sent only if detectors saw it in time; otherwise it is obscured.
    """
    from anonymize.live import log, secrets

    secrets.hide_arguments()
    log.to_stderr(machine=True if json else None)
    if context.args:
        raise UsageError("more than one source (not shown: they may hold passwords); --config FILE takes several")
    if config is not None:
        if source is not None or to:
            raise UsageError("--config names sources and sinks itself: give no SOURCE and no --to with it")
        from anonymize.cli.render.output import control_room
        from anonymize.live.supervisor.run import supervise

        supervise(config, machine=json or None, announce=control_room())
        return
    if source is None:
        raise UsageError("a source is missing: a camera, a stream's address, a file, - or --config FILE")

    from anonymize.cli.render.output import page as announce
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
        transport=transport,
        poll=poll,
        quality=quality,
        keep=",".join(keep or ()),
        segment=segment,
        viewers=str(viewers or ""),
        tls_cert=str(tls_cert or ""),
        tls_key=str(tls_key or ""),
        preview=preview,
        metrics=metrics,
    )
    for address in (source, *camera.to):
        if secrets.has_password(address):
            log.logger.warning("a password on the command line can be read by others; use ${NAME} or ${file:/path}")
    settings()
    run_camera(camera.resolved(), settings, Metrics(name), announce=announce)
