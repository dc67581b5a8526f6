"""Presentation times of live frames: near the wall clock, spaced as in the source, always increasing."""

from __future__ import annotations

from fractions import Fraction

TICKS = 90_000
"""Ticks per second."""
SLACK = 0.5
"""Seconds by which the source's clock may deviate from the wall clock; beyond that it has jumped."""
EASE = 0.01
"""Share of the difference between the clocks corrected per frame: a camera's clock drifts slowly."""


class Timeline:
    """Assigns a time to every frame, whatever the timestamps of the source do.

    Args:
        rate: nominal frames per second; frames are at least a quarter of an interval apart.
    """

    def __init__(self, rate: Fraction) -> None:
        self._least = max(1, int(TICKS / rate / 4))
        self._last = -self._least
        self._shift: float | None = None

    def begin_anew(self) -> None:
        """Forget the source's clock: the next frame comes by another connection."""
        self._shift = None

    def stamp(self, source: Fraction | None, now: float) -> int:
        """Presentation time of a frame, in ticks.

        Args:
            source: its timestamp in seconds; None if it has none.
            now: seconds since the run began.
        """
        time = now
        if source is not None:
            if self._shift is None or abs(float(source) + self._shift - now) > SLACK:
                self._shift = now - float(source)
            time = float(source) + self._shift
            self._shift += EASE * (now - time)
        self._last = max(round(time * TICKS), self._last + self._least)
        return self._last

    def of_sound(self, source: Fraction) -> int | None:
        """Presentation time, in ticks, of a packet of sound with timestamp `source` in seconds.

        None if no frame has aligned the clocks yet, or the packet is far from the last frame.
        """
        if self._shift is None:
            return None
        ticks = round((float(source) + self._shift) * TICKS)
        return ticks if abs(ticks - self._last) < 10 * SLACK * TICKS and ticks >= 0 else None
