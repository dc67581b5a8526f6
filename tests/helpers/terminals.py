"""Commands on a pseudo-terminal, as a person at a screen has them.

with Terminal("run", "a.mp4", "-o", "b.mp4", columns=40) as terminal:
    terminal.until("detecting")
    terminal.type(CTRL_C)
    assert terminal.end() == 130
assert terminal.screen.lines() == ["anonymize: interrupted ..."]
"""

import codecs
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
import unicodedata
from collections.abc import Mapping
from fcntl import ioctl
from typing import Any, Self

from tests.helpers.pace import Bound

PROGRAM = [sys.executable, "-c", "from anonymize.cli import main; main()"]
CTRL_C = "\x03"
_CONTROLLED = [sys.executable, "-ISc", "import os, sys; os.open(sys.argv[1], 2); os.execvp(sys.argv[2], sys.argv[2:])"]
"""The first terminal that the leader of a session opens is the one whose Ctrl-C it hears."""
_PIECE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|(\x1b.)|([^\x1b])", re.DOTALL)


class Screen:
    """What a terminal shows of what it is sent. It wraps long lines, and wraps them anew when it is resized.

    Lines are kept whole, and what is one row or several is worked out from the width, as terminals that reflow do it.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._lines: list[list[str]] = [[]]
        self._line = self._offset = self._row = 0
        self._wraps = True
        self.drawn: list[list[str]] = []
        """What was there each time before something was erased."""

    def feed(self, text: str) -> None:
        """Take what is sent, whole escape sequences only."""
        for found in _PIECE.finditer(text):
            numbers, letter, other, plain = found.groups()
            assert other is None, f"an escape that nobody expects: {found[0]!r}"
            if plain is not None:
                self._plain(plain)
            elif letter == "J":
                assert numbers in ("", "0")
                self.drawn.append(self.lines())
                del self._lines[self._line + 1 :]
                del self._lines[self._line][self._offset :]
            elif letter == "A":
                for _ in range(int(numbers or 1)):
                    self._up()
            elif letter in "hl":
                assert numbers == "?7"
                self._wraps, self._row = letter == "h", self._offset - self._offset % self.columns
            else:
                assert letter == "m", f"an escape that nobody expects: {found[0]!r}"

    def lines(self) -> list[str]:
        """The rows, without blanks at their ends and empty rows at the end."""
        rows = []
        for line in self._lines:
            for start in range(0, max(len(line), 1), self.columns):
                rows.append("".join(line[start : start + self.columns]).rstrip())
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _plain(self, letter: str) -> None:
        line = self._lines[self._line]
        if letter == "\r":
            self._offset -= self._offset % self.columns
            self._row = self._offset
        elif letter == "\n":
            self._down()
            self._row = self._offset - self._offset % self.columns
        else:
            assert letter.isprintable(), f"a terminal would act on {letter!r}"
            line.extend(" " * (self._offset - len(line)))
            cells = [letter, ""] if unicodedata.east_asian_width(letter) in "WF" else [letter]
            if not self._wraps:  # the last column is written over
                self._offset = min(self._offset, self._row + self.columns - len(cells))
            line[self._offset : self._offset + len(cells)] = cells
            self._offset += len(cells)
            if not self._wraps:
                self._offset = min(self._offset, self._row + self.columns - 1)

    def _down(self) -> None:
        if self._offset + self.columns < len(self._lines[self._line]):
            self._offset += self.columns
            return
        self._line, self._offset = self._line + 1, self._offset % self.columns
        if self._line == len(self._lines):
            self._lines.append([])

    def _up(self) -> None:
        if self._offset >= self.columns:
            self._offset -= self.columns
        elif self._line:
            self._line -= 1
            last = max(len(self._lines[self._line]) - 1, 0) // self.columns
            self._offset = last * self.columns + self._offset % self.columns
        below = sum(max(len(line) - 1, 0) // self.columns + 1 for line in self._lines[self._line :])
        assert below <= self.rows, "the cursor stops at the upper edge of the screen"


def _whole(text: str) -> tuple[str, str]:
    """`text` up to an escape sequence that is not there to its end, and the rest."""
    cut = re.search(r"\x1b(\[[?\d;]*)?$", text)
    return (text[: cut.start()], cut[0]) if cut else (text, "")


class Terminal:
    """`anonymize` with its standard streams, or those that are not given, on a terminal that controls it."""

    def __init__(
        self,
        *arguments: object,
        columns: int = 100,
        rows: int = 30,
        environment: Mapping[str, str] | None = None,
        program: list[str] = PROGRAM,
        **streams: Any,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.screen = Screen(columns, rows)
        self.sent = ""
        self.resize(columns)
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            [*_CONTROLLED, os.ttyname(theirs), *program, *map(str, arguments)],
            **{"stdin": theirs, "stdout": theirs, "stderr": theirs, **streams},
            start_new_session=True,
            env={**kept, "TERM": "xterm-256color", **(environment or {})},
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(20)
        self.hang_up()

    def resize(self, columns: int) -> None:
        """Make the window as wide as this."""
        self.screen.columns = columns
        ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", self.screen.rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def hang_up(self) -> None:
        """Close the window."""
        ours, self._ours = self._ours, -1
        if ours >= 0:
            os.close(ours)

    def until(self, text: str, within: float = 60) -> None:
        """Wait until `text` was sent."""
        bound = Bound(within)
        while text not in self.sent:
            waiting = self._reader.is_alive() and not bound.over()
            assert waiting, f"no {text!r} in {self.sent!r}"
            time.sleep(0.01)

    def end(self, within: float = 240) -> int:
        """Wait until the command has ended, and all that it sent has come; its exit code."""
        code = self.process.wait(within)
        self._reader.join(20)
        return code

    def _read(self) -> None:
        decoder, cut = codecs.getincrementaldecoder("utf-8")("replace"), ""
        while True:
            try:
                piece = os.read(self._ours, 65536)
            except OSError:  # how Linux says that all others have closed their end
                return
            text = decoder.decode(piece)
            self.sent += text
            whole, cut = _whole(cut + text)
            self.screen.feed(whole)


def on_terminal(*arguments: object, **named: Any) -> Terminal:
    """Run `anonymize` to its end on a terminal; see `Terminal`. Its exit code is in `process.returncode`."""
    with Terminal(*arguments, **named) as terminal:
        terminal.end()
    return terminal
