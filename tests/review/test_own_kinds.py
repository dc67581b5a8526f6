"""The page for a plan of a user's own kinds: what was found as `screen` is named, edited, asked about and published."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import anonymize
from anonymize import detect, plan
from anonymize.kinds import Raised
from anonymize.plan.doubts import Doubt
from anonymize.presets import load
from anonymize.review.review import Review
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import make_video, read_video
from tests.helpers.networks import save
from tests.review.conftest import ended, served

pytestmark = needs_chromium

SIZE, FRAMES, SIDE = (640, 360), 25, 20
OWN = ["box", "constructor"]
"""Words that the page has another meaning for, and JavaScript too."""


def place(index: int, kind: int) -> tuple[int, int]:
    """Left and top of the square of each kind."""
    return (100 + 4 * index, 60) if kind == 0 else (400, 200)


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANONYMIZE_MODELS", str(tmp_path / "models"))
    detect.import_own(*save(tmp_path, "yolov8", first=OWN[0], second=OWN[1]))
    frames = []
    for index in range(FRAMES):
        picture = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
        for kind, colour in enumerate([(250, 20, 20), (20, 20, 250)]):
            x, y = place(index, kind)
            picture[y : y + SIDE, x : x + SIDE] = colour
        frames.append(picture)
    return make_video(tmp_path / "film.mp4", frames=frames, rate=25)


@pytest.fixture
def made(film: Path) -> Path:
    """The plan, with a doubt about the track that stands still."""
    wanted = {"targets": OWN, "detect": {"detectors": ["mine"]}, "output": {"speed": "ultrafast"}}
    path = film.with_name("plan.jsonl")
    anonymize.write_plan(film, path, from_mapping(Settings, wanted, load("default").settings))
    found = plan.read(path)
    (second,) = {region.track for _, _, region in found.regions.rows() if region.kind.label == OWN[1]}
    path.unlink()
    plan.write(replace(found, doubts=(Doubt(second, 0, FRAMES, Raised.FIND),)).marked(), path)
    return path


@pytest.fixture
def page(film: Path, made: Path, chromium: Browser) -> Iterator[Page]:
    with Review(film, made) as review, served(review) as server, window(chromium) as opened:
        opened.goto(server.address)
        expect(opened.locator(".row")).to_have_count(2)
        yield opened


def last(made: Path) -> Any:
    return json.loads(made.read_text().splitlines()[-1])


def test_tracks_of_own_kinds_are_named_and_changed(page: Page, made: Path) -> None:
    assert sorted(page.locator(".row b").all_inner_texts()) == ["box 0", "constructor 1"]
    page.locator(".row", has_text="box 0").click()
    menu = page.locator("[data-what=kind]")
    expect(menu).to_have_value("box")
    assert menu.locator("option").all_inner_texts()[-2:] == OWN
    page.locator("#frame").focus()
    page.keyboard.press("t")
    expect(page.locator(".row b").first).to_have_text("constructor 0")
    page.keyboard.press("t")
    expect(page.locator(".row b").first).to_have_text("face 0")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator(".row b").first).to_have_text("box 0")
    page.select_option("[data-what=kind]", "plate")
    expect(page.locator(".row b").first).to_have_text("plate 0")
    page.select_option("[data-what=kind]", "box")
    expect(page.locator(".row b").first).to_have_text("box 0")
    assert (last(made)["do"], last(made)["kind"]) == ("change", "box")
    assert {region.kind.label for region in plan.read(made).at(0)} == set(OWN)


def test_their_doubts_are_asked_about_and_the_report_names_them(
    page: Page, film: Path, made: Path, tmp_path: Path
) -> None:
    card = page.locator("#question")
    page.locator("#frame").focus()
    page.keyboard.press("q")
    expect(card).to_contain_text("Something to hide here? (constructor)")
    page.keyboard.press("n")
    expect(page.locator(".row.nothing b")).to_have_text("constructor 1")
    page.keyboard.press("Control+z")
    expect(page.locator(".row.nothing")).to_have_count(0)
    expect(card).to_contain_text("1 left")
    page.keyboard.press("h")
    expect(card).not_to_contain_text("(constructor)")
    page.click("#publish")
    page.fill("dialog input", str(tmp_path / "safe.mp4"))
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_contain_text("Published and checked", timeout=120_000)
    for index, picture in enumerate(read_video(tmp_path / "safe.mp4")):
        for kind in (0, 1):
            x, y = place(index, kind)
            assert picture[y : y + SIDE, x : x + SIDE].max() < 40, (index, kind)
    assert ended("render", film, "--plan", made, "-o", tmp_path / "again.mp4", "--report", tmp_path) == 0
    report = json.loads((tmp_path / "again.mp4.report.json").read_text())
    assert {kind: report["redacted"]["tracks"][kind] for kind in OWN} == dict.fromkeys(OWN, 1)
    words = (tmp_path / "again.mp4.report.html").read_text()
    assert all(kind in words for kind in OWN)
