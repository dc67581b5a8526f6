"""Viewers in browsers as a sink: packets go to the port that serves them."""

from __future__ import annotations

from collections.abc import Callable

from anonymize.live.sinks.encode import LivePacket
from anonymize.live.sinks.feeder import OnState
from anonymize.live.webrtc.port import Port


class WebRtc:
    """`feeder.Writer` of packets to all viewers of a port, which outlives it. Sound is dropped.

    Args:
        port: of the viewers.
        on_state: called with who watches.
        want_key: called when somebody needs a key picture.
    """

    def __init__(self, port: Port, on_state: OnState, want_key: Callable[[], None]) -> None:
        self._port = port
        port.begin(on_state, want_key)

    def write(self, item: LivePacket) -> None:
        """Send a picture."""
        if not item.sound:
            self._port.send(item)

    def close(self) -> None:
        """Nothing is pending."""

    def abandon(self) -> None:
        """Nothing to do: the port is closed with the camera."""
