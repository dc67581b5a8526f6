"""Progress on a terminal: a bar for each file in progress and one for the whole folder, removed at the end.

The cursor waits at the start of the first bar, and everything from there on is cleared and redrawn each time. So lines
wrapped by a resized terminal are overwritten, and what other code prints stays.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unicodedata import category, combining, east_asian_width

from anonymize.cli.render.ledger import VERBS
from anonymize.text.words import printable

if TYPE_CHECKING:
    from pathlib import Path

    from anonymize.batch.outcome import Outcome
    from anonymize.progress import Course
    from anonymize.recorded.item import Item

_EVERY = 0.1
"""Seconds between two redraws."""
_BAR = 30
"""Maximum columns of a bar; it is left out where there is room for less than a third of them."""


def possible() -> bool:
    """Whether standard error is a terminal that can move its cursor."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


@dataclass(slots=True)
class Bars:
    """The bars of a run.

    Args:
        items: all inputs. With more than one, bars name their files, and a last one is for the whole.
    """

    items: Sequence[Item]
    _files: dict[Item, Course] = field(default_factory=dict)
    _drawn: bool = False
    _due: float = 0.0
    _began: float = 0.0
    """Monotonic time of the first progress."""
    _ended: int = 0
    _failed: int = 0
    _frames: int = 0
    """Frames of the finished files."""
    _sizes: dict[Path, int] = field(default_factory=dict)
    """Size in bytes of each unfinished file, by its path in the output; 1 where unknown."""
    _size_done: float = 0.0
    _share: float = 0.0
    """Share of the whole shown so far; it never falls."""

    def __post_init__(self) -> None:
        if len(self.items) > 1:
            self._sizes = {item.relative: _size(item) for item in self.items}

    def begin(self) -> None:
        """Draw the bar of the whole at once: the first progress may take a while."""
        if len(self.items) > 1:
            self._draw(time.monotonic())

    def progress(self, item: Item, course: Course, now: float, *, begins: bool) -> None:
        """Update the bar of a file and redraw.

        Args:
            item: the file.
            course: its progress.
            now: monotonic time.
            begins: whether a stage begins, which is drawn at once.
        """
        self._began = self._began or now
        self._files[item] = course
        if begins or now >= self._due:
            self._draw(now)

    def finished(self, item: Item) -> None:
        """Fill the bar of a file; draw it if it is the only one."""
        if course := self._files.get(item):
            course.finish()
            if len(self.items) == 1:
                self._draw(time.monotonic())

    def outcome(self, item: Item, outcome: Outcome) -> None:
        """Count a file that ended."""
        if outcome.output:
            self.finished(item)
        size = self._end(item)
        if not (outcome.before or outcome.left_out):
            self._size_done += size
            self._failed += outcome.output is None
            self._frames += outcome.report.source.get("frames", 0) if outcome.output else 0
        self._draw_end()

    def foreseen(self, item: Item, frames: int) -> None:
        """Count a file whose dry run ended."""
        self.finished(item)
        self._size_done += self._end(item)
        self._frames += frames
        self._draw_end()

    def _draw_end(self) -> None:
        """Redraw after the last of several files."""
        if self._ended == len(self.items) > 1:
            self._draw(time.monotonic())

    def _end(self, item: Item) -> int:
        self._files.pop(item, None)
        self._ended += 1
        return self._sizes.pop(item.relative, 0)

    def clear(self) -> None:
        """Remove the bars from the screen; progress redraws them a moment later."""
        if self._drawn:
            sys.stderr.write("\r\x1b[?7h\x1b[J")
            sys.stderr.flush()
            self._drawn = False
        self._due = time.monotonic() + _EVERY

    def _draw(self, now: float) -> None:
        columns, rows = _terminal()
        named = len(self.items) > 1
        lines = [_line(item, course, now, columns - 1, named=named) for item, course in self._files.items()]
        if named:
            room = max(0, rows - 2)
            lines = [*lines[:room], self._whole(now, columns - 1)]
        back = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        self._drawn = True  # set first: Ctrl-C may interrupt the drawing
        # Without wrapping: on a terminal just made narrower, the cursor would go back too few rows.
        sys.stderr.write("\r\x1b[J\x1b[?7l" + "\n".join(lines) + back + "\r\x1b[?7h")
        sys.stderr.flush()
        self._due = now + _EVERY

    def _whole(self, now: float, columns: int) -> str:
        """The bar of the whole folder."""
        half = frames = 0.0
        for item, course in self._files.items():
            share = course.share or 0.0
            half += share * self._sizes[item.relative]
            frames += share * (course.total or 0)
        frames += self._frames
        done, size = self._size_done + half, self._size_done + sum(self._sizes.values())
        self._share = max(self._share, done / size if size else 1.0)
        spent = max(now - (self._began or now), 1e-3)
        failed = f", {self._failed} failed" if self._failed else ""
        return fit(
            columns,
            f"{self._ended} of {len(self.items)} files{failed}",
            "",
            self._share,
            Count(round(frames), None, frames / spent, spent * (size - done) / done if done else None),
        )


@dataclass(frozen=True, slots=True)
class Count:
    """Progress: frames done, their total, frames a second, seconds left for all stages; None where unknown."""

    done: int
    total: int | None
    rate: float
    left: float | None

    def words(self) -> str:
        """The long form."""
        of = f" of {self.total}" if self.total else ""
        parts = [f"{self.done}{of} frames", f"{self.rate:.1f} frames/s" if self.rate else "", self._left(" left")]
        return ", ".join(part for part in parts if part)

    def short(self) -> str:
        """The short form, for narrow terminals."""
        of = f"/{self.total}" if self.total else ""
        parts = [f"{self.done}{of}", f"{self.rate:.1f}/s" if self.rate else "", self._left("")]
        return " ".join(part for part in parts if part)

    def _left(self, word: str) -> str:
        return "" if self.left is None else clock(self.left) + word


def clock(seconds: float) -> str:
    """A duration as 0:07, 12:30 or 3:05:00."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def fit(columns: int, what: str, name: str, share: float | None, count: Count) -> str:
    """A line with a bar; on a narrow terminal the bar, words and name are shortened.

    Args:
        columns: maximum width.
        what: stage.
        name: file name, or empty.
        share: part done, 0 to 1; None where unknown, without a bar.
        count: numbers to show.
    """
    words = count.words()
    head = f"{what:<9} {name}".rstrip()
    percent = "" if share is None else f"{int(share * 100 + 1e-6)}%"
    words = f"{percent}, {words}" if percent else words
    room = columns - width(head) - width(words) - 6
    if share is not None and room >= _BAR // 3:
        size = min(_BAR, room)
        full = round(min(share, 1.0) * size)
        return f"{head}  [{'#' * full}{'-' * (size - full)}]  {words}"
    if room >= -4:
        return f"{head}  {words}"
    short = f"{percent} {count.short()}".lstrip()
    room = columns - width(what) - width(short) - 2
    head = f"{what} {shortened(name, room)}" if name and room >= 3 else what
    return cut(f"{head} {short}", columns)


def _line(item: Item, course: Course, now: float, columns: int, *, named: bool) -> str:
    """The bar of one file: stage and frames of that stage; share and time left of all stages."""
    assert course.news, "a bar appears with the first progress"
    name = printable(item.source.name) if named and item.source else ""
    count = Count(course.news.done, course.total, course.rate(now), course.left(now))
    return fit(columns, VERBS[course.news.stage], name, course.share, count)


def _size(item: Item) -> int:
    try:
        return max(1, item.source.stat().st_size) if item.source else 1
    except OSError:  # the run will report it
        return 1


def _terminal() -> tuple[int, int]:
    """Columns and rows, also right after a resize."""
    try:
        columns, rows = os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        columns, rows = 0, 0
    return columns or 80, rows or 24


def width(text: str) -> int:
    """Terminal columns that `text` takes."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if combining(letter) or category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """The beginning of `text` that fits in `columns`."""
    taken = 0
    for number, letter in enumerate(text):
        taken += _columns(letter)
        if taken > columns:
            return text[:number]
    return text


def shortened(name: str, columns: int) -> str:
    """`name`, without its middle if wider than `columns`: the ends of names distinguish files of a series."""
    if width(name) <= columns:
        return name
    tail = cut(name[::-1], (columns - 2) // 2)[::-1]
    return f"{cut(name, columns - 2 - width(tail))}..{tail}"
