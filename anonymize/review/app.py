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

from anonymize.errors import AnonymizeError, InputError, PlanError, UsageError
from anonymize.plan.edits import EditError
from anonymize.review.review import Review
from anonymize.review.tabs import Tabs
from anonymize.text import untrusted
from anonymize.web.rules import HANDLERS

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
WIDEST = 3840
"""The most pixels across of a picture for the page."""


def app(review: Review) -> Starlette:
    """The application for one review."""

    tabs = Tabs()

    def edits(answer: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
        """An endpoint that changes the plan: for the window that edits alone."""
        return change(answer, tabs)

    def tab(asked: dict[str, Any]) -> Any:
        name = str(asked.get("tab", ""))
        if asked.get("leave") is True:
            tabs.leave(name)
            return {}
        mine = tabs.claim(name, take=asked.get("take") is True)
        return {"mine": mine, "trouble": review.trouble(), **review.history()}

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

    def questions(_: Request) -> Any:
        return review.questions()

    def answer(asked: dict[str, Any]) -> Any:
        return review.answer(str(asked.get("id", "")), str(asked.get("answer", "")))

    def see(asked: dict[str, Any]) -> Any:
        review.record.see(_indices(asked.get("frames")))
        return {"seen": review.record.seen}

    def sampled(asked: dict[str, Any]) -> Any:
        return review.sampled(_indices(asked.get("showing")))

    def choose(asked: dict[str, Any]) -> Any:
        return review.choose(str(asked.get("version", "")))

    def sign(asked: dict[str, Any]) -> Any:
        return review.sign(str(asked.get("name", "")), str(asked.get("note", "")))

    return Starlette(
        routes=[
            Route("/", asset("page.html")),
            *(Route(f"/page/{name}", asset(name)) for name in assets()),
            Route("/api/review", read(opened)),
            Route("/api/picture/{index}", read(picture)),
            Route("/api/sound/{number}", read(sound)),
            Route("/api/peaks/{first}", read(peaks)),
            Route("/api/regions/{first}/{end}", read(regions)),
            Route("/api/lanes", read(lanes)),
            Route("/api/publish", read(publishing)),
            Route("/api/questions", read(questions)),
            Route("/api/answer", edits(answer), methods=["POST"]),
            Route("/api/tab", change(tab), methods=["POST"]),
            Route("/api/seen", change(see), methods=["POST"]),
            Route("/api/sample", change(lambda _: review.sample()), methods=["POST"]),
            Route("/api/sampled", edits(sampled), methods=["POST"]),
            Route("/api/sign", edits(sign), methods=["POST"]),
            Route("/api/version", edits(choose), methods=["POST"]),
            Route("/api/edit", edits(review.edit), methods=["POST"]),
            Route("/api/undo", edits(lambda _: review.undo()), methods=["POST"]),
            Route("/api/redo", edits(lambda _: review.redo()), methods=["POST"]),
            Route("/api/publish", edits(publish), methods=["POST"]),
        ],
        exception_handlers=HANDLERS,
    )


def _indices(given: Any) -> list[int]:
    """Indices of frames in a request. Raises `UsageError`."""
    if not isinstance(given, list) or not all(type(one) is int and one >= 0 for one in given):
        raise UsageError("expected a list of frames")
    return given


def _number(text: str) -> int:
    """A whole number in a path or a query. Raises `UsageError`."""
    if not text.isdecimal() or len(text) > untrusted.DIGITS:
        raise UsageError("expected a whole number")
    return int(text)


def read(answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """An endpoint that changes nothing."""

    async def endpoint(request: Request) -> Response:
        return await _answered(answer, request)

    return endpoint


def change(answer: Callable[[dict[str, Any]], Any], tabs: Tabs | None = None) -> Callable[[Request], Any]:
    """An endpoint that takes a JSON object; if `tabs` are given, from the window that edits alone."""

    async def endpoint(request: Request) -> Response:
        if tabs and not tabs.claim(request.headers.get("x-tab", "")):
            return JSONResponse({"error": "another window edits this review: this one shows it alone"}, 409)
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
        lasting = isinstance(error, PlanError | InputError)
        return JSONResponse({"error": getattr(error, "message", "") or str(error), "lasting": lasting}, status)
    except Exception as error:  # noqa: BLE001 - whatever it is, the person is told, and the review goes on
        what = f"internal error ({type(error).__name__}: {error}). What was saved before is safe; please report this"
        return JSONResponse({"error": what, "lasting": True}, 500)
    return made if isinstance(made, Response) else JSONResponse(made)


def assets() -> list[str]:
    """The names of the page's files."""
    return sorted(
        one.name for one in files("anonymize.review.page").iterdir() if one.name.endswith((".css", ".js", ".svg"))
    )


def asset(name: str) -> Callable[[Request], Any]:
    """An endpoint that gives a file of the page."""

    async def endpoint(request: Request) -> Response:  # noqa: ARG001 - the same for all
        data = files("anonymize.review.page").joinpath(name).read_bytes()
        return Response(data, media_type=f"{TYPES[name.rpartition('.')[2]]}; charset=utf-8")

    return endpoint
