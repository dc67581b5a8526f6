"""The control room with real cameras: as a program asks it, and as a person sees it in a real browser."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from anonymize.live.control_room import page as control_room
from anonymize.live.health import Obstacle
from anonymize.live.supervisor.hour import Hour
from anonymize.web.server import Server
from tests.helpers.browser import browser, needs_chromium, window
from tests.helpers.control_room import Cameras
from tests.helpers.media import make_video
from tests.helpers.servers import free_port, live_once, until
from tests.helpers.terminals import CTRL_C, Terminal
from tests.live.test_recordings import record
from tests.live.test_supervise import Supervised, supervised
from tests.review.test_types import AXE

TOKEN = "a-token-for-these-tests"
PAGE = Path(control_room.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
FAILING = {"de": "gestört", "fr": "en panne", "es": "en fallo", "sr": "u kvaru", "en": "failing"}
CLIPPED = """() => [...document.querySelectorAll("button, h2, .state, .wrong, dt, dd, li")].filter((one) =>
    one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline"
).map((one) => one.outerHTML)"""
ODD = """(language) => import("/page/strings.js").then(({ LANGUAGES }) => Object.entries(LANGUAGES.en).filter(
    ([word, text]) => LANGUAGES[language][word]?.split("{").length !== text.split("{").length))"""
"""Words that a language lacks, or has with other values."""
UNKNOWN = """(names) => Promise.all([import("/page/strings.js"), ...names.map((name) =>
    fetch(`/page/${name}`).then((one) => one.text()))]).then(([{ LANGUAGES }, ...texts]) =>
    [...texts.join().matchAll(/(?:say|fill)\\("([^"]+)"/g)].map((one) => one[1]).filter((one) => !LANGUAGES.en[one]))"""
"""Words that the page says, and that nobody has written."""
CAUSES = ("silent", "blank", "hidden", "late", "slow", "small", "died", "hangs", "ended", *Obstacle)
UNSAID = """(causes) => import("/page/advice.js").then(({ sentence }) => causes.map((what) => sentence({
    state: "failing", causes: [{ what, value: 70, failing: true }],
    now: { stages: {}, effort: { round: 0, long: 1 }, minute: {} },
})).filter((said) => !said || /(cause|do)-/.test(said)))"""
"""Causes for which the page has no sentence."""
ZONE = "[[0, 0], [40, 0], [40, 40], [0, 40]]"


class Client:
    """A browser without a screen: the address, the cookie, and requests."""

    def __init__(self, port: int) -> None:
        self.port, self.cookie = port, ""
        answer = self.ask("GET", f"/{TOKEN}/")
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response, with its `content`."""
        sent = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if method == "POST":
            headers = {"Origin": f"http://127.0.0.1:{self.port}"} | headers
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, sent, {"Cookie": self.cookie} | headers)
            answer: Any = connection.getresponse()
            answer.content = answer.read()
            return answer

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.content
        return json.loads(answer.content)

    def camera(self, name: str) -> Any:
        """What the overview says of a camera."""
        (found,) = [one for one in self.get("/api/cameras")["cameras"] if one["name"] == name]
        return found

    def frames(self, name: str) -> int:
        """How many frames a camera has sent; 0 before its first report, which a picture may come before."""
        now = self.camera(name)["now"]
        return int(now["frames"]["out"]) if now else 0

    def picture(self, name: str) -> Any:
        """The picture of a camera, as (height, width, 3); None if there is none."""
        answer = self.ask("GET", f"/api/picture/{name}")
        if answer.status == 204:
            return None
        assert answer.headers["content-type"] == "image/jpeg"
        return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)


def fleet(
    folder: Path, clip: Path, control: int, cameras: list[str], *, metrics: int = 0, preset: str = "municipal"
) -> Path:
    """A file of cameras, each with a zone that is always hidden, which needs no detector."""
    text = f'preset = "{preset}"\ncontrol = {control} # the control room\nmetrics = {metrics}\n'
    for name in cameras:
        text += f'\n[cameras.{name}]\nsource = "{clip}"\nloop = true\nto = ["record:{folder}/{name}"]\nsegment = 2\n'
        text += f"[cameras.{name}.settings]\ntargets = []\n"
        text += f"# The flat across the street.\nzones = [{{ polygon = {ZONE} }}]\n"
    path = folder / "cameras.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=100, size=(160, 120))


@contextmanager
def running(
    folder: Path, clip: Path, cameras: list[str], preset: str = "municipal"
) -> Iterator[tuple[Supervised, Client]]:
    """Cameras that run, and their control room."""
    port, metrics = free_port(), free_port()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ANONYMIZE_CONTROL_TOKEN", TOKEN)
        with supervised(fleet(folder, clip, port, cameras, metrics=metrics, preset=preset), metrics) as started:
            until(lambda: started.events("control room"), 20, "it is served")
            client = Client(port)
            until(lambda: all(client.camera(name)["picture"] for name in cameras), 30, "pictures come")
            until(lambda: all(client.frames(name) > 20 for name in cameras), 30)
            yield started, client


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as launched:
        yield launched


def test_it_shows_what_was_released_and_how_the_cameras_are(tmp_path: Path, clip: Path) -> None:
    with running(tmp_path, clip, ["one", "two"]) as (started, client):
        one = client.camera("one")
        assert (one["state"], one["causes"], one["picture"]["size"]) == ("ok", [], [160, 120])
        assert one["now"]["latency"]["median"] > 0
        assert one["hour"]["minutes"][-1]["out"] + (one["hour"]["minutes"][-2] or {"out": 0})["out"] > 20
        (disk,) = one["disks"]
        assert disk["folder"] == str(tmp_path / "one")
        assert 0 < disk["free"] <= disk["size"]
        picture = client.picture("one")
        assert picture.shape == (120, 160, 3)
        assert picture[4:36, 4:36].max() < 40, "the zone is hidden"
        assert picture[60:, 60:].std() > 10, "the rest is not"
        number = one["picture"]["number"]
        until(lambda: client.camera("one")["picture"]["number"] > number, 10, "the picture moves")

        (process,) = [event["process"] for event in started.events("camera started", camera="two")]
        os.kill(process, signal.SIGSTOP)
        until(lambda: client.camera("two")["causes"] == [{"what": "hangs"}], 10)
        assert client.camera("two")["state"] == "failing"
        assert started.ask("healthz")[0] == 503
        os.kill(process, signal.SIGCONT)
        until(lambda: client.camera("two")["state"] == "ok", 10)
        os.kill(process, signal.SIGKILL)
        until(lambda: client.camera("two")["causes"] == [{"what": "died"}], 10)
        until(lambda: client.picture("two") is None, 5, "what a process that is gone released is not kept")
        assert client.camera("one")["state"] == "ok"


@contextmanager
def served(cameras: Cameras) -> Iterator[Server]:
    """The control room of cameras that are not there."""
    server = Server(0, cameras.app(), TOKEN)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served(Cameras(4)) as made:
        yield made


def test_nothing_is_shown_without_the_token_to_other_hosts_or_to_other_pages(server: Server) -> None:
    client = Client(server.port)
    paths = ("/", "/api/cameras", "/api/picture/market", "/page/main.js")
    for path in paths:
        assert client.ask("GET", path).status == 200, path
        assert client.ask("GET", path, Host="evil.example").status == 421, path
        assert client.ask("GET", path, Cookie="").status == 404, path
        assert client.ask("GET", path, Cookie=client.cookie[:-1]).status == 404, path
    assert client.ask("GET", f"/{TOKEN[:-1]}/", Cookie="").status == 404
    answer = client.ask("GET", f"/{TOKEN}/", Cookie="")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]
    for path in (
        "/api/picture/none",
        "/api/cameras?width=x",
        "/api/cameras?width=-1",
        f"/api/cameras?width={'9' * 99}",
    ):
        assert client.ask("GET", path).status == 422, path
    for path in ("/none", "/page/../app.py", "/page/__init__.py", "/api/picture/..%2f..%2fetc%2fpasswd"):
        assert client.ask("GET", path).status in (404, 422), path


def test_no_answer_is_kept_and_no_page_has_scripts_or_styles_in_it(server: Server) -> None:
    client = Client(server.port)
    for path in ("/", "/api/cameras", "/api/picture/market", "/page/main.js", "/none"):
        answer = client.ask("GET", path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["access-control-allow-origin"] is None
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)", answer.content), path
    page = client.ask("GET", "/").content
    assert not re.search(rb"<style|style=|\son\w+=|<script(?! type=\"module\" src=)", page)


@pytest.mark.parametrize("n", [1, 4, 30])
@needs_chromium
def test_it_fits_the_window_and_says_what_is_wrong_and_what_to_do(chromium: Browser, n: int) -> None:
    with served(Cameras(n)) as made, window(chromium) as page:
        page.goto(made.address)
        expect(page.locator("article")).to_have_count(n)
        assert page.url == f"http://127.0.0.1:{made.port}/"
        expect(page.locator("article img").last).to_have_js_property("naturalWidth", 160)
        expect(page.locator("#counts")).to_have_text("1 ok" if n == 1 else f"1 failing, 1 degraded, {n - 2} ok")
        if n > 1:
            wrong = page.locator("article .wrong")
            expect(wrong.nth(0)).to_be_hidden()
            expect(wrong.nth(1)).to_have_text(
                "39% of the last minute was hidden: lower the resolution or the number of cameras, or look for larger "
                "faces (min_face)."
            )
            expect(wrong.nth(2)).to_contain_text("(the disk is full): make room on the disk, or keep less.")
            for number, state in enumerate(("ok", "degraded", "failing")):
                expect(page.locator("article .state").nth(number)).to_have_text(state)
            expect(page.get_by_role("img", name="hidden in the last hour, most at").first).to_be_visible()
        expect(page.locator("article .over").first).to_be_empty()
        for width, height, size in ((1280, 720, "100%"), (640, 360, "100%"), (1280, 720, "200%"), (390, 800, "100%")):
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(f"document.documentElement.style.fontSize = '{size}'")
            page.wait_for_timeout(100)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            clipped = page.evaluate(CLIPPED)
            assert clipped == []


@needs_chromium
def test_it_is_used_by_keyboard_in_five_languages_and_keeps_the_focus(chromium: Browser) -> None:
    with served(Cameras(30)) as made, window(chromium) as page:
        page.goto(made.address)
        expect(page.locator("article")).to_have_count(30)
        page.keyboard.press("Tab")
        expect(page.locator("#to-cameras")).to_be_focused()
        page.locator("#language").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("article").nth(2)).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("article").nth(2).locator("details li").first).to_be_visible()
        page.wait_for_timeout(2500)
        expect(page.locator("article").nth(2).locator("summary")).to_be_focused()
        for language, word in FAILING.items():
            page.select_option("#language", language)
            expect(page.locator("article .state").nth(2)).to_have_text(word)
            assert page.evaluate("document.documentElement.lang") == language
            assert not re.search(r"[\u0400-\u04ff]", page.locator("body").inner_text()), "another script than the words"
            odd = page.evaluate(ODD, language)
            assert odd == []
            unsaid = page.evaluate(UNSAID, list(CAUSES))
            assert unsaid == []
        unknown = page.evaluate(UNKNOWN, [path.name for path in PAGE.glob("*.js")])
        assert unknown == []


def test_each_refusal_that_has_a_code_is_said_in_five_languages() -> None:
    program = PAGE.parents[2]
    used = {
        code
        for path in program.rglob("*.py")
        for code in re.findall(r'\.coded\(\s*"([a-z-]+)"', path.read_text(encoding="utf-8"))
    }
    words = re.findall(r'"refused-([a-z-]+)":', (PAGE / "strings.js").read_text(encoding="utf-8"))
    assert {word: words.count(word) for word in words} == dict.fromkeys(used, 5)
    assert len(used) > 25


@needs_chromium
def test_a_program_that_has_ended_is_told_and_what_is_on_the_page_is_marked_as_old(chromium: Browser) -> None:
    with served(Cameras(1)) as made, window(chromium) as page:
        page.goto(made.address)
        expect(page.locator("article")).to_have_count(1)
        page.evaluate(
            "() => void (window.fetch = () => Promise.reject(new Error('gone')))"
        )  # a real one is a message on the console
        expect(page.get_by_role("alert")).to_contain_text("does not answer any more")
        expect(page.locator("article.stale")).to_have_count(1)


@needs_chromium
def test_the_command_prints_the_address_on_a_terminal_alone(tmp_path: Path, clip: Path, chromium: Browser) -> None:
    path = fleet(tmp_path, clip, 0, ["one"])
    with Terminal("live", "--config", path, columns=80) as terminal:
        terminal.until("control room: http://127.0.0.1:", 60)
        terminal.until("/\r\n")
        (address,) = re.findall(r"control room: (http://127\.0\.0\.1:\d+/\S+/)", terminal.sent)
        with window(chromium) as page:
            page.goto(address)
            expect(page.locator("article .state")).to_have_text("ok")
            expect(page.locator("article img")).to_have_js_property("naturalWidth", 160)
        token = address.split("/")[3]
        assert terminal.sent.count(token) == 1, "the log has it too"
        assert "***" not in terminal.sent, "the log has the address once more, masked"
        terminal.type(CTRL_C)
        assert terminal.end() == 0, terminal.sent
    assert "Traceback" not in terminal.sent
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with live_once("--config", str(path), **pipes) as done:
        said = done.communicate(timeout=200)[1]
    assert done.returncode == 2
    assert b"ANONYMIZE_CONTROL_TOKEN" in said


@needs_chromium
@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: make page-test")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_left_out_of_the_control_room(tmp_path: Path, chromium: Browser, dark: bool) -> None:
    """Cameras, recordings, zones, and the dialog that adds cameras; in the light in every language."""
    kept = record(tmp_path / "rec", (0.0, 50), (4.0, 50), segment=1.0)
    with served(Cameras(4, kept)) as made, window(chromium) as page:
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.goto(made.address)
        expect(page.locator("article")).to_have_count(4)
        page.evaluate(AXE.read_text(encoding="utf-8"))

        def sound(where: str) -> None:
            told = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
            found = [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in told["violations"]]
            assert found == [], where

        for language in ["en"] if dark else FAILING:
            page.select_option("#language", language)
            expect(page.locator("article")).to_have_count(4)
            page.locator("summary").first.click()
            sound(f"{language}: cameras")
            page.locator("article .body > button").first.click()
            expect(page.locator("#zone-list li")).to_have_count(1)
            page.locator("#zone-list button").first.click()
            sound(f"{language}: zones")
            page.locator("#zone-close").click()
            page.locator("#to-roster").click()
            expect(page.locator("#new-gone option")).to_have_count(4)
            sound(f"{language}: add a camera")
            page.locator("#roster-close").click()
            page.locator("#to-recordings").click()
            page.fill("#from", "2026-11-29T00:00:00")
            page.fill("#to", "2026-11-30T00:00:00")
            page.locator("#span button").first.click()
            expect(page.locator("#rows tr").first).to_be_visible()
            sound(f"{language}: recordings")
            page.locator("#to-cameras").click()


def test_the_page_has_a_picture_in_the_docs() -> None:
    picture = DOCS / "control-room.jpg"
    assert f"({picture.name})" in (DOCS / "live.md").read_text()
    assert picture.stat().st_size < 200_000


def test_the_hour_outlasts_the_camera_process_and_shows_where_nothing_came() -> None:
    now = [60.0 * 1000]
    hour = Hour(lambda: now[0])
    assert (hour.minutes(), hour.share()) == ([None] * 60, None)
    hour.add({"out": 100, "obscured": 10, "late": 5})
    hour.add({"out": 200, "obscured": 20, "late": 5})
    now[0] += 120
    hour.add({"out": 100, "obscured": 80, "late": 0})  # started anew
    assert hour.minutes()[-3:] == [
        {"out": 200, "obscured": 20, "late": 5},
        None,
        {"out": 100, "obscured": 80, "late": 0},
    ]
    assert hour.share() == 100 / 300
    now[0] += 60 * 59
    assert hour.minutes()[0] == {"out": 100, "obscured": 80, "late": 0}
    now[0] += 60
    assert hour.share() is None
