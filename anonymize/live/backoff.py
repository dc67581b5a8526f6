"""How long to wait before the next attempt: one rule for sources, sinks, detectors and cameras that were lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts: `first`, doubled after each that fails, up to `longest`.

    Args:
        first: after the first failure.
        longest: after any number of them.
        held: an attempt that worked for longer was a success, and its end counts as a first failure.
    """

    first: float = 0.5
    longest: float = 15.0
    held: float = 5.0

    def delay(self, failures: int) -> float:
        """Before the next attempt, after so many failures in a row; 0 after none."""
        return min(self.first * 2.0 ** min(failures - 1, 99), self.longest) if failures > 0 else 0.0

    def failures(self, before: int, worked: float) -> int:
        """Failures in a row after one more attempt ended.

        Args:
            before: failures in a row before that attempt.
            worked: seconds for which it worked; 0 where it never did.
        """
        return 1 if worked > self.held else before + 1
