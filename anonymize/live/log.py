"""The log on standard error: JSON lines, or key=value on a terminal; every credential masked."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextlib import nullcontext, suppress
from typing import Any, TextIO

from anonymize.live.secrets import mask
from anonymize.text.words import printable

_NAME = "anonymize.live"
_ERASED = "\r\x1b[J"
"""Back to the beginning of the line, which is emptied."""
_UNWRITABLE = (OSError, ValueError, RuntimeError)
"""What streams raise that are closed, without a reader, on a full disk, or interrupted while they write by a signal
whose handler logs, too."""


class Logger:
    """Logs short events with named facts: ``logger.warning("sink lost", sink="rtsp://...")``."""

    def __init__(self, base: logging.Logger) -> None:
        self._base = base
        base.addHandler(logging.NullHandler())  # silent until `to_stderr` is called
        base.propagate = False

    def info(self, event: str, **facts: Any) -> None:
        """Log a normal event."""
        self._log(logging.INFO, event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Log a fault that recovery is under way for."""
        self._log(logging.WARNING, event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """Log a fault that needs a person."""
        self._log(logging.ERROR, event, facts)

    def _log(self, level: int, event: str, facts: dict[str, Any]) -> None:
        self._base.log(level, "%s", event, extra={"facts": facts})


class JsonLines(logging.Formatter):
    """One JSON object per line: time (UTC), level, event, then the facts."""

    def __init__(self, **always: Any) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        head = {"time": stamp, "level": record.levelname.lower(), "event": mask(record.getMessage())}
        facts = {key: _clean(value) for key, value in (self._always | _facts(record)).items()}
        return json.dumps(head | facts, default=str, ensure_ascii=False)


class KeyValue(logging.Formatter):
    """A readable line: time of day, level, event, key=value."""

    def __init__(self, **always: Any) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        stamp = time.strftime("%H:%M:%S", time.localtime(record.created))
        facts = " ".join(f"{key}={_quoted(value)}" for key, value in (self._always | _facts(record)).items())
        line = f"{stamp} {record.levelname.lower():<7} {_one_line(mask(record.getMessage()))} {facts}".rstrip()
        return printable(line)  # server messages and file names may hold terminal control sequences


class Lines(logging.StreamHandler[TextIO]):
    """Writes log lines. One that cannot be written is lost, and whoever logs goes on."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as `logging` does
            self.handleError(record)
            return
        self.put(line + self.terminator)

    def put(self, text: str) -> None:
        """Write `text`, if it can be written."""
        with suppress(*_UNWRITABLE):
            self.stream.write(text)
        self.flush()

    def flush(self) -> None:
        """Write out what was put, if it can be."""
        with suppress(*_UNWRITABLE):
            super().flush()


class AboveStatus(Lines):
    """Writes log lines to a terminal above a status line, which stays the last."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._status = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line in the place of the status line, and that below it."""
        if self._status:
            self.put(_ERASED)
        super().emit(record)
        self.show(self._status)

    def show(self, status: str) -> None:
        """Replace the status line; empty removes it."""
        with self.lock or nullcontext():
            if status or self._status:
                # It never wraps, and whatever else is written begins in its place.
                self.put(_ERASED + (f"\x1b[?7l{status}\r\x1b[?7h" if status else ""))
            self._status = status


logger = Logger(logging.getLogger(_NAME))


def to_stderr(*, machine: bool | None = None, **always: Any) -> None:
    """Send the log to standard error.

    Args:
        machine: write JSON lines; by default, if standard error is not a terminal.
        always: facts on every line, such as the camera's name.
    """
    machine = not sys.stderr.isatty() if machine is None else machine
    terminal = not machine and sys.stderr.isatty()
    handler = AboveStatus(sys.stderr) if terminal else Lines(sys.stderr)
    handler.setFormatter(JsonLines(**always) if machine else KeyValue(**always))
    base = logging.getLogger(_NAME)
    for old in list(base.handlers):
        base.removeHandler(old)
    base.addHandler(handler)
    base.setLevel(logging.INFO)


def has_status() -> bool:
    """Whether `status` shows anything: the log goes to a terminal, and is for people."""
    return any(isinstance(handler, AboveStatus) for handler in logging.getLogger(_NAME).handlers)


def status(line: str) -> None:
    """Show `line` below the log, in the place of the last one; empty removes it."""
    for handler in logging.getLogger(_NAME).handlers:
        if isinstance(handler, AboveStatus):
            handler.show(line)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts = getattr(record, "facts", {})
    return facts if isinstance(facts, dict) else {}


def _clean(value: Any) -> Any:
    return value if isinstance(value, (int, float, bool)) or value is None else mask(str(value))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(value: Any) -> str:
    text = _one_line(str(_clean(value)))
    return json.dumps(text, ensure_ascii=False) if not text or " " in text or '"' in text else text
