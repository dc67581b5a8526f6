"""The preview page (anonymised picture, delay, regions and reasons), ``/metrics`` and ``/healthz``."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from av.packet import Packet

from anonymize.data import Frame
from anonymize.errors import UsageError
from anonymize.live.metrics import Metrics
from anonymize.live.sinks.newest import jpeg
from anonymize.web.server import Response, Route, Server

TOKEN = "ANONYMIZE_PREVIEW_TOKEN"
"""Environment variable that sets the page's token; without it each start makes a new one."""
_SHORTEST = 16
_WIDTH = 960
"""Maximum width of the picture on the page, in pixels."""
_EVERY = 0.1
"""Minimum seconds between two pictures on the page."""
_REPEAT = 1.0
"""Seconds after which the newest picture is sent again, to notice a closed page."""
_BOUNDARY = "picture"
_GREY = 64
"""Brightness of what is shown in the place of a picture that must not be shown any more."""


class Preview:
    """`LiveSink` that keeps the newest frame for the page. As a sink, it gets anonymised frames only."""

    name = "preview page"

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._number = 0
        self._closed = False
        self._forgotten = 0
        self._size = (16, 9)
        self._change = threading.Condition()
        self._encoding = threading.Lock()
        self._jpeg: tuple[int, bytes] = (0, b"")

    def write(self, frame: Frame) -> None:
        """See `LiveSink.write`."""
        with self._change:
            self._frame, self._size = frame, (frame.width, frame.height)
            self._number += 1
            self._change.notify_all()

    def sound(self, packet: Packet[Any]) -> None:
        """See `LiveSink.sound`: the page has no sound."""

    def close(self, within: float) -> None:  # noqa: ARG002 - it takes no time
        """See `LiveSink.close`."""
        with self._change:
            self._frame = None
            self._closed = True
            self._change.notify_all()

    def forget(self) -> None:
        """Show the last picture to nobody any more: a grey one takes its place until the next."""
        with self._change:
            self._frame = None
            self._number += 1
            self._forgotten += 1
            self._change.notify_all()

    def pictures(self) -> Iterator[bytes]:
        """Parts of a multipart response, one JPEG each, until the sink is closed.

        Each ends with the boundary, which browsers wait for before they show it.
        """
        seen = 0
        yield f"--{_BOUNDARY}\r\n".encode()
        while True:
            with self._change:
                if not self._closed and self._number == seen:
                    self._change.wait(_REPEAT)
                frame, seen, forgotten = self._frame, self._number, self._forgotten
                if self._closed:
                    return
            if frame is not None or forgotten:
                made = self._encoded(seen, frame)
                if forgotten != self._forgotten:
                    continue  # it was made before what is to be hidden now
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(made)}\r\n\r\n"
                yield head.encode() + made + f"\r\n--{_BOUNDARY}\r\n".encode()
            time.sleep(_EVERY)

    def _encoded(self, number: int, frame: Frame | None) -> bytes:
        """Frame `number` as JPEG, encoded once for all viewers; a grey picture if there is none."""
        with self._encoding:
            if self._jpeg[0] != number:
                self._jpeg = (number, _blank(*self._size) if frame is None else jpeg(frame, _WIDTH))
            return self._jpeg[1]


def _blank(width: int, height: int) -> bytes:
    """A grey JPEG of the proportions of a picture."""
    scale = min(1.0, _WIDTH / width)
    grey = np.full((max(1, round(height * scale)), max(1, round(width * scale))), _GREY, np.uint8)
    return cv2.imencode(".jpg", grey)[1].tobytes()


def serve_preview(port: int, preview: Preview, metrics: Metrics) -> Server:
    """Serve the preview page; its address is `Server.address`.

    Args:
        port: 0 for any free port.
        preview: source of the pictures.
        metrics: source of the figures.

    Raises:
        UsageError: the port is taken, or the token in the environment is invalid.
    """
    routes: dict[str, Route] = {
        "": lambda: _asset("page.html", "text/html; charset=utf-8"),
        "page.css": lambda: _asset("page.css", "text/css; charset=utf-8"),
        "page.js": lambda: _asset("page.js", "text/javascript; charset=utf-8"),
        "state.json": lambda: Response(json.dumps(metrics.snapshot()).encode(), "application/json"),
        "picture": lambda: Response(preview.pictures(), f"multipart/x-mixed-replace; boundary={_BOUNDARY}"),
    }
    return Server(port, routes, token())


def serve_metrics(port: int, metrics: Metrics) -> Server:
    """Serve ``/metrics`` for Prometheus and ``/healthz`` on `port`, on loopback. Raises `UsageError`."""

    def healthz() -> Response:
        health = metrics.health()
        return Response(f"{health.why}\n".encode(), status=200 if health.ok else 503)

    return Server(port, {"metrics": lambda: exposition(metrics.text()), "healthz": healthz})


def exposition(text: bytes) -> Response:
    """A response in Prometheus' text format."""
    return Response(text, "text/plain; version=0.0.4; charset=utf-8")


def token(name: str = TOKEN) -> str:
    """First part of a page's path: from the variable `name` of the environment, or new and random.

    Raises:
        UsageError: the one in the environment is too short, or has characters not allowed in an address.
    """
    given = os.environ.get(name, "")
    if not given:
        return secrets.token_urlsafe(24)
    if len(given) < _SHORTEST or not given.replace("-", "").replace("_", "").isalnum() or not given.isascii():
        raise UsageError(f"{name}: expected at least {_SHORTEST} letters, digits, - and _")
    return given


def _asset(name: str, kind: str) -> Response:
    return Response(files(__package__).joinpath(name).read_bytes(), kind)
