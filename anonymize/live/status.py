"""The status line of `anonymize live` on a terminal: what is going on while the log has nothing to say."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from anonymize.live import log
from anonymize.live.metrics import Metrics
from anonymize.text.words import printable

EVERY = 1.0
"""Seconds between two lines."""


@contextmanager
def status_line(metrics: Metrics) -> Iterator[None]:
    """Show the state of a camera below the log, where that is a terminal."""
    over = threading.Event()

    def show() -> None:
        while not over.wait(EVERY):
            log.status(line(metrics.snapshot(), _columns()))

    thread = threading.Thread(target=show, name="status", daemon=True) if log.has_status() else None
    if thread is not None:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread is not None:
            thread.join(EVERY)
            log.status("")


def line(now: Mapping[str, Any], columns: int) -> str:
    """A line of less than `columns` characters: rate, delay, what is hidden, sinks, and what is wrong.

    Args:
        now: from `Metrics.snapshot`.
        columns: of the terminal.
    """
    sinks = [stage["state"] for name, stage in now["stages"].items() if name.startswith("sink ")]
    delay, minute = now["latency"]["median"], now["minute"]
    parts = [
        f"{now['rate']:.0f} frames/s",
        f"{delay:.1f} s delay" if delay is not None else "",
        f"{minute['obscured']:.0%} hidden",
        f"{minute['late']:.0%} late" if minute["late"] >= 0.005 else "",
        f"{sinks.count('ok')} of {len(sinks)} sinks" if sinks else "",
        "" if now["healthy"] and not now["degraded"] and not now["starting"] else now["why"],
    ]
    text = printable(f"{now['camera']}: " + ", ".join(filter(None, parts)))
    return text if len(text) < columns else text[: max(columns - 2, 0)] + "…"


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns or 80
    except OSError:  # it was closed
        return 80
