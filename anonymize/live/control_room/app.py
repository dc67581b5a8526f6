"""The control room as a web application."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from anonymize.live.control_room.archive import Archive
from anonymize.live.control_room.room import Room
from anonymize.live.control_room.roster import Roster
from anonymize.live.control_room.tryout import TryOut
from anonymize.live.control_room.zones import Zones
from anonymize.live.sinks.newest import Shown
from anonymize.web import endpoints
from anonymize.web.endpoints import change, number, read, whole_number
from anonymize.web.rules import HANDLERS

_PAGE = "anonymize.live.control_room.page"


def app(room: Room, archive: Archive, zones: Zones, roster: Roster, tryout: TryOut) -> Starlette:
    """The application for the cameras of one supervisor: as they are, their recordings and zones, and further ones."""

    def overview(request: Request) -> Any:
        query = request.query_params
        return room.overview(whole_number(query.get("width", "480")), query.get("large", ""))

    def picture(request: Request) -> Response:
        return _jpeg(room.picture(request.path_params["name"]))

    def let_go(_: dict[str, Any]) -> Any:
        tryout.end()
        return tryout.as_dict()

    def listing(request: Request) -> Any:
        query = request.query_params
        before = number(query["before"]) if "before" in query else None
        return archive.listing(query.get("camera", ""), query.get("from", ""), query.get("to", ""), before)

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
            Route("/api/roster", read(lambda _: roster.listing())),
            Route("/api/roster/add", change(roster.add), methods=["POST"]),
            Route("/api/roster/remove", change(roster.remove), methods=["POST"]),
            Route("/api/roster/undo", change(roster.undo), methods=["POST"]),
            Route("/api/tryout", read(lambda _: tryout.as_dict())),
            Route("/api/tryout", change(roster.test), methods=["POST"]),
            Route("/api/tryout/end", change(let_go), methods=["POST"]),
            Route("/api/tryout/picture", read(lambda _: _jpeg(tryout.shown))),
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


def _jpeg(shown: Shown | None) -> Response:
    """A released picture; an empty answer if there is none now."""
    if shown is None:
        return Response(status_code=204)
    return Response(shown.jpeg, media_type="image/jpeg")
