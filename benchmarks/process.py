"""Run a whole process and say how long it took and how much memory it and its children held."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.1
"""Seconds between two samples of the process tree."""
MIB = 1 << 20


class ToolFailed(Exception):
    """A process ended with an error, or without an output."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used.

    Args:
        seconds: wall time from start to end.
        largest: peak resident memory of its largest process, MiB.
        together: peak of the sum over its process tree, MiB; pages that processes share count once for each.
    """

    seconds: float
    largest: float
    together: float


def measure(command: Sequence[str], *, log: Path) -> Usage:
    """Run `command` to its end; its output goes to `log`.

    Python may write compiled modules, as for any installed tool, even if this process may not.

    Raises:
        ToolFailed: it exited with another code than 0.
    """
    with log.open("wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=_environment()
        )
        largest = together = 0.0
        root = psutil.Process(process.pid)
        try:
            while process.poll() is None:
                peak, total = _tree(root)
                largest, together = max(largest, peak), max(together, total)
                time.sleep(INTERVAL)
        except BaseException:
            _end(root)
            raise
        seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise ToolFailed(f"exit code {process.returncode}: {_last_line(log)}")
    return Usage(seconds, largest / MIB, max(largest, together) / MIB)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _tree(root: psutil.Process) -> tuple[float, float]:
    """Peak of the largest process so far, and the present sum, bytes."""
    peaks, present = [0.0], 0.0
    try:
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0.0, 0.0
    for process in family:
        try:
            resident = process.memory_info().rss
        except psutil.Error:
            continue
        present += resident
        peaks.append(max(resident, _high_water(process.pid)))
    return max(peaks), present


def _high_water(pid: int) -> int:
    """Peak resident memory of a process since it started, bytes; 0 where the system does not report it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _end(root: psutil.Process) -> None:
    for process in [*root.children(recursive=True), root]:
        process.kill()


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"
