"""The review's page in a real browser, by mouse and by keyboard."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from anonymize import plan
from anonymize.plan.edits import Remove
from anonymize.review.review import Review
from anonymize.review.session import EditSession
from tests.conftest import FRAMES, face_box
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import read_video
from tests.helpers.terminals import CTRL_C, Terminal
from tests.review.conftest import served

pytestmark = needs_chromium


def track(path: Path) -> int:
    (number,) = {one.track for _, _, one in plan.read(path).regions.rows()}
    return number


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the video is on the screen."""
    box: Any = page.locator("#frame").bounding_box()
    scale = min(box["width"] / 320, box["height"] / 240)
    return box["x"] + box["width"] / 2 + (x - 160) * scale, box["y"] + box["height"] / 2 + (y - 120) * scale


def test_the_token_is_gone_from_the_address_and_what_was_found_is_seen(page: Page) -> None:
    assert page.url.endswith(f":{page.url.rpartition(':')[2]}")
    assert "token" not in page.url
    assert page.title() == "face.mp4"
    expect(page.locator("#clock")).to_contain_text(f"1 / {FRAMES}")
    expect(page.locator(".row .badge")).to_have_text("hidden")
    expect(page.locator(".row canvas")).to_be_visible()
    picture = page.evaluate(
        "[...document.getElementById('picture').getContext('2d').getImageData(200, 200, 400, 200).data]"
    )
    assert len(set(picture[::97])) > 8, "the picture is there"


def test_a_missed_face_is_drawn_with_the_mouse_and_taken_back_with_the_keyboard(page: Page, made: Path) -> None:
    before = made.read_text().count("\n")
    page.click("[data-action=draw]")
    x0, y0, x1, y1 = face_box(0)
    page.mouse.move(*at(page, x0, y0))
    page.mouse.down()
    page.mouse.move(*at(page, x0 + 9, y0 + 9))
    page.mouse.move(*at(page, x1, y1))
    page.mouse.up()
    expect(page.locator(".row")).to_have_count(2)
    drawn = json.loads(made.read_text().splitlines()[-1])
    assert (drawn["do"], drawn["kind"], drawn["frames"][0], drawn["anchor"]) == ("draw", "face", 0, 0)
    left, top, right, bottom = drawn["boxes"][0]
    assert left < x0 + 2 and top < y0 + 2 and right > x1 - 2 and bottom > y1 - 2  # noqa: PT018
    assert right - left < 3 * (x1 - x0)
    page.keyboard.press("Control+z")
    expect(page.locator(".row")).to_have_count(1)
    page.keyboard.press("Control+y")
    expect(page.locator(".row")).to_have_count(2)
    assert made.read_text().count("\n") == before + 3


def test_a_box_is_dragged_on_one_frame(page: Page, made: Path) -> None:
    page.click(".row")
    page.keyboard.press("End")
    expect(page.locator("#clock")).to_contain_text(f"{FRAMES} / {FRAMES}")
    (region,) = plan.read(made).at(FRAMES - 1)
    x0, y0, x1, y1 = region.xyxy
    page.wait_for_timeout(500)
    page.mouse.move(*at(page, (x0 + x1) / 2, (y0 + y1) / 2))
    page.mouse.down()
    page.mouse.move(*at(page, (x0 + x1) / 2 + 30, (y0 + y1) / 2 + 10))
    page.mouse.up()
    expect(page.locator("[data-action=undo]")).to_be_enabled()
    placed = json.loads(made.read_text().splitlines()[-1])
    assert (placed["do"], placed["first"], placed["track"]) == ("place", FRAMES - 1, region.track)
    assert placed["boxes"][0] == pytest.approx([x0 + 30, y0 + 10, x1 + 30, y1 + 10], abs=1.5)


def test_a_row_that_is_painted_anew_while_it_is_pressed_is_chosen(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.locator(".row").hover()
    page.mouse.down()
    page.evaluate("() => { window.before = document.querySelector('.row'); }")  # which may be another by now
    height = (page.viewport_size or {"height": 0})["height"]
    page.set_viewport_size({"width": 1270, "height": height - 10})
    page.wait_for_function("() => !window.before.isConnected")
    page.mouse.up()
    expect(page.locator(".row[aria-selected=true]")).to_have_count(1)


def test_a_row_is_chosen_by_what_is_no_mouse(page: Page) -> None:
    page.evaluate("() => document.querySelector('.row').click()")  # in one go: it may be painted anew
    expect(page.locator(".row[aria-selected=true]")).to_have_count(1)


def test_everything_about_a_track_is_done_by_keyboard_alone(page: Page, made: Path) -> None:
    page.locator("#list").focus()
    page.keyboard.press("ArrowDown")
    page.locator("#list").press("Escape")
    page.locator("#list").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row[aria-selected=true]")).to_have_count(1)
    page.keyboard.press("n")
    expect(page.locator(".row .badge")).to_have_text("nothing there")
    page.keyboard.press("h")
    expect(page.locator(".row .badge")).to_have_text("hidden")
    page.keyboard.press("l")
    page.keyboard.type("form 12")
    page.keyboard.press("Enter")
    expect(page.locator(".row .badge")).to_contain_text("visible")
    assert [one.reason for one in plan.read(made).shown] == ["form 12"]
    page.keyboard.press("h")
    expect(page.locator(".row .badge")).to_have_text("hidden")
    page.keyboard.press("Home")
    page.keyboard.press("f")
    page.keyboard.press("f")
    page.keyboard.press("d")
    expect(page.locator("#clock")).to_contain_text(f"2 / {FRAMES}")
    page.keyboard.press("o")
    expect(page.locator(".row .words")).to_contain_text("0:00.04")
    assert {index for index in range(FRAMES) if plan.read(made).at(index)} == {0, 1}
    page.keyboard.press("?")
    expect(page.locator("dialog table")).to_be_visible()


def test_a_track_is_split_and_joined_again(page: Page, made: Path) -> None:
    number, before = track(made), plan.read(made)
    page.click(".row")
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("f")
    expect(page.locator("#clock")).to_contain_text(f"6 / {FRAMES}")
    page.keyboard.press("s")
    expect(page.locator(".row")).to_have_count(2)
    page.keyboard.press("m")
    page.locator(".row").nth(1).click()
    expect(page.locator(".row")).to_have_count(1)
    assert track(made) == number
    assert [region.xyxy for region in plan.read(made).at(9)] == [region.xyxy for region in before.at(9)]


HIDDEN = "47 127 214 255"
"""The colour of a lane that is hidden, in red, green, blue and opacity."""


def runs_in_row(page: Page, row: int) -> list[str]:
    """The colours that a row of the time line has from left to right, each once a run."""
    found: list[str] = page.evaluate(
        """(row) => {
            const lanes = document.getElementById("lanes");
            const [y, from] = [18 + row * 14 + 7, 80];
            const canvas = new OffscreenCanvas(lanes.width - from, 1);
            const context = canvas.getContext("2d", { willReadFrequently: true });
            context.drawImage(lanes, from, y, canvas.width, 1, 0, 0, canvas.width, 1);
            const line = context.getImageData(0, 0, canvas.width, 1).data;
            const runs = [];
            for (let at = 0; at < line.length; at += 4) {
                const colour = [...line.slice(at, at + 4)].join(" ");
                if (runs.at(-1) !== colour) runs.push(colour);
            }
            return runs;
        }""",
        row,
    )
    return found


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_lanes_of_a_person_are_shown_in_one_row_and_hide_the_same(page: Page, made: Path, how: str) -> None:
    before = plan.read(made)
    page.click(".row")
    for key in ("Home", "f", "f", "f", "f", "f", "s"):
        page.keyboard.press(key)
    expect(page.locator(".row")).to_have_count(2)
    split = [region.xyxy for index in range(FRAMES) for region in plan.read(made).at(index)]
    own = page.locator("[data-action=own-row]")
    expect(own).to_be_hidden()
    lines = page.locator("#lanes").bounding_box()
    assert lines
    if how == "mouse":
        page.click("[data-action=same-row]")
        expect(page.locator("#message")).to_contain_text("Choose a track of the same person")
        page.mouse.click(lines["x"] + lines["width"] - 40, lines["y"] + 18 + 14 + 7)
    else:
        page.keyboard.press("Shift+M")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    expect(own).to_be_visible()
    written = json.loads(made.read_text().splitlines()[-1])
    assert (written["do"], {written["track"], written["other"]}) == ("row", {track_of(page, 0), track_of(page, 1)})
    assert [region.xyxy for index in range(FRAMES) for region in plan.read(made).at(index)] == split
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert HIDDEN in runs_in_row(page, 0)
    assert HIDDEN not in runs_in_row(page, 1), "it is empty"
    page.mouse.click(lines["x"] + lines["width"] - 40, lines["y"] + 18 + 7)
    expect(page.locator(".row").nth(1)).to_have_attribute("aria-selected", "true")
    page.mouse.click(lines["x"] + 90, lines["y"] + 18 + 7)
    expect(page.locator(".row").nth(0)).to_have_attribute("aria-selected", "true")
    page.reload()
    expect(page.locator(".row")).to_have_count(2)
    page.locator(".row").nth(0).click()
    expect(own).to_be_visible()
    if how == "mouse":
        own.click()
    else:
        page.keyboard.press("Shift+O")
    expect(own).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(own).to_be_visible()
    page.keyboard.press("Control+z")
    expect(own).to_be_hidden()
    assert [region.xyxy for index in range(FRAMES) for region in before.at(index)] == split


def track_of(page: Page, row: int) -> int:
    return int((page.locator(".row").nth(row).get_attribute("id") or "").removeprefix("track-"))


def test_the_views_the_languages_and_small_windows(page: Page) -> None:
    for key, view in (("2", "published"), ("3", "both"), ("1", "outlines")):
        page.keyboard.press(key)
        expect(page.locator(f"[data-action={view}]")).to_have_attribute("aria-checked", "true")
        expect(page.locator("#slider")).to_be_visible(visible=view == "both")
    for language, word in (
        ("de", "Veröffentlichen"),
        ("fr", "Publier"),
        ("es", "Publicar"),
        ("sr", "Objavi"),
        ("en", "Publish"),
    ):
        page.select_option("#language", language)
        expect(page.locator("#publish")).to_have_text(word)
        assert page.evaluate("document.documentElement.lang") == language
        missing = page.evaluate(
            "import('/page/strings.js').then(({LANGUAGES}) => Object.keys(LANGUAGES.en).filter((word) => !LANGUAGES["
            f"'{language}'][word]))"
        )
        assert missing == []
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, select')]"
        ".filter((one) => !one.textContent.trim() && !one.ariaLabel).length"
    )
    assert unnamed == 0
    untold = page.evaluate(
        "Promise.all([import('/page/strings.js'), import('/page/actions.js')])"
        ".then(([{ LANGUAGES }, { ACTIONS, KEYS }]) => [...Object.keys(ACTIONS), ...Object.values(KEYS)]"
        ".filter((one) => !LANGUAGES.en[one] || !ACTIONS[one]))"
    )
    assert untold == []
    for width, height in ((1280, 720), (640, 800)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.locator("#publish")).to_be_in_viewport()
        expect(page.locator("#frame")).to_be_in_viewport()
    page.set_viewport_size({"width": 640, "height": 360})  # as with text twice as large
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    page.click(".row")
    page.click("[data-action=nothing]")
    expect(page.locator(".row .badge")).to_have_text("nothing there")


def test_publishing_says_where_the_checked_film_is(page: Page, tmp_path: Path) -> None:
    page.click("#publish")
    page.fill("dialog input", str(tmp_path / "safe.mp4"))
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_contain_text("Published and checked", timeout=120_000)
    assert (tmp_path / "safe.mp4").exists()


@pytest.fixture
def uncovered(made: Path, request: pytest.FixtureRequest) -> Path:
    """The plan, from which somebody took the face away; `request.param` is what a doubt does to an output."""
    lines = made.read_text().splitlines(keepends=True)
    header = json.loads(lines[0])
    header["settings"]["verify"]["doubts"] = request.param
    made.write_text(json.dumps(header) + "\n" + "".join(lines[1:]))
    with EditSession(made) as session:
        session.do(Remove(track(made), (0, FRAMES)))
    return made


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
@pytest.mark.parametrize(
    ("uncovered", "said"),
    [("release", "Its check asks about more places"), ("fail", "Not published")],
    indirect=["uncovered"],
)
def test_what_the_check_finds_is_asked_hidden_with_its_button_and_gone_in_the_next_output(
    face_clip: Path, uncovered: Path, chromium: Browser, tmp_path: Path, said: str, how: str
) -> None:
    output = tmp_path / "safe.mp4"
    with Review(face_clip, uncovered) as review, served(review) as server, window(chromium) as page:
        page.goto(server.address)
        expect(page.locator("#clock")).to_contain_text(f"1 / {FRAMES}")
        page.click("#publish")
        page.fill("dialog input", str(output))
        page.keyboard.press("Enter")
        card = page.locator("#question")
        expect(card).to_contain_text("The check of the output found it: it is not covered.", timeout=120_000)
        expect(page.locator("#message")).to_contain_text(said)
        expect(card.locator("canvas")).to_be_visible()
        expect(page.locator(".row.open .badge").first).to_have_text("not sure")
        assert output.exists() is (said != "Not published")
        again = card.get_by_role("button", name="Publish again")
        for _ in range(len(plan.read(uncovered).doubts)):
            expect(again).to_have_count(0)
            shown = page.locator("#question .where").text_content()
            if how == "mouse":
                card.get_by_role("button", name="Hide").click()
            else:
                page.keyboard.press("h")
            expect(page.get_by_text(shown or "", exact=True)).to_have_count(0)
        expect(card).to_contain_text("All that the check found is answered.")
        assert page.locator(".row.open").count() == 0
        if how == "mouse":
            again.click()
        else:
            again.press("Enter")
        expect(page.locator("dialog input[name=where-to]")).to_be_focused()
        if output.exists():
            assert page.locator("dialog input[name=where-to]").input_value() == str(output)
        assert page.locator("dialog input[type=checkbox]").is_checked() is output.exists()
        page.fill("dialog input", str(output))
        page.keyboard.press("Enter")
        expect(page.locator("#message")).to_contain_text("Published and checked", timeout=120_000)
        expect(again).to_have_count(0)
    for index, picture in enumerate(read_video(output)):
        x0, y0, x1, y1 = face_box(index)
        assert picture[y0:y1, x0:x1].mean() < 60, index


def test_the_command_finds_first_serves_and_ends_with_ctrl_c(
    face_clip: Path, tmp_path: Path, chromium: Browser
) -> None:
    clip = tmp_path / "face.mp4"
    shutil.copy(face_clip, clip)
    for run in range(2):
        with Terminal("review", clip, "--no-browser", "--by", "Ada") as terminal:
            terminal.until("review: http://127.0.0.1:", 120)
            terminal.until("Ctrl-C ends the review")
            with window(chromium) as opened:
                (address,) = re.findall(r"http://127\.0\.0\.1:\d+/\S+/", terminal.sent)
                opened.goto(address)
                if run == 0:
                    opened.wait_for_url("**/film/0/", timeout=120_000)
                expect(opened.locator(".row")).to_have_count(2)  # a face and the head around it
            terminal.type(CTRL_C)
            assert terminal.end() == 0, terminal.sent
        assert "all edits are saved in" in terminal.sent
        assert "Traceback" not in terminal.sent
    assert (tmp_path / "face-safe.mp4.plan.jsonl").exists()
