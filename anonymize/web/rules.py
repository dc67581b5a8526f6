"""What holds for every request to a page, whatever the page is: ASGI middleware.

- The Host header is a name of this machine, or the request comes from a DNS rebinding attack. Behind TLS it is any
  name: the certificate says which.
- Where there is a token, it is the first part of the path, or a cookie that the first request with it was given. The
  cookie belongs to this port, is never sent by other sites (`SameSite=Strict`), and is not readable by scripts.
- What changes anything (POST) comes from a page of this very server, by its Origin; or with a header that proves who
  asks, and that no page of another site can send.
- Bodies of requests are small, and say how large they are.
- No response is cached, framed, guessed at, or may load anything from elsewhere. Errors repeat nothing of a request.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY = 1 << 20
"""The most bytes of a request's body."""
_HOST = re.compile(r"(?i:127\.0\.0\.1|localhost)(?::(?P<port>[0-9]{1,5}))?")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' blob:; media-src 'self' blob:; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask for what.

    Args:
        methods: that are answered.
        anywhere: whether it is served under any host name; only behind TLS.
        by_header: whether the application asks for the header `Authorization` where anything changes.
    """

    methods: tuple[str, ...] = ("GET", "HEAD", "POST")
    anywhere: bool = False
    by_header: bool = False


class Rules:
    """`app` behind the rules above.

    Args:
        app: answers what is allowed.
        token: required to see anything; empty if everyone on this machine may.
        access: who may ask for what.
    """

    def __init__(self, app: ASGIApp, token: str = "", access: Access | None = None) -> None:
        self._app = app
        self._token = token
        self._access = access or Access()
        self._session = secrets.token_urlsafe(24)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        refused = self._refused(scope, _Headers(scope))
        await (refused or self._app)(scope, receive, _hardened(send))

    def _refused(self, scope: Scope, headers: _Headers) -> ASGIApp | None:
        """The response to a request that is not allowed, or that exchanges the token; None for all others."""
        host = _HOST.fullmatch(headers.only("host"))
        if not self._access.anywhere and (host is None or not 0 < int(host["port"] or 80) < 1 << 16):
            return plain(421, "this address is not served under that host name")
        if scope["method"] not in self._access.methods:
            return plain(405, "not supported")
        cookie = f"anonymize-{scope['server'][1]}"
        if self._token:
            given, slash, rest = scope["path"].removeprefix("/").partition("/")
            if slash and hmac.compare_digest(given.encode(), self._token.encode()):
                if not rest and scope["method"] == "GET":
                    return _exchanged(cookie, self._session)
                scope["path"] = f"/{rest}"
            elif not hmac.compare_digest(headers.cookie(cookie).encode(), self._session.encode()):
                return plain(404, "not found")
        ours = headers.only("origin").lower() == f"http://{headers.only('host')}".lower()
        if scope["method"] == "POST" and not ours and not self._access.by_header:
            return plain(403, "only a page of this program may do that")
        if scope["path"] == "/favicon.ico":  # browsers ask for it, whatever the page says
            return Response(status_code=204)
        length = headers.only("content-length", "0")
        if headers.has("transfer-encoding") or not length.isdecimal() or int(length) > BODY:
            return plain(413, "too large, or of unknown size")
        return None


class _Headers:
    """The headers of a request."""

    def __init__(self, scope: Scope) -> None:
        self._all: list[tuple[bytes, bytes]] = scope["headers"]

    def only(self, name: str, otherwise: str = "") -> str:
        """The value of a header that must not be there twice; `otherwise` if it is missing, or there twice."""
        values = [value for key, value in self._all if key == name.encode()]
        return values[0].decode("latin-1") if len(values) == 1 else otherwise

    def has(self, name: str) -> bool:
        """Whether there is such a header."""
        return any(key == name.encode() for key, _ in self._all)

    def cookie(self, name: str) -> str:
        """The value of a cookie; empty if it is missing."""
        try:
            found = SimpleCookie(self.only("cookie")).get(name)
        except CookieError:
            return ""
        return found.value if found else ""


def _exchanged(cookie: str, session: str) -> RedirectResponse:
    """The response that takes the token out of the address, and gives the session instead."""
    answer = RedirectResponse("/", status_code=303)
    answer.set_cookie(cookie, session, httponly=True, samesite="strict", path="/")
    return answer


class _Last(PlainTextResponse):
    """The last response of a connection, which is closed when all of the request has come: what comes to a closed
    connection resets it, and whoever still sends would never read the response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, then pass over the rest of the request, for as long as a request may take."""

        async def begun(message: Message) -> None:
            await send(message if message["type"] == "http.response.start" else {**message, "more_body": True})

        await super().__call__(scope, receive, begun)
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.body"})


def plain(status: int, text: str) -> PlainTextResponse:
    """A response with one line of text, after which the connection is closed: nothing was asked that is served."""
    return _Last(f"{text}\n", status, {"Connection": "close"})


async def _refused(request: Request, error: Exception) -> PlainTextResponse:  # noqa: ARG001 - repeats nothing of it
    status = getattr(error, "status_code", 404)
    return plain(status, "not found" if status == 404 else "not supported")


HANDLERS = {404: _refused, 405: _refused}
"""An application's responses to paths and methods that it does not have."""


def _hardened(send: Send) -> Send:
    """`send`, with `HEADERS` in every response."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}
            kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
            message["headers"] = [*kept, *own.items()]
        await send(message)

    return sending
