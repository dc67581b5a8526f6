"""Run one camera in this process: its sinks, preview page, ports and signal handlers."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from typing import TYPE_CHECKING, Any

from anonymize.detect import refuse_unusable
from anonymize.errors import AnonymizeError, FailingError, OutputError
from anonymize.live.chain.control import Control
from anonymize.live.log import logger
from anonymize.live.metrics import Metrics
from anonymize.live.preview import page
from anonymize.live.protocols import LiveSink, Picture
from anonymize.live.secrets import mask
from anonymize.live.sinks.newest import Newest
from anonymize.live.sinks.open import Options, name_of, open_sinks, prepare
from anonymize.live.status import status_line
from anonymize.live.supervisor.config import Camera
from anonymize.live.supervisor.signals import handled
from anonymize.settings import Settings

if TYPE_CHECKING:
    from anonymize.live.webrtc.port import Port

SAME_REQUEST = 1.0
"""Seconds in which a second signal is the first once more: a process and its group may get one each."""
STOP_WITHIN = 12.0
"""Seconds an orderly stop may take before the process exits at once."""


def run_camera(
    camera: Camera,
    settings: Callable[[], Settings],
    metrics: Metrics,
    *,
    announce: Callable[[str, str], None] | None = None,
    control: Control | None = None,
    newest: Newest | None = None,
) -> None:
    """Anonymise a camera until its source ends or the process receives TERM or Ctrl-C. Main thread only.

    Args:
        camera: with credentials filled in (`Camera.resolved`).
        settings: loads the settings; called again on every HUP.
        metrics: updated for this camera.
        announce: called with what a page is for and its address, which may hold a token.
        control: lets the caller stop the camera; given by a supervisor.
        newest: gets every frame that is released.

    Raises:
        UsageError, InputError, ModelError: a permanent error, which retrying would not fix.
        OutputError: every sink has failed permanently; or, without a supervisor, a folder is not writable.
        FailingError: without a supervisor: it was failing when it ended.
    """
    from anonymize.live.chain.loop import run

    supervised = control is not None
    first = settings()
    if not supervised:  # the supervisor has, and a camera that it restarts waits until its disk is writable
        refuse_unusable(first)
        prepare(camera.to)
    control = control or Control()
    gone = _Gone(len(camera.to), control)
    with ExitStack() as stack:
        preview = page.Preview() if camera.preview is not None else None
        if preview is not None and camera.preview is not None:
            server = page.serve_preview(camera.preview, preview, metrics)
            control.forgetting.append(preview.forget)
            stack.callback(server.close)
            if announce is not None:
                announce("preview", server.address)
        if camera.metrics is not None:
            stack.callback(page.serve_metrics(camera.metrics, metrics).close)

        ports = {address: stack.enter_context(_served(camera, address, metrics)) for address in camera.watched}
        for port in ports.values():
            if announce is not None:
                announce("watch", port.address)
        options = Options(quality=camera.quality, keep=camera.retention, camera=camera.name, on_gone=gone, ports=ports)

        def sinks(picture: Picture) -> Sequence[LiveSink]:
            logger.info("source open", width=picture.width, height=picture.height, rate=f"{float(picture.rate):.4g}")
            pages: list[LiveSink] = [preview] if preview is not None else []
            kept: list[LiveSink] = [newest] if newest is not None else []
            return [*open_sinks(camera.to, picture, metrics, options), *pages, *kept]

        stack.enter_context(_signals(control, settings))
        logger.info("starting", source=mask(camera.source), to=", ".join(mask(address) for address in camera.to))
        if not supervised:
            stack.enter_context(status_line(metrics))
        how: Any = {name: getattr(camera, name) for name in ("loop", "audio", "transport", "poll")}
        run(camera.source, sinks, first, metrics, control, **how)
    health = metrics.health()
    logger.info("stopped", **({} if health.ok and not health.degraded else {"health": health.why}))
    gone.check()
    if not supervised and not health.ok:
        raise FailingError(f"camera {camera.name} was failing when it ended: {health.why}")


def _served(camera: Camera, address: str, metrics: Metrics) -> AbstractContextManager[Port]:
    """The port of a sink for viewers. Raises `UsageError`."""
    from anonymize.live.webrtc.port import Port  # needs packages that are not always there

    return closing(Port(camera.place(address), camera.name, name_of(address), metrics))


class _Gone:
    """Counts sinks that failed permanently, and stops the camera once none is left."""

    def __init__(self, sinks: int, control: Control) -> None:
        self._left, self._control, self._why = sinks, control, ""

    def __call__(self, why: str) -> None:
        self._left -= 1
        if self._left <= 0:
            self._why = why
            self._control.stop()

    def check(self) -> None:
        if self._why:
            raise OutputError(f"every sink has failed: {self._why}")


def _signals(control: Control, settings: Callable[[], Settings]) -> AbstractContextManager[None]:
    """TERM and Ctrl-C drain and stop; a later one, or a timeout, exits at once. HUP reloads the settings."""
    asked: list[float] = []

    def exit_at_once(number: int) -> None:
        logger.error("did not stop in time: exiting at once", seconds=STOP_WITHIN)
        os._exit(128 + number)

    def stop(number: int) -> None:
        asked.append(time.monotonic())
        if control.stopped:
            if asked[-1] - asked[0] > SAME_REQUEST:
                os._exit(128 + number)
            return
        logger.info("stopping", signal=signal.Signals(number).name)
        control.stop()
        limit = threading.Timer(STOP_WITHIN, exit_at_once, [number])
        limit.daemon = True
        limit.start()

    def reload() -> None:
        try:
            asked_for = settings()
            refuse_unusable(asked_for)
            control.reload(asked_for)
        except AnonymizeError as error:
            logger.error("settings not reloaded; kept the previous settings", error=str(error))
        else:
            logger.info("settings reloaded")

    return handled(stop, reload)
