"""One process per camera and a supervisor, so that a fault of one camera affects no other."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from anonymize.errors import FailingError, ModelError, OutputError, UsageError
from anonymize.live.camera import SAME_REQUEST, STOP_WITHIN
from anonymize.live.control_room import app as control_room
from anonymize.live.control_room.archive import Archive
from anonymize.live.control_room.cameras_file import CamerasFile
from anonymize.live.control_room.room import Room
from anonymize.live.control_room.roster import Roster
from anonymize.live.control_room.tryout import TryOut
from anonymize.live.control_room.zones import Zones
from anonymize.live.log import logger
from anonymize.live.preview import page
from anonymize.live.secrets import HIDDEN
from anonymize.live.supervisor.accepted import Accepted, checked
from anonymize.live.supervisor.child import Child
from anonymize.live.supervisor.config import Camera
from anonymize.live.supervisor.hour import Hour
from anonymize.live.supervisor.signals import handled
from anonymize.web.server import Response, Server

CONTROL_TOKEN = "ANONYMIZE_CONTROL_TOKEN"
"""Environment variable that sets the control room's token; without it each start makes a new one."""
_INTERVAL = 0.1
"""Seconds between checks of the processes."""
_KILL_AFTER = STOP_WITHIN + 3.0
"""Seconds a process has to stop."""


def supervise(path: Path, *, machine: bool | None = None, announce: Callable[[str], None] | None = None) -> None:
    """Run every camera in the file `path` until all sources have ended or TERM or Ctrl-C arrives.

    HUP reads the file again: new cameras start, removed ones stop, those with changed addresses restart, the others
    change their settings without a gap. The file is read at no other time: what was accepted last is what restarts use.
    Main thread only.

    Args:
        path: of the file.
        machine: log as JSON lines; by default unless standard error is a terminal.
        announce: called with the address of the control room, where a person sees it and no log does.

    Raises:
        UsageError: the file is invalid, a credential is missing, or a port is taken.
        ModelError: a model is missing, or none finds what is wanted.
        OutputError: nothing can be written into the folder of a recording or playlist.
        FailingError: a camera was failing when all ended.
    """
    accepted = checked(path)
    token = _token(announce) if accepted.fleet.control is not None else ""
    supervisor = _Supervisor(path, accepted, sys.stderr.isatty() is False if machine is None else machine)
    with ExitStack() as servers:
        try:
            if accepted.fleet.metrics is not None:
                servers.callback(supervisor.serve(accepted.fleet.metrics).close)
            if accepted.fleet.control is not None:
                room, file, tryout = Room(supervisor), CamerasFile(supervisor), TryOut()
                servers.callback(tryout.end)
                archive = Archive(room)
                servers.callback(archive.close)
                served = control_room.app(room, archive, Zones(file), Roster(file, tryout), tryout)
                server = Server(accepted.fleet.control, served, token)
                servers.callback(server.close)
                if announce is not None:
                    announce(server.address)
                else:
                    logger.info("control room", address=server.address.replace(token, HIDDEN))
            with supervisor.signals():
                supervisor.run()
                failing = {name: child.why for name, child in supervisor.children.items() if _ill(child)}
                supervisor.end()  # a second signal does not interrupt it
        finally:
            supervisor.end()
    if supervisor.forced:
        sys.exit(128 + supervisor.forced)
    if failing:
        words = "; ".join(f"{name}: {why}" for name, why in failing.items())
        raise FailingError(f"{len(failing)} of {len(supervisor.children)} cameras failing when they ended: {words}")


def _ill(child: Child) -> bool:
    return child.ended_ill if child.done else child.state == "failing"


def _token(announce: Callable[[str], None] | None) -> str:
    """Of the control room. Raises `UsageError` if nobody would know it."""
    if announce is None and not os.environ.get(CONTROL_TOKEN):
        raise UsageError(f"the control room needs {CONTROL_TOKEN} in the environment, or a terminal for its address")
    token = page.token(CONTROL_TOKEN)
    os.environ.pop(CONTROL_TOKEN, None)  # processes of cameras, perhaps other users', have no need of it
    return token


class _Supervisor:
    """The processes of all cameras of a file."""

    def __init__(self, path: Path, accepted: Accepted, machine: bool) -> None:
        self.path, self.accepted, self._machine = path, accepted, machine
        self._stop = self._reload = False
        self._asked = 0.0
        """When it was told to stop, on the monotonic clock."""
        self.forced = 0
        """The signal that came once more while cameras stopped, so that they exit at once; 0: none did."""
        self._changes: SimpleQueue[tuple[Accepted, threading.Event]] = SimpleQueue()
        self._hours: dict[str, Hour] = {}
        self.children: dict[str, Child] = {}

    def _child(self, name: str, accepted: Accepted) -> Child:
        hour = self._hours.setdefault(name, Hour())
        return Child(accepted.fleet.cameras[name], accepted.settings[name], self._machine, hour)

    def run(self) -> None:
        """Start the cameras, and check them until all are done or a signal arrives."""
        self.children = {name: self._child(name, self.accepted) for name in self.accepted.fleet.cameras}
        while not self._stop and not all(child.done for child in self.children.values()):
            for child in list(self.children.values()):
                child.check()
            if self._reload:
                self._reload = False
                self._read_again()
            while not self._changes.empty():
                accepted, applied = self._changes.get()
                self._apply(accepted)
                applied.set()
            time.sleep(_INTERVAL)

    def change(self, accepted: Accepted, changed: Iterable[str]) -> None:
        """Put `accepted` in force, which stands in the file; called by other threads than the one that runs.

        When it returns, no frame of the cameras `changed` leaves any more without what their settings hide. The others
        are not waited for: one that nobody reaches has nothing in force.

        Raises:
            OutputError: it takes longer than expected.
        """
        applied, until = threading.Event(), time.monotonic() + _KILL_AFTER
        self._changes.put((accepted, applied))
        done = applied.wait(_KILL_AFTER)
        for name in changed:
            done = done and self._in_force(name, max(0.0, until - time.monotonic()))
        if not done:
            raise OutputError("it is written, and not in force yet: the log says why", self.path).coded("not-in-force")

    def _in_force(self, name: str, within: float) -> bool:
        """Wait until a camera's settings are in force."""
        child = self.children.get(name)
        return child is None or child.in_force.wait(within)

    def end(self) -> None:
        """Stop all cameras in parallel; kill those that do not end in time."""
        self._end(list(self.children.values()))

    def signals(self) -> AbstractContextManager[None]:
        """Handle signals: TERM and Ctrl-C stop, once more: at once; HUP reads the file again."""

        def stop(number: int) -> None:
            now = time.monotonic()
            if not self._stop:
                logger.info("stopping all cameras", signal=signal.Signals(number).name)
                self._stop, self._asked = True, now
            elif now - self._asked > SAME_REQUEST:
                self.forced = number
                for child in self.children.values():
                    child.signal(signal.SIGTERM)

        def reload() -> None:
            self._reload = True

        return handled(stop, reload)

    def serve(self, port: int) -> Server:
        """``/metrics`` and ``/healthz`` of all cameras."""
        return Server(port, {"metrics": lambda: page.exposition(self._text()), "healthz": self._healthz})

    def _read_again(self) -> None:
        try:
            accepted = checked(self.path)
        except (UsageError, ModelError, OutputError) as error:
            logger.error("cameras not reloaded; kept the previous ones", error=str(error))
            return
        self._apply(accepted)

    def _apply(self, accepted: Accepted) -> None:
        def alike(one: Camera, other: Camera) -> bool:
            """Whether they differ at most in what can be changed without a gap."""
            return replace(one, settings={}, preset="") == replace(other, settings={}, preset="")

        old, new = self.children, accepted.fleet.cameras
        leaving = [child for name, child in old.items() if name not in new or not alike(child.camera, new[name])]
        self._end(leaving)
        self.children = {
            name: old[name] if name in old and old[name] not in leaving else self._child(name, accepted) for name in new
        }
        for name, child in self.children.items():
            if child is old.get(name) and (child.camera, child.settings) != (new[name], accepted.settings[name]):
                child.reload(new[name], accepted.settings[name])
        self.accepted = accepted
        logger.info("cameras reloaded", cameras=len(self.children))

    def _end(self, children: Iterable[Child]) -> None:
        children = list(children)
        for child in children:
            child.signal(signal.SIGTERM)
        until = time.monotonic() + _KILL_AFTER
        for child in children:
            child.end(until - time.monotonic())

    def _healthz(self) -> Response:
        states = [(name, child.state, child.why) for name, child in self.children.items()]
        lines = [f"{name}: {why if why.startswith(state) else f'{state}: {why}'}\n" for name, state, why in states]
        return Response("".join(lines).encode(), status=503 if any(one[1] == "failing" for one in states) else 200)

    def _text(self) -> bytes:
        registry = CollectorRegistry()
        registry.register(_Merged(list(self.children.values())))
        return bytes(generate_latest(registry))


class _Merged(Collector):
    """The metrics of all cameras in one exposition, with those of the supervisor."""

    def __init__(self, children: list[Child]) -> None:
        self._children = children

    def collect(self) -> Iterator[Metric]:
        """Each metric family once, with the samples of every camera."""
        up = GaugeMetricFamily("anonymize_camera_up", "1 while the camera's process runs.", labels=["camera"])
        starts = CounterMetricFamily(
            "anonymize_camera_restarts", "Times the camera's process was restarted.", labels=["camera"]
        )
        families: dict[str, Metric] = {}
        for child in self._children:
            up.add_metric([child.camera.name], float(child.up))
            starts.add_metric([child.camera.name], child.restarts)
            for family in text_string_to_metric_families(child.report.get("metrics", "")):
                families.setdefault(family.name, family)
                if families[family.name] is not family:
                    families[family.name].samples.extend(family.samples)
        yield from (up, starts, *families.values())
