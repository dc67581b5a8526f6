"""A camera's own process under the supervisor (`anonymize.live.supervisor.run`), which spawns it with `run`.

Once a second it sends the metrics and the state of health. When the supervisor is gone, the camera stops in order.
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
    """Run the camera `name` of the file `path`; the process's exit code is that of the error, if there was one."""
    lead_session()  # the supervisor alone is told of Ctrl-C, and stops all cameras in order
    os.dup2(2, 1)  # standard output is the supervisor's, not a detector's or a pushing process's
    to_stderr(machine=machine, camera=name)
    try:
        _run(supervisor, Path(path), name)
    except AnonymizeError as error:
        logger.error("camera failed", error=str(error))
        sys.exit(error.exit_code)


def _run(supervisor: Connection, path: Path, name: str) -> None:
    from anonymize.live.camera import run_camera
    from anonymize.live.chain.control import Control

    def camera() -> config.Camera:
        return config.read(path).cameras[name]

    control, metrics, over = Control(), Metrics(name), threading.Event()
    threading.Thread(target=_watch, args=(supervisor, control), name="leash", daemon=True).start()
    threading.Thread(target=_report, args=(supervisor, metrics, over), name="report", daemon=True).start()
    try:
        run_camera(camera().resolved(), lambda: camera().load_settings(), metrics, control=control, announce=_announce)
    finally:
        over.set()


def _watch(supervisor: Connection, control: Control) -> None:
    """Stop the camera when the supervisor, which sends nothing, is gone."""
    wait([supervisor])
    if not control.stopped:
        logger.warning("the supervisor is gone: stopping")
        control.stop()


def _report(supervisor: Connection, metrics: Metrics, over: threading.Event) -> None:
    while not over.wait(REPORT_EVERY):
        health = metrics.health()
        try:
            supervisor.send({"metrics": metrics.text().decode(), "ok": health.ok, "why": health.why})
        except OSError:  # the supervisor is gone: `_watch` sees it too
            return


def _announce(address: str) -> None:
    """Say where the page is; its token only if someone set it, and then they know it."""
    logger.info("preview page", address=address.rpartition("/")[0].rpartition("/")[0] + "/***/")
