"""The queue in a real browser: what to look at first, answered with one key."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from anonymize import plan
from anonymize.data import Kind
from anonymize.plan import Plan
from anonymize.plan.faint import Faint
from anonymize.review.review import Review
from tests.conftest import FRAMES, face_box
from tests.helpers.browser import needs_chromium, window
from tests.review.conftest import served

pytestmark = needs_chromium
NOTHING = (10.0, 10.0, 40.0, 40.0)


@pytest.fixture
def page(face_clip: Path, bare: Path, chromium: Browser) -> Iterator[Page]:
    """The review of a plan that covers nobody, with two questions: a face, and a dark corner."""
    made = plan.read(bare)
    two = (*made.faint, Faint(2, Kind.FACE, 0, (NOTHING,), 0, 0.2))
    plan.write(Plan(made.about, made.regions, faint=two), bare)
    with Review(face_clip, bare) as review, served(review) as server, window(chromium) as opened:
        opened.goto(server.address)
        yield opened


def test_a_missed_face_is_hidden_and_a_corner_dismissed_by_keys_alone(page: Page, bare: Path) -> None:
    card = page.locator("#question")
    expect(card).to_contain_text("2 places to look at")
    page.keyboard.press("q")
    expect(card).to_contain_text("Somebody here?")
    expect(card).to_contain_text("Seen faintly, and not covered.")
    expect(page.locator("#clock")).to_contain_text(f"9 / {FRAMES}")
    expect(card.locator("canvas")).to_be_visible()
    page.keyboard.press("s")
    expect(page.locator("#clock")).to_contain_text(f"1 / {FRAMES}")
    page.keyboard.press("n")
    expect(card).to_contain_text("Nothing left to ask. 1 answered")
    expect(page.locator(".row")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(card).to_contain_text("2 places")
    page.reload()
    expect(card).to_contain_text("2 places")
    page.keyboard.press("q")
    page.keyboard.press("h")
    expect(page.locator(".row")).to_have_count(1)
    covered = plan.read(bare)
    for index in (0, FRAMES - 1):
        x0, y0, x1, y1 = covered.at(index)[0].xyxy
        left, top, right, bottom = face_box(index)
        assert x0 <= left and y0 <= top and x1 >= right and y1 >= bottom  # noqa: PT018
    page.keyboard.press("Escape")
    expect(card.locator("canvas")).to_have_count(0)


def test_a_question_is_answered_with_the_mouse_and_left_by_choosing_something_else(page: Page, bare: Path) -> None:
    card = page.locator("#question")
    card.get_by_role("button", name="Begin").click()
    card.get_by_role("button", name="Hide").click()
    expect(page.locator(".row")).to_have_count(1)
    expect(card).to_contain_text("1 left")
    page.click(".row")
    expect(card.locator("canvas")).to_have_count(0)
    page.keyboard.press("n")  # about the track, and not about the question
    expect(page.locator(".row")).to_have_count(0)
    assert [json.loads(line)["do"] for line in bare.read_text().splitlines()[-2:]] == ["reply", "remove"]


@pytest.mark.parametrize(("language", "words"), [("de", "Ist hier jemand?"), ("sr", "Ima li nekoga ovde?")])
def test_questions_are_asked_in_other_languages(page: Page, language: str, words: str) -> None:
    page.locator("#language").select_option(language)
    page.keyboard.press("Escape")
    page.locator("#frame").focus()
    page.keyboard.press("q")
    expect(page.locator("#question")).to_contain_text(words)
