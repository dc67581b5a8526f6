"""What the tests of the review share: a film, its plan, and the page as a program and as a person see it."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import anonymize
from anonymize import cli, plan, presets, report
from anonymize.data import Kind
from anonymize.plan import About, Plan, Regions
from anonymize.plan.faint import Faint
from anonymize.review.app import app
from anonymize.review.review import Review
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from anonymize.web.server import Server
from tests.conftest import FRAMES, face_box
from tests.helpers.browser import browser, window

TOKEN = "a-token-for-these-tests"
FAST = from_mapping(Settings, {"targets": ["face"], "output": {"speed": "ultrafast"}}, presets.load("default").settings)


class Client:
    """A browser without a screen: the address, the cookie, and requests."""

    def __init__(self, server: Server) -> None:
        self.server = server
        answer = self.ask("GET", f"/{TOKEN}/", cookie="")
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def ask(self, method: str, path: str, body: Any = None, cookie: str | None = None, **headers: str) -> Any:
        """The response, with its `content`."""
        cookie = self.cookie if cookie is None else cookie
        sent = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if method == "POST":
            headers = {"Origin": f"http://127.0.0.1:{self.server.port}"} | headers
        with closing(HTTPConnection("127.0.0.1", self.server.port, timeout=30)) as connection:
            connection.request(method, path, sent, {"Cookie": cookie} | headers)
            answer: Any = connection.getresponse()
            answer.content = answer.read()
            return answer

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.content
        return json.loads(answer.content)

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.ask("POST", path, body or {})
        assert answer.status == 200, answer.content
        return json.loads(answer.content)


def ended(*arguments: object) -> int:
    """The exit code of a command that is run in this process, whose signals stay as they are."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["anonymize", *(str(argument) for argument in arguments)])
        return cli._run()


def finished(client: Client) -> Any:
    """How what is being published ended."""
    until = time.monotonic() + 120
    while (now := client.get("/api/publish"))["state"] == "running":
        assert time.monotonic() < until
        time.sleep(0.1)
    return now


@contextmanager
def served(review: Review) -> Iterator[Server]:
    """`review` on a page."""
    server = Server(0, app(review), TOKEN)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def found(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of the clip, as found."""
    path = tmp_path_factory.mktemp("plans") / "plan.jsonl"
    anonymize.write_plan(face_clip, path, FAST)
    return path


@pytest.fixture
def made(found: Path, tmp_path: Path) -> Path:
    """A copy of the plan."""
    copy = tmp_path / "face-safe.mp4.plan.jsonl"
    copy.write_bytes(found.read_bytes())
    return copy


@pytest.fixture
def bare(face_clip: Path, tmp_path: Path) -> Path:
    """A plan of the clip that covers nobody, and has seen the face faintly on its frame 8."""
    x0, y0, x1, y1 = (float(value) for value in face_box(8))
    about = About(report.sha256(face_clip), FRAMES, 320, 240, FAST)
    one = Faint(1, Kind.FACE, 8, ((x0, y0, x1, y1),), 8, 0.3)
    path = tmp_path / "bare.jsonl"
    plan.write(Plan(about, Regions(()), faint=(one,)).marked(), path)
    return path


@pytest.fixture
def client(face_clip: Path, made: Path) -> Iterator[Client]:
    """The review of the clip, asked by a program."""
    with Review(face_clip, made, "Ada Ø") as review, served(review) as server:
        yield Client(server)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser for all of these tests; each has a window that nobody has used before."""
    with browser() as launched:
        yield launched


@pytest.fixture
def page(face_clip: Path, made: Path, chromium: Browser) -> Iterator[Page]:
    """The review of the clip, opened by its address."""
    with Review(face_clip, made) as review, served(review) as server, window(chromium) as opened:
        opened.goto(server.address)
        expect(opened.locator(".row")).to_have_count(1)
        yield opened
