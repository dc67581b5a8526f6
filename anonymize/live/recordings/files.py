"""The files of recordings: their names, and what they tell about themselves. Links are never followed."""

from __future__ import annotations

import calendar
import errno
import itertools
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path
from statistics import median

import av

from anonymize.errors import UnreadableInput
from anonymize.text.words import system

STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ"
_FORMAT = "%Y-%m-%dT%H-%M-%SZ"
_NAME = re.compile(rf"({STAMP})(?:-\d{{1,3}})?\.mp4")
_ROUNDING = 0.002
"""Seconds by which a segment may seem to begin before the second in its name."""


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A segment in a folder, as its entry there has it.

    Args:
        name: of the file.
        size: in bytes.
        changed_ns: when it was last modified, in nanoseconds since the epoch: as the recorder leaves it, when its last
            picture ends.
    """

    name: str
    size: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a segment holds.

    Args:
        pictures: their number.
        seconds: from its first picture to the end of its last.
        pauses: where pictures are missing within it: from and to, in seconds from its first picture.
    """

    pictures: int
    seconds: float
    pauses: tuple[tuple[float, float], ...] = ()


def stamp(at: float) -> str:
    """The name, without suffix, of a segment whose first picture was captured at `at`, seconds since the epoch."""
    return time.strftime(_FORMAT, time.gmtime(at))


def is_segment(name: str) -> bool:
    """Whether a file of this name is a segment: the name is a time that exists."""
    return _second(name) is not None


def _second(name: str) -> float | None:
    """The time in the name of a segment, to the second; None for other names."""
    if (found := _NAME.fullmatch(name)) is None:
        return None
    try:
        return float(calendar.timegm(time.strptime(found[1], _FORMAT)))
    except ValueError:
        return None


def find(folder: Path) -> list[SegmentFile]:
    """The segments in `folder` by name; whatever else is there is passed over, links among it.

    Raises:
        UnreadableInput: the folder cannot be read.
    """
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # deleted meanwhile
                    facts = entry.stat(follow_symlinks=False) if is_segment(entry.name) else None
                    if facts and stat.S_ISREG(facts.st_mode):
                        found.append(SegmentFile(entry.name, facts.st_size, facts.st_mtime_ns))
    except OSError as error:
        raise UnreadableInput(f"the recordings in this folder cannot be read: {system(error)}", folder) from error
    return sorted(found, key=lambda one: one.name)


@contextmanager
def opened(folder: Path, name: str) -> Iterator[BufferedReader]:
    """The segment `name`, open for reading. Raises `UnreadableInput` if it is gone, a link or no regular file."""
    path = folder / name
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(errno.EINVAL, "it is no regular file")
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else system(error)
        raise UnreadableInput(f"this segment cannot be read: {why}", path) from error
    with os.fdopen(file, "rb") as stream:
        yield stream


def content(file: BufferedReader | FileIO, path: Path) -> Content:
    """What the segment in `file` holds, from its container's index alone. Raises `UnreadableInput`."""
    try:
        with av.open(file, "r", format="mp4") as container:
            stream = container.streams.video[0]
            assert stream.time_base is not None
            times = [float(entry.timestamp * stream.time_base) for entry in stream.index_entries]
            seconds = float((stream.duration or 0) * stream.time_base)
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise UnreadableInput("this segment is damaged, or no recording", path) from error
    if not times:
        raise UnreadableInput("this segment holds no picture", path)
    seconds = max(seconds, times[-1] - times[0])
    return Content(len(times), seconds, tuple(pauses(times)))


def pauses(times: list[float]) -> Iterator[tuple[float, float]]:
    """Where pictures are missing among those at `times`: from the end of one to the next, in seconds from the first.

    A pause is longer than a second, and than two and a half times the usual distance of two pictures.
    """
    steps = [other - one for one, other in itertools.pairwise(times)]
    usual = median(steps) if steps else 0.0
    for at, step in zip(times, steps, strict=False):
        if step > max(1.0, 2.5 * usual):
            yield at + usual - times[0], at + step - times[0]


def began(found: SegmentFile, seconds: float) -> tuple[float, bool]:
    """When the first picture of a segment of `seconds` was captured, in seconds since the epoch, and whether exactly.

    Its name has the second; the time at which the recorder says that the file was last modified has the rest, if
    nobody has touched the file since.
    """
    second = _second(found.name) or 0.0
    exact = found.changed_ns / 1e9 - seconds
    if second - _ROUNDING <= exact < second + 1 + _ROUNDING:
        return max(exact, second), True
    return second, False
