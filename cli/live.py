"""`anonymize live`: cameras and streams, anonymised before anyone else sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize import presets
from anonymize.cli import live_options as lo
from anonymize.cli import options as o
from anonymize.errors import UsageError
from anonymize.settings import Audio


def live(
    context: typer.Context,
    source: lo.Source = None,
    to: lo.Sinks = None,
    config: lo.Config = None,
    preset: o.PresetName = presets.DEFAULT,
    targets: o.TargetOption = None,
    detectors: o.Detectors = None,
    device: o.DeviceOption = None,
    min_face: o.MinFace = None,
    min_plate: o.MinPlate = None,
    style: o.StyleOption = None,
    audio: lo.LiveAudio = Audio.MUTE,
    quality: lo.LiveQuality = 23,
    zone: o.Zones = None,
    spare: o.Spared = None,
    pixel_aspect: o.PixelAspect = None,
    lookahead: lo.Lookahead = None,
    loop: lo.Loop = False,
    keep: lo.KeepFor = "",
    segment: lo.SegmentLength = 60.0,
    preview: lo.PreviewPort = None,
    metrics: lo.MetricsPort = None,
    name: Annotated[
        str, typer.Option(help="The camera's name in logs, metrics and on the page.", metavar="NAME")
    ] = "camera",
    json: o.Json = False,
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
    from anonymize.live.config import Camera, for_live
    from anonymize.live.metrics import Metrics
    from anonymize.settings import Settings

    def settings() -> Settings:
        wanted = o.settings(
            presets.load(preset).settings,
            targets=targets,
            detectors=detectors,
            device=device,
            min_face=min_face,
            min_plate=min_plate,
            style=style,
            zone=zone,
            spare=spare,
            pixel_aspect=pixel_aspect,
            lookahead=lookahead,
        )
        return for_live(wanted)

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
    from anonymize.live.supervise import supervise

    supervise(config, machine=machine or None)
