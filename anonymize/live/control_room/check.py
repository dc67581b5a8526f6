"""Recordings examined in a process of its own, with what the cameras leave of the processor."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from anonymize.errors import AnonymizeError, UsageError
from anonymize.parallel import process
from anonymize.parallel.process import Spawned
from anonymize.parallel.user import SystemUser
from anonymize.progress import Progress
from anonymize.report import Report
from anonymize.settings import Settings

_NICE = 19


class RecordingCheck:
    """At most one examination at a time, and what came of the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spawned: Spawned | None = None
        self._state: dict[str, Any] = {"state": "idle"}

    def begin(
        self,
        camera: str,
        folder: Path,
        span: tuple[float, float],
        settings: Settings,
        by: str,
        user: SystemUser | None = None,
    ) -> None:
        """Examine what was recorded in `span`, in a process of `user`; see `anonymize.live.recordings.checking.check`.

        Raises:
            UsageError: another examination is under way.
        """
        with self._lock:
            if self._spawned is not None:
                raise UsageError("another check is under way: wait until it is done").coded("check-busy")
            self._state = {"state": "running", "camera": camera, "done": 0, "of": 0, "segment": ""}
            self._spawned = process.spawn(_examine, folder, span, settings, by, name="check", user=user)
            threading.Thread(target=self._follow, args=(self._spawned, camera), name="check", daemon=True).start()

    def as_dict(self) -> dict[str, Any]:
        """Where it stands, for JSON."""
        return dict(self._state)

    def close(self) -> None:
        """End what is under way."""
        with self._lock:
            if self._spawned is not None:
                process.end([self._spawned])

    def _follow(self, spawned: Spawned, camera: str) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._state = {"camera": camera} | spawned.line.recv()
        if self._state["state"] == "running":
            self._state = {"state": "failed", "camera": camera, "message": "its process has ended"}
        spawned.process.join()
        self._spawned = None


def _examine(line: Connection, folder: Path, span: tuple[float, float], settings: Settings, by: str) -> None:
    """Examine in this process, and say on `line` how far it is, and at last what came of it."""
    process.end_with_parent()
    os.nice(_NICE)
    from anonymize.live.recordings import checking
    from anonymize.live.recordings.folder import RecordedSegment
    from anonymize.recorded import job

    verdicts: list[dict[str, Any]] = []
    try:
        found = checking.chosen(folder, *span)

        def on_segment(segment: RecordedSegment, news: Progress | Report) -> None:
            if isinstance(news, Report):
                verdicts.append({"segment": segment.name, "verdict": news.verdict.value, "error": news.error})
            line.send({"state": "running", "segment": segment.name, "done": len(verdicts), "of": len(found.segments)})

        checked = checking.check(folder, found.segments, settings, job.detectors_for(settings), on_segment, by)
    except AnonymizeError as error:
        line.send({"state": "failed", "message": error.message})
        return
    line.send(
        {
            "state": "done",
            "verdict": checked.verdict.value,
            "complaints": [*found.notes, *checked.complaints],
            "segments": len(verdicts),
            "failed": [one for one in verdicts if one["verdict"] == "fail"],
        }
    )
