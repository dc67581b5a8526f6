"""Watching by `webrtc:` in a real browser: pictures with a clock, from the real program, and the page around them."""

import os
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from anonymize.live.metrics import Metrics
from anonymize.live.webrtc import page as viewers_page
from anonymize.live.webrtc import place
from anonymize.live.webrtc.port import Port
from benchmarks import clock
from benchmarks.watch import BLOCKS, FOLLOW, number_of
from tests.helpers.browser import CHROMIUM, QUIET, SLOW, browser, needs_chromium, window
from tests.helpers.media import make_video
from tests.helpers.pace import Bound, slowdown
from tests.helpers.servers import anonymize, free_port, until
from tests.helpers.terminals import CTRL_C, PROGRAM, Terminal
from tests.helpers.whep import ask, certificate_in, logged
from tests.live.test_control_room import CLIPPED, ODD, UNKNOWN
from tests.review.test_types import AXE

pytestmark = needs_chromium
ANNA, BEN = "a-token-of-annas-own", "a-token-of-bens-own!"
SIZE, FRAMES = (1280, 720), 250
PAGE = Path(viewers_page.__file__).parent
ZONE = "[[880, 460], [960, 460], [960, 540], [880, 540]]"
PRESET = f"targets = []\nzones = [{{ polygon = {ZONE} }}]\n"
"""A zone that is always hidden, which needs no detector."""
LIVE = {"en": "Live", "de": "Live", "fr": "En direct", "es": "En directo", "sr": "Uživo"}
WRONG = "This token is not known."


def clip_of(path: Path, size: tuple[int, int] = SIZE, frames: int = FRAMES) -> Path:
    """Grey pictures with a clock."""

    def pictures() -> Iterator[Any]:
        for number in range(frames):
            picture = np.full((size[1], size[0], 3), 90, np.uint8)
            picture[100:200, (7 * number) % size[0] :][:, :60] = 200
            clock.draw(picture, number)
            yield picture

    return make_video(path, frames=pictures(), options={"preset": "ultrafast", "crf": "20"})


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as launched:
        yield launched


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return viewers_in(tmp_path)


def viewers_in(folder: Path) -> Path:
    path = folder / "viewers.toml"
    path.touch(0o600)
    path.write_text(f'anna = "{ANNA}"\nben = "{BEN}"\n')
    return path


@contextmanager
def live(clip: Path, folder: Path, *options: object, before: Sequence[str] = ()) -> Iterator[tuple[Any, str, Path]]:
    """The program as it runs, the address of the page for viewers, and its log."""
    preset, log = folder / "preset.toml", folder / "log"
    preset.write_text(PRESET)
    with log.open("wb") as errors:
        arguments = (clip, "--loop", "--preset", preset, "--name", "market", *options)
        command = [*before, *PROGRAM, "live", *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors, start_new_session=True)
        try:
            until(lambda: "source open" in log.read_text() or process.poll() is not None, 60)
            found = re.search(r"^watch: (\S+)$", log.read_text(), re.MULTILINE)
            assert found, log.read_text()
            yield process, found[1], log
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(30) == 0


def watch(page: Page, address: str) -> None:
    """Open the page, and read the clock of what it shows."""
    page.goto(address)
    page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
    expect(page.locator("#state")).to_have_text("Live")
    page.evaluate(FOLLOW, list(BLOCKS))


def numbers(page: Page, enough: int = 25) -> list[int]:
    """What the clock said on so many pictures that have one, of those shown from now on. A notice has none."""
    page.evaluate("() => { window.shown.length = 0; }")
    read: list[int] = []
    bound = Bound(30)
    while len(read) < enough:
        assert not bound.over(), read
        page.wait_for_function("() => window.shown.length > 0")
        shown = page.evaluate("() => window.shown.splice(0)")
        read += [number for _, means in shown if (number := number_of(means)) is not None]
    return read


def follow_one_another(read: list[int]) -> bool:
    """Whether each number is a little after the one before, or on a busy machine, which skips many, not before it.

    A browser may say that it shows a picture when the next has taken its place: that one is read twice, and its
    predecessor not at all. One in five may be, at most.
    """
    most = min(40 * slowdown(), 0.8 * FRAMES)
    steps = [(b - a) % FRAMES for a, b in pairwise(read)]
    late = all(before > 1 for before, step in pairwise(steps) if step == 0)
    return late and steps.count(0) <= len(steps) / 5 and all(step < most for step in steps)


def test_two_viewers_watch_and_one_that_is_killed_harms_nobody(
    chromium: Browser, clip: Path, file: Path, tmp_path: Path
) -> None:
    metrics = free_port()
    with ExitStack() as stack:
        options = ("--to", "webrtc:0", "--viewers", file, "--metrics", metrics)
        process, address, log = stack.enter_context(live(clip, tmp_path, *options))
        page = stack.enter_context(window(chromium))
        watch(page, f"{address}#{ANNA}")
        assert page.url == address  # the token is not to stay in the history
        assert follow_one_another(numbers(page))

        other = chromium.browser_type.launch(executable_path=CHROMIUM, args=QUIET)
        second = other.new_page()
        watch(second, f"{address}#{BEN}")
        assert follow_one_another(numbers(second))
        until(lambda: 'sink="webrtc:0"} 2.0' in fetched(metrics), 10)
        facts = other.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        for one in facts:
            os.kill(one["id"], signal.SIGKILL)

        assert follow_one_another(numbers(page, 75))
        until(lambda: "gone silent" in log.read_text(), 30, "it is noticed")
        assert follow_one_another(numbers(page))
        page.get_by_role("button", name="Stop watching").click()
        expect(page.locator("#state")).to_have_text("Not watching")
        until(lambda: 'sink="webrtc:0"} 0.0' in fetched(metrics), 10)
        assert process.poll() is None
    lines = logged(file.with_name("viewers.toml.watched.jsonl").read_text())
    told = [(line["act"], line["by"], line.get("why")) for line in lines]
    assert told == [
        ("began to watch", "anna", None),
        ("began to watch", "ben", None),
        ("stopped watching", "ben", "gone silent"),
        ("stopped watching", "anna", "left"),
    ]
    assert all(line["saw_pictures"] and line["seconds"] > 1 for line in lines[2:])
    assert not [token for token in (ANNA, BEN) if token in log.read_text()]


def fetched(port: int) -> str:
    """The metrics."""
    return str(ask(port, "GET", "/metrics").content)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which CI installs")
def test_nobody_is_contacted(chromium: Browser, clip: Path, tmp_path: Path) -> None:
    traces = tmp_path / "traces"
    calls = "connect,bind,sendto,sendmsg,sendmmsg"
    strace = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={calls}", "-e", "signal=none", "-o", str(traces))
    with live(clip, tmp_path, "--to", "webrtc:0", before=strace) as (_, address, _), window(chromium) as page:
        watch(page, address)
        assert follow_one_another(numbers(page))
    said = traces.read_text(errors="replace")
    places = set(re.findall(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', said))
    assert places == {("127.0.0.1", "")}
    assert "sendto" in said


def test_it_is_served_to_others_with_tls(chromium: Browser, clip: Path, file: Path, tmp_path: Path) -> None:
    certificate, key = certificate_in(tmp_path)
    options = ("--viewers", file, "--tls-cert", certificate, "--tls-key", key)
    with live(clip, tmp_path, "--to", f"webrtc:0.0.0.0:{free_port()}", *options) as (_, address, _):
        context = chromium.new_context(ignore_https_errors=True, locale="en-GB")
        page = context.new_page()
        assert address.startswith("https://0.0.0.0:")
        watch(page, f"{address.replace('0.0.0.0', '127.0.0.1')}#{ANNA}")
        assert follow_one_another(numbers(page))
        served = ("127.0.0.1", int(address.rpartition(":")[2].partition("/")[0]))
        assert ssl.get_server_certificate(served) == certificate.read_text()
        certificate_in(tmp_path, serial=2)
        assert ssl.get_server_certificate(served) == certificate.read_text(), "a renewed one is taken up"
        assert follow_one_another(numbers(page)), "whoever watches goes on"
        page.reload()
        expect(page.locator("#state")).to_have_text("Live")
        context.close()


def test_a_wrong_token_with_a_bare_percent_sign_is_refused_and_does_not_stay_in_the_address(
    chromium: Browser, clip: Path, file: Path, tmp_path: Path
) -> None:
    with live(clip, tmp_path, "--to", f"webrtc:{free_port()}", "--viewers", file) as (_, address, _):
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        page.goto(f"{address}#50%")
        expect(page.locator("#state")).to_have_text("This token is not known.")
        assert page.url == address
        context.close()


def serves(process: psutil.Process) -> bool:
    """Whether it has a port."""
    return any(one.status == "LISTEN" for one in process.net_connections("tcp"))


def test_a_camera_that_is_started_anew_with_another_size_is_watched_on(
    chromium: Browser, file: Path, tmp_path: Path
) -> None:
    port, clip = free_port(), clip_of(tmp_path / "clip.mp4")
    config = tmp_path / "cameras.toml"
    config.write_text(
        f'[cameras.market]\nsource = "{clip}"\nloop = true\nto = ["webrtc:{port}"]\nviewers = "{file}"\n'
        f"[cameras.market.settings]\n{PRESET}"
    )
    log = tmp_path / "log"
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()  # its console tells that nobody answered meanwhile
    page.set_default_timeout(SLOW)
    with log.open("wb") as errors:
        supervisor = anonymize("--config", str(config), stdin=subprocess.DEVNULL, stderr=errors)
        try:
            until(lambda: "source open" in log.read_text(), 60)
            watch(page, f"http://127.0.0.1:{port}/#{ANNA}")
            assert follow_one_another(numbers(page))
            clip_of(clip, (960, 540))
            (child,) = [one for one in psutil.Process(supervisor.pid).children() if serves(one)]
            child.kill()
            page.wait_for_function("() => document.querySelector('video').videoWidth === 960", timeout=90_000)
            expect(page.locator("#state")).to_have_text("Live")
            assert follow_one_another(numbers(page))
        finally:
            supervisor.terminate()
            supervisor.wait(30)
            context.close()
    assert log.read_text().count("viewer came") == 2
    assert ANNA not in log.read_text()


def test_the_command_prints_the_address_on_a_terminal_and_in_a_pipe(clip: Path, tmp_path: Path) -> None:
    preset = tmp_path / "preset.toml"
    preset.write_text(PRESET)
    command = ("live", str(clip), "--loop", "--preset", str(preset), "--to", "webrtc:0")
    with Terminal(*command, columns=80) as terminal:
        terminal.until("watch: http://127.0.0.1:", 60)
        terminal.until("source open")
        assert re.search(r"watch: http://127\.0\.0\.1:\d+/#[\w-]{32}\r\n", terminal.sent)
        terminal.type(CTRL_C)
        assert terminal.end() == 0, terminal.sent
    with live(clip, tmp_path, "--to", "webrtc:0") as (_, address, _):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#[\w-]{32}", address)


# ---- the page, without a camera


@pytest.fixture
def port(file: Path) -> Iterator[Port]:
    made = Port(place.parse("webrtc:0", file), "market", "webrtc:0", Metrics())
    yield made
    made.close()


def test_a_wrong_token_is_asked_for_again_by_keyboard(chromium: Browser, port: Port) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    page = context.new_page()  # its console tells of the 401
    page.goto(port.address)
    page.keyboard.press("Tab")
    expect(page.locator("#language")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#token")).to_be_focused()
    page.keyboard.type("no-token-of-anybody")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text(WRONG)
    expect(page.locator("#token")).to_be_focused()
    expect(page.locator("#token")).to_have_value("")
    page.keyboard.type(ANNA)
    page.keyboard.press("Enter")
    expect(page.locator("#stale")).to_be_visible()
    expect(page.locator("#ask")).to_be_hidden()
    context.close()


def test_it_speaks_five_languages_and_fits_a_phone(chromium: Browser, port: Port) -> None:
    for width in (1280, 360):
        with window(chromium) as page:
            page.set_viewport_size({"width": width, "height": 720})
            page.goto(port.address)
            names = [path.name for path in PAGE.glob("*.js")]
            assert page.evaluate(UNKNOWN, names) == []
            for language in LIVE:
                page.select_option("#language", language)
                assert page.evaluate(ODD, language) == []
                assert page.get_attribute("html", "lang") == language
                assert page.evaluate(CLIPPED) == []
                assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
            assert page.title() == "Slika uživo"


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: make page-test")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_left_out_of_the_page_for_viewers(chromium: Browser, port: Port, dark: bool) -> None:
    with window(chromium) as page:
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.goto(port.address)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for token in ("", ANNA):
            if token:
                page.fill("#token", token)
                page.click("form button")
                expect(page.locator("#view")).to_be_visible()
            told = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
            assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in told["violations"]] == []


def test_nothing_is_kept_and_no_page_has_scripts_or_styles_in_it(port: Port) -> None:
    answer = ask(urlsplit(port.address).port or 0, "GET", "/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<style" not in answer.content
    assert " style=" not in answer.content
    assert len(re.findall("<script", answer.content)) == 1
