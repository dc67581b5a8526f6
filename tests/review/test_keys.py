"""The page of keys says what the review page does, and the pictures of the documentation are there."""

import re

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.helpers import keys
from tests.helpers.browser import needs_chromium


def test_the_page_of_keys_is_up_to_date() -> None:
    assert keys.PAGE.read_text(encoding="utf-8") == keys.page(), "run `make options`"


@needs_chromium
def test_the_page_of_keys_has_the_keys_and_words_of_the_review_page(page: Page) -> None:
    found = page.evaluate("import('/page/actions.js').then(({ KEYS }) => KEYS)")
    assert found == keys.keys()
    assert len(found) > 50
    said = page.evaluate("import('/page/strings.js').then(({ LANGUAGES }) => LANGUAGES.en)")
    assert said == keys.words()
    for action in set(found.values()):
        assert said[action] in keys.page()


def test_a_key_in_no_section_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(keys.SECTIONS, "Look", "outlines")
    with pytest.raises(AssertionError, match=r"in no section: .*published"):
        keys.page()


DOCS = keys.PAGE.parent


def test_the_pictures_of_the_review_are_there_small_and_shown() -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in (DOCS / "review.md", DOCS.parent / "README.md")}
    shown = [path.parent / name for path, text in pages.items() for name in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)]
    assert {path.name for path in shown} >= {"review.jpg", "review-both.jpg", "review-check.jpg"}
    for path in shown:
        assert path.stat().st_size < 150_000, path
    for name in ("review.jpg", "review-both.jpg", "review-check.jpg"):
        with Image.open(DOCS / name) as picture:
            assert picture.size == (1280, 720)
    before, _, _ = pages[DOCS.parent / "README.md"].partition("\n## ")
    assert "docs/review.jpg" in before, "the first screen shows it"
