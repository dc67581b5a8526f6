"""Main function of a camera's process, spawned by the supervisor (`anonymize.live.supervisor.run`).

It sends metrics and health once a second. If the supervisor ends, the camera drains and stops.
"""

from __future__ import annotations

import os
import sys
import threading
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from anonymize.errors import AnonymizeError
from anonymize.live.log import logger, to_stderr
from anonymize.live.metrics import Metrics
from anonymize.live.supervisor import config
from anonymize.parallel.process import lead_session

if TYPE_CHECKING:
    from anonymize.live.chain.control import Control

REPORT_EVERY = 1.0
"""Seconds between two reports."""


def run(supervisor: Connection, path: str, name: str, machine: bool) -> None:
    """Run one camera; the process exits with the exit code of the error, if any.

    Args:
        supervisor: reports go here; its end stops the camera.
        path: the file of cameras.
        name: of the camera in it.
        machine: log as JSON lines.
    """
    lead_session()  # only the supervisor receives Ctrl-C, and stops all cameras
    os.dup2(2, 1)  # nothing in this process may write to the supervisor's standard output
    to_stderr(machine=machine, camera=name)
    from anonymize.live.camera import run_camera
    from anonymize.live.chain.control import Control

    def camera() -> config.Camera:
        return config.read(Path(path)).cameras[name]

    control, metrics, over = Control(), Metrics(name), threading.Event()
    threading.Thread(target=_stop_with, args=(supervisor, control), name="supervisor", daemon=True).start()
    threading.Thread(target=_report, args=(supervisor, metrics, over), name="report", daemon=True).start()
    try:
        run_camera(camera().resolved(), lambda: camera().load_settings(), metrics, control=control, announce=_announce)
    except AnonymizeError as error:
        logger.error("camera failed", error=str(error))
        sys.exit(error.exit_code)
    finally:
        over.set()


def _stop_with(supervisor: Connection, control: Control) -> None:
    """Stop the camera when the supervisor, which never sends anything, ends."""
    wait([supervisor])
    if not control.stopped:
        logger.warning("the supervisor has ended: stopping")
        control.stop()


def _report(supervisor: Connection, metrics: Metrics, over: threading.Event) -> None:
    while not over.wait(REPORT_EVERY):
        health = metrics.health()
        try:
            supervisor.send({"metrics": metrics.text().decode(), "ok": health.ok, "why": health.why})
        except OSError:  # the supervisor has ended: `_stop_with` handles that
            return


def _announce(address: str) -> None:
    """Log the address of the preview page without its token, which comes from the environment."""
    logger.info("preview page", address=address.rpartition("/")[0].rpartition("/")[0] + "/***/")
