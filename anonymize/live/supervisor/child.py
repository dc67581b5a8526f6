"""A camera's process as the supervisor sees it: started, listened to, ended when it hangs, started anew."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from anonymize.live.backoff import Backoff
from anonymize.live.log import logger
from anonymize.live.supervisor import camera_process
from anonymize.live.supervisor.config import Camera
from anonymize.parallel.process import spawn

_MUTE = 5.0
"""Seconds without a report after which a camera counts as ill."""
_HUNG = 30.0
"""Seconds without a report after which its process is killed."""
_BACKOFF = Backoff(first=1.0, longest=30.0, held=60.0)


class Child:
    """A camera's process, and what it last said."""

    def __init__(self, path: Path, camera: Camera, machine: bool) -> None:
        self.camera = camera
        self.restarts = 0
        self.done = False
        self.report: dict[str, Any] = {}
        self._path, self._machine = path, machine
        self._failures = 0
        self._again = 0.0
        self._process: SpawnProcess | None = None
        self._born = self._heard = time.monotonic()
        self._start()

    @property
    def up(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.is_alive()

    @property
    def healthy(self) -> bool:
        """Whether it runs, speaks, and frames go out."""
        return self.up and not self._mute and bool(self.report.get("ok"))

    @property
    def why(self) -> str:
        """A few words on its health."""
        if self.done:
            return "its source has ended"
        if not self.up:
            return "its process has ended; it starts anew"
        return "no heartbeat from its process" if self._mute else str(self.report.get("why", "starting"))

    @property
    def _mute(self) -> bool:
        return time.monotonic() - self._heard > _MUTE

    def turn(self) -> None:
        """Look after it: end it if it hangs, start it anew if it died and has waited long enough."""
        now = time.monotonic()
        if self.done:
            return
        if self.up:
            if now - self._heard > _HUNG:
                logger.error("camera hangs: its process is killed", camera=self.camera.name)
                self.signal(signal.SIGKILL)
            return
        if self._process is not None:
            self._bury(now)
        elif now >= self._again:
            self.restarts += 1
            self._start()

    def signal(self, number: signal.Signals) -> None:
        """Send `number` to its process, if there is one."""
        if self._process is not None and self._process.is_alive():
            os.kill(self._process.pid or 0, number)

    def end(self, within: float) -> None:
        """Wait until its process has ended, and kill it after `within` seconds."""
        if self._process is None:
            return
        self._process.join(max(0.1, within))
        if self._process.is_alive():
            logger.error("camera did not stop in time: killed", camera=self.camera.name)
            self._process.kill()
            self._process.join()
        self._process = None

    def _bury(self, now: float) -> None:
        assert self._process is not None
        code, self._process = self._process.exitcode or 0, None
        self.report = {}
        if code == 0:
            self.done = True
            logger.info("camera's source has ended", camera=self.camera.name)
            return
        self._failures = _BACKOFF.failures(self._failures, now - self._born)
        wait = _BACKOFF.delay(self._failures)
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        logger.error("camera died", camera=self.camera.name, ended=ended, again_in=round(wait, 1))
        self._again = now + wait

    def _start(self) -> None:
        self._born = self._heard = time.monotonic()
        order = (str(self._path.absolute()), self.camera.name, self._machine)
        spawned = spawn(camera_process.run, *order, name=f"camera {self.camera.name}", daemon=False)
        self._process = spawned.process
        threading.Thread(target=self._hear, args=(spawned.line,), daemon=True).start()
        logger.info("camera started", camera=self.camera.name, process=spawned.process.pid)

    def _hear(self, line: Connection) -> None:
        with line, suppress(EOFError, OSError):  # the process has ended
            while True:
                self.report = line.recv()
                self._heard = time.monotonic()
