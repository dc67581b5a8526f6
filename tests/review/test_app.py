"""The review's page over HTTP: what it answers, what it refuses, and what its edits do to the plan."""

import json
import socket
import threading
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from anonymize import errors, plan
from anonymize.kinds import Answer
from anonymize.review.review import Review, plan_for
from tests.conftest import FRAMES, SIZE, face_box
from tests.review.conftest import Client, finished


def test_the_page_and_all_of_its_files_are_there(client: Client) -> None:
    html = client.ask("GET", "/")
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    names = set()
    waiting = ["/page/main.js", *(f"/{part}" for part in ("page/page.css", "page/queue.css", "page/icon.svg"))]
    assert all(name.removeprefix("/").encode() in html.content for name in waiting)
    while waiting:
        name = waiting.pop()
        answer = client.ask("GET", name)
        assert answer.status == 200, name
        assert answer.headers["cache-control"] == "no-store"
        assert b"http://" not in answer.content.replace(b"http://www.w3.org/2000/svg", b"")
        assert b"https://" not in answer.content
        names.add(name)
        for part in answer.content.decode().split('"')[1::2] if name.endswith(".js") else ():
            if part.startswith("./") and (other := f"/page/{part[2:]}") not in names:
                waiting.append(other)
    assert len(names) >= 10


def test_what_was_found_is_listed(client: Client, made: Path) -> None:
    told = client.get("/api/review")
    assert (told["name"], told["frames"], told["width"], told["height"]) == ("face.mp4", FRAMES, *SIZE)
    assert len(told["times"]) == FRAMES
    assert told["times"] == sorted(told["times"])
    (track,) = told["tracks"]
    assert (track["kind"], track["first"], track["end"], track["drawn"]) == ("face", 0, FRAMES, "hidden")
    x0, y0, x1, y1 = face_box(track["best"])
    left, top, right, bottom = track["box"]
    assert left <= x0 + 2 and right >= x1 - 2 and top <= y0 + 2 and bottom >= y1 - 2  # noqa: PT018
    runs = client.get(f"/api/lanes?tracks={track['track']},99")[str(track["track"])]
    assert [runs[0][0], runs[-1][1]] == [0, FRAMES]
    regions = client.get("/api/regions/0/5")
    assert {int(index) for index in regions} == set(range(5))
    assert regions["0"] == [[track["track"], "face", "ellipse", regions["0"][0][3], True, regions["0"][0][5]]]


@pytest.mark.parametrize("view", ["raw", "published"])
def test_pictures_are_what_the_camera_saw_and_what_is_published(client: Client, view: str) -> None:
    answer = client.ask("GET", f"/api/picture/7?width=9999&view={view}")
    assert answer.headers["content-type"] == "image/jpeg"
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (SIZE[1], SIZE[0], 3)
    x0, y0, x1, y1 = face_box(7)
    face = shown[y0:y1, x0:x1]
    assert bool(face.mean() < 5) is (view == "published")


def test_a_missed_face_is_drawn_followed_and_hidden(client: Client, made: Path) -> None:
    before = client.get("/api/review")["tracks"]
    client.post("/api/edit", {"do": "judge", "track": before[0]["track"], "answer": "nothing"})
    box = [float(value) for value in face_box(10)]
    answer = client.post("/api/edit", {"do": "draw", "frame": 10, "xyxy": box, "kind": "face", "shape": "ellipse"})
    (track,) = answer["tracks"]
    assert (track["first"], track["end"], track["hand"]) == (0, FRAMES, FRAMES)
    after = plan.read(made)
    for index in range(FRAMES):
        (region,) = after.at(index)
        x0, y0, x1, y1 = face_box(index)
        assert region.track == track["track"]
        assert region.xyxy[0] <= x0 + 3 and region.xyxy[2] >= x1 - 3, index  # noqa: PT018
        assert region.xyxy[1] <= y0 + 3 and region.xyxy[3] >= y1 - 3, index  # noqa: PT018
        assert region.xyxy[2] - region.xyxy[0] < 3 * (x1 - x0)
    assert {one.by for one in after.doubts} == {"Ada Ø"}
    assert client.post("/api/undo")["edits"] == 1
    assert client.post("/api/undo")["edits"] == 0
    assert client.post("/api/undo")["edits"] == 0
    assert list(plan.lines(plan.read(made))) == list(plan.lines(plan.read(made)))
    assert client.post("/api/redo")["redo"] == 1


def test_a_person_stays_visible_with_a_reason_alone(client: Client, made: Path) -> None:
    track = client.get("/api/review")["tracks"][0]["track"]
    refused = client.ask("POST", "/api/edit", {"do": "show", "track": track, "frame": 5, "reason": " "})
    assert refused.status == 409
    assert "reason" in json.loads(refused.content)["error"]
    told = client.post("/api/edit", {"do": "show", "track": track, "frame": 5, "reason": "form 12"})
    assert told["tracks"][0]["shown"][0]["reason"] == "form 12"
    assert told["tracks"][0]["drawn"] in ("visible", "partly")
    assert plan.read(made).at(5) == []
    assert client.post("/api/edit", {"do": "hide", "track": track})["tracks"][0]["drawn"] == "hidden"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"do": "fly", "track": 0}, "expected one of"),
        ({"track": 0}, "'do' is missing"),
        ({"do": "draw", "frame": 3, "xyxy": [1, 1, 2, 2]}, "too small"),
        ({"do": "draw", "frame": 3, "xyxy": [1, 1]}, ""),
        ({"do": "draw", "frame": 10**9, "xyxy": [1, 1, 99, 99]}, ""),
        ({"do": "draw", "frame": -1, "xyxy": [1, 1, 99, 99]}, ""),
        ({"do": "remove", "track": 99, "frames": [0, 5]}, "no track 99"),
        ({"do": "place", "track": 0, "first": 0, "boxes": [["a", 0, 1, 1]]}, "expected a number"),
        ({"do": "show", "track": 0, "frame": 999, "reason": "x"}, ""),
        ({"do": "judge", "track": 0, "answer": "maybe"}, ""),
        ({"do": "change", "track": 0, "kind": "face", "shape": ["box"]}, "expected one of box, ellipse, polygon"),
        ({"do": "change", "track": 0, "kind": 7, "shape": "box"}, "expected the name of a kind, got 7"),
        ({"do": "change", "track": 0, "kind": None, "shape": "box"}, "expected the name of a kind, got None"),
        ({"do": "draw", "frame": 3, "xyxy": [1, 1, 30, 30], "kind": ["a"]}, "expected the name of a kind, got ['a']"),
        ({"do": "draw", "frame": 3, "xyxy": [1, 1, 30, 30], "shape": "polygon"}, "a polygon is drawn by its corners"),
        ({"do": ["a"], "track": 0}, "expected one of"),
        ([1, 2], "expected an object"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 5000, ""),
    ],
)
def test_a_wrong_edit_is_refused_in_words_and_saves_nothing(client: Client, made: Path, edit: Any, words: str) -> None:
    before = made.read_bytes()
    answer = client.ask("POST", "/api/edit", edit)
    assert answer.status in (409, 422), answer.content
    said = json.loads(answer.content)["error"]
    assert words in said
    assert said
    assert "Traceback" not in said
    assert made.read_bytes() == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/picture/-1", "/api/picture/20", "/api/picture/x", "/api/picture/1e3", "/api/picture/99999999999999999999",
        "/api/picture/1?width=x", "/api/picture/1?width=-5", "/api/regions/0/x", "/api/lanes?tracks=a",
    ],
)  # fmt: skip
def test_a_frame_that_is_not_there_is_an_error_for_people(client: Client, path: str) -> None:
    answer = client.ask("GET", path)
    assert answer.status == 422
    assert json.loads(answer.content)["error"]


STRANGE = (
    "/page/../review.py",
    "/page/%2e%2e/app.py",
    "/page//etc/passwd",
    "/page/__init__.py",
    "/page/",
    "/api/",
    "//",
)


@pytest.mark.parametrize("path", [*STRANGE, "/plan.jsonl"])
def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert client.ask("GET", path).status == 404


def test_a_stranger_sees_and_changes_nothing(client: Client, made: Path) -> None:
    before, own = made.read_bytes(), f"http://127.0.0.1:{client.server.port}"
    edit = {"do": "judge", "track": 0, "answer": "nothing"}
    for path in ("/", "/api/review", "/api/picture/0", "/page/main.js"):
        assert client.ask("GET", path, cookie="").status == 404
        assert client.ask("GET", path, cookie="anonymize=1").status == 404
        assert client.ask("GET", path, Host="evil.example").status == 421
    for origin in (
        "http://evil.example",
        "null",
        "",
        f"{own}.evil.example",
        f"http://127.0.0.1:{client.server.port + 1}",
    ):
        assert client.ask("POST", "/api/edit", edit, Origin=origin).status == 403, origin
    assert client.ask("POST", "/api/edit", edit, cookie="").status == 404
    assert client.ask("GET", "/api/edit").status == 405
    assert client.ask("POST", "/api/review", {}).status == 405
    assert client.ask("POST", "/api/edit", b"x" * (1 << 20) + b"y").status == 413
    assert made.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/edit", (), 404),
        ("/api/edit", ("Cookie",), 403),
        ("/api/edit", ("Cookie", "Origin"), 413),
        ("/api/review", ("Cookie", "Origin"), 405),
    ],
)
def test_who_is_refused_may_send_to_the_end(client: Client, path: str, headers: tuple[str, ...], status: int) -> None:
    own, body = f"127.0.0.1:{client.server.port}", b"x" * ((2 << 20) if status == 413 else 1 << 20)
    values = {"Cookie": client.cookie, "Origin": f"http://{own}"}
    head = [f"POST {path} HTTP/1.1", f"Host: {own}", f"Content-Length: {len(body)}"]
    with socket.create_connection(("127.0.0.1", client.server.port), 30) as one:
        one.sendall("\r\n".join([*head, *(f"{name}: {values[name]}" for name in headers), "", ""]).encode())
        answer = HTTPResponse(one)
        answer.begin()
        answer.read()
        assert answer.status == status
        one.sendall(body)  # would fail if the connection were gone
        assert one.recv(1) == b"", "closed after all was taken"


def test_two_hundred_requests_at_once_are_all_answered(client: Client) -> None:
    seen: list[int] = []

    def look() -> None:
        for number in range(10):
            seen.append(client.ask("GET", f"/api/picture/{number}?width=64").status)

    lookers = [threading.Thread(target=look) for _ in range(20)]
    for one in lookers:
        one.start()
    for one in lookers:
        one.join()
    assert seen == [200] * 200


def test_what_is_published_was_checked_and_names_are_not_replaced_unasked(client: Client, tmp_path: Path) -> None:
    assert client.get("/api/publish")["state"] == "idle"
    output = tmp_path / "safe.mp4"
    client.post("/api/publish", {"output": str(output)})
    now = finished(client)
    assert (now["state"], now["output"], now["verdict"]) == ("released", str(output), "pass"), now
    report = json.loads((tmp_path / "safe.mp4.report.json").read_text())
    assert report["verdict"] == "pass"
    client.post("/api/publish", {"output": str(output)})
    assert finished(client)["state"] == "failed"
    client.post("/api/publish", {"output": str(output), "force": True})
    assert finished(client)["state"] == "released"


def test_a_review_that_ends_gives_up_what_it_is_publishing(face_clip: Path, made: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with Review(face_clip, made) as review:
        review.publish(str(tmp_path / "out" / "safe.mp4"), force=False)
    assert list((tmp_path / "out").iterdir()) == []
    assert review.publishing.as_dict()["state"] == "failed"


def test_a_face_that_somebody_uncovered_comes_back_as_a_doubt(client: Client, made: Path, tmp_path: Path) -> None:
    track = client.get("/api/review")["tracks"][0]["track"]
    client.post("/api/edit", {"do": "remove", "track": track, "frames": [0, FRAMES]})
    assert client.get("/api/review")["tracks"] == []
    client.post("/api/publish", {"output": str(tmp_path / "bare.mp4")})
    now = finished(client)
    assert now["state"] == "released"
    assert now["verdict"] == "pass-with-doubts"
    assert now["doubts"] >= 1
    (row, *_) = client.get("/api/review")["tracks"]
    assert (row["doubt"], row["answer"], row["drawn"]) == ("check", None, "open")
    client.post("/api/edit", {"do": "judge", "track": row["track"], "answer": "hide"})
    assert [one.answer for one in plan.read(made).doubts if one.track == row["track"]] == [Answer.HIDE]
    assert client.post("/api/undo")["edits"] == 1


def test_a_plan_of_another_file_or_one_that_is_open_is_refused(face_clip: Path, made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(face_clip.read_bytes() + b"\0")
    with pytest.raises(errors.PlanError, match="made for another file"):
        Review(other, made)
    with Review(face_clip, made), pytest.raises(errors.PlanError, match="somebody else is editing"):
        Review(face_clip, made)
    with pytest.raises(errors.PlanError, match="no such file"):
        Review(face_clip, tmp_path / "none.jsonl")
    with pytest.raises(errors.UnreadableInput):
        Review(tmp_path / "none.mp4", made)
    Review(face_clip, made).close()


def test_a_plan_lies_beside_its_source() -> None:
    assert plan_for(Path("a/street.mov")) == Path("a/street-safe.mov.plan.jsonl")
    assert len(plan_for(Path("ä" * 124 + ".mp4")).name.encode()) <= 255


def test_a_track_has_a_small_picture_and_no_other_number_has(client: Client) -> None:
    (row,) = client.get("/api/review")["tracks"]
    answer = client.ask("GET", f"/api/thumb/{row['track']}")
    assert (answer.status, answer.headers["content-type"], answer.content[:2]) == (200, "image/jpeg", b"\xff\xd8")
    gone = client.ask("GET", "/api/thumb/99")
    assert (gone.status, gone.content) == (204, b"")
    assert client.ask("GET", "/api/thumb/x").status == 422
