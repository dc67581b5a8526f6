"""Progress on a terminal: a bar a file and one for the whole folder, drawn over and over, and gone in the end.

The cursor rests at the beginning of the first bar, and everything below is drawn anew each time. So what a resized
terminal wraps is drawn over, and what someone else prints stays.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unicodedata import category, combining, east_asian_width

from anonymize.cli.render_ledger import VERBS
from anonymize.words import printable

if TYPE_CHECKING:
    from pathlib import Path

    from anonymize.batch import Outcome
    from anonymize.inputs import Item
    from anonymize.pipeline import Progress

_EVERY = 0.1
"""Seconds between two drawings."""
_BAR = 30
"""Columns of a bar, at most; it is left out below a third of them."""
_SOON = 0.3
"""Seconds before which a speed says nothing."""


def possible() -> bool:
    """Whether standard error is a terminal that can move its cursor."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


@dataclass(slots=True)
class _File:
    """One file in progress: what was last heard of it, and when its stage began."""

    news: Progress
    since: float
    stages: int = 0
    """Stages that are over."""


@dataclass(slots=True)
class Bars:
    """The bars of a run.

    Args:
        items: all inputs. With more than one, files are named and there is a bar for the whole.
    """

    items: Sequence[Item]
    _files: dict[Item, _File] = field(default_factory=dict)
    _drawn: bool = False
    _due: float = 0.0
    _began: float = 0.0
    """When the first was heard of."""
    _ended: int = 0
    _failed: int = 0
    _frames: int = 0
    """Of files that are done."""
    _sizes: dict[Path, int] = field(default_factory=dict)
    """Of the files that are not, by their place in the output: bytes, or 1 each where nobody knows."""
    _size_done: float = 0.0

    def __post_init__(self) -> None:
        if len(self.items) > 1:
            self._sizes = {item.relative: _size(item) for item in self.items}

    def begin(self) -> None:
        """Show what there is to do: it may take a while until the first file is heard of."""
        if len(self.items) > 1:
            self._draw(time.monotonic())

    def progress(self, item: Item, news: Progress) -> None:
        """Take in news of a file that is worked on, and draw."""
        now = time.monotonic()
        self._began = self._began or now
        file = self._files.get(item)
        if file is None:
            self._files[item] = _File(news, now)
        else:
            if file.news.stage != news.stage:
                file.since, file.stages, self._due = now, file.stages + 1, 0.0
            file.news = news
        if now >= self._due:
            self._draw(now)

    def outcome(self, item: Item, outcome: Outcome) -> None:
        """Take in how a file ended."""
        size = self._end(item)
        if outcome.before or outcome.left_out:
            return
        self._size_done += size
        self._failed += outcome.output is None
        self._frames += outcome.report.source.get("frames", 0) if outcome.output else 0

    def foreseen(self, item: Item, frames: int) -> None:
        """A file was looked through, and nothing more is to be done with it."""
        self._size_done += self._end(item)
        self._frames += frames

    def _end(self, item: Item) -> int:
        self._files.pop(item, None)
        self._ended += 1
        return self._sizes.pop(item.relative, 0)

    def clear(self) -> None:
        """Take the bars off the screen; the next news draws them again, a moment later."""
        if self._drawn:
            sys.stderr.write("\r\x1b[?7h\x1b[J")
            sys.stderr.flush()
            self._drawn = False
        self._due = time.monotonic() + _EVERY

    def _draw(self, now: float) -> None:
        columns, rows = _terminal()
        named = len(self.items) > 1
        lines = [_line(item, file, now, columns - 1, named=named) for item, file in self._files.items()]
        if named:
            room = max(0, rows - 2)
            lines = [*lines[:room], self._whole(now, columns - 1)]
        back = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        self._drawn = True  # before it is: Ctrl-C may come in between
        # Without wrapping: a terminal that was made narrower just now would have more rows than the cursor goes back.
        sys.stderr.write("\r\x1b[J\x1b[?7l" + "\n".join(lines) + back + "\r\x1b[?7h")
        sys.stderr.flush()
        self._due = now + _EVERY

    def _whole(self, now: float, columns: int) -> str:
        """The line of the whole folder."""
        half = frames = 0.0
        for item, file in self._files.items():
            share = _share(file)
            half += share * self._sizes[item.relative]
            frames += share * (file.news.total or 0)
        frames += self._frames
        done, size = self._size_done + half, self._size_done + sum(self._sizes.values())
        spent = max(now - (self._began or now), 1e-3)
        failed = f", {self._failed} failed" if self._failed else ""
        return fit(
            columns,
            f"{self._ended} of {len(self.items)} files{failed}",
            "",
            done / size if size else None,
            Count(round(frames), None, frames / spent, spent * (size - done) / done if done else None),
        )


@dataclass(frozen=True, slots=True)
class Count:
    """How far something has come: frames done, of how many, frames a second, seconds left; None where unknown."""

    done: int
    total: int | None
    rate: float
    left: float | None

    def words(self) -> str:
        """In a line with room."""
        of = f" of {self.total}" if self.total else ""
        parts = [f"{self.done}{of} frames", f"{self.rate:.1f} frames/s" if self.rate else "", self._left(" left")]
        return ", ".join(part for part in parts if part)

    def short(self) -> str:
        """In a line with little."""
        of = f"/{self.total}" if self.total else ""
        parts = [f"{self.done}{of}", f"{self.rate:.1f}/s" if self.rate else "", self._left("")]
        return " ".join(part for part in parts if part)

    def _left(self, word: str) -> str:
        return "" if self.left is None else clock(self.left) + word


def clock(seconds: float) -> str:
    """A length of time as on a clock: 0:07, 12:30, 3:05:00."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def fit(columns: int, what: str, name: str, share: float | None, count: Count) -> str:
    """A line of at most `columns`: all of it with a bar; less of the bar, the words and the name where it is narrow."""
    words = count.words()
    head = f"{what:<9} {name}".rstrip()
    room = columns - width(head) - width(words) - 6
    if share is not None and room >= _BAR // 3:
        size = min(_BAR, room)
        full = round(min(share, 1.0) * size)
        return f"{head}  [{'#' * full}{'-' * (size - full)}]  {words}"
    if room >= -4:
        return f"{head}  {words}"
    short = count.short()
    room = columns - width(what) - width(short) - 2
    head = f"{what} {shortened(name, room)}" if name and room >= 3 else what
    return cut(f"{head} {short}", columns)


def _line(item: Item, file: _File, now: float, columns: int, *, named: bool) -> str:
    """The line of one file."""
    news, spent = file.news, max(now - file.since, 1e-3)
    total = news.total if news.total and news.done <= news.total else None  # the container's count may be an estimate
    rate = news.done / spent if spent > _SOON else 0.0
    left = (total - news.done) / rate if total and rate else None
    name = printable(item.source.name) if named and item.source else ""
    share = news.done / total if total else None
    return fit(columns, VERBS[news.stage], name, share, Count(news.done, total, rate, left))


def _share(file: _File) -> float:
    """How much of the work on a file is done; its three stages are taken to be as long as one another."""
    within = min(file.news.done / file.news.total, 1.0) if file.news.total else 0.0
    return min((file.stages + within) / len(VERBS), 1.0)


def _size(item: Item) -> int:
    try:
        return max(1, item.source.stat().st_size) if item.source else 1
    except OSError:  # it will fail when its turn comes
        return 1


def _terminal() -> tuple[int, int]:
    """Columns and rows; at once after a resize."""
    try:
        columns, rows = os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        columns, rows = 0, 0
    return columns or 80, rows or 24


def width(text: str) -> int:
    """Columns that a terminal takes for `text`."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if combining(letter) or category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """As much of the beginning of `text` as `columns` hold."""
    taken = 0
    for number, letter in enumerate(text):
        taken += _columns(letter)
        if taken > columns:
            return text[:number]
    return text


def shortened(name: str, columns: int) -> str:
    """`name` without its middle where it is wider than `columns`: its end tells files of a series apart."""
    if width(name) <= columns:
        return name
    tail = cut(name[::-1], (columns - 2) // 2)[::-1]
    return f"{cut(name, columns - 2 - width(tail))}..{tail}"
