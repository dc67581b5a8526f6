"""Drawing on the page with the mouse and with the keyboard; what a track is; the views, the zoom, the full screen."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import anonymize
from anonymize import plan
from anonymize.data import Kind, Shape
from anonymize.review.review import Review, plan_for
from tests.conftest import FRAMES, astronaut, face_box
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import read_video
from tests.review.conftest import FAST, served
from tests.review.test_page import at

pytestmark = needs_chromium


def last(made: Path) -> Any:
    return json.loads(made.read_text().splitlines()[-1])


def test_a_polygon_is_drawn_with_the_mouse_and_published(
    page: Page, made: Path, face_clip: Path, tmp_path: Path
) -> None:
    page.keyboard.press("v")
    page.keyboard.press(",")
    page.keyboard.press("f")
    page.keyboard.press(".")
    page.click("[data-action=draw-polygon]")
    for corner in ((10, 180), (90, 180), (90, 230), (10, 230), (10, 180)):
        page.mouse.click(*at(page, *corner))
    expect(page.locator(".row")).to_have_count(2)
    drawn = last(made)
    assert (drawn["shape"], drawn["kind"], drawn["frames"]) == ("polygon", "area", [10, 12])
    assert np.abs(np.array(drawn["polygon"]) - [(10, 180), (90, 180), (90, 230), (10, 230)]).max() < 1
    assert page.evaluate("document.activeElement.id") == "frame", "the keyboard goes on from the picture"
    anonymize.render_plan(face_clip, made, tmp_path / "safe.mp4")
    pictures = read_video(tmp_path / "safe.mp4")
    dark = [bool(picture[190:220, 20:80].max() < 40) for picture in pictures]
    assert dark == [index in (10, 11) for index in range(FRAMES)]


def test_a_polygon_and_a_box_are_drawn_by_keyboard_alone(page: Page, made: Path) -> None:
    page.keyboard.press("g")
    expect(page.locator("#message")).to_contain_text("Enter")
    for keys in ("", "ArrowRight " * 10, "ArrowDown " * 10, ""):
        for key in keys.split():
            page.keyboard.press(key)
        page.keyboard.press("Enter")
    expect(page.locator(".row")).to_have_count(2)
    drawn = last(made)
    assert drawn["polygon"] == [[160, 120], [190, 120], [190, 150]]
    assert drawn["frames"] == [0, FRAMES], "the scene, where nothing is marked"
    page.keyboard.press("p")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator(".row")).to_have_count(3)
    drawn = last(made)
    assert (drawn["kind"], drawn["shape"]) == ("plate", "box")
    left, top, right, bottom = drawn["boxes"][0]
    assert left <= 159 and right >= 189 and top <= 90 and bottom >= 120  # noqa: PT018
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#clock")).to_contain_text(f" 2 / {FRAMES}")
    assert last(made) == drawn, "Escape draws nothing"


def test_a_box_is_drawn_by_two_clicks(page: Page, made: Path) -> None:
    page.keyboard.press("a")
    page.mouse.click(*at(page, 200, 20))
    page.mouse.move(*at(page, 220, 30))
    page.mouse.click(*at(page, 240, 60))
    expect(page.locator(".row")).to_have_count(2)
    assert last(made)["boxes"][0] == pytest.approx([200, 20, 240, 60], abs=1)


def test_what_a_track_is_can_be_changed(page: Page, made: Path) -> None:
    page.click(".row")
    outline, ellipse = page.locator("[data-what=shape]"), page.locator("[data-what=shape] [value=ellipse]")
    expect(outline).to_have_value("ellipse")
    page.select_option("[data-what=kind]", "plate")
    expect(page.locator(".row b")).to_contain_text("plate")
    expect(outline).to_have_value("box")
    assert (last(made)["kind"], last(made)["shape"]) == ("plate", "box"), "its corners would be bare"
    assert ellipse.evaluate("one => one.hidden")
    page.select_option("[data-what=kind]", "head")
    expect(page.locator(".row b")).to_contain_text("head")
    assert not ellipse.evaluate("one => one.hidden")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.wait_for_function("import('/page/state.js').then(({ state }) => state.edits === 0)")
    page.select_option("[data-what=shape]", "box")
    page.wait_for_function("import('/page/state.js').then(({ state }) => state.edits === 1)")
    page.select_option("[data-what=kind]", "plate")
    page.wait_for_function("import('/page/state.js').then(({ state }) => state.edits === 2)")
    expect(outline).to_have_value("box")
    (region,) = plan.read(made).at(0)
    assert (region.kind, region.shape) == (Kind.PLATE, Shape.BOX)
    page.locator("#frame").focus()
    page.keyboard.press("t")
    expect(page.locator(".row b")).to_contain_text("text")
    page.keyboard.press("t")
    expect(page.locator(".row b")).to_contain_text("area")
    page.keyboard.press("n")
    expect(page.locator(".row")).to_have_count(0)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator(".row b")).to_contain_text("plate")


def test_a_key_frame_holds_a_box_where_it_is(page: Page, made: Path) -> None:
    page.click(".row")
    page.keyboard.press("v")
    before = plan.read(made).at(10)[0].xyxy
    page.keyboard.press("k")
    expect(page.locator("[data-action=undo]")).to_be_enabled()
    assert (last(made)["do"], last(made)["first"]) == ("place", 10)
    assert plan.read(made).at(10)[0].xyxy == pytest.approx(before, abs=0.1)


SCALE = "import('/page/zoom.js').then(({ layout }) => layout(document.getElementById('frame')))"


def test_the_picture_is_enlarged_to_its_pixels_and_moved(page: Page) -> None:
    fit = page.evaluate(SCALE)
    page.mouse.move(*at(page, 80, 60))
    spot = at(page, 80, 60)
    page.mouse.wheel(0, -100)
    near = page.evaluate(SCALE)
    assert near["across"] == pytest.approx(1.25 * fit["across"])
    box: Any = page.locator("#frame").bounding_box()
    assert box["x"] + near["left"] + 80 * near["across"] == pytest.approx(spot[0], abs=0.5), "stays under the pointer"
    page.mouse.down()
    page.mouse.move(spot[0] + 20, spot[1] + 10)
    page.mouse.up()
    moved = page.evaluate(SCALE)
    assert (moved["left"] - near["left"], moved["top"] - near["top"]) == pytest.approx((20, 10), abs=0.5)
    page.keyboard.press("Alt+ArrowRight")
    assert page.evaluate(SCALE)["left"] < moved["left"] - 20
    page.keyboard.press("0")
    assert page.evaluate(SCALE) == fit
    page.click(".row")
    page.keyboard.press("9")
    assert page.evaluate(SCALE)["across"] == pytest.approx(8)
    here = page.evaluate(SCALE)
    x0, _, x1, _ = face_box(0)
    assert here["left"] + (x0 + x1) / 2 * here["across"] == pytest.approx(here["width"] / 2, abs=60), "the chosen one"
    page.keyboard.press("9")
    assert page.evaluate(SCALE) == fit


def test_one_key_turns_the_views_and_the_slider_moves_by_keyboard_and_on_the_picture(page: Page) -> None:
    for view in ("published", "both"):
        page.keyboard.press("y")
        expect(page.locator(f"[data-action={view}]")).to_have_attribute("aria-checked", "true")
    slider = page.locator("#slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("501")
    expect(page.locator("#clock")).to_contain_text(f" 1 / {FRAMES}")
    page.keyboard.press("Home")
    expect(slider).to_have_value("0")
    slider.fill("500")
    box: Any = page.locator("#frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 40)
    page.mouse.up()
    assert int(slider.input_value()) == pytest.approx(250, abs=3)
    page.keyboard.press("y")
    expect(page.locator("[data-action=outlines]")).to_have_attribute("aria-checked", "true")


def test_the_picture_fills_the_screen(page: Page) -> None:
    page.locator("#frame").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.fullscreenElement")
    expect(page.locator("aside")).to_be_hidden()
    expect(page.locator("#controls")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#clock")).to_contain_text(f" 2 / {FRAMES}")
    page.click("[data-action=full-screen]")
    page.wait_for_function("!document.fullscreenElement")
    expect(page.locator("aside")).to_be_visible()


def test_a_picture_is_reviewed_as_a_film_is(tmp_path: Path, chromium: Browser) -> None:
    picture = tmp_path / "portrait.jpg"
    cv2.imwrite(str(picture), astronaut()[..., ::-1])
    made = plan_for(picture)
    anonymize.write_plan(picture, made, FAST)
    with Review(picture, made) as review, served(review) as server, window(chromium) as page:
        page.goto(server.address)
        expect(page.locator("#clock")).to_contain_text(" 1 / 1")
        expect(page.locator("[data-action=audible]")).to_be_hidden()
        expect(page.locator("[data-action=play]")).to_be_disabled()
        before = page.locator(".row").count()
        page.keyboard.press("Space")
        page.keyboard.press("f")
        page.keyboard.press("x")
        page.keyboard.press("a")
        page.keyboard.press("Enter")
        for _ in range(10):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator(".row")).to_have_count(before + 1)
        page.keyboard.press("2")
        page.click("#publish")
        page.fill("dialog input", str(tmp_path / "safe.jpg"))
        page.keyboard.press("Enter")
        expect(page.locator("#message")).to_contain_text("Published and checked", timeout=120_000)
    shown = cv2.imread(str(tmp_path / "safe.jpg"))
    assert shown is not None
    assert shown[260:300, 260:300].max() < 40
