"""Bounds for what shall not hang, on a machine that others use too.

A bound is in seconds of a quiet machine. Once it is reached, what this machine gives a thread at the moment is
measured, and the bound moves as far out as things are slower: only what hangs, or waits, reaches it for good.
"""

from __future__ import annotations

import os
import time

_PROBE = 0.05
"""Seconds of a processor that a measurement takes."""
_MOST = 40.0
"""How much slower a machine may be."""


class Bound:
    """A bound of `seconds`, from now on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._start = time.monotonic()
        self._end = self._start + seconds

    def over(self) -> bool:
        """Whether it is reached."""
        if time.monotonic() < self._end:
            return False
        self._end = max(self._end, self._start + self.seconds * slowdown())
        return time.monotonic() >= self._end

    def left(self) -> float:
        """Seconds to wait for at most before `over` is worth asking."""
        return max(0.0, self._end - time.monotonic())


def slowdown() -> float:
    """How many times longer a thread takes than on a quiet machine: now, or on average over the last minute."""
    start, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < _PROBE:
        continue
    now = (time.monotonic() - start) / _PROBE
    return min(_MOST, max(1.0, now, os.getloadavg()[0] / (os.cpu_count() or 1)))
