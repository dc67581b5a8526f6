"""Keeps hidden frames from flashing: what is hidden stays hidden for a while, as bright as the picture was.

Pictures that flash more than three times a second can cause seizures (WCAG 2.3.1, "Three Flashes or Below Threshold").
"""

from __future__ import annotations

from fractions import Fraction

from anonymize.live.chain.canvas import brightness
from anonymize.live.chain.gate import BLACK, Cleared, withhold

HIDDEN_FOR = 1
"""The least seconds for which frames are hidden once one is: so at most three changes come in any second."""
SOON = "Hidden: shown again in a moment"


class Curtain:
    """Between the gate and the sinks. Times are presentation times in seconds, increasing."""

    def __init__(self) -> None:
        self._since: Fraction | None = None
        self.level = BLACK
        """Luma of hidden frames: the mean of the last frame shown, limited range; black before there is one."""

    def after(self, cleared: Cleared, time: Fraction, *, hold: bool) -> Cleared:
        """What goes out in the place of `cleared`, the frame at `time`.

        Args:
            cleared: from the gate.
            time: of the frame.
            hold: whether it must be hidden if too little time has passed since frames began to be.
        """
        if cleared.obscured:
            self.close(time)
        elif hold and self._since is not None and time - self._since < HIDDEN_FOR:
            return withhold(cleared.frame, SOON, self.level)
        else:
            self._since = None
            self.level = round(brightness(cleared.frame.planes[0].pixels))
        return cleared

    def close(self, time: Fraction) -> None:
        """A hidden frame or a notice goes out at `time`."""
        if self._since is None:
            self._since = time
