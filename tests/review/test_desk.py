"""The list of what can be reviewed, and a file that is found first with its progress on the page."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from anonymize import presets
from anonymize.errors import UnreadableInput, UsageError
from anonymize.plan.edits import Remove
from anonymize.presets import Preset
from anonymize.progress import OnProgress, Progress
from anonymize.recorded import job
from anonymize.review.desk import Desk, Progressed, Reviewable, desk, progressed, reviewable
from anonymize.review.desk_app import app
from anonymize.review.record import Record
from anonymize.review.session import EditSession
from anonymize.web.server import Server
from tests.conftest import FRAMES
from tests.helpers.browser import needs_chromium, window
from tests.helpers.terminals import CTRL_C, Terminal
from tests.review.conftest import FAST, TOKEN, Client

CHOSEN = Preset("default", "", presets.load("default").text, FAST)


@pytest.fixture
def folder(face_clip: Path, found: Path, tmp_path: Path, photo: Path) -> Path:
    """Two films, of which one has a plan, a picture in a folder below, and what is nothing to review."""
    place = tmp_path / "recordings"
    (place / "gate").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(face_clip, place / name)
    shutil.copy(found, place / "b-safe.mp4.plan.jsonl")
    shutil.copy(face_clip, place / "b-safe.mp4")
    shutil.copy(photo, place / "gate" / f"c{photo.suffix}")
    (place / "notes.txt").write_text("nothing")
    (place / ".hidden.mp4").write_bytes(b"")
    return place


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    from tests.conftest import face_pictures

    path = tmp_path_factory.mktemp("photo") / "face.png"
    Image.fromarray(face_pictures()[0][:, :, ::-1]).save(path)
    return path


@contextmanager
def served(files: Desk) -> Iterator[Server]:
    with files:
        server = Server(0, app(files), TOKEN)
        try:
            yield server
        finally:
            server.close()


def until(client: Client, state: str) -> dict[str, object]:
    end = time.monotonic() + 60
    while True:
        now: dict[str, object] = client.get("/api/opening")
        if now["opening"] == state:
            return now
        assert now["opening"] == "finding" and time.monotonic() < end, now  # noqa: PT018
        time.sleep(0.05)


def test_videos_and_pictures_are_listed_and_outputs_are_not(folder: Path) -> None:
    some = reviewable(folder)
    assert [one.source.relative_to(folder).as_posix() for one in some] == ["a.mp4", "b.mp4", "gate/c.png"]
    assert some[1].plan.name == "b-safe.mp4.plan.jsonl"


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UsageError, match="no video and no picture"):
        reviewable(tmp_path)
    with pytest.raises(UnreadableInput):
        desk(tmp_path / "gone.mp4", None, CHOSEN)
    with pytest.raises(UsageError, match="a plan is for one file"):
        desk(tmp_path, tmp_path / "plan.jsonl", CHOSEN)


def test_how_far_a_review_is_stands_at_the_end_of_its_plan(made: Path) -> None:
    assert progressed(made.with_name("gone")) is Progressed.WAITING
    assert progressed(made) is Progressed.WAITING
    with EditSession(made) as session:
        session.do(Remove(0, (0, 2)))
        assert progressed(made) is Progressed.BEGUN
        session.note(Record(FRAMES, "").sign("Ada", "", 0, 0))
        assert progressed(made) is Progressed.SIGNED
        session.undo()
        assert progressed(made) is Progressed.BEGUN


def test_a_file_is_found_opened_and_makes_way_for_another(folder: Path) -> None:
    with served(Desk(reviewable(folder), CHOSEN, "Ada", folder)) as server:
        client = Client(server)
        before = client.get("/api/files")
        assert [(one["name"], one["state"], one["plan"], one["picture"]) for one in before["files"]] == [
            ("a.mp4", "waiting", False, False),
            ("b.mp4", "waiting", True, False),
            ("gate/c.png", "waiting", False, True),
        ]
        assert client.ask("GET", "/film/0/").status == 303
        assert client.ask("GET", "/film/0/api/review").status == 404
        for number, frames in ((0, FRAMES), (1, FRAMES), (2, 1)):
            client.post("/api/open", {"number": number})
            until(client, "open")
            assert client.get(f"/film/{number}/api/review")["frames"] == frames
            assert client.ask("GET", f"/film/{number}/").status == 200
            assert client.ask("GET", f"/film/{number}/api/picture/0").status == 200
        assert client.ask("GET", "/film/0/api/review").status == 404, "another one is open"
        client.post("/film/2/api/edit", {"do": "draw", "frame": 0, "xyxy": [5, 5, 40, 40], "kind": "area"})
        assert [one["state"] for one in client.get("/api/files")["files"]] == ["waiting", "waiting", "begun"]
        for wrong in ({"number": 3}, {"number": -1}, {"number": "0"}, {}):
            assert client.ask("POST", "/api/open", wrong).status == 422


def test_finding_is_cancelled_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = []
    detect = job.detect

    def slow(*arguments: object, **named: object) -> object:
        began.append(True)
        time.sleep(0.3)
        return detect(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(job, "detect", slow)
    with served(Desk(reviewable(folder), CHOSEN, "", folder)) as server:
        client = Client(server)
        client.post("/api/open", {"number": 0})
        assert client.ask("POST", "/api/open", {"number": 1}).status == 422, "another one is being found"
        assert client.post("/api/cancel")["opening"] == "cancelled"
        assert began
        assert not (folder / "a-safe.mp4.plan.jsonl").exists()
        client.post("/api/open", {"number": 1})
        until(client, "open")


@needs_chromium
def test_cancel_keeps_the_focus_and_a_slow_click_while_the_share_rises(
    folder: Path, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object, on_progress: OnProgress, **__: object) -> object:
        for step in range(1500):  # half a minute, unless it is cancelled
            on_progress(Progress("detect", step, 1500))
            time.sleep(0.02)
        raise AssertionError("nobody cancelled it")

    monkeypatch.setattr(job, "detect", slow)
    with served(Desk(reviewable(folder), CHOSEN, "", folder)) as server, window(chromium) as page:
        page.goto(server.address)
        for by in ("keyboard", "mouse"):
            page.get_by_role("button", name="a.mp4").click()
            cancel = page.get_by_role("button", name="Cancel")
            cancel.focus()
            shown = page.locator("#opening span").text_content()
            if by == "mouse":
                cancel.hover()
                page.mouse.down()
            expect(page.locator("#opening span")).not_to_have_text(shown or "")
            page.wait_for_timeout(700)  # it is asked twice more
            if by == "mouse":
                page.mouse.up()
            else:
                page.keyboard.press("Enter")
            expect(page.locator("#opening")).to_be_hidden()
    assert not (folder / "a-safe.mp4.plan.jsonl").exists()


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    with served(Desk([Reviewable(broken, tmp_path / "plan.jsonl")], CHOSEN)) as server:
        client = Client(server)
        client.post("/api/open", {"number": 0})
        end = time.monotonic() + 30
        while (now := client.get("/api/opening"))["opening"] == "finding" and time.monotonic() < end:
            time.sleep(0.05)
        assert now["opening"] == "failed"
        assert "broken.mp4" in now["message"]


@needs_chromium
def test_a_line_that_was_cut_off_is_shown_and_taken_out_when_a_person_says_so(folder: Path, chromium: Browser) -> None:
    made = folder / "b-safe.mp4.plan.jsonl"
    whole, part = made.read_bytes(), b'{"frames": [3, 9], "kind": "face", "xyxy": [20, 2'
    made.write_bytes(whole + part)
    with Terminal("review", folder / "b.mp4", "--no-browser") as terminal:
        terminal.until("Ctrl-C ends the review", 60)
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+/\S+/", terminal.sent)
        with window(chromium) as page:
            page.goto(address)
            expect(page.locator("#opening")).to_contain_text(f"It began: {part.decode()}")
            expect(page.locator("#opening")).to_contain_text("All that had been found is there")
            assert made.read_bytes() == whole + part
            page.get_by_role("button", name="Take the line out, and open").click()
            page.wait_for_url("**/film/0/")
            expect(page.locator(".row")).to_have_count(1)
            assert made.read_bytes() == whole
            banner = page.locator("#banner")
            expect(banner).to_contain_text("it is not in force, and was taken out of the plan")
            banner.get_by_role("button", name="Close").click()
            expect(banner).to_have_text("")
        terminal.type(CTRL_C)
        assert terminal.end() == 0, terminal.sent


@needs_chromium
def test_a_file_is_chosen_found_and_reviewed_on_the_page(folder: Path, chromium: Browser) -> None:
    def listed(page: Page) -> list[str]:
        return page.locator("#files .file").all_inner_texts()

    with served(Desk(reviewable(folder), CHOSEN, "", folder)) as server, window(chromium) as page:
        page.goto(server.address)
        expect(page.locator("#files li")).to_have_count(3)
        assert listed(page) == ["a.mp4", "b.mp4", "gate/c.png"]
        page.keyboard.press("ArrowDown")
        page.get_by_role("button", name="gate/c.png").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/film/2/")
        expect(page.locator(".row")).to_have_count(1)
        expect(page.locator("#clock")).to_contain_text("1 / 1")
        page.keyboard.press("n") if page.locator(".row[aria-selected=true]").count() else page.click(".row")
        page.keyboard.press("n")
        page.click("#back")
        expect(page.locator("#files .begun .file")).to_have_text("gate/c.png")
        page.get_by_role("radio", name="To review 2").click()
        expect(page.locator("#files li")).to_have_count(2)
