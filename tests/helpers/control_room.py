"""Cameras that are not there, for the page of the control room: thirty of them would need a large machine."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from starlette.applications import Starlette

from anonymize.live.control_room.app import app
from anonymize.live.control_room.archive import Archive
from anonymize.live.control_room.cameras_file import CamerasFile
from anonymize.live.control_room.room import Room
from anonymize.live.control_room.roster import Roster
from anonymize.live.control_room.tryout import TryOut
from anonymize.live.control_room.zones import Zones
from anonymize.live.health import Cause
from anonymize.live.metrics import Metrics
from anonymize.live.sinks.newest import Shown
from anonymize.live.supervisor.accepted import Accepted
from anonymize.live.supervisor.config import Fleet
from anonymize.live.supervisor.hour import MINUTES, Hour
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping

SLOW = Cause("hidden", 0.39, False, "39% of the last minute's frames were fully obscured")
FULL = Cause("sink", 25.0, True, "full", "record:/kept/bridge", "the disk is full; make room or write somewhere else")
ZONE = {"polygon": [[0, 0], [40, 0], [40, 40], [0, 40]]}
_FOUR = ("market", "station", "bridge", "school")


@dataclass
class Camera:
    """What the control room asks of a camera's process."""

    name: str
    causes: list[dict[str, Any]] = field(default_factory=list)
    shown: Shown | None = None
    size: tuple[int, int] | None = (1280, 720)
    restarts: int = 0
    round: float = 0.3
    scene: Any = None
    """Its picture, as (height, width, 3); None: a plain one."""
    settings: Settings = field(default_factory=lambda: from_mapping(Settings, {"targets": [], "zones": [ZONE]}))
    owner: None = None

    def __post_init__(self) -> None:
        now = [0.0]
        self.hour = Hour(lambda: now[0])
        for minute in range(MINUTES):
            now[0] = 60.0 * minute
            hidden = 3 * abs(minute % 20 - 10) if self.causes else 0
            self.hour.add({"out": 100 * (minute + 1), "obscured": hidden * minute, "late": 2 * minute})
        self.metrics = Metrics(self.name)
        self.metrics.stage("source", "ok", "1280x720, 25 frames per second")
        self.metrics.stage("detector", "ok")
        self.metrics.stage(f"sink record:/kept/{self.name}", "ok")
        self.metrics.frames_out(100)
        self.metrics.latency(0.81)

    @property
    def state(self) -> str:
        return "failing" if any(cause["failing"] for cause in self.causes) else "degraded" if self.causes else "ok"

    @property
    def why(self) -> str:
        return "; ".join(cause["words"] for cause in self.causes) or "frames go out"

    @property
    def report(self) -> dict[str, Any]:
        now = self.metrics.snapshot()
        now["effort"] |= {"round": 0.9 if self.causes else self.round}
        now["minute"] = {"obscured": 0.39 if self.causes else 0.0, "late": 0.0}
        return {"now": now}

    def show(self, width: int) -> None:  # noqa: ARG002 - it has one size
        """A picture is there."""
        self.metrics.frames_out(25)
        picture = np.full((90, 160, 3), 90, np.uint8)
        cv2.circle(picture, (80, 45), 30, (200, 180, 60), -1)
        picture = picture if self.scene is None else self.scene
        number = self.shown.number + 1 if self.shown else 1
        self.shown = Shown(number, cv2.imencode(".jpg", picture)[1].tobytes(), (1280, 720))


class Cameras:
    """A supervisor of `n` such cameras, which record into `folder`; the second is slow, the third has a full disk."""

    def __init__(self, n: int, folder: Path | None = None) -> None:
        folder = folder or Path.cwd()
        names = _FOUR[:n] if n <= 4 else [f"camera-{number:02}" for number in range(n)]
        self.children: Any = {name: Camera(name) for name in names}
        for name, cause in zip(names[1:3], (SLOW, FULL), strict=False):
            self.children[name] = Camera(name, [asdict(cause)])
        self.path = Path("cameras.toml")
        self.accepted = Accepted("", Fleet({}), {}, dict.fromkeys(names, (f"record:{folder}",)))

    def change(self, accepted: Accepted, changed: Iterable[str]) -> None:
        """These cameras do what they do."""

    def room(self) -> Room:
        return Room(self)

    def app(self) -> Starlette:
        """Their control room."""
        room, file, tryout = self.room(), CamerasFile(self), TryOut()
        return app(room, Archive(room), Zones(file), Roster(file, tryout), tryout)
