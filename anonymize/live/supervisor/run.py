"""One process per camera and a supervisor, so that a fault of one camera affects no other."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from anonymize.errors import OutputError, UsageError
from anonymize.live.camera import STOP_WITHIN
from anonymize.live.log import logger
from anonymize.live.preview import page
from anonymize.live.sinks.open import prepare
from anonymize.live.supervisor import config
from anonymize.live.supervisor.child import Child
from anonymize.live.supervisor.config import Camera, Fleet
from anonymize.live.supervisor.signals import handled
from anonymize.settings import Settings
from anonymize.web.server import Response, Server

_INTERVAL = 0.1
"""Seconds between checks of the processes."""
_KILL_AFTER = STOP_WITHIN + 3.0
"""Seconds a process has to stop."""


def supervise(path: Path, *, machine: bool | None = None) -> None:
    """Run every camera in the file `path` until all sources have ended or TERM or Ctrl-C arrives.

    HUP reads the file again: new cameras start, removed ones stop, those with changed addresses restart, the others
    change their settings without a gap. The file is read at no other time: what was accepted last is what restarts use.
    `machine` logs as JSON lines. Main thread only.

    Raises:
        UsageError: the file is invalid, a credential is missing, or the metrics port is taken.
        OutputError: nothing can be written into the folder of a recording or playlist.
    """
    accepted = _checked(path)
    supervisor = _Supervisor(path, accepted, sys.stderr.isatty() is False if machine is None else machine)
    server = None
    try:
        port = accepted.fleet.metrics
        server = supervisor.serve(port) if port is not None else None
        with supervisor.signals():
            supervisor.run()
    finally:
        supervisor.end()
        if server is not None:
            server.close()


@dataclass(frozen=True, slots=True)
class _Accepted:
    """What a file of cameras says, and the settings of each of them, its preset read."""

    fleet: Fleet
    settings: dict[str, Settings]


def _checked(path: Path) -> _Accepted:
    """What stands in `path`, checked as far as possible without starting cameras. Raises as `supervise` does."""
    fleet, settings = config.read(path), {}
    for camera in fleet.cameras.values():
        prepare(camera.resolved().to)
        settings[camera.name] = camera.load_settings()
        if camera.preview is not None and not os.environ.get(page.TOKEN):
            raise UsageError(f"camera {camera.name}: a preview page needs {page.TOKEN} in the environment")
    return _Accepted(fleet, settings)


class _Supervisor:
    """The processes of all cameras of a file."""

    def __init__(self, path: Path, accepted: _Accepted, machine: bool) -> None:
        self._path, self._machine = path, machine
        self._stop = self._reload = False
        self.children = {name: self._child(name, accepted) for name in accepted.fleet.cameras}

    def _child(self, name: str, accepted: _Accepted) -> Child:
        return Child(accepted.fleet.cameras[name], accepted.settings[name], self._machine)

    def run(self) -> None:
        """Check the cameras until all are done or a signal arrives."""
        while not self._stop and not all(child.done for child in self.children.values()):
            for child in list(self.children.values()):
                child.check()
            if self._reload:
                self._reload = False
                self._read_again()
            time.sleep(_INTERVAL)

    def end(self) -> None:
        """Stop all cameras in parallel; kill those that do not end in time."""
        self._end(list(self.children.values()))

    def signals(self) -> AbstractContextManager[None]:
        """Handle signals: TERM and Ctrl-C stop, HUP reads the file again."""

        def stop(number: int) -> None:
            logger.info("stopping all cameras", signal=signal.Signals(number).name)
            self._stop = True

        def reload() -> None:
            self._reload = True

        return handled(stop, reload)

    def serve(self, port: int) -> Server:
        """``/metrics`` and ``/healthz`` of all cameras."""
        return Server(port, {"metrics": lambda: page.exposition(self._text()), "healthz": self._healthz})

    def _read_again(self) -> None:
        try:
            accepted = _checked(self._path)
        except (UsageError, OutputError) as error:
            logger.error("cameras not reloaded; kept the previous ones", error=str(error))
            return

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
            if child is old.get(name):
                child.reload(new[name], accepted.settings[name])
        logger.info("cameras reloaded", cameras=len(self.children))

    def _end(self, children: Iterable[Child]) -> None:
        children = list(children)
        for child in children:
            child.signal(signal.SIGTERM)
        until = time.monotonic() + _KILL_AFTER
        for child in children:
            child.end(until - time.monotonic())

    def _healthz(self) -> Response:
        ill = [child for child in self.children.values() if not child.healthy and not child.done]
        lines = [f"{'ok ' if child not in ill else 'ILL'} {n}: {child.why}\n" for n, child in self.children.items()]
        return Response("".join(lines).encode(), status=503 if ill else 200)

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
