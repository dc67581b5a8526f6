"""A camera's process as the supervisor sees it: started, listened to, ended when it hangs, started anew."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from anonymize.live.backoff import Backoff
from anonymize.live.config import Camera
from anonymize.live.log import logger

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
        self._process: subprocess.Popen[bytes] | None = None
        self._born = self._heard = time.monotonic()
        self._start()

    @property
    def up(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

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
        return "its process says nothing" if self._mute else str(self.report.get("why", "starting"))

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
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def end(self, within: float) -> None:
        """Wait until its process has ended, and kill it after `within` seconds."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.1, within))
        except subprocess.TimeoutExpired:
            logger.error("camera did not stop in time: killed", camera=self.camera.name)
            self._process.kill()
            self._process.wait()
        self._release()

    def _bury(self, now: float) -> None:
        assert self._process is not None
        code = self._process.returncode
        self._release()
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
        self._process = process = subprocess.Popen(
            [sys.executable, "-P", "-m", "anonymize.live.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C on the terminal is for us: we stop them in order
        )
        order = {"config": str(self._path.absolute()), "camera": self.camera.name, "machine": self._machine}
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # dead already: the next turn sees it
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        threading.Thread(target=self._hear, args=(process,), daemon=True).start()
        logger.info("camera started", camera=self.camera.name, process=process.pid)

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with suppress(ValueError):  # closed by `_release`
            for line in process.stdout:
                self._heard = time.monotonic()
                self.report = json.loads(line)

    def _release(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
