"""The preview page: the anonymised picture, its delay, what is redacted and why. And the addresses for machines."""

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
from av.packet import Packet

from anonymize.data import Frame
from anonymize.errors import UsageError
from anonymize.live.metrics import Metrics
from anonymize.web.server import Response, Route, Server

TOKEN = "ANONYMIZE_PREVIEW_TOKEN"
"""The environment variable that sets the page's token; without it there is a new one at every start."""
_SHORTEST = 16
_WIDTH = 960
"""Pixels: wider pictures are shown smaller."""
_EVERY = 0.1
"""Seconds between two pictures on the page, at least."""
_PATIENCE = 1.0
"""Seconds after which the newest picture is sent again, so that a closed page is noticed."""
_BOUNDARY = "picture"


class Preview:
    """`LiveSink` that keeps the newest frame for the page. It holds anonymised frames only, one at a time."""

    name = "preview page"

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._number = 0
        self._closed = False
        self._change = threading.Condition()
        self._encoding = threading.Lock()
        self._jpeg: tuple[int, bytes] = (0, b"")

    def write(self, frame: Frame) -> None:
        """See `LiveSink.write`."""
        with self._change:
            self._frame = frame
            self._number += 1
            self._change.notify_all()

    def sound(self, packet: Packet[Any]) -> None:
        """See `LiveSink.sound`: the page is silent."""

    def close(self, within: float) -> None:  # noqa: ARG002 - it takes no time
        """See `LiveSink.close`."""
        with self._change:
            self._frame = None
            self._closed = True
            self._change.notify_all()

    def pictures(self) -> Iterator[bytes]:
        """JPEG pictures as they come, for a multipart answer, until the sink is closed."""
        seen = 0
        while True:
            with self._change:
                if not self._closed and self._number == seen:
                    self._change.wait(_PATIENCE)
                frame, seen = self._frame, self._number
                if self._closed:
                    return
            if frame is not None:
                jpeg = self._coded(seen, frame)
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                yield head.encode() + jpeg + b"\r\n"
            time.sleep(_EVERY)

    def _coded(self, number: int, frame: Frame) -> bytes:
        """Frame `number` as JPEG, made once for all who look."""
        with self._encoding:
            if self._jpeg[0] != number:
                scale = min(1.0, _WIDTH / frame.width)
                picture = frame.bgr(round(frame.width * scale), round(frame.height * scale))
                _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
                self._jpeg = (number, data.tobytes())
            return self._jpeg[1]


def serve_preview(port: int, preview: Preview, metrics: Metrics) -> Server:
    """The page on `port` (0: any that is free); its address is `Server.address`.

    Raises:
        UsageError: the port is taken, or the token that is set in the environment is short.
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
    """``/metrics`` for Prometheus and ``/healthz`` on `port`, for this machine only. Raises `UsageError`."""

    def healthz() -> Response:
        health = metrics.health()
        return Response(f"{health.why}\n".encode(), status=200 if health.ok else 503)

    return Server(port, {"metrics": lambda: exposition(metrics.text()), "healthz": healthz})


def exposition(text: bytes) -> Response:
    """Prometheus' text format as an answer."""
    return Response(text, "text/plain; version=0.0.4; charset=utf-8")


def token() -> str:
    """What the page's address begins with: from the environment, or new and not to be guessed.

    Raises:
        UsageError: the one in the environment is short, or would not fit in an address.
    """
    given = os.environ.get(TOKEN, "")
    if not given:
        return secrets.token_urlsafe(24)
    if len(given) < _SHORTEST or not given.replace("-", "").replace("_", "").isalnum() or not given.isascii():
        raise UsageError(f"{TOKEN}: expected at least {_SHORTEST} letters, digits, - and _")
    return given


def _asset(name: str, kind: str) -> Response:
    return Response(files(__package__).joinpath(name).read_bytes(), kind)
