"""The page for viewers, and WHEP (the HTTP part of WebRTC): POST an offer, get an answer, DELETE it to leave.

A token comes in the header `Authorization: Bearer`, which no other site can make a browser send.
"""

from __future__ import annotations

import ipaddress
import time

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from anonymize.errors import AnonymizeError, UsageError
from anonymize.live.log import logger
from anonymize.live.webrtc.hub import Full, Hub
from anonymize.live.webrtc.viewers import Viewers
from anonymize.web import endpoints
from anonymize.web.rules import HANDLERS

PATH = "/whep"
_PAGE = "anonymize.live.webrtc.page"
_SDP = "application/sdp"


def app(hub: Hub, viewers: Viewers) -> Starlette:
    """The application for the viewers of one camera."""

    refusals = _Refusals()

    async def begin(request: Request) -> Response:
        token = _token(request)
        if viewers.name_of(token) is None:
            refusals.add(request.client.host if request.client else "")
            return _refused(401, "this token is nobody's", {"WWW-Authenticate": "Bearer"})
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _SDP:
            return _refused(415, f"expected {_SDP}")
        offer = (await request.body()).decode("utf-8", "replace")
        host, port = request.scope["server"]
        host = _plain(host)
        try:
            ident, answer = await run_in_threadpool(hub.answer, offer, token, (host, port))
        except UsageError as error:
            return _refused(400, error.message)
        except Full as error:
            return _refused(503, error.message, {"Retry-After": "10"})
        except AnonymizeError as error:
            return _refused(500, error.message)
        return Response(answer, 201, {"Location": f"{PATH}/{ident}"}, media_type=_SDP)

    async def end(request: Request) -> Response:
        known = await run_in_threadpool(hub.end, request.path_params["ident"], _token(request))
        return Response(status_code=200) if known else _refused(404, "nobody watches by this name")

    return Starlette(
        routes=[
            *endpoints.page(_PAGE, "page.html"),
            Route(PATH, begin, methods=["POST"]),
            Route(f"{PATH}/{{ident}}", end, methods=["DELETE"]),
        ],
        exception_handlers=HANDLERS,
    )


class _Refusals:
    """Logs wrong tokens, at most once in `EVERY` seconds, so that nobody can fill a disk with them."""

    EVERY = 10.0

    def __init__(self) -> None:
        self._count, self._said = 0, -self.EVERY

    def add(self, address: str) -> None:
        """Count a request from `address`, and log all that were not logged yet if it is time."""
        self._count += 1
        if time.monotonic() - self._said >= self.EVERY:
            logger.warning("viewer refused", why="wrong token", address=address, times=self._count)
            self._count, self._said = 0, time.monotonic()


def _plain(host: str) -> str:
    """An IPv4 address that reached a socket for IPv6, as viewers know it."""
    mapped = getattr(ipaddress.ip_address(host), "ipv4_mapped", None)
    return str(mapped) if mapped else host


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{text}\n", status, headers)
