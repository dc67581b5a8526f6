"""A file of cameras as pages change it, one change at a time: refused if it was edited meanwhile, noted, in force."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anonymize.errors import ReportError, UsageError
from anonymize.live.control_room.room import Supervisor
from anonymize.live.recordings import custody
from anonymize.live.supervisor import config
from anonymize.live.supervisor.accepted import Accepted
from anonymize.media import pending
from anonymize.text import untrusted

_LOG = ".changes.jsonl"
_SHOWN = 20
"""Lines of the log on the page."""


class CamerasFile:
    """The file of cameras of one supervisor, as pages change it.

    Args:
        supervisor: whose file it is.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.lock = threading.Lock()
        """To be held from `begin` to `write`."""

    @property
    def seen(self) -> str:
        """What tells this state of the file from another; a page sends it along with a change."""
        return hashlib.sha256(self.supervisor.accepted.text.encode()).hexdigest()[:16]

    def begin(self, asked: Mapping[str, Any]) -> Accepted:
        """What is in force. Raises `UsageError` if nothing may be changed now, by whoever asks."""
        if not custody.text(str(asked.get("by", ""))):
            raise UsageError("give your name: it stands in the log of changes").coded("no-name")
        accepted = self.supervisor.accepted
        if asked.get("seen") != self.seen:
            raise UsageError("the cameras were changed meanwhile: look at them again").coded("changed-meanwhile")
        if config.text(self.supervisor.path) != accepted.text:
            raise UsageError(
                "the file of cameras was edited and not applied: apply it (HUP), or take the edit back"
            ).coded("edited")
        return accepted

    def write(self, new: Accepted, act: str, by: str, written: Callable[[], None], **facts: Any) -> None:
        """Note that `by` did `act`, write the file, and put it in force.

        Args:
            new: what is to stand in the file.
            act: a verb.
            by: who.
            written: called once it stands in the file, even if it is not in force in time.
            facts: more values for the log.

        Raises:
            OutputError: the file or the log cannot be written, or it takes longer than expected.
        """
        path, old = self.supervisor.path, self.supervisor.accepted.settings
        custody.append(_log_of(path), act, by, what="log of changes", **facts)
        real = path.resolve()
        with pending(real, force=True, mode=real.stat().st_mode & 0o7777) as temporary:
            temporary.write_text(new.text, encoding="utf-8")
        written()
        self.supervisor.change(new, [name for name in new.settings if name in old and new.settings[name] != old[name]])

    def logged(self, wanted: Callable[[Mapping[str, Any]], bool]) -> list[dict[str, str]]:
        """The last changes that are `wanted`, the newest first: when, what, by whom, of which camera."""
        path = _log_of(self.supervisor.path)
        if not path.is_file() or path.is_symlink():
            return []
        lines = []
        for line in untrusted.lines(path, "log of changes", ReportError):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and wanted(found):
                lines.append({key: str(found.get(key, "")) for key in ("at", "act", "by", "camera")})
        return lines[: -_SHOWN - 1 : -1]


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + _LOG)
