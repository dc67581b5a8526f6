"""A small HTTP server on loopback, in a thread: fixed paths, checked Host header, nothing cached or shared."""

from __future__ import annotations

import hmac
import io
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from anonymize.errors import UsageError

HOST = "127.0.0.1"
HEALTH = "healthz"
"""The path that is answered even if the server is busy."""
_HOST = re.compile(r"(?i:127\.0\.0\.1|localhost)(?::(?P<port>[0-9]{1,5}))?")
"""Allowed Host headers: any other name comes from a DNS rebinding attack."""
_MOST = 16
"""Concurrent connections; one more cuts the oldest, a slow one. As many more may receive streamed responses."""
_ANSWERS = 8
"""Requests answered concurrently, not counting `HEALTH`."""
_THREADS = 64
"""Connections, including cut ones whose thread has not noticed yet."""
_WITHIN = 5.0
"""Seconds for a whole request, and again for a whole response or one part of a streamed one."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Response:
    """Response of a route: a whole body, or the parts of a streamed one."""

    body: bytes | Iterable[bytes]
    kind: str = "text/plain; charset=utf-8"
    status: int = 200


Route = Callable[[], Response]


class Server:
    """Serves `routes` until it is closed.

    Args:
        port: 0 for any free port.
        routes: responses by path; below ``/token/`` if a token is given.
        token: required first part of the path; compared in constant time.

    Raises:
        UsageError: the port is taken or forbidden.
    """

    def __init__(self, port: int, routes: Mapping[str, Route], token: str = "") -> None:
        handler = type("Handler", (_Handler,), {"routes": dict(routes), "token": token})
        try:
            self._server = _Http((HOST, port), handler)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no such port"
            raise UsageError(f"port {port} on {HOST}: {reason}; name another") from error
        self.port: int = self._server.server_address[1]
        self.address = f"http://{HOST}:{self.port}/" + (f"{token}/" if token else "")
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving. Requests in progress are cut."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.answers = threading.BoundedSemaphore(_ANSWERS)
        self.streams = threading.BoundedSemaphore(_MOST)
        self._lock = threading.Lock()
        self._short: dict[socket.socket, None] = {}
        """Connections, oldest first, without streamed ones."""
        self._alive = threading.BoundedSemaphore(_THREADS + _MOST)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._alive.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._lock:
            if len(self._short) >= _MOST:
                oldest = next(iter(self._short))
                del self._short[oldest]
                with suppress(OSError):  # it has just closed
                    oldest.shutdown(socket.SHUT_RDWR)
            self._short[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.is_streamed(request)
            self._alive.release()

    def is_streamed(self, request: socket.socket) -> None:
        """Stop counting `request` as a short connection."""
        with self._lock:
            self._short.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore: a client that disconnects is not an error, and requests are never shown."""


class _Timed(io.RawIOBase):
    """Reads from `peer` until a time on the monotonic clock, then raises `TimeoutError`."""

    def __init__(self, peer: socket.socket, until: float) -> None:
        self._peer, self._until = peer, until

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._peer.settimeout(left)
        return self._peer.recv_into(into)


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    routes: Mapping[str, Route] = {}
    token = ""
    server_version = "anonymize"
    sys_version = ""

    def setup(self) -> None:
        """Read through `_Timed`."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Timed(self.connection, time.monotonic() + _WITHIN))

    def do_GET(self) -> None:
        """Answer, or refuse: wrong host, wrong token or path, too many requests, in this order."""
        path = self._path()
        hosts = self.headers.get_all("Host") or []
        host = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if host is None or not 0 < int(host["port"] or 80) < 1 << 16:
            self._send(Response(b"this address is not served under that host name\n", status=421))
        elif path is None or path not in self.routes:
            self._send(Response(b"not found\n", status=404))
        elif path == HEALTH:
            self._send(self.routes[path]())
        elif not self.server.answers.acquire(blocking=False):
            self._send(Response(b"too many requests at once\n", status=503))
        else:
            try:
                answer = self.routes[path]()
            finally:
                self.server.answers.release()
            self._send(answer)

    def do_HEAD(self) -> None:
        """Like GET without the body, see `_send`."""
        self.do_GET()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Like any other response; repeats nothing of the request."""
        self._send(Response(f"{HTTPStatus(code).phrase.lower()}\n".encode(), status=code))

    def _path(self) -> str | None:
        """The path after the token; None for a wrong token."""
        path = self.path.partition("?")[0].removeprefix("/")
        if self.token:
            given, slash, path = path.partition("/")
            if not hmac.compare_digest(given.encode(), self.token.encode()) or not slash:
                return None
        return path

    def _send(self, answer: Response) -> None:
        self.connection.settimeout(_WITHIN)
        if isinstance(answer.body, bytes):
            self._head(answer, len(answer.body))
            if self.command != "HEAD":
                self.wfile.write(answer.body)
        elif self.command == "HEAD":
            self._head(answer)
        elif not self.server.streams.acquire(blocking=False):
            self._send(Response(b"too many viewers at once\n", status=503))
        else:
            try:
                self.server.is_streamed(self.request)
                self._head(answer)
                for part in answer.body:
                    self.wfile.write(part)
            finally:
                self.server.streams.release()

    def _head(self, answer: Response, length: int | None = None) -> None:
        self.request_version = "HTTP/1.0"  # whatever the request said: 0.9 responses would have no headers
        self.send_response(answer.status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: request paths contain the token."""
