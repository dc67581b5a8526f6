"""Presentation times of live frames: when they were captured, in ticks, always increasing."""

from __future__ import annotations

from fractions import Fraction

TICKS = 90_000
"""Ticks per second."""
SLACK = 0.5
"""Seconds by which the source's clock may move against this machine's; beyond that it has jumped."""
EASE = 0.05
"""Share of such a move that sound makes with each frame: it has no gaps to make up for it."""


class Timeline:
    """Assigns a time to every frame, and to the sound that belongs to it.

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

    def stamp(self, source: Fraction | None, captured: float) -> int:
        """Presentation time of a frame, in ticks.

        Args:
            source: its timestamp in seconds; None if it has none.
            captured: seconds since the run began.
        """
        if source is not None:
            move = captured - float(source) - (self._shift or 0.0)
            if self._shift is None or abs(move) > SLACK:
                self._shift = captured - float(source)
            else:
                self._shift += EASE * move
        self._last = max(round(captured * TICKS), self._last + self._least)
        return self._last

    def of_sound(self, source: Fraction) -> int | None:
        """Presentation time, in ticks, of a packet of sound with timestamp `source` in seconds.

        None if no frame has aligned the clocks yet, or the packet is far from the last frame.
        """
        if self._shift is None:
            return None
        ticks = round((float(source) + self._shift) * TICKS)
        return ticks if abs(ticks - self._last) < 10 * SLACK * TICKS and ticks >= 0 else None
