"""When a live frame is shown: near the wall clock, spaced as its source says, always rising."""

from __future__ import annotations

from fractions import Fraction

TICKS = 90_000
"""Ticks a second."""
SLACK = 0.5
"""Seconds by which the source's clock may lead or trail the wall clock; beyond, it has jumped."""
EASE = 0.01
"""Share of the difference between the two clocks that a frame makes good: a camera's clock drifts slowly."""


class Timeline:
    """Gives every frame its time, whatever its source does with its timestamps.

    Args:
        rate: nominal frames per second; two frames are at least a quarter of a frame apart.
    """

    def __init__(self, rate: Fraction) -> None:
        self._least = max(1, int(TICKS / rate / 4))
        self._last = -self._least
        self._shift: float | None = None

    def begin_anew(self) -> None:
        """Forget how the source's clock stood: the next frame comes by another connection."""
        self._shift = None

    def stamp(self, source: Fraction | None, now: float) -> int:
        """When a frame is shown, in ticks.

        Args:
            source: its timestamp in seconds, None if it has none.
            now: seconds since the run began, on the wall clock.
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
        """When a packet of sound begins that the source times at `source` seconds, in ticks.

        None where no picture has set the clocks yet, or the sound is nowhere near it.
        """
        if self._shift is None:
            return None
        ticks = round((float(source) + self._shift) * TICKS)
        return ticks if abs(ticks - self._last) < 10 * SLACK * TICKS and ticks >= 0 else None
