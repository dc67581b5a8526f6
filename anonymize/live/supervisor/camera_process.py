"""Main function of a camera's process, spawned by the supervisor (`anonymize.live.supervisor.run`).

It sends metrics and health once a second, and receives settings and requests for the newest picture. If the supervisor
ends, the camera drains and stops. It never reads the file of cameras: only what the supervisor has accepted is in
force, after a restart too.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from anonymize.errors import AnonymizeError
from anonymize.live.log import logger, to_stderr
from anonymize.live.metrics import Metrics
from anonymize.live.sinks.newest import Newest
from anonymize.live.supervisor.config import Camera
from anonymize.parallel.process import lead_session

if TYPE_CHECKING:
    from anonymize.live.chain.control import Control
    from anonymize.settings import Settings

REPORT_EVERY = 1.0
"""Seconds between two reports."""


@dataclass(frozen=True, slots=True)
class ShowPicture:
    """A request for the newest picture that was released.

    Args:
        width: in pixels, at most.
    """

    width: int


@dataclass(frozen=True, slots=True)
class NewSettings:
    """Settings for a camera that runs; it answers with `Applied`.

    Args:
        number: of the order.
        settings: for the frames that leave from then on.
    """

    number: int
    settings: Settings


@dataclass(frozen=True, slots=True)
class Applied:
    """No frame leaves any more, and no picture is shown, without what the settings of this number hide."""

    number: int


class _Line:
    """The connection to the supervisor, as several threads send on it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, what: dict[str, Any] | Applied) -> None:
        """Send a report or an answer. Raises `OSError` if the supervisor has ended."""
        with self._lock:
            self._connection.send(what)

    def show(self, newest: Newest, width: int) -> None:
        """Send the newest picture, unless it was to be forgotten meanwhile. Raises `OSError` likewise."""
        forgotten = newest.forgotten
        shown = newest.shown(width)
        with self._lock:
            # From here on `Applied` comes after the picture, which the supervisor drops then.
            if shown is not None and newest.forgotten == forgotten:
                self._connection.send(shown)

    def receive(self) -> NewSettings | ShowPicture:
        """Wait for settings or a request. Raises `EOFError` or `OSError` if the supervisor has ended."""
        received: NewSettings | ShowPicture = self._connection.recv()
        return received


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
    accepted, newest, line = [settings], Newest(), _Line(supervisor)
    threading.Thread(target=_listen, args=(line, control, accepted, newest), name="supervisor", daemon=True).start()
    threading.Thread(target=_report, args=(line, metrics, over), name="report", daemon=True).start()
    try:
        filled = camera.resolved()
        run_camera(filled, lambda: accepted[-1], metrics, control=control, announce=_announce, newest=newest)
    except AnonymizeError as error:
        logger.error("camera failed", error=str(error))
        sys.exit(error.exit_code)
    finally:
        over.set()


def _listen(line: _Line, control: Control, accepted: list[Settings], newest: Newest) -> None:
    """Apply the settings that come; `accepted` holds the last. Stop the camera when the supervisor ends."""
    with suppress(EOFError, OSError):
        while True:
            order = line.receive()
            if isinstance(order, ShowPicture):
                line.show(newest, order.width)
                continue
            accepted[:] = [order.settings]
            control.on_applied = partial(_applied, order, newest, line)
            control.reload(order.settings)
            logger.info("settings reloaded")
    if not control.stopped:
        logger.warning("the supervisor has ended: stopping")
        control.stop()


def _applied(order: NewSettings, newest: Newest, line: _Line, settings: Settings) -> None:
    """Tell the supervisor that what was ordered is in force."""
    if settings is order.settings:
        newest.forget()  # it may show what is to be hidden from now on
        with suppress(OSError):  # the supervisor has ended: `_listen` handles that
            line.send(Applied(order.number))


def _report(line: _Line, metrics: Metrics, over: threading.Event) -> None:
    while not over.wait(REPORT_EVERY):
        health, now = metrics.health(), metrics.snapshot()
        try:
            line.send({"metrics": metrics.text().decode(), "ok": health.ok, "why": health.why, "now": now})
        except OSError:  # the supervisor has ended: `_listen` handles that
            return


def _announce(what: str, address: str) -> None:
    """Log the address of a page, that of the preview page without its token, which comes from the environment."""
    shown = address.rpartition("/")[0].rpartition("/")[0] + "/***/" if what == "preview" else address
    logger.info(f"{what} page", address=shown)
