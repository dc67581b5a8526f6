"""Hand cleared frames and their sound to every sink, and count them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from av.packet import Packet

from anonymize.live.chain.gate import Cleared, hand_over
from anonymize.live.chain.timeline import TICKS
from anonymize.live.protocols import LiveSink, Picture

if TYPE_CHECKING:
    from anonymize.live.metrics import Metrics

CLOSE_WITHIN = 5.0
"""Seconds that all sinks together get to finish."""
_MOST_SOUND = 2000
"""Packets of sound that may wait for their frame."""
_AGAIN = 0.9
"""Seconds without a frame after which that of a slow camera goes out once more: servers and players take longer ones
for an end, and so does whoever watches over the camera."""


class Release:
    """All sinks of a camera.

    Args:
        sinks: where frames go.
        picture: format of the frames.
        metrics: counts what goes out.
    """

    def __init__(self, sinks: Sequence[LiveSink], picture: Picture, metrics: Metrics) -> None:
        self._sinks = sinks
        self._interval = float(1 / picture.rate)
        self._metrics = metrics
        self._sound: deque[Packet[Any]] = deque(maxlen=_MOST_SOUND)
        self.least = max(1, int(TICKS * self._interval / 4))
        """Ticks from one frame to the next, at least."""
        self._pts = -self.least
        self._shown = self._fresh = time.monotonic()
        """When something went out last, and when that was a frame of the source."""
        self._noticed = False

    def show(self, cleared: Cleared, arrived: float, due: float) -> None:
        """Hand over a frame, with increasing pts, after the sound that precedes it.

        Args:
            cleared: from `anonymize.live.chain.gate`.
            arrived: time of arrival on the monotonic clock.
            due: when it should leave.
        """
        self._hand_over(cleared)
        self._noticed, self._fresh = False, self._shown
        self._metrics.latency(self._shown - arrived, self._shown - due)

    def fill(self, cleared: Cleared, *, missing: bool) -> None:
        """Hand over a notice in place of frames, `missing` ones or such as nobody checked."""
        if missing:
            self._metrics.notice()
        self._hand_over(cleared)
        self._noticed = True

    def again(self, cleared: Cleared) -> None:
        """Hand over what was shown last once more, while the next frame has not come."""
        self._hand_over(cleared)

    def _hand_over(self, cleared: Cleared) -> None:
        self._pts = max(cleared.frame.pts, self._pts + self.least)
        cleared.frame.picture.pts = self._pts
        while self._sound and (self._sound[0].pts or 0) <= self._pts:
            packet = self._sound.popleft()
            for sink in self._sinks:
                sink.sound(packet)
        hand_over(cleared, self._sinks)
        self._shown = time.monotonic()
        if cleared.obscured:
            self._metrics.obscured()
        if cleared.late is not None:
            self._metrics.late(cleared.late)
        self._metrics.frames_out()
        self._metrics.regions(cleared.regions)

    def is_over(self, captured: float) -> bool:
        """Whether a later time than `captured`, seconds since the run began, has gone out: a notice's, as a rule."""
        return self._pts > max(captured, 0.0) * TICKS

    def wants_notice(self, now: float, stall: float) -> bool:
        """Whether a notice is due: no frame for `stall` seconds, or nothing for a frame interval after a notice."""
        return now - self._shown >= self._interval if self._noticed else now - self._fresh >= stall

    def wants_again(self, now: float) -> bool:
        """Whether the last frame of a slow camera should go out once more."""
        return not self._noticed and now - self._shown >= _AGAIN

    def keep(self, packet: Packet[Any]) -> None:
        """Let a packet of sound wait for its frame."""
        self._sound.append(packet)

    def close(self) -> None:
        """Finish all sinks."""
        end = time.monotonic() + CLOSE_WITHIN
        for sink in self._sinks:
            sink.close(max(0.1, end - time.monotonic()))
