"""Zones drawn in the control room: checked as the file of cameras is, written into it, put in force, and undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anonymize.errors import UsageError
from anonymize.live.control_room.cameras_file import CamerasFile
from anonymize.live.control_room.cameras_toml import with_zones
from anonymize.live.control_room.room import child
from anonymize.live.supervisor.accepted import Accepted, checked
from anonymize.plan.compose import polygon
from anonymize.redact import visible
from anonymize.settings import Settings, Zone
from anonymize.text.mapping import from_mapping, to_mapping

_ACTS = ("zones", "undo")
"""What is done to zones, in the log of changes."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The zones of a camera.

    Args:
        zones: always hidden.
        spared: where things that stand still stay visible.
    """

    zones: tuple[Zone, ...] = ()
    spared: tuple[Zone, ...] = ()


class Zones:
    """The zones of all cameras of one supervisor.

    Args:
        file: of the cameras.
    """

    def __init__(self, file: CamerasFile) -> None:
        self._file, self._supervisor = file, file.supervisor
        self._done: list[tuple[str, Drawn, Drawn]] = []
        """Changes that can be undone: camera, before, after."""

    def of(self, camera: str) -> dict[str, Any]:
        """The zones of a camera, for JSON. Raises `UsageError` if there is no such camera."""
        found = child(self._supervisor, camera)
        return {
            **_as_dict(_drawn(found.settings)),
            "size": found.size,
            "seen": self._file.seen,
            "undo": self._last(camera) is not None,
            "log": self._file.logged(lambda line: line.get("camera") == camera and line.get("act") in _ACTS),
        }

    def change(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Replace the zones of a camera.

        Raises:
            UsageError: they are invalid, no name is given, or the file was changed meanwhile: then nothing is changed.
            OutputError: the file or the log of changes cannot be written.
        """
        camera, by = str(asked.get("camera", "")), str(asked.get("by", ""))
        after = from_mapping(Drawn, {name: asked.get(name, []) for name in ("zones", "spared")})
        with self._file.lock:
            before = self._begin(camera, asked)
            if after == before:
                raise UsageError("nothing was changed").coded("nothing-changed")
            self._write(camera, by, before, after, "zones", lambda: self._done.append((camera, before, after)))
        return self.of(camera)

    def undo(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take back the last change of a camera's zones that was made here. Errors as those of `change`."""
        camera, by = str(asked.get("camera", "")), str(asked.get("by", ""))
        with self._file.lock:
            now, last = self._begin(camera, asked), self._last(camera)
            if last is None:
                raise UsageError("there is nothing to undo: only what was changed here since the start is kept").coded(
                    "nothing-to-undo"
                )
            _, before, after = last
            if now != after:
                raise UsageError("the zones were changed in the file since: change them there").coded(
                    "changed-meanwhile"
                )
            self._write(camera, by, after, before, "undo", lambda: self._done.remove(last))
        return self.of(camera)

    def _begin(self, camera: str, asked: Mapping[str, Any]) -> Drawn:
        """The zones in force. Raises `UsageError` if nothing may be changed now."""
        found = child(self._supervisor, camera)
        self._file.begin(asked)
        return _drawn(found.settings)

    def _write(self, camera: str, by: str, before: Drawn, after: Drawn, act: str, written: Callable[[], None]) -> None:
        """Check, note, write and put in force."""
        size = child(self._supervisor, camera).size
        if size is None:
            raise UsageError("there is no picture of this camera yet, in which zones could lie: wait for one").coded(
                "no-picture"
            )
        for zone in after.zones:
            if not visible(polygon(zone), *size):
                raise UsageError(f"the zone {zone} lies outside the picture, which would hide all of it").coded(
                    "zone-outside"
                )
        path, old = self._supervisor.path, self._supervisor.accepted
        new = checked(path, with_zones(old.text, camera, _as_dict(before), _as_dict(after)))
        _refuse_other_changes(old, new, camera, after)
        facts = {"camera": camera, "before": _as_dict(before), "after": _as_dict(after)}
        self._file.write(new, act, by, written, **facts)

    def _last(self, camera: str) -> tuple[str, Drawn, Drawn] | None:
        return next((one for one in reversed(self._done) if one[0] == camera), None)


def _drawn(settings: Settings) -> Drawn:
    return Drawn(settings.zones, settings.spared)


def _as_dict(drawn: Drawn) -> dict[str, list[dict[str, Any]]]:
    """For TOML and JSON; without spans that say nothing."""
    return {"zones": _plain(drawn.zones), "spared": _plain(drawn.spared)}


def _plain(zones: Sequence[Zone]) -> list[dict[str, Any]]:
    whole = to_mapping(Zone(((0, 0), (1, 0), (0, 1))))["span"]
    made = []
    for zone in zones:
        values = to_mapping(zone)
        span = {key: value for key, value in values["span"].items() if value is not None}
        points = [[_short(x), _short(y)] for x, y in values["polygon"]]
        made.append({"polygon": points} | ({"span": span} if values["span"] != whole else {}))
    return made


def _short(value: float) -> float:
    return int(value) if value == int(value) else float(value)


def _refuse_other_changes(old: Accepted, new: Accepted, camera: str, after: Drawn) -> None:
    """Raise `UsageError` unless `new` differs from `old` in nothing but the zones of `camera`."""
    wanted = {**old.settings, camera: replace(old.settings[camera], zones=after.zones, spared=after.spared)}
    cameras = {name: replace(one, settings={}) for name, one in old.fleet.cameras.items()}
    others = {name: replace(one, settings={}) for name, one in new.fleet.cameras.items()}
    if new.settings != wanted or cameras != others or replace(old.fleet, cameras={}) != replace(new.fleet, cameras={}):
        raise UsageError(
            "this file is written in a way that cannot be changed here, or a preset was edited meanwhile: change the "
            "zones in the file"
        ).coded("by-hand")
