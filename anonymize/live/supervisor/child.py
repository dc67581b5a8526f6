"""A camera's process as the supervisor sees it: started, monitored, killed when it hangs, restarted."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.util import Finalize
from queue import SimpleQueue
from typing import Any

from anonymize.errors import AnonymizeError
from anonymize.live.backoff import Backoff
from anonymize.live.log import logger
from anonymize.live.sinks.newest import Shown
from anonymize.live.supervisor import camera_process
from anonymize.live.supervisor.camera_process import Applied, NewSettings, ShowPicture
from anonymize.live.supervisor.config import Camera
from anonymize.live.supervisor.hour import Hour
from anonymize.parallel.process import processor_seconds, spawn
from anonymize.parallel.user import SystemUser
from anonymize.settings import Settings

_SILENT = 5.0
"""Seconds without a report after which a camera counts as unhealthy."""
_HUNG = 30.0
"""Seconds without a report after which its process is killed, if it uses no processor time meanwhile ..."""
_LOOPS = 300.0
"""... and after so many even if it does: it is in a loop."""
_PICTURE_EVERY = 0.5
"""Seconds between two requests for a picture, however many ask."""
_BACKOFF = Backoff(first=1.0, longest=30.0, held=60.0)


class Child:
    """A camera's process and its last report.

    Args:
        camera: as the supervisor accepted it: what restarts use, whatever stands in the file by then.
        settings: of that camera, likewise.
        machine: log as JSON lines.
        hour: takes what it counts.
    """

    def __init__(self, camera: Camera, settings: Settings, machine: bool, hour: Hour | None = None) -> None:
        self.camera, self._settings = camera, settings
        self.hour = hour or Hour()
        self.shown: Shown | None = None
        """The newest picture that was asked for."""
        self.size: tuple[int, int] | None = None
        """Of its pictures; None before one was asked for."""
        self.in_force = threading.Event()
        """Set while no frame leaves without what `settings` hide."""
        self.restarts = 0
        self.done = False
        self.ended_ill = False
        """Whether its source ended while it was failing."""
        self.report: dict[str, Any] = {}
        self._machine = machine
        self._failures = self._orders_given = 0
        self._retry_at = self._asked = 0.0
        self._process: SpawnProcess | None = None
        self._orders: SimpleQueue[NewSettings | ShowPicture | None] = SimpleQueue()
        self._started = self._reported = self._worked = time.monotonic()
        self._used = 0.0
        """Seconds of processor time that the process had used when it was last seen to work, at `_worked`."""
        self._start()

    @property
    def up(self) -> bool:
        """Whether its process is running."""
        return self._process is not None and self._process.is_alive()

    @property
    def healthy(self) -> bool:
        """Whether it is running, sends reports, and frames go out."""
        return self.up and not self._silent and bool(self.report.get("ok"))

    @property
    def why(self) -> str:
        """Its health in words."""
        if self.done:
            return "its source has ended"
        if not self.up:
            return "its process has ended and will be restarted"
        return "no heartbeat from its process" if self._silent else str(self.report.get("why", "starting"))

    @property
    def state(self) -> str:
        """``starting``, ``ok``, ``degraded``, ``failing``, or ``ended``."""
        if self.done:
            return "ended"
        if not self.healthy:
            return "failing" if self.report or not self.up or self._silent else "starting"
        return next((state for state in ("degraded", "starting") if self.report["now"][state]), "ok")

    @property
    def causes(self) -> list[dict[str, Any]]:
        """Why it is not as it should be: as in `Metrics.snapshot`, or that its process has ended or hangs."""
        if self.done:
            return [{"what": "ended"}]
        if not self.up or self._silent:
            return [{"what": "hangs" if self.up else "died"}]
        return list(self.report["now"]["causes"]) if self.report else []

    @property
    def settings(self) -> Settings:
        """In force, or about to be."""
        return self._settings

    @property
    def owner(self) -> SystemUser | None:
        """Whose its processes are; None: the supervisor's user's. Raises `UsageError`."""
        return self.camera.owner

    def show(self, width: int) -> None:
        """Ask for the newest picture, which `shown` is soon."""
        now = time.monotonic()
        if self.up and now - self._asked >= _PICTURE_EVERY:
            self._asked = now
            self._orders.put(ShowPicture(width))

    @property
    def _silent(self) -> bool:
        """Whether it sends no reports; before the first, which comes late on a busy machine, does nothing either."""
        heard = self._reported if self.report else max(self._reported, self._worked)
        return time.monotonic() - heard > _SILENT

    def check(self) -> None:
        """Kill the process if it hangs; restart it if it died, after the backoff."""
        now = time.monotonic()
        if self.done:
            return
        if self.up:
            assert self._process is not None
            used = processor_seconds(self._process.pid or 0)
            if used is not None and used > self._used:
                self._used, self._worked = used, now
            if now - max(self._reported, self._worked) > _HUNG or now - self._reported > _LOOPS:
                logger.error("camera hangs: killing its process", camera=self.camera.name)
                self.signal(signal.SIGKILL)
                self._reported = self._worked = now  # it takes a moment to end
            return
        if self._process is not None:
            self._record_exit(now)
        elif now >= self._retry_at:
            self.restarts += 1
            self._start()

    def reload(self, camera: Camera, settings: Settings) -> None:
        """Apply other settings without a gap; `camera` differs from this one in nothing else."""
        self.camera, self._settings = camera, settings
        self.shown = None  # it may show what is to be hidden from now on
        self.in_force.clear()
        self._orders_given += 1
        self._orders.put(NewSettings(self._orders_given, settings))
        if not self.up:
            self.in_force.set()  # no frame leaves; it starts with these

    def signal(self, number: signal.Signals) -> None:
        """Send signal `number` to the process, if it is running."""
        if self._process is not None and self._process.is_alive():
            os.kill(self._process.pid or 0, number)

    def end(self, within: float) -> None:
        """Wait for the process to end, and kill it after `within` seconds."""
        if self._process is None:
            return
        self._process.join(max(0.1, within))
        if self._process.is_alive():
            logger.error("camera did not stop in time: killed", camera=self.camera.name)
            self._process.kill()
            self._process.join()
        self._forget()

    def _record_exit(self, now: float) -> None:
        assert self._process is not None
        code = self._process.exitcode or 0
        self.ended_ill = bool(self.report) and not self.report["ok"]
        self._forget()
        self.report, self.shown, self.size = {}, None, None
        if code == 0:
            self.done = True
            logger.info("camera's source has ended", camera=self.camera.name)
            return
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        logger.error("camera died", camera=self.camera.name, ended=ended, again_in=round(self._try_again(now), 1))

    def _try_again(self, now: float) -> float:
        """Have it started again after a while; how many seconds that is."""
        self._failures = _BACKOFF.failures(self._failures, now - self._started)
        wait = _BACKOFF.delay(self._failures)
        self._retry_at = now + wait
        return wait

    def _forget(self) -> None:
        """Let go of a process that has ended."""
        self.in_force.set()  # no frame leaves, and the next process starts with what is to be in force
        self._at_exit.cancel()
        self._orders.put(None)
        self._process = None

    def _start(self) -> None:
        self._started = self._reported = self._worked = time.monotonic()
        self._used = 0.0
        camera, user = self.camera, None
        if camera.user:  # who may not read the files of credentials
            try:
                camera, user = camera.resolved(), camera.owner
            except AnonymizeError as error:
                logger.error("camera not started", camera=camera.name, error=str(error))
                self._try_again(self._started)
                return
        order = (camera, self._settings, self._machine)
        spawned = spawn(camera_process.run, *order, name=f"camera {camera.name}", daemon=False, user=user)
        self._process = spawned.process
        # Should this process end without `end`, it would wait for the camera's for ever.
        self._at_exit = Finalize(None, spawned.process.terminate, exitpriority=100)
        self._orders = SimpleQueue()
        self.in_force.set()
        threading.Thread(target=self._receive, args=(spawned.line,), daemon=True).start()
        threading.Thread(target=_send, args=(spawned.line, self._orders), daemon=True).start()
        logger.info("camera started", camera=self.camera.name, process=spawned.process.pid)

    def _receive(self, line: Connection) -> None:
        with line, suppress(EOFError, OSError):  # the process has ended
            while True:
                came = line.recv()
                if isinstance(came, Shown):
                    self.shown, self.size = came, came.size
                    continue
                if isinstance(came, Applied):
                    self.shown = None  # what came in between was made before
                    if came.number == self._orders_given:
                        self.in_force.set()
                    continue
                self.report, self._reported = came, time.monotonic()
                self.hour.add(came["now"]["frames"])


def _send(line: Connection, orders: SimpleQueue[NewSettings | ShowPicture | None]) -> None:
    """Send what comes, until None does. The process may hang, so whoever looks after others does not send itself."""
    with suppress(OSError):
        while (order := orders.get()) is not None:
            line.send(order)
