"""What the control room shows of the cameras: states, figures, and what was released."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from anonymize.errors import UsageError
from anonymize.live.sinks.newest import Shown
from anonymize.live.sinks.open import folders, recordings
from anonymize.live.supervisor.accepted import Accepted
from anonymize.live.supervisor.child import Child

LARGE = 1280
"""The most pixels across of a picture."""


class Supervisor(Protocol):
    """The supervisor, as the control room needs it."""

    path: Path
    accepted: Accepted

    @property
    def children(self) -> Mapping[str, Child]:
        """The cameras' processes by name."""

    def change(self, accepted: Accepted, changed: Iterable[str]) -> None:
        """Put in force what was written into the file; wait for the cameras `changed`. Raises `OutputError`."""


def child(supervisor: Supervisor, name: str) -> Child:
    """The process of the camera of that name. Raises `UsageError` if there is none."""
    found = supervisor.children.get(name)
    if found is None:
        raise UsageError("there is no camera of that name any more").coded("camera-gone")
    return found


class Room:
    """The cameras of one supervisor.

    Args:
        supervisor: whose cameras these are.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def overview(self, width: int, large: str = "") -> dict[str, Any]:
        """All cameras, in the order of the file. Newer pictures are asked for, and there the next time.

        Args:
            width: of the pictures, in pixels, at most.
            large: the name of a camera whose picture is to be as large as there is.
        """
        children = self._supervisor.children
        for name, child in children.items():
            child.show(LARGE if name == large else min(width, LARGE))
        cameras = [self._camera(name, child) for name, child in children.items()]
        return {"now": time.time(), "file": self._supervisor.path.name, "cameras": cameras}

    def picture(self, name: str) -> Shown | None:
        """The picture of a camera that was asked for last; None if it has none. Raises `UsageError`."""
        return self.child(name).shown

    def recordings(self, name: str) -> Path:
        """The folder of a camera's recordings. Raises `UsageError` if it has none."""
        self.child(name)
        found = recordings(self._supervisor.accepted.sinks.get(name, ()))
        if not found:
            raise UsageError("this camera records nothing: its sinks have no record:FOLDER").coded("records-nothing")
        return found[0]

    def child(self, name: str) -> Child:
        """The camera of that name. Raises `UsageError` if there is none."""
        return child(self._supervisor, name)

    def _camera(self, name: str, child: Child) -> dict[str, Any]:
        now, shown = child.report.get("now"), child.shown
        return {
            "name": name,
            "state": child.state,
            "why": child.why,
            "causes": child.causes,
            "restarts": child.restarts,
            "picture": {"number": shown.number, "size": shown.size} if shown else None,
            "hour": {"minutes": child.hour.minutes(), "share": child.hour.share()},
            "records": bool(recordings(self._supervisor.accepted.sinks.get(name, ()))),
            "disks": [_disk(folder) for folder in folders(self._supervisor.accepted.sinks.get(name, ()))],
            "now": now and {key: now[key] for key in _SHOWN},
        }


_SHOWN = ("up", "age", "rate", "latency", "minute", "effort", "looks", "stages", "frames", "memory", "redacted")


def _disk(folder: Path) -> dict[str, Any]:
    """How much room there is for a folder; None where that is unknown."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return {"folder": str(folder), "free": None, "size": None}
    return {"folder": str(folder), "free": usage.free, "size": usage.total}
