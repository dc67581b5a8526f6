"""A camera tried before it is added: whether it answers, what it sends, and its picture as it would be released.

It runs in a process of its own. What comes from there are words, numbers, and pictures of `Newest`, which as a sink
gets released frames alone.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Any

from anonymize.errors import AnonymizeError, UnreadableInput
from anonymize.live.camera import STOP_WITHIN
from anonymize.live.secrets import mask, resolve
from anonymize.live.sinks.newest import Newest, Shown
from anonymize.live.source.connection import Stream, way_to
from anonymize.parallel import process
from anonymize.parallel.process import Spawned
from anonymize.parallel.user import SystemUser
from anonymize.settings import Settings, Transport

WIDTH = 960
"""The most pixels across of a picture."""
FORGOTTEN = 15.0
"""Seconds after which it ends if nobody asks."""
_LONGEST = 300.0
"""Seconds after which it ends in any case."""
_EVERY = 0.5
"""Seconds between two pictures."""
_MEASURED = 2.0
"""Seconds of pictures over which the rate is measured, at most."""
_NICE = 5


class TryOut:
    """At most one camera at a time, and what is known of the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._spawned: Spawned | None = None
        self._state: dict[str, Any] = {"state": "idle"}
        self._asked = 0.0
        self.shown: Shown | None = None
        """The newest picture that it would have released."""

    def begin(self, address: str, transport: Transport, settings: Settings, user: SystemUser | None = None) -> None:
        """Connect to the camera at `address`, which may hold a password, in a process of `user`; the one before is let
        go."""
        self.end()
        with self._lock:
            self._state, self._asked = {"state": "connecting"}, time.monotonic()
            spawned = process.spawn(_try, address, transport, settings, name="tryout", daemon=False, user=user)
            self._spawned = spawned
            self._thread = threading.Thread(target=self._follow, args=(spawned,), name="tryout", daemon=True)
            self._thread.start()

    def as_dict(self) -> dict[str, Any]:
        """How far it is, for JSON."""
        self._asked = time.monotonic()
        shown = self.shown  # which `end` may take away meanwhile
        return {**self._state, "picture": shown.number if shown else None}

    def end(self) -> None:
        """Let the camera go."""
        with self._lock:
            spawned, self._spawned = self._spawned, None
            self._state, self.shown = {"state": "idle"}, None
            thread, self._thread = self._thread, None
        if spawned is not None and thread is not None:
            _kill(spawned)
            thread.join(STOP_WITHIN)

    def _follow(self, spawned: Spawned) -> None:
        """Take what comes, until it ends, is let go, or nobody asks any more."""
        began = time.monotonic()
        # Should this process end without `end`, it would wait for that one for ever.
        at_exit = Finalize(None, _kill, (spawned,), exitpriority=100)
        with spawned.line, suppress(EOFError, OSError):
            while self._spawned is spawned:
                now = time.monotonic()
                if now - self._asked > FORGOTTEN or now - began > _LONGEST:
                    break
                if spawned.line.poll(_EVERY):
                    self._take(spawned, spawned.line.recv())
        _kill(spawned)
        spawned.process.join()
        at_exit.cancel()
        with self._lock:
            if self._spawned is spawned:
                self._spawned, self.shown = None, None
                if self._state["state"] != "failed":
                    self._state = {"state": "over"}

    def _take(self, spawned: Spawned, came: dict[str, Any] | Shown) -> None:
        with self._lock:
            if self._spawned is not spawned:
                return
            if isinstance(came, Shown):
                self.shown = came
            else:
                self._state = {**self._state, **came}


def _kill(spawned: Spawned) -> None:
    """End the process, and those that it started: an SRT receiver would keep its port."""
    spawned.process.terminate()
    assert spawned.process.pid
    with suppress(ProcessLookupError, PermissionError):  # all have ended, or it has just begun and started none
        os.killpg(spawned.process.pid, signal.SIGKILL)


def _try(line: Connection, address: str, transport: Transport, settings: Settings) -> None:
    """Connect in this process, and say on `line` what comes of it."""
    process.lead_session()
    process.end_with_parent(grace=0)
    os.nice(_NICE)
    os.dup2(2, 1)
    from anonymize.media.core_dumps import no_core_dumps

    no_core_dumps()
    try:
        resolve(address)  # `mask` knows the password
        line.send({"state": "connected", **_facts_of(address, transport, settings)})
        _show(line, address, transport, settings)
    except AnonymizeError as error:
        with suppress(OSError):
            line.send({"state": "failed", "message": mask(error.message)})


def _facts_of(address: str, transport: Transport, settings: Settings) -> dict[str, Any]:
    """Codec, size and rate of a camera. Raises `AnonymizeError`."""
    with Stream(way_to(address, transport), settings.live.timeout, mask(address)) as stream:
        size, times, began = (0, 0), [], time.monotonic()
        for item in stream.pictures():
            size = stream.orientation(item).pair(item.width, item.height)
            if item.pts is not None and item.time_base:
                times.append(float(item.pts * item.time_base))
            if time.monotonic() - began > _MEASURED or (times and times[-1] - times[0] > _MEASURED):
                break
        if not size[0]:
            raise UnreadableInput("it sends no pictures", mask(address))
        span = max(times, default=0.0) - min(times, default=0.0)
        return {
            "codec": stream.codec,
            "size": size,
            "rate": (len(times) - 1) / span if span > 0 else float(stream.rate),
            "sound": stream.sound is not None,
        }


def _show(line: Connection, address: str, transport: Transport, settings: Settings) -> None:
    """Send the pictures that would be released, until the supervisor lets go."""
    from anonymize.live.chain.control import Control
    from anonymize.live.chain.loop import run
    from anonymize.live.metrics import Metrics

    control, metrics, newest = Control(), Metrics("tryout"), Newest()
    over = threading.Event()

    def send() -> None:
        last = 0
        while not over.wait(_EVERY):
            shown = newest.shown(WIDTH)
            try:
                line.send({"hidden": metrics.snapshot()["minute"]["obscured"]})
                if shown is not None and shown.number != last:
                    last = shown.number
                    line.send(shown)
            except OSError:  # the supervisor has let go
                control.stop()
                return

    sender = threading.Thread(target=send, name="pictures", daemon=True)
    sender.start()
    try:
        run(address, lambda _: [newest], settings, metrics, control, transport=transport)
    finally:
        over.set()
        sender.join()
