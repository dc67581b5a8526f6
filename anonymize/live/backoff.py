"""How long to wait before reconnecting: one rule for sources, sinks, detectors and camera processes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts: `first`, doubled after each failure, up to `longest`.

    Args:
        first: delay after the first failure.
        longest: upper limit of the delay.
        held: an attempt that worked for longer than this resets the count: its end is a first failure.
    """

    first: float = 0.5
    longest: float = 15.0
    held: float = 5.0

    def delay(self, failures: int) -> float:
        """Delay before the next attempt after this many consecutive failures; 0 after none."""
        return min(self.first * 2.0 ** min(failures - 1, 99), self.longest) if failures > 0 else 0.0

    def failures(self, before: int, worked: float) -> int:
        """Consecutive failures once another attempt has ended.

        Args:
            before: consecutive failures before that attempt.
            worked: seconds for which it worked; 0 if it never did.
        """
        return 1 if worked > self.held else before + 1
