"""Main function of a camera's process, spawned by the supervisor (`anonymize.live.supervisor.run`).

It sends metrics and health once a second, and receives settings. If the supervisor ends, the camera drains and stops.
It never reads the file of cameras: only what the supervisor has accepted is in force, after a restart too.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from anonymize.errors import AnonymizeError
from anonymize.live.log import logger, to_stderr
from anonymize.live.metrics import Metrics
from anonymize.live.supervisor.config import Camera
from anonymize.parallel.process import lead_session

if TYPE_CHECKING:
    from anonymize.live.chain.control import Control
    from anonymize.settings import Settings

REPORT_EVERY = 1.0
"""Seconds between two reports."""


def run(supervisor: Connection, camera: Camera, settings: Settings, machine: bool) -> None:
    """Run one camera; the process exits with the exit code of the error, if any.

    Args:
        supervisor: reports go here, new settings come from here; its end stops the camera.
        camera: with references to credentials, which are filled in here.
        settings: of the camera, until others come.
        machine: log as JSON lines.
    """
    lead_session()  # only the supervisor receives Ctrl-C, and stops all cameras
    os.dup2(2, 1)  # nothing in this process may write to the supervisor's standard output
    to_stderr(machine=machine, camera=camera.name)
    from anonymize.live.camera import run_camera
    from anonymize.live.chain.control import Control

    control, metrics, over = Control(), Metrics(camera.name), threading.Event()
    accepted = [settings]
    threading.Thread(target=_listen, args=(supervisor, control, accepted), name="supervisor", daemon=True).start()
    threading.Thread(target=_report, args=(supervisor, metrics, over), name="report", daemon=True).start()
    try:
        run_camera(camera.resolved(), lambda: accepted[-1], metrics, control=control, announce=_announce)
    except AnonymizeError as error:
        logger.error("camera failed", error=str(error))
        sys.exit(error.exit_code)
    finally:
        over.set()


def _listen(supervisor: Connection, control: Control, accepted: list[Settings]) -> None:
    """Apply the settings that come; `accepted` holds the last. Stop the camera when the supervisor ends."""
    with suppress(EOFError, OSError):
        while True:
            accepted[:] = [supervisor.recv()]
            control.reload(accepted[-1])
            logger.info("settings reloaded")
    if not control.stopped:
        logger.warning("the supervisor has ended: stopping")
        control.stop()


def _report(supervisor: Connection, metrics: Metrics, over: threading.Event) -> None:
    while not over.wait(REPORT_EVERY):
        health = metrics.health()
        try:
            supervisor.send({"metrics": metrics.text().decode(), "ok": health.ok, "why": health.why})
        except OSError:  # the supervisor has ended: `_listen` handles that
            return


def _announce(address: str) -> None:
    """Log the address of the preview page without its token, which comes from the environment."""
    logger.info("preview page", address=address.rpartition("/")[0].rpartition("/")[0] + "/***/")
