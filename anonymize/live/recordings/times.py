"""Times of capture: as people write them, and as they are shown. Inside they are seconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from datetime import time as clock_time

from anonymize.errors import UsageError
from anonymize.text.ranges import shown

_CLOCK = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")


def read(text: str) -> float:
    """The time that `text` names in ISO 8601: ``2026-11-29T10:05Z``, ``2026-11-29 11:05+01:00``; UTC by default.

    Times as in the names of segments are read, too: ``2026-11-29T10-05-00Z``. Raises `UsageError`.
    """
    return _read(text).timestamp()


def asked(start: str, end: str) -> tuple[float, float]:
    """Both times, as `span`."""
    first, last = span(start, end)
    assert first is not None
    assert last is not None
    return first, last


def span(start: str | None, end: str | None) -> tuple[float | None, float | None]:
    """Both times; None where none is given. A time of day as `end` is of the day of `start`.

    Raises:
        UsageError: one is no time, or the end does not come after the start.
    """
    first = None if start is None else _read(start)
    last = None if end is None else _of_day(first, end) or _read(end)
    if first is not None and last is not None and last <= first:
        raise UsageError(
            f"from {show(first.timestamp())} to {show(last.timestamp())}: the end does not come after the start"
        ).coded("wrong-order")
    return (None if first is None else first.timestamp()), (None if last is None else last.timestamp())


def _read(text: str) -> datetime:
    day, mark, clock = text.strip().replace(" ", "T").partition("T")
    try:
        if clock[2:3] == "-" and clock[5:6] == "-":
            clock = clock.replace("-", ":", 2)
        at = datetime.fromisoformat(day + mark + clock)
        if mark and not clock:
            raise ValueError
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        if at.year < 1971:
            raise ValueError
    except (ValueError, OverflowError):
        raise UsageError(
            f"time {shown(text)}: expected a date and a time, as 2026-11-29T10:05:00Z (UTC) or 2026-11-29T11:05+01:00"
        ).coded("no-time") from None
    return at


def _of_day(first: datetime | None, text: str) -> datetime | None:
    """The time of day `text` on the day of `first`; None if it is anything else."""
    if first is None or not _CLOCK.fullmatch(text):
        return None
    try:
        return datetime.combine(first.date(), clock_time.fromisoformat(text), first.tzinfo)
    except ValueError:
        return None


def show(at: float) -> str:
    """`at` in UTC, to the millisecond, in ISO 8601."""
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
