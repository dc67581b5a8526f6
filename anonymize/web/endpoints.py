"""Endpoints of pages: their files, and JSON in and out, with errors that people read."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from anonymize.errors import AnonymizeError, InputError, PlanError, UsageError
from anonymize.text import untrusted

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
Endpoint = Callable[[Request], Any]
Conflict = type[Exception] | tuple[()]
"""Errors that say that a change does not fit what is there."""


def read(answer: Callable[[Request], Any], conflict: Conflict = ()) -> Endpoint:
    """An endpoint that changes nothing. What `answer` returns is JSON, unless it is a response."""

    async def endpoint(request: Request) -> Response:
        return await _answered(answer, request, conflict)

    return endpoint


def change(answer: Callable[[dict[str, Any]], Any], conflict: Conflict = ()) -> Endpoint:
    """An endpoint that takes a JSON object."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()

        def work(text: bytes) -> Any:
            asked = untrusted.json_value(text.decode("utf-8", "replace") or "{}", "the request", UsageError)
            if not isinstance(asked, dict):
                raise UsageError("expected an object in braces")
            return answer(asked)

        return await _answered(work, body, conflict)

    return endpoint


def whole_number(text: str) -> int:
    """A whole number in a path or a query. Raises `UsageError`."""
    if not text.isdecimal() or len(text) > untrusted.DIGITS:
        raise UsageError("expected a whole number")
    return int(text)


def number(text: str) -> float:
    """A number in a query. Raises `UsageError`."""
    if len(text) > 2 * untrusted.DIGITS or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise UsageError("expected a number")
    return float(text)


def page(package: str, name: str) -> list[Route]:
    """The routes of a page: its file `name`, and what else is in `package`."""
    parts = sorted(one.name for one in files(package).iterdir() if one.name.endswith((".css", ".js", ".svg")))
    return [Route("/", _file(package, name)), *(Route(f"/page/{part}", _file(package, part)) for part in parts)]


async def _answered(work: Callable[[Any], Any], given: Any, conflict: Conflict) -> Response:
    """What `work` gives, done in a thread; errors for people are JSON with a message."""
    try:
        made = await run_in_threadpool(work, given)
    except conflict as error:
        return JSONResponse({"error": str(error), "lasting": False}, 409)
    except AnonymizeError as error:
        coded = {"code": error.code, "values": error.values} if error.code else {}
        lasting = isinstance(error, PlanError | InputError)
        return JSONResponse({"error": error.message, "lasting": lasting, **coded}, 422)
    except Exception as error:  # noqa: BLE001 - whatever it is, the person is told, and the page goes on
        what = f"internal error ({type(error).__name__}: {error}). What was saved before is safe; please report this"
        return JSONResponse({"error": what, "lasting": True}, 500)
    return made if isinstance(made, Response) else JSONResponse(made)


def _file(package: str, name: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001 - the same for all
        data = files(package).joinpath(name).read_bytes()
        return Response(data, media_type=f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8")

    return endpoint
