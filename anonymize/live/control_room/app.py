"""The control room as a web application."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from anonymize.live.control_room.room import Room
from anonymize.web import endpoints
from anonymize.web.endpoints import read, whole_number
from anonymize.web.rules import HANDLERS

_PAGE = "anonymize.live.control_room.page"


def app(room: Room) -> Starlette:
    """The application for the cameras of one supervisor."""

    def overview(request: Request) -> Any:
        query = request.query_params
        return room.overview(whole_number(query.get("width", "480")), query.get("large", ""))

    def picture(request: Request) -> Response:
        shown = room.picture(request.path_params["name"])
        if shown is None:
            return Response("no picture\n", 404, media_type="text/plain")
        return Response(shown.jpeg, media_type="image/jpeg")

    return Starlette(
        routes=[
            *endpoints.page(_PAGE, "page.html"),
            Route("/api/cameras", read(overview)),
            Route("/api/picture/{name}", read(picture)),
        ],
        exception_handlers=HANDLERS,
    )
