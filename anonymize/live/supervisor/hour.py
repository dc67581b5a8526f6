"""The last hour of a camera, minute by minute: what the control room draws. It outlasts the camera's process."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

MINUTES = 60
KINDS = ("out", "obscured", "late")


class Hour:
    """Counts frames by minute of the clock.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._minutes: deque[tuple[int, dict[str, int]]] = deque(maxlen=MINUTES)
        self._before: dict[str, int] = {}

    def add(self, totals: Mapping[str, int]) -> None:
        """Take the frames that a camera's process has counted since its start; see `Metrics.snapshot`."""
        with self._lock:
            minute = int(self._clock() // 60)
            if not self._minutes or self._minutes[-1][0] < minute:
                self._minutes.append((minute, dict.fromkeys(KINDS, 0)))
            again = totals["out"] < self._before.get("out", 0)  # its process was started anew
            for kind in KINDS:
                self._minutes[-1][1][kind] += totals[kind] - (0 if again else self._before.get(kind, 0))
            self._before = {kind: totals[kind] for kind in KINDS}

    def minutes(self) -> list[dict[str, int] | None]:
        """The frames of each of the last `MINUTES` minutes, this one last; None where no report came."""
        with self._lock:
            now, known = int(self._clock() // 60), dict(self._minutes)
            return [known.get(minute) for minute in range(now - MINUTES + 1, now + 1)]

    def share(self) -> float | None:
        """The share of frames that were hidden; None if no frame went out."""
        counted = [minute for minute in self.minutes() if minute]
        out = sum(minute["out"] for minute in counted)
        return sum(minute["obscured"] for minute in counted) / out if out else None
