"""An HTTP proxy for FFmpeg that reaches a single host, so that no redirect or playlist leads elsewhere."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

_LONGEST = 1 << 16
"""Maximum bytes of a request's head."""


class SameHost:
    """An HTTP proxy on loopback, for FFmpeg's option ``http_proxy``. Redirects, segments and keys all go through it.

    Args:
        address: its host may be reached, on any port.
        timeout: seconds to connect.
    """

    def __init__(self, address: str, timeout: float) -> None:
        os.environ.pop("no_proxy", None)  # FFmpeg would bypass this proxy for the hosts in it
        self._host = urlsplit(address).hostname
        self._timeout = timeout
        self.refused = False
        """Whether another host was requested."""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, name="same host", daemon=True).start()

    def close(self) -> None:
        """Close the server and all connections."""
        with self._lock:
            ends, self._open = [self._server, *self._open], set()
        for end in ends:
            with suppress(OSError):  # not connected any more
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                peer, _ = self._server.accept()
                threading.Thread(target=self._handle, args=(peer,), name="same host", daemon=True).start()

    def _handle(self, peer: socket.socket) -> None:
        with suppress(OSError, ValueError), peer:  # the client sees a closed connection
            self._register(peer)
            peer.settimeout(self._timeout)
            head, body = _head(peer)
            method, target, version = head[0].split(" ", 2)
            parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
            if parts.hostname is None or parts.hostname != self._host:
                self.refused = True
                peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with socket.create_connection((parts.hostname, parts.port or 80), self._timeout) as origin:
                self._register(origin)
                if method == "CONNECT":
                    peer.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                    own = [line for line in head[1:] if not line.lower().startswith(("proxy-", "connection:"))]
                    lines = [f"{method} {path} {version}", *own, "Connection: close", "", ""]
                    origin.sendall("\r\n".join(lines).encode("latin-1"))
                origin.sendall(body)
                for end in (peer, origin):
                    end.settimeout(None)  # FFmpeg has its own timeout
                threading.Thread(target=_forward, args=(peer, origin), name="same host", daemon=True).start()
                _forward(origin, peer)

    def _register(self, end: socket.socket) -> None:
        with self._lock:
            self._open = {other for other in self._open if other.fileno() >= 0} | {end}


def _head(peer: socket.socket) -> tuple[list[str], bytes]:
    """The lines of a request's head, and the bytes read after it."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = peer.recv(_LONGEST)
        if not part or len(got) > _LONGEST:
            raise ValueError("no request")
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), body


def _forward(one: socket.socket, other: socket.socket) -> None:
    """Forward data from `one` until it ends."""
    with suppress(OSError):
        while part := one.recv(_LONGEST):
            other.sendall(part)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
