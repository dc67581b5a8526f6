"""An HTTP server in a thread: uvicorn behind `anonymize.web.rules`, with a deadline for everything. On loopback, unless
another address is asked for, with TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import h11
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response as Answer
from starlette.responses import StreamingResponse
from starlette.routing import Route as Path
from uvicorn.protocols.http.h11_impl import H11Protocol

from anonymize.errors import UsageError
from anonymize.web.rules import HANDLERS, HEADERS, Access, Rules, plain

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HOST = "127.0.0.1"
HEALTH = "healthz"
"""The path that is answered even if the server is busy."""
_MOST = 64
"""Connections that wait for a request; one more cuts the oldest of them."""
_ANSWERS = 8
"""Requests answered at a time, not counting `HEALTH`."""
_STREAMS = 16
"""Responses that are streamed at a time."""
_WITHIN = 5.0
"""Seconds for a whole request, and for a response to be taken."""
_HEAD = 16 << 10
"""The most bytes of a request's head."""
_OPEN = 256
"""Connections that are open at a time where TLS encrypts them; one more cuts the oldest of them."""
_BACKLOG = 64
"""Connections that the system keeps for us, and that are accepted at once."""


@dataclass(frozen=True, slots=True)
class Response:
    """Response of a route: a whole body, or the parts of a streamed one."""

    body: bytes | Iterable[bytes]
    kind: str = "text/plain; charset=utf-8"
    status: int = 200


Route = Callable[[], Response]


class Server:
    """Serves an application until it is closed.

    Args:
        port: 0 for any free port.
        app: what answers; `pages` makes one of fixed paths.
        token: required of whoever asks; compared in constant time.
        host: an IP address of this machine.
        tls: encrypts connections; None: they are in the clear, which is for loopback alone.
        access: who may ask for what.

    Raises:
        UsageError: the port is taken or forbidden.
    """

    def __init__(
        self,
        port: int,
        app: ASGIApp | Mapping[str, Route],
        token: str = "",
        *,
        host: str = HOST,
        tls: ssl.SSLContext | None = None,
        access: Access | None = None,
    ) -> None:
        # With its protocol named: asyncio sends answers at once (TCP_NODELAY) on such sockets alone. Without, what is
        # answered in two parts waits 40 ms for the browser to acknowledge the first.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = _Listening if tls else socket.socket
        listening = kind(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(_BACKLOG)
        except (OSError, OverflowError) as error:
            listening.close()
            reason = error.strerror if isinstance(error, OSError) else "no such port"
            raise UsageError(f"port {port} on {host}: {reason}; name another") from error
        self.port: int = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http{'s' if tls else ''}://{shown}:{self.port}/" + (f"{token}/" if token else "")
        self._server = uvicorn.Server(
            uvicorn.Config(
                Rules(pages(app) if isinstance(app, Mapping) else app, token, access),
                loop="asyncio",
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_keep_alive=2,
                timeout_graceful_shutdown=0,
                h11_max_incomplete_event_size=_HEAD,
            )
        )
        self._server.config.load()
        self._server.config.ssl = tls  # uvicorn takes files only, and would say less about one that cannot be used
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving. Requests in progress are cut."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()


def pages(routes: Mapping[str, Route]) -> Starlette:
    """An application that answers fixed paths.

    Args:
        routes: by path, without the first slash; each is called in a thread of its own.
    """
    answers, streams = asyncio.Semaphore(_ANSWERS), asyncio.Semaphore(_STREAMS)
    return Starlette(
        routes=[Path(f"/{name}", _endpoint(name, route, answers, streams)) for name, route in routes.items()],
        exception_handlers=HANDLERS,
    )


def _endpoint(
    name: str, route: Route, answers: asyncio.Semaphore, streams: asyncio.Semaphore
) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Answer:
        if name == HEALTH:
            made = await run_in_threadpool(route)
        elif answers.locked():
            return plain(503, "too many requests at once")
        else:
            async with answers:
                made = await run_in_threadpool(route)
        kept = {"content-type": made.kind}
        if isinstance(made.body, bytes):
            return Answer(made.body, made.status, kept)
        if request.method == "HEAD":
            return StreamingResponse(iter(()), made.status, kept)
        if streams.locked():
            return plain(503, "too many viewers at once")
        return StreamingResponse(_parts(made.body, streams), made.status, kept)

    return endpoint


async def _parts(body: Iterable[bytes], streams: asyncio.Semaphore) -> AsyncIterator[bytes]:
    async with streams:
        async for part in iterate_in_threadpool(body):
            yield part


class _Listening(socket.socket):
    """Bounds how many connections are open, in whatever state: asyncio waits a minute for a handshake, and half that
    for the end of a connection, and `_Connection` learns of one after its handshake."""

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        self._accepted: list[socket.socket] = []
        """Oldest first."""

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and cut the oldest if there are too many."""
        accepted, address = super().accept()
        self._accepted = [*(one for one in self._accepted if one.fileno() != -1), accepted]
        for oldest in self._accepted[:-_OPEN]:
            with suppress(OSError):  # the other side has ended it
                oldest.shutdown(socket.SHUT_RDWR)  # asyncio closes it
        return accepted, address


class _Connection(H11Protocol):
    """A connection with deadlines: uvicorn itself waits for ever for the rest of a request, and for a response to be
    taken."""

    _waiting: ClassVar[dict[_Connection, None]] = {}
    """Those that wait for a whole request, oldest first."""
    _deadline: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()
        if len(self._waiting) > _MOST:
            next(iter(self._waiting)).transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED):
            self._received()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and self.conn.their_state is h11.IDLE:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._received()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._stuck = self.loop.call_later(_WITHIN, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._stuck:
            self._stuck.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says as much
        """A response to what is no request; repeats nothing of it."""
        body = b"bad request\n"
        head = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=[*HEADERS.items(), *head]),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_request(self) -> None:
        """Wait for a whole request, for a while."""
        self._received()
        self._waiting[self] = None
        self._deadline = self.loop.call_later(_WITHIN, self.transport.abort)

    def _received(self) -> None:
        self._waiting.pop(self, None)
        if self._deadline:
            self._deadline.cancel()
