"""When pictures were captured, on this machine's clock: by the timestamps of their source, and by when packets arrived.

    clock = SourceClock()
    clock.breaks(time, now)                 # whether the pictures of earlier packets must be asked for first
    clock.arrived(time, now)                # every packet, as soon as it is there
    clock.settled                           # until then more packets should be read before the first is decoded
    clock.captured(time)                    # of a picture

A busy process reads late, and a network holds packets up, but neither hands one over too early: the packet that came
with the least delay says how far the two clocks are apart, and the timestamps carry from it to all others. It is sought
in the last `WINDOW` to twice that, so that clocks may drift.
"""

from __future__ import annotations

from collections import deque

WINDOW = 10.0
"""Seconds for which the least delayed packet counts, at least: clocks that differ by 100 ppm drift 1 ms apart in it."""
JUMP = 1.0
"""Seconds by which timestamps go back where a clock begins anew. Less is the order of coded pictures."""
SLACK = 0.5
"""Seconds of delay, beyond the least, from which the source's clock may have jumped: if it stays, it has."""
_AGREE = 5
"""Packets in a row without a smaller delay after which none that are older wait to be read."""
_LESS = 0.005
"""Seconds that make a delay smaller."""
_WAITED = 0.25
"""Seconds that reading a packet takes where surely none was waiting."""


class SourceClock:
    """The clock of one connection. All times are in seconds.

    Args:
        behind: packets that were read before one was handed over, as the demuxer needs them to find its end.
    """

    def __init__(self, behind: int = 0) -> None:
        self._arrivals: deque[float] = deque(maxlen=behind + 1)
        self._least: list[float] = []
        """The least delay, in this window and in the one before, or since the clock began."""
        self._since = 0.0
        """When this window began."""
        self._last = 0.0
        """Timestamp of the last packet."""
        self._lower = 0.0
        """While it settles: the least delay since it began to."""
        self._tries = 0
        """Packets since then that came with no smaller one."""
        self._known = False
        """Whether this clock has settled before."""
        self.settled = False
        """Whether the delay is known: at first, and after one that is much longer, packets may still wait unread."""

    def breaks(self, time: float, now: float) -> bool:
        """Whether a packet of timestamp `time` that comes `now` is of another clock: time goes back, or is ahead."""
        known = self._least and len(self._arrivals) == self._arrivals.maxlen
        return bool(known and (time < self._last - JUMP or time + min(self._least) > now + JUMP))

    def arrived(self, time: float, now: float) -> None:
        """A packet of pictures came: the one of timestamp `time`, at `now` on this machine's clock."""
        waited = now - self._arrivals[-1] if self._arrivals else 0.0
        self._arrivals.append(now)
        if len(self._arrivals) < (self._arrivals.maxlen or 1):
            self.settled = waited >= _WAITED
            return  # only a later packet says when this one really came
        delay = self._arrivals[0] - time
        if not self._least or time < self._last - JUMP:
            self._least, self._since, self._known = [delay], now, False
            self._unsettle(delay)
            self.settled = self._known = waited >= _WAITED
        elif not self.settled:
            self._settle(delay, waited, now)
        elif delay - min(self._least) > SLACK:
            self._unsettle(delay)
        self._last = time
        if now - self._since > WINDOW:
            self._least, self._since = [self._least[-1], delay], now
        self._least[-1] = min(self._least[-1], delay)

    def captured(self, time: float) -> float | None:
        """When the picture of timestamp `time` was captured; None if nothing is known."""
        return time + min(self._least) if self._least else None

    def _unsettle(self, delay: float) -> None:
        self.settled, self._lower, self._tries = False, delay, 0

    def _settle(self, delay: float, waited: float, now: float) -> None:
        """Decide whether all that waited to be read has been, and if so whether the clock has jumped."""
        if delay < self._lower - _LESS:
            self._lower, self._tries = delay, 0
        else:
            self._tries += 1
        jumped = self._lower - min(self._least) > SLACK
        if self._tries < _AGREE and waited < _WAITED and (jumped or not self._known):
            return
        self.settled = self._known = True
        if jumped:
            self._least, self._since = [self._lower], now
