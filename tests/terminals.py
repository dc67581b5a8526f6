"""Commands on a pseudo-terminal, as a person at a screen has them."""

import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from dataclasses import dataclass
from fcntl import ioctl

PROGRAM = [sys.executable, "-c", "from anonymize.cli import main; main()"]


@dataclass(frozen=True)
class Shown:
    """What a command that has ended left: its exit code and all that the terminal was sent."""

    code: int
    sent: str


def on_terminal(*arguments: object, columns: int = 100, rows: int = 30, timeout: float = 120, **named: object) -> Shown:
    """Run `anonymize` with all three standard streams on a terminal of this size."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    sent: list[bytes] = []
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**environment, "TERM": "xterm-256color"},
        **named,
    )
    os.close(theirs)
    reader = threading.Thread(target=_read_all, args=(ours, sent))
    reader.start()
    try:
        code = process.wait(timeout)
    finally:
        process.kill()
        reader.join()
        os.close(ours)
    return Shown(code, b"".join(sent).decode(errors="replace"))


def _read_all(line: int, into: list[bytes]) -> None:
    while True:
        try:
            piece = os.read(line, 65536)
        except OSError:  # Linux's word for the last writer having closed its end
            return
        if not piece:
            return
        into.append(piece)
