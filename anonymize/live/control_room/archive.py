"""Recordings in the control room: what `anonymize recordings` does, with a person's name for the custody log."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anonymize.errors import UsageError
from anonymize.live.control_room.check import RecordingCheck
from anonymize.live.control_room.room import Room
from anonymize.live.recordings import custody, export, folder, holding, times
from anonymize.live.recordings.folder import Gap, Stretch
from anonymize.media import make_folder
from anonymize.report.files import path_for

EXPORTS = "exports"
"""Folder for exports, in that of the recordings."""
_MOST = 500
"""Rows of a list."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,160}\.mp4(\.report\.(json|html))?")


class Archive:
    """The recordings of all cameras of a control room.

    Args:
        room: whose cameras these are.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._exporting = threading.Lock()
        self._check = RecordingCheck()

    def close(self) -> None:
        """End what is under way."""
        self._check.close()

    def listing(self, camera: str, start: str, end: str, before: float | None = None) -> dict[str, Any]:
        """What was recorded of a camera in a span of time; times are seconds since the epoch.

        At most `_MOST` rows, the last ones: of those that begin before `before`, if it is given.

        Raises:
            UsageError: no such camera, or no such time.
            UnreadableInput: the folder cannot be read.
        """
        where = self._room.recordings(camera)
        found = folder.look(where, *times.span(start, end))
        every = folder.stretches(found)
        asked = [one for one in every if before is None or one.start < before]
        rows = [_stretch(one) if isinstance(one, Stretch) else _gap(one) for one in asked[-_MOST:]]
        return {
            "folder": str(where),
            "rows": rows,
            "more": len(asked) - len(rows),
            "notes": found.notes,
            "writing": bool(folder.being_written(where)),
            "exports": _exports(where / EXPORTS),
        }

    def hold(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Keep a span from being deleted; see `holding.place`."""
        return self._held(holding.place, asked)

    def release(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Hold a span no longer; see `holding.release`."""
        return self._held(holding.release, asked)

    def export(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Write a span to one film beside the recordings, with its report; errors are those of `export.export`."""
        camera, where, span, by = self._asked(asked)
        if not self._exporting.acquire(blocking=False):
            raise UsageError("another export is being written: try again when it is done").coded("export-busy")
        try:
            target = where / EXPORTS / f"{camera}-{_stamp(span[0])}-{_stamp(span[1])}.mp4"
            make_folder(target.parent)
            account = export.Account(by=by, title=_text(asked, "title"))
            made = export.export(where, span, target, account, force=True)
        finally:
            self._exporting.release()
        return {
            "name": made.path.name,
            "from": made.start,
            "to": made.end,
            "pictures": made.pictures,
            "gaps": len(made.gaps),
            "notes": made.notes,
        }

    def exported(self, camera: str, name: str) -> Path:
        """The film or the report of an export. Raises `UsageError` if there is no such file."""
        path = self._room.recordings(camera) / EXPORTS / name
        if not _NAME.fullmatch(name) or not path.is_file() or path.is_symlink():
            raise UsageError("there is no such export any more").coded("export-gone")
        return path

    def verify(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Begin to examine a span, in a process of its own; see `verifying`."""
        camera, where, span, by = self._asked(asked)
        child = self._room.child(camera)
        self._check.begin(camera, where, span, child.settings, by, child.owner)
        return self.verifying()

    def verifying(self) -> dict[str, Any]:
        """How far the examination is, or what came of the last one."""
        return self._check.as_dict()

    def _held(self, change: Callable[..., holding.HoldChange], asked: dict[str, Any]) -> dict[str, Any]:
        _, where, span, by = self._asked(asked)
        reason = _text(asked, "reason")
        if not custody.text(reason):
            raise UsageError("say why, as a case number: it stays in the custody log").coded("no-reason")
        made = change(where, span, reason, by)
        return {"segments": len(made.segments), "before": made.before, "notes": made.notes}

    def _asked(self, asked: dict[str, Any]) -> tuple[str, Path, tuple[float, float], str]:
        """Camera, folder, span and name in a request. Raises `UsageError`."""
        camera, by = _text(asked, "camera"), _text(asked, "by")
        where = self._room.recordings(camera)
        if not custody.text(by):
            raise UsageError("give your name: it stands in the custody log").coded("no-name")
        return camera, where, times.asked(_text(asked, "from"), _text(asked, "to")), by


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str) or len(value) > custody.LONGEST:
        raise UsageError(f"{name}: expected a text of at most {custody.LONGEST} characters")
    return value


def _stretch(stretch: Stretch) -> dict[str, Any]:
    segments = stretch.segments
    held = segments[0].held
    return {
        "from": stretch.start,
        "to": stretch.end,
        "segments": len(segments),
        "size": sum(segment.size for segment in segments),
        "held": asdict(held) if held else None,
        "wrong": segments[0].broken or ("changed" if segments[0].changed else ""),
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {"from": gap.start, "to": gap.end, "gap": True}


def _exports(where: Path) -> list[dict[str, Any]]:
    """The films in the folder of exports, by name."""
    try:
        films = sorted(path for path in where.iterdir() if path.name.endswith(".mp4") and _NAME.fullmatch(path.name))
        sizes = [(path, path.stat().st_size) for path in films]
    except OSError:  # none was made yet, or one is being deleted
        return []
    reports = [path_for(where, Path(path.name)) for path in films]
    return [
        {"name": path.name, "size": size, "report": report.name if report.is_file() else ""}
        for (path, size), report in zip(sizes, reports, strict=True)
    ]


def _stamp(at: float) -> str:
    return times.show(at).replace(":", "-").replace(".000Z", "Z")
