"""A small HTTP server on loopback, in a thread: fixed addresses, checked Host header, nothing cached or shared."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from anonymize.errors import UsageError

HOST = "127.0.0.1"
_NAMES = frozenset({"127.0.0.1", "localhost"})
"""Host names that a request may be addressed to: any other comes from a page that plays tricks with DNS."""
_MOST = 16
"""Requests served at the same time."""
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
class Answer:
    """What a route gives: a whole body, or parts that come over time."""

    body: bytes | Iterable[bytes]
    kind: str = "text/plain; charset=utf-8"
    status: int = 200


Route = Callable[[], Answer]


class Server:
    """Serves `routes` until it is closed.

    Args:
        port: 0 for any that is free.
        routes: answers by path; under ``/token/`` if a token is given.
        token: what an address must begin with; compared in constant time.

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
        """Stop serving. Requests under way are cut."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = _MOST

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(_MOST)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is nothing to report; the request's text is never shown."""


class _Handler(BaseHTTPRequestHandler):
    routes: Mapping[str, Route] = {}
    token = ""
    timeout = 10.0
    server_version = "anonymize"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer, or say why not, in that order: wrong host, wrong token or path."""
        route = self._route()
        if not self._local():
            self._send(Answer(b"this address is not served under that host name\n", status=421))
        elif route is None:
            self._send(Answer(b"not found\n", status=404))
        else:
            self._send(route())

    def _local(self) -> bool:
        hosts = self.headers.get_all("Host") or []
        with suppress(ValueError):
            return len(hosts) == 1 and urlsplit(f"//{hosts[0]}").hostname in _NAMES
        return False

    def _route(self) -> Route | None:
        path = self.path.partition("?")[0].removeprefix("/")
        if self.token:
            given, slash, path = path.partition("/")
            if not hmac.compare_digest(given.encode(), self.token.encode()) or not slash:
                return None
        return self.routes.get(path)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        if isinstance(answer.body, bytes):
            self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        for part in (answer.body,) if isinstance(answer.body, bytes) else answer.body:
            self.wfile.write(part)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: their addresses hold the token."""
