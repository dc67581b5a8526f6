"""The control room as a web application."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from anonymize.live.control_room.archive import Archive
from anonymize.live.control_room.room import Room
from anonymize.live.control_room.zones import Zones
from anonymize.web import endpoints
from anonymize.web.endpoints import change, read, whole_number
from anonymize.web.rules import HANDLERS

_PAGE = "anonymize.live.control_room.page"


def app(room: Room, archive: Archive, zones: Zones) -> Starlette:
    """The application for the cameras of one supervisor, their recordings and their zones."""

    def overview(request: Request) -> Any:
        query = request.query_params
        return room.overview(whole_number(query.get("width", "480")), query.get("large", ""))

    def picture(request: Request) -> Response:
        shown = room.picture(request.path_params["name"])
        if shown is None:
            return Response("no picture\n", 404, media_type="text/plain")
        return Response(shown.jpeg, media_type="image/jpeg")

    def listing(request: Request) -> Any:
        query = request.query_params
        return archive.listing(query.get("camera", ""), query.get("from", ""), query.get("to", ""))

    def exported(request: Request) -> Response:
        path = archive.exported(request.path_params["camera"], request.path_params["name"])
        return FileResponse(path, filename=path.name)  # as a download: nothing in it is shown by this page

    return Starlette(
        routes=[
            *endpoints.page(_PAGE, "page.html"),
            Route("/api/cameras", read(overview)),
            Route("/api/picture/{name}", read(picture)),
            Route("/api/zones", read(lambda request: zones.of(request.query_params.get("camera", "")))),
            Route("/api/zones", change(zones.change), methods=["POST"]),
            Route("/api/zones/undo", change(zones.undo), methods=["POST"]),
            Route("/api/recordings", read(listing)),
            Route("/api/recordings/hold", change(archive.hold), methods=["POST"]),
            Route("/api/recordings/release", change(archive.release), methods=["POST"]),
            Route("/api/recordings/export", change(archive.export), methods=["POST"]),
            Route("/api/recordings/verify", change(archive.verify), methods=["POST"]),
            Route("/api/recordings/verify", read(lambda _: archive.verifying())),
            Route("/api/exports/{camera}/{name}", read(exported)),
        ],
        exception_handlers=HANDLERS,
    )
