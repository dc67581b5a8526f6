"""What a folder of recordings holds, in order of capture, and where something is missing."""

from __future__ import annotations

import json
import os
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from anonymize.errors import AnonymizeError, OutputError, UsageError
from anonymize.live.recordings import files, hold, index
from anonymize.live.recordings.files import SegmentFile
from anonymize.live.recordings.hold import Hold
from anonymize.live.recordings.index import Row
from anonymize.live.recordings.times import show

SLACK = 0.5
"""Seconds between two segments that are no gap: pictures do not come in step with the clock."""
_STILL = 10.0
"""Seconds after which a part that nobody has written to is what a killed process left."""
_PART = re.compile(rf"\.({files.STAMP})-[0-9a-f]{{16}}\.part")


@dataclass(frozen=True, slots=True)
class RecordedSegment:
    """One segment. Times are seconds since the epoch.

    Args:
        name: of its file.
        camera: that it is of; empty if unknown.
        began, ended: when its first picture was captured, and when its last one ends.
        exact: whether they are known to the millisecond; otherwise only the second is known.
        pictures: in it.
        size: in bytes.
        sha256: of the file as it was recorded; empty if unknown.
        pauses: where pictures are missing in it: from and to.
        held: why it is held, if it is.
        changed: whether it is of another size than was recorded.
        broken: why it cannot be read; empty if it can.
    """

    name: str
    camera: str
    began: float
    ended: float
    exact: bool
    pictures: int
    size: int
    sha256: str = ""
    pauses: tuple[tuple[float, float], ...] = ()
    held: Hold | None = None
    changed: bool = False
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time of which there are no pictures; seconds since the epoch."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Recordings:
    """What a folder holds of a span of time.

    Args:
        segments: in order of capture.
        gaps: between them and within them.
        notes: what a person should know: an index that cannot be used, a held segment that is gone.
    """

    segments: tuple[RecordedSegment, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(segment.size for segment in self.segments)


def look(folder: Path, start: float | None = None, end: float | None = None) -> Recordings:
    """The recordings in `folder` from `start` to `end` (seconds since the epoch; None: all).

    What the index lacks is read from the files, and added to it where it can be written.

    Raises:
        UnreadableInput: the folder cannot be read.
    """
    notes = []
    try:
        rows = index.read(folder)  # before the files: the row of one that is finished meanwhile must not go
    except OutputError as error:
        rows = {}
        notes.append(f"{error.message}; times are from the files themselves")
    found = files.find(folder)
    holds = {}
    with suppress(OSError):  # the folder was read just now
        holds = hold.all_in(folder)
    segments, new = [], []
    for one in found:
        row = rows.get(one.name)
        if row is None or (row.size != one.size and not row.sha256):
            try:
                row = _row(folder, one)
            except AnonymizeError as error:
                if not os.path.lexists(folder / one.name):
                    continue  # deleted meanwhile
                segments.append(_broken(one, error.message, holds.get(one.name)))
                continue
            new.append(row)
        segments.append(_segment(row, one, holds.get(one.name)))
    gone = rows.keys() - {one.name for one in found}
    if new or gone:
        try:
            index.write(folder, new, gone)
        except OutputError as error:
            notes += [] if notes else [f"{error.message}; what was found is not kept in it"]
    missing = holds.keys() - {one.name for one in found}
    notes += [f"{name} is held, but gone: it was deleted by hand" for name in sorted(missing)]
    segments.sort(key=lambda segment: (segment.began, segment.name))
    chosen = tuple(segment for segment in segments if _within(segment, start, end))
    return Recordings(chosen, tuple(gaps(chosen, start, end)), tuple(notes))


def there(folder: Path, start: float, end: float) -> Recordings:
    """As `look`. Raises `UsageError` too, if there is nothing from `start` to `end`."""
    found = look(folder, start, end)
    if found.segments:
        return found
    every = look(folder).segments
    has = f"it has {show(every[0].began)} to {show(every[-1].ended)}" if every else "it has none"
    raise UsageError(
        f"no recording from {show(start)} to {show(end)}: {has}; `anonymize recordings list` shows them", folder
    ).coded("nothing-recorded")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Segments that follow one another without a gap, all held for the same reason or none.

    Args:
        segments: in order of capture.
    """

    segments: tuple[RecordedSegment, ...]

    @property
    def start(self) -> float:
        """When its first picture was captured, in seconds since the epoch."""
        return self.segments[0].began

    @property
    def end(self) -> float:
        """When its last picture ends, in seconds since the epoch."""
        return max(segment.ended for segment in self.segments)


def stretches(found: Recordings) -> Iterator[Stretch | Gap]:
    """`found` in few words: stretches and, between them, gaps. A segment that is broken or changed stands alone."""
    open_: list[RecordedSegment] = []
    left = deque(found.gaps)
    for segment in found.segments:
        between: list[Gap] = []
        while left and left[0].end <= segment.began:
            between.append(left.popleft())
        if open_ and (between or _apart(open_[-1], segment)):
            yield Stretch(tuple(open_))
            open_ = []
        yield from between
        open_.append(segment)
    if open_:
        yield Stretch(tuple(open_))
    yield from left


def _apart(one: RecordedSegment, other: RecordedSegment) -> bool:
    return (one.held and one.held.reason) != (other.held and other.held.reason) or any(
        segment.broken or segment.changed for segment in (one, other)
    )


def being_written(folder: Path) -> list[str]:
    """The times at which segments began that are being written, as in their names; not what a killed process left.

    Raises:
        OSError: the folder cannot be read.
    """
    begun = []
    for path in folder.iterdir():
        if found := _PART.fullmatch(path.name):
            with suppress(FileNotFoundError):  # finished meanwhile
                if time.time() - path.lstat().st_mtime < _STILL:
                    begun.append(found[1])
    return sorted(begun)


def gaps(segments: Iterable[RecordedSegment], start: float | None = None, end: float | None = None) -> Iterator[Gap]:
    """The times from `start` to `end` of which `segments`, in order of capture, have no pictures, in order.

    Without `start` or `end`, there is no gap before the first or after the last.
    """
    until = start
    for segment in segments:
        if segment.broken:
            continue
        if until is not None and segment.began - until > SLACK + (0 if segment.exact else 1):
            yield Gap(until, segment.began)
        yield from (Gap(one, other) for one, other in segment.pauses if _overlap(one, other, start, end))
        until = max(segment.ended, until or segment.ended)
    if until is not None and end is not None and end - until > SLACK:
        yield Gap(until, end)


def _within(segment: RecordedSegment, start: float | None, end: float | None) -> bool:
    return _overlap(segment.began, segment.ended, start, end)


def _overlap(one: float, other: float, start: float | None, end: float | None) -> bool:
    return (start is None or other > start) and (end is None or one < end)


def _row(folder: Path, found: SegmentFile) -> Row:
    """What the file `found` says of itself. Raises `UnreadableInput`."""
    with files.opened(folder, found.name) as file:
        content = files.content(file, folder / found.name)
    began, exact = files.began(found, content.seconds)
    return row_of(found, "", began, content, exact=exact)


def row_of(
    found: SegmentFile, camera: str, began: float, content: files.Content, *, exact: bool = True, sha256: str = ""
) -> Row:
    """The row of the segment `found`; see `Row`."""
    pauses = json.dumps(content.pauses)
    return Row(
        found.name,
        camera,
        began,
        int(exact),
        content.seconds,
        content.pictures,
        pauses,
        found.size,
        found.changed_ns,
        sha256,
    )


def _segment(row: Row, found: SegmentFile, held: Hold | None) -> RecordedSegment:
    return RecordedSegment(
        name=row.name,
        camera=row.camera,
        began=row.began,
        ended=row.began + row.seconds,
        exact=bool(row.exact),
        pictures=row.pictures,
        size=found.size,
        sha256=row.sha256,
        pauses=tuple((row.began + one, row.began + other) for one, other in json.loads(row.pauses)),
        held=held,
        changed=row.size != found.size,
    )


def _broken(found: SegmentFile, why: str, held: Hold | None) -> RecordedSegment:
    began, _ = files.began(replace(found, changed_ns=0), 0.0)
    return RecordedSegment(found.name, "", began, began, False, 0, found.size, held=held, broken=why)
