"""One logger: JSON lines for machines, key=value on a terminal, to standard error; every credential masked."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from anonymize.live.secrets import mask
from anonymize.text.words import printable

_NAME = "anonymize.live"


class Logger:
    """Says what happened, in a few words, with facts by name: ``logger.warning("sink lost", sink="rtsp://...")``."""

    def __init__(self, base: logging.Logger) -> None:
        self._base = base
        base.addHandler(logging.NullHandler())  # silent, unless someone sets it up
        base.propagate = False

    def info(self, event: str, **facts: Any) -> None:
        """Something happened as it should."""
        self._log(logging.INFO, event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Something is wrong that mends itself."""
        self._log(logging.WARNING, event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """Something is wrong that someone must mend."""
        self._log(logging.ERROR, event, facts)

    def _log(self, level: int, event: str, facts: dict[str, Any]) -> None:
        self._base.log(level, "%s", event, extra={"facts": facts})


class JsonLines(logging.Formatter):
    """A JSON object a line: time (UTC), level, event, then the facts."""

    def __init__(self, **always: Any) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        head = {"time": stamp, "level": record.levelname.lower(), "event": record.getMessage()}
        facts = {key: _clean(value) for key, value in (self._always | _facts(record)).items()}
        return json.dumps(_clean_event(head) | facts, default=str, ensure_ascii=False)


class KeyValue(logging.Formatter):
    """A line to read: time of day, level, event, key=value."""

    def __init__(self, **always: Any) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        stamp = time.strftime("%H:%M:%S", time.localtime(record.created))
        facts = " ".join(f"{key}={_quoted(value)}" for key, value in (self._always | _facts(record)).items())
        line = f"{stamp} {record.levelname.lower():<7} {_one_line(mask(record.getMessage()))} {facts}".rstrip()
        return printable(line)  # what servers say, and names of files, may hold what a terminal would act on


logger = Logger(logging.getLogger(_NAME))


def to_stderr(*, machine: bool | None = None, **always: Any) -> None:
    """Send the log to standard error from now on.

    Args:
        machine: JSON lines; if not given, where standard error is no terminal.
        always: facts that every line carries, such as the camera's name.
    """
    machine = not sys.stderr.isatty() if machine is None else machine
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(**always) if machine else KeyValue(**always))
    base = logging.getLogger(_NAME)
    for old in list(base.handlers):
        base.removeHandler(old)
    base.addHandler(handler)
    base.setLevel(logging.INFO)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts = getattr(record, "facts", {})
    return facts if isinstance(facts, dict) else {}


def _clean(value: Any) -> Any:
    return value if isinstance(value, (int, float, bool)) or value is None else mask(str(value))


def _clean_event(head: dict[str, str]) -> dict[str, Any]:
    return head | {"event": mask(head["event"])}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(value: Any) -> str:
    text = _one_line(str(_clean(value)))
    return json.dumps(text, ensure_ascii=False) if not text or " " in text or '"' in text else text
