"""Printing: lines, tables, help pages, JSON lines, questions."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, TextIO

from anonymize.text.words import printable

_COPYABLE_INDENT, _NARROWEST = 4, 20
"""Indent from which a line is never wrapped, so that it can be copied; terminal columns below which none is."""


def say(*lines: str) -> None:
    """Print the lines of a result on standard output."""
    for line in lines:
        print(_wrapped(line, sys.stdout))


def note(text: str) -> None:
    """Print a line that is not a result, on standard error."""
    print(_wrapped(text, sys.stderr), file=sys.stderr)


def _wrapped(line: str, stream: TextIO) -> str:
    """`line`, wrapped between words to the terminal's width; a line indented to be copied stays whole."""
    line = printable(line)
    indent = len(line) - len(line.lstrip(" "))
    if not stream.isatty() or indent >= _COPYABLE_INDENT:
        return line
    columns = os.get_terminal_size(stream.fileno()).columns
    if columns < _NARROWEST:
        return line
    after = " " * (indent + 2)
    return textwrap.fill(line, columns, subsequent_indent=after, break_long_words=False, break_on_hyphens=False)


def fail(text: str) -> None:
    """Print an error message, joined into one line."""
    note("anonymize: " + " ".join(text.split()))


def confirm(text: str, question: str) -> bool:
    """Show `text`, ask `question`, and return whether the answer is yes; False without a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    note(text)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def ask(prompt: str) -> str:
    """Return what is typed after `prompt`. Raises `EOFError` at the end of the input."""
    return input(prompt)


def page(what: str, address: str) -> None:
    """Print the address of a page of a camera, on standard error: standard output may carry the video."""
    note(f"{what}: {address}")


def control_room() -> Callable[[str], None] | None:
    """What prints the address of the control room; None where it would be in a log, with its token."""
    return (lambda address: note(f"control room: {address}")) if sys.stderr.isatty() else None


_printed: Counter[str] = Counter()
"""Number of JSON lines printed so far, by event."""


def as_json(event: str, facts: Mapping[str, Any], to: IO[str] | None = None) -> None:
    """Print an event as one line of JSON (docs/json.md), to standard output or `to`."""
    _printed[event] += 1
    print(json.dumps({"event": event, **facts}, default=str), file=to)


def ended(code: int, why: str, to: IO[str]) -> None:
    """Print the last JSON line, how the command ended; before it, the error if it failed.

    Args:
        code: exit code.
        why: error message, or empty.
        to: stream to print to.
    """
    if why:
        as_json("error", {"exit_code": code, "message": " ".join(why.split())}, to)
    counts = {event: count for event, count in _printed.items() if event != "progress"}
    as_json("summary", {"exit_code": code, "counts": counts}, to)
    _printed.clear()


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells in aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def pages(sections: Iterable[tuple[str, Sequence[str]]], *, close: bool = False) -> None:
    """Print titled sections with a blank line between them; with none if `close`."""
    bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    for number, (title, lines) in enumerate(sections):
        if number and not close:
            print()
        if title:
            print(f"\x1b[1m{title}\x1b[0m" if bold else title)
        say(*lines)


def choices(usable: Mapping[str, str | None], *, machine: bool) -> None:
    """Print what an option can be set to, and for what this machine cannot use, the reason (None: usable)."""
    if machine:
        for name, why in usable.items():
            as_json("choice", {"name": name, "usable": why is None, "why": why})
        return
    table(
        [(name, "can be used here" if why is None else f"cannot be used here: {why}") for name, why in usable.items()]
    )
