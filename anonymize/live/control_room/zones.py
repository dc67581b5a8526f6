"""Zones drawn in the control room: checked as the file of cameras is, written into it, put in force, and undone."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anonymize.errors import ReportError, UsageError
from anonymize.live.control_room.cameras_toml import with_zones
from anonymize.live.control_room.room import Supervisor, child
from anonymize.live.recordings import custody
from anonymize.live.supervisor import config
from anonymize.live.supervisor.accepted import Accepted, checked
from anonymize.media import pending
from anonymize.plan.compose import polygon
from anonymize.redact import visible
from anonymize.settings import Settings, Zone
from anonymize.text import untrusted
from anonymize.text.mapping import from_mapping, to_mapping

_LOG = ".changes.jsonl"
_SHOWN = 20
"""Lines of the log on the page."""


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
        supervisor: whose file of cameras is changed.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._lock = threading.Lock()
        self._done: list[tuple[str, Drawn, Drawn]] = []
        """Changes that can be undone: camera, before, after."""

    def of(self, camera: str) -> dict[str, Any]:
        """The zones of a camera, for JSON. Raises `UsageError` if there is no such camera."""
        found = child(self._supervisor, camera)
        return {
            **_as_dict(_drawn(found.settings)),
            "size": found.size,
            "seen": _seen(self._supervisor.accepted),
            "undo": self._last(camera) is not None,
            "log": self._logged(camera),
        }

    def change(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Replace the zones of a camera.

        Raises:
            UsageError: they are invalid, no name is given, or the file was changed meanwhile: then nothing is changed.
            OutputError: the file or the log of changes cannot be written.
        """
        camera, by = str(asked.get("camera", "")), str(asked.get("by", ""))
        after = from_mapping(Drawn, {name: asked.get(name, []) for name in ("zones", "spared")})
        with self._lock:
            before = self._begin(camera, by, asked)
            if after == before:
                raise UsageError("nothing was changed")
            self._write(camera, by, before, after, "zones")
            self._done.append((camera, before, after))
        return self.of(camera)

    def undo(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take back the last change of a camera's zones that was made here. Errors as those of `change`."""
        camera, by = str(asked.get("camera", "")), str(asked.get("by", ""))
        with self._lock:
            now, last = self._begin(camera, by, asked), self._last(camera)
            if last is None:
                raise UsageError("there is nothing to undo: only what was changed here since the start is kept")
            _, before, after = last
            if now != after:
                raise UsageError("the zones were changed in the file since: change them there")
            self._write(camera, by, after, before, "undo")
            self._done.remove(last)
        return self.of(camera)

    def _begin(self, camera: str, by: str, asked: Mapping[str, Any]) -> Drawn:
        """The zones in force. Raises `UsageError` if nothing may be changed now."""
        found = child(self._supervisor, camera)
        if not custody.text(by):
            raise UsageError("give your name: it stands in the log of changes")
        accepted = self._supervisor.accepted
        if asked.get("seen") != _seen(accepted):
            raise UsageError("the cameras were changed meanwhile: look at the zones again")
        if config.text(self._supervisor.path) != accepted.text:
            raise UsageError("the file of cameras was edited and not applied: apply it (HUP), or take the edit back")
        return _drawn(found.settings)

    def _write(self, camera: str, by: str, before: Drawn, after: Drawn, act: str) -> None:
        """Check, note, write and put in force."""
        size = child(self._supervisor, camera).size
        if size is None:
            raise UsageError("there is no picture of this camera yet, in which zones could lie: wait for one")
        for zone in after.zones:
            if not visible(polygon(zone), *size):
                raise UsageError(f"the zone {zone} lies outside the picture, which would hide all of it")
        path, old = self._supervisor.path, self._supervisor.accepted
        new = checked(path, with_zones(old.text, camera, _as_dict(before), _as_dict(after)))
        _refuse_other_changes(old, new, camera, after)
        facts = {"camera": camera, "before": _as_dict(before), "after": _as_dict(after)}
        custody.append(_log_of(path), act, by, what="log of changes", **facts)
        real = path.resolve()
        mode = real.stat().st_mode & 0o7777
        with pending(real, force=True) as temporary:
            temporary.write_text(new.text, encoding="utf-8")
        real.chmod(mode)
        self._supervisor.change(new)

    def _last(self, camera: str) -> tuple[str, Drawn, Drawn] | None:
        return next((one for one in reversed(self._done) if one[0] == camera), None)

    def _logged(self, camera: str) -> list[dict[str, Any]]:
        """The last changes of a camera, the newest first."""
        path = _log_of(self._supervisor.path)
        if not path.is_file() or path.is_symlink():
            return []
        lines = []
        for line in untrusted.lines(path, "log of changes", ReportError):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and found.get("camera") == camera:
                lines.append({key: str(found.get(key, "")) for key in ("at", "act", "by")})
        return lines[: -_SHOWN - 1 : -1]


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + _LOG)


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


def _seen(accepted: Accepted) -> str:
    """What tells a file of cameras from another."""
    return hashlib.sha256(accepted.text.encode()).hexdigest()[:16]


def _refuse_other_changes(old: Accepted, new: Accepted, camera: str, after: Drawn) -> None:
    """Raise `UsageError` unless `new` differs from `old` in nothing but the zones of `camera`."""
    wanted = {**old.settings, camera: replace(old.settings[camera], zones=after.zones, spared=after.spared)}
    cameras = {name: replace(one, settings={}) for name, one in old.fleet.cameras.items()}
    others = {name: replace(one, settings={}) for name, one in new.fleet.cameras.items()}
    if new.settings != wanted or cameras != others or replace(old.fleet, cameras={}) != replace(new.fleet, cameras={}):
        raise UsageError(
            "this file is written in a way that cannot be changed here, or a preset was edited meanwhile: change the "
            "zones in the file"
        )
