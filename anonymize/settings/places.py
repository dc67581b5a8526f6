"""What is asked for of one video: spans of its time, zones of its picture, and persons who stay visible."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from anonymize.errors import UsageError
from anonymize.text.ranges import PIXELS, SECONDS, Range, in_range, shown
from anonymize.text.words import printable

CORNERS = 1000
"""The most corners of a zone."""
LONGEST_REASON = 200
"""The most characters of the reason why someone stays visible."""


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open time span ``start <= t < end`` in seconds of the presentation; `end` None: to the end.

    The presentation begins where players show 0:00, whatever the file's timestamps are (`MediaInfo.origin`).
    """

    start: Annotated[Fraction, SECONDS] = Fraction(0)
    end: Annotated[Fraction, SECONDS] | None = None

    def __post_init__(self) -> None:
        in_range(self)
        if self.end is not None and self.end <= self.start:
            raise UsageError(f"a span must end after it starts, got {self.start} to {self.end}")

    def __contains__(self, time: Fraction) -> bool:
        return self.start <= time and (self.end is None or time < self.end)

    def meets(self, shown: Fraction, until: Fraction) -> bool:
        """Whether it overlaps the time a frame is shown, from `shown` to before `until`."""
        return (self.end is None or shown < self.end) and (self.start <= shown or self.start < until)

    def __str__(self) -> str:
        """In the syntax of the command line, in seconds."""
        return f"{float(self.start):g}-{'' if self.end is None else f'{float(self.end):g}'}"


@dataclass(frozen=True, slots=True)
class Zone:
    """An area that is always redacted, or (in `Settings.spared`) where things that stand still stay visible.

    Args:
        polygon: three or more corners (x, y) in upright pixels.
        span: when it applies; always if not given.
    """

    polygon: tuple[tuple[Annotated[float, PIXELS], Annotated[float, PIXELS]], ...]
    span: Span = Span()

    def __post_init__(self) -> None:
        if not 3 <= len(self.polygon) <= CORNERS:
            raise UsageError(f"a zone needs 3 to {CORNERS} corners, got {len(self.polygon)}: x,y x,y x,y ...")
        in_range(self)
        if flat(self.polygon):
            raise UsageError(f"the zone {self} has no area: its corners lie on one line")

    def __str__(self) -> str:
        """Its corners in the syntax of the command line; the first few of many."""
        corners = " ".join(f"{x:g},{y:g}" for x, y in self.polygon[:6])
        return f"{corners} ..." if len(self.polygon) > 6 else corners


def flat(polygon: Sequence[tuple[float, float]]) -> bool:
    """Whether all corners (x, y) lie on one line or coincide."""
    (x0, y0), *others = polygon
    x1, y1 = max(others, key=lambda corner: abs(corner[0] - x0) + abs(corner[1] - y0))
    return all((x1 - x0) * (y - y0) == (y1 - y0) * (x - x0) for x, y in others)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who stays visible: the person at a point and time, or a track of the plan. See `anonymize.plan.consent`.

    Args:
        reason: why, on one line, for the plan and the report.
        point: (x, y) in upright pixels; None where `track` is given.
        at: seconds of the presentation; None in a picture, or for all of a track.
        track: its number in the plan; -1 where `point` is given.
    """

    reason: str
    point: tuple[Annotated[float, PIXELS], Annotated[float, PIXELS]] | None = None
    at: Annotated[Fraction, SECONDS] | None = None
    track: Annotated[int, Range(-1, 1e12)] = -1

    def __post_init__(self) -> None:
        in_range(self)
        if (self.point is None) == (self.track < 0):
            raise UsageError("choose a person to show either by a point or by a track's number")
        check_reason(self.reason)

    def __str__(self) -> str:
        """In the syntax of the command line."""
        place = f"{self.track}" if self.point is None else "{:g},{:g}".format(*self.point)
        return place if self.at is None else f"{place}@{float(self.at):g}"


def check_reason(reason: str) -> None:
    """Raise `UsageError` unless `reason` is one line and not blank."""
    if not reason.strip():
        raise UsageError("leaving someone visible needs a reason: --reason 'release form 12'")
    if len(reason) > LONGEST_REASON or printable(reason) != reason:
        raise UsageError(f"reason {shown(reason)}: expected one line of at most {LONGEST_REASON} characters")
