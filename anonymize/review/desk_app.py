"""The list of files as a web application, and below it the review of the one that is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from anonymize.errors import UsageError
from anonymize.review.app import PAGE, change, read
from anonymize.review.app import app as review_app
from anonymize.review.desk import Desk
from anonymize.review.review import Review
from anonymize.web import endpoints
from anonymize.web.rules import HANDLERS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


def app(desk: Desk) -> Starlette:
    """The application for a list of files."""
    served: dict[str, tuple[Review, ASGIApp]] = {}

    def opened(asked: dict[str, Any]) -> Any:
        number = asked.get("number")
        if type(number) is not int:
            raise UsageError("expected the number of a file")
        desk.open(number, drop_torn=asked.get("drop") is True)
        return desk.opening()

    def cancelled(_: dict[str, Any]) -> Any:
        desk.cancel()
        return desk.opening()

    async def film(scope: Scope, receive: Receive, send: Send) -> None:
        number = scope["path_params"]["number"]
        review = desk.review(number)
        answer: ASGIApp
        if review is None:  # another one is open, or none: to the list
            path = scope["path"].removeprefix(scope["root_path"])
            answer = RedirectResponse("/", 303) if path == "/" else Response("not found\n", 404)
        else:
            if served.get("open", (None,))[0] is not review:
                served["open"] = review, review_app(review)
            answer = served["open"][1]
        await answer(scope, receive, send)

    return Starlette(
        routes=[
            *endpoints.page(PAGE, "desk.html"),
            Route("/api/files", read(lambda _: desk.listing())),
            Route("/api/opening", read(lambda _: desk.opening())),
            Route("/api/open", change(opened), methods=["POST"]),
            Route("/api/cancel", change(cancelled), methods=["POST"]),
            Mount("/film/{number:int}", app=film),
        ],
        exception_handlers=HANDLERS,
    )
