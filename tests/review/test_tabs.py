"""What is in the way of a review: another window, a source that is gone, a full disk, a fault of the program."""

import json
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from anonymize.review.asked import Asking
from anonymize.review.review import Review
from anonymize.review.tabs import HELD, Tabs
from tests.helpers.browser import needs_chromium, window
from tests.review.conftest import Client, served


def test_one_window_edits_until_it_leaves_falls_silent_or_another_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    some = Tabs()
    assert some.claim("a")
    assert not some.claim("b")
    some.leave("b")
    assert not some.claim("b"), "one that does not edit cannot leave for another"
    some.leave("a")
    assert some.claim("b")
    now[0] += HELD
    assert not some.claim("a")
    now[0] += 0.1
    assert some.claim("a")
    assert some.claim("b", take=True)
    assert not some.claim("a")


def test_what_another_window_asks_for_is_refused(client: Client, made: Path) -> None:
    before = made.read_bytes()
    assert client.post("/api/tab", {"tab": "one"})["mine"]
    edit = {"do": "remove", "track": 0, "frames": [0, 2]}
    for path, body in (("edit", edit), ("undo", {}), ("redo", {}), ("sign", {}), ("publish", {}), ("answer", {})):
        answer = client.ask("POST", f"/api/{path}", body, **{"X-Tab": "two"})
        assert answer.status == 409, path
        assert "another window" in json.loads(answer.content)["error"]
    assert made.read_bytes() == before
    assert client.ask("POST", "/api/edit", edit, **{"X-Tab": "one"}).status == 200


@pytest.fixture
def film(face_clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(face_clip, tmp_path / "film.mp4"))


def test_a_source_that_is_gone_or_changed_is_noticed_at_once(film: Path, made: Path) -> None:
    with Review(film, made) as review, served(review) as server:
        client = Client(server)
        assert client.post("/api/tab", {"tab": "one"})["trouble"] == ""
        client.ask("POST", "/api/edit", {"do": "remove", "track": 0, "frames": [0, 1]}, **{"X-Tab": "one"})
        aside = film.rename(film.with_name("aside.mp4"))
        before = made.read_bytes()
        assert "is gone while it was reviewed" in client.post("/api/tab", {"tab": "one"})["trouble"]
        assert client.ask("GET", "/api/picture/0").status == 422
        edit = {"do": "remove", "track": 0, "frames": [0, 2]}
        for path, body in (("edit", edit), ("undo", {}), ("sign", {"name": "Ada"}), ("sampled", {"showing": []})):
            refused = client.ask("POST", f"/api/{path}", body, **{"X-Tab": "one"})
            assert refused.status == 422, path
            assert json.loads(refused.content)["lasting"], path
        assert made.read_bytes() == before
        aside.rename(film)
        assert client.post("/api/tab", {"tab": "one"})["trouble"] == "", "it is back"
        shutil.copy(film, aside)
        with film.open("ab") as file:
            file.write(b"more")
        assert "was changed or replaced" in client.post("/api/tab", {"tab": "one"})["trouble"]


def test_a_plan_that_another_program_changed_is_noticed_at_once(client: Client, made: Path) -> None:
    made.write_bytes(made.read_bytes() + b"\n")
    assert "another program changed" in client.post("/api/tab", {"tab": "one"})["trouble"]


def test_a_fault_of_the_program_is_told_in_words(client: Client, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault for this test")

    monkeypatch.setattr(Asking, "edit", broken)
    answer = client.ask("POST", "/api/edit", {"do": "remove", "track": 0, "frames": [0, 2]})
    assert answer.status == 500
    assert "internal error (RuntimeError: a fault for this test)" in json.loads(answer.content)["error"]
    monkeypatch.undo()
    assert client.ask("POST", "/api/edit", {"do": "remove", "track": 0, "frames": [0, 2]}).status == 200


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """No file of this process grows beyond the length of `path`."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator(".row")).to_have_count(1)
    return page


@needs_chromium
def test_a_second_window_shows_what_the_first_does_and_takes_over_when_asked(
    face_clip: Path, made: Path, chromium: Browser
) -> None:
    with Review(face_clip, made) as review, served(review) as server, window(chromium) as first:
        opened(first, server.address)
        second = opened(first.context.new_page(), server.address)
        banner = second.locator("#banner")
        expect(banner).to_contain_text("open in another window")
        before = made.read_bytes()
        second.click(".row")
        second.keyboard.press("n")
        expect(second.locator("#message")).to_contain_text("open in another window")
        assert made.read_bytes() == before
        first.bring_to_front()
        first.click(".row")
        first.keyboard.press("n")
        expect(first.locator(".row .badge")).to_have_text("nothing there")
        expect(second.locator(".row .badge")).to_have_text("nothing there")
        second.bring_to_front()
        banner.get_by_role("button", name="Edit here").click()
        expect(banner).to_have_text("")
        expect(first.locator("#banner")).to_contain_text("open in another window")
        second.keyboard.press("Control+z")
        expect(second.locator(".row .badge")).to_have_text("hidden")
        second.close()
        expect(first.locator("#banner")).to_have_text("")


@needs_chromium
def test_a_full_disk_is_said_until_an_edit_is_saved_and_loses_nothing(
    face_clip: Path, made: Path, chromium: Browser
) -> None:
    before = made.read_bytes()
    with Review(face_clip, made) as review, served(review) as server, chromium.new_context(locale="en-GB") as context:
        page = opened(context.new_page(), server.address)  # what fails here also stands on the console
        page.click(".row")
        with full_disk(made):
            page.keyboard.press("n")
            expect(page.locator("#banner")).to_contain_text("nothing was changed")
            expect(page.locator(".row .badge")).to_have_text("hidden")
            assert made.read_bytes() == before
        page.keyboard.press("n")
        expect(page.locator(".row .badge")).to_have_text("nothing there")
        expect(page.locator("#banner")).to_have_text("")
        assert made.read_bytes().startswith(before)
