"""The review as a web application: a page, its pictures, and edits as JSON."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from anonymize.errors import AnonymizeError, UsageError
from anonymize.plan.edits import EditError
from anonymize.review.review import Review
from anonymize.text import untrusted
from anonymize.web.rules import HANDLERS

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
WIDEST = 3840
"""The most pixels across of a picture for the page."""


def app(review: Review) -> Starlette:
    """The application for one review."""

    def opened(_: Request) -> Any:
        return review.overview()

    def picture(request: Request) -> Response:
        width = min(_number(request.query_params.get("width", "1280")), WIDEST)
        view = request.query_params.get("view", "raw")
        data = review.picture(_number(request.path_params["index"]), width, view)
        return Response(data, media_type="image/jpeg")

    def sound(request: Request) -> Response:
        data = review.sound(_number(request.path_params["number"]), request.query_params.get("view", "raw"))
        return Response(data, media_type="application/octet-stream")

    def peaks(request: Request) -> Any:
        return review.peaks(_number(request.path_params["first"]))

    def regions(request: Request) -> Any:
        return review.regions(_number(request.path_params["first"]), _number(request.path_params["end"]))

    def lanes(request: Request) -> Any:
        asked = request.query_params.get("tracks", "")
        return review.lanes([_number(part) for part in asked.split(",") if part])

    def publishing(_: Request) -> Any:
        return review.publishing.as_dict()

    def publish(asked: dict[str, Any]) -> Any:
        review.publish(str(asked.get("output", "")), force=asked.get("force") is True)
        return review.publishing.as_dict()

    return Starlette(
        routes=[
            Route("/", _asset("page.html")),
            *(Route(f"/page/{name}", _asset(name)) for name in _assets()),
            Route("/api/review", _read(opened)),
            Route("/api/picture/{index}", _read(picture)),
            Route("/api/sound/{number}", _read(sound)),
            Route("/api/peaks/{first}", _read(peaks)),
            Route("/api/regions/{first}/{end}", _read(regions)),
            Route("/api/lanes", _read(lanes)),
            Route("/api/publish", _read(publishing)),
            Route("/api/edit", _change(review.edit), methods=["POST"]),
            Route("/api/undo", _change(lambda _: review.undo()), methods=["POST"]),
            Route("/api/redo", _change(lambda _: review.redo()), methods=["POST"]),
            Route("/api/publish", _change(publish), methods=["POST"]),
        ],
        exception_handlers=HANDLERS,
    )


def _number(text: str) -> int:
    """A whole number in a path or a query. Raises `UsageError`."""
    if not text.isdecimal() or len(text) > untrusted.DIGITS:
        raise UsageError("expected a whole number")
    return int(text)


def _read(answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """An endpoint that changes nothing."""

    async def endpoint(request: Request) -> Response:
        return await _answered(answer, request)

    return endpoint


def _change(answer: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
    """An endpoint that takes a JSON object."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()

        def work(text: bytes) -> Any:
            asked = untrusted.json_value(text.decode("utf-8", "replace") or "{}", "the request", UsageError)
            if not isinstance(asked, dict):
                raise UsageError("expected an object in braces")
            return answer(asked)

        return await _answered(work, body)

    return endpoint


async def _answered(work: Callable[[Any], Any], given: Any) -> Response:
    """What `work` gives, done in a thread; errors for people are JSON with a message."""
    try:
        made = await run_in_threadpool(work, given)
    except (AnonymizeError, EditError) as error:
        status = 409 if isinstance(error, EditError) else 422
        return JSONResponse({"error": getattr(error, "message", "") or str(error)}, status)
    return made if isinstance(made, Response) else JSONResponse(made)


def _assets() -> list[str]:
    """The names of the page's files."""
    return sorted(
        one.name for one in files("anonymize.review.page").iterdir() if one.name.endswith((".css", ".js", ".svg"))
    )


def _asset(name: str) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001 - the same for all
        data = files("anonymize.review.page").joinpath(name).read_bytes()
        return Response(data, media_type=f"{TYPES[name.rpartition('.')[2]]}; charset=utf-8")

    return endpoint
