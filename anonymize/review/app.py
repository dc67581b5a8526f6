"""The review as a web application: a page, its pictures, and edits as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from anonymize.errors import UsageError
from anonymize.plan.edits import EditError
from anonymize.review.review import Review
from anonymize.review.tabs import Tabs
from anonymize.web import endpoints
from anonymize.web.endpoints import Endpoint, whole_number
from anonymize.web.rules import HANDLERS

PAGE = "anonymize.review.page"
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

    def publish(asked: dict[str, Any]) -> Any:
        review.publish(str(asked.get("output", "")), force=asked.get("force") is True)
        return review.publishing.as_dict()

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
            *endpoints.page(PAGE, "page.html"),
            *_reading(review),
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


def _reading(review: Review) -> list[Route]:
    """What the page asks for and changes nothing by."""

    def opened(_: Request) -> Any:
        return review.overview()

    def picture(request: Request) -> Response:
        width = min(whole_number(request.query_params.get("width", "1280")), WIDEST)
        view = request.query_params.get("view", "raw")
        data = review.picture(whole_number(request.path_params["index"]), width, view)
        return Response(data, media_type="image/jpeg")

    def thumb(request: Request) -> Response:
        data = review.thumb(whole_number(request.path_params["track"]))
        # An edit that was just taken back is no mistake of the page.
        return Response(data, media_type="image/jpeg") if data else Response(status_code=204)

    def sound(request: Request) -> Response:
        data = review.sound(whole_number(request.path_params["number"]), request.query_params.get("view", "raw"))
        return Response(data, media_type="application/octet-stream")

    def peaks(request: Request) -> Any:
        return review.peaks(whole_number(request.path_params["first"]))

    def regions(request: Request) -> Any:
        return review.regions(whole_number(request.path_params["first"]), whole_number(request.path_params["end"]))

    def lanes(request: Request) -> Any:
        asked = request.query_params.get("tracks", "")
        return review.lanes([whole_number(part) for part in asked.split(",") if part])

    def publishing(_: Request) -> Any:
        return review.publishing.as_dict()

    def questions(_: Request) -> Any:
        return review.questions()

    return [
        Route("/api/review", read(opened)),
        Route("/api/picture/{index}", read(picture)),
        Route("/api/thumb/{track}", read(thumb)),
        Route("/api/sound/{number}", read(sound)),
        Route("/api/peaks/{first}", read(peaks)),
        Route("/api/regions/{first}/{end}", read(regions)),
        Route("/api/lanes", read(lanes)),
        Route("/api/publish", read(publishing)),
        Route("/api/questions", read(questions)),
    ]


def _indices(given: Any) -> list[int]:
    """Indices of frames in a request. Raises `UsageError`."""
    if not isinstance(given, list) or not all(type(one) is int and one >= 0 for one in given):
        raise UsageError("expected a list of frames")
    return given


def read(answer: Callable[[Request], Any]) -> Endpoint:
    """An endpoint that changes nothing."""
    return endpoints.read(answer, EditError)


def change(answer: Callable[[dict[str, Any]], Any], tabs: Tabs | None = None) -> Endpoint:
    """An endpoint that takes a JSON object; if `tabs` are given, from the window that edits alone."""
    changes = endpoints.change(answer, EditError)

    async def endpoint(request: Request) -> Any:
        if tabs and not tabs.claim(request.headers.get("x-tab", "")):
            return JSONResponse({"error": "another window edits this review: this one shows it alone"}, 409)
        return await changes(request)

    return endpoint
