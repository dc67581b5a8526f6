"""A port for viewers: pictures over UDP, and the page and WHEP over TCP under the same number."""

from __future__ import annotations

import threading
from collections.abc import Callable

from anonymize.errors import UsageError
from anonymize.live.metrics import Metrics
from anonymize.live.webrtc.app import app
from anonymize.live.webrtc.hub import Coded, Hub
from anonymize.live.webrtc.place import Place
from anonymize.live.webrtc.viewers import Viewers
from anonymize.web.rules import Access
from anonymize.web.server import Server

_TRIES = 20
"""Times that a free UDP port is asked for whose number is free for TCP, too."""


class Port:
    """Serves the viewers of one camera, from before its source is open until it stops.

    Args:
        place: checked.
        camera: its name, for the log.
        name: of the sink.
        metrics: records who watches.

    Raises:
        UsageError: the port is taken, or a file cannot be used.
    """

    def __init__(self, place: Place, camera: str, name: str, metrics: Metrics) -> None:
        self._name, self._metrics = name, metrics
        self._lock = threading.Lock()
        self._watching: list[str] = []
        self._wrong = ""
        """What is wrong with renewed TLS files."""
        self._on_state: Callable[[str, str], None] | None = None
        viewers, self._certificate = Viewers(place.viewers), place.tls()
        tls = self._certificate.context if self._certificate else None
        access = Access(methods=("GET", "HEAD", "POST", "DELETE"), anywhere=tls is not None, by_header=True)
        for left in reversed(range(_TRIES if place.port == 0 else 1)):
            self._hub = Hub(place.host, place.port, viewers, camera, self._count, self._lost)
            try:
                self._server = Server(self._hub.port, app(self._hub, viewers), host=place.host, tls=tls, access=access)
                break
            except BaseException as error:
                self._hub.close()
                if not left or not isinstance(error, UsageError):
                    raise
        self._hub.on_look = self._look
        self.address = self._server.address + (f"#{viewers.token}" if viewers.token else "")
        """For a browser; with the token, where no file names viewers."""

    def begin(self, on_state: Callable[[str, str], None], want_key: Callable[[], None]) -> None:
        """Say who watches to `on_state`, and when a key picture is needed, to `want_key`."""
        with self._lock:
            self._on_state, self._hub.want_key = on_state, want_key
        self._say()

    def send(self, picture: Coded) -> None:
        """Send a picture to all viewers. Never waits for any of them."""
        self._hub.send(picture)

    def close(self) -> None:
        """End all viewers, and the port."""
        self._server.close()
        self._hub.close()

    def _count(self, watching: list[str]) -> None:
        with self._lock:
            self._watching = watching
        self._metrics.viewers(self._name, len(watching))
        self._say()

    def _lost(self, packets: int) -> None:
        self._metrics.sink_dropped(self._name, packets)

    def _look(self) -> None:
        """Take up a renewed certificate, and say if it cannot be used."""
        if self._certificate is None:
            return
        self._certificate.look()
        if self._certificate.wrong != self._wrong:  # a connection may have met it before
            self._wrong = self._certificate.wrong
            self._say()

    def _say(self) -> None:
        with self._lock:
            on_state, watching = self._on_state, self._watching
        if on_state is not None:
            kept = f"; the previous TLS certificate is kept: {self._wrong}" if self._wrong else ""
            on_state("ok", f"viewers: {', '.join(watching) or 'none'}{kept}")
