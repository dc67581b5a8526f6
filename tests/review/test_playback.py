"""Playback on a machine that is too slow for it: fewer pictures, but some, and in step with the clock."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from anonymize import plan, report
from anonymize.plan import About, Plan, Regions
from anonymize.review.review import Review
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import make_video
from tests.review.conftest import FAST, served

FRAMES = 200

PLAY = """async () => {
  const { state, onChange, change } = await import("/page/state.js");
  const began = performance.now();
  const seen = [];
  const over = new Promise((resolve) => onChange((changed) => {
    const now = (performance.now() - began) / 1000;
    if (changed.has("index") && state.playing) seen.push([now, state.times[state.index]]);
    if (changed.has("playing") && !state.playing) resolve(null);
  }));
  change({ playing: true });
  await over;
  return { seen, index: state.index };
}"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds in grey that becomes lighter."""
    pictures = [np.full((240, 320, 3), 20 + index, np.uint8) for index in range(FRAMES)]
    return make_video(tmp_path_factory.mktemp("film") / "grey.mp4", frames=pictures, options={"g": "50"})


@pytest.fixture
def screen(film: Path, tmp_path: Path, chromium: Browser) -> Iterator[Page]:
    made = tmp_path / "grey.jsonl"
    plan.write(Plan(About(report.sha256(film), FRAMES, 320, 240, FAST), Regions(())).marked(), made)
    with Review(film, made) as review, served(review) as server, window(chromium) as opened:
        opened.goto(server.address)
        expect(opened.locator("#clock")).to_contain_text(f"1 / {FRAMES}")
        yield opened


def gaps(seen: list[Any]) -> list[float]:
    moments = [0.0, *(moment for moment, _ in seen)]
    return [later - earlier for earlier, later in pairwise(moments)]


@needs_chromium
def test_after_one_slow_answer_pictures_go_on_at_once(screen: Page) -> None:
    stalled: list[float] = []

    def route(one: Route) -> None:
        if not stalled:
            stalled.append(time.monotonic())
            time.sleep(3)
        one.continue_()

    screen.route("**/api/picture/**", route)
    told = screen.evaluate(PLAY)
    assert told["index"] == FRAMES - 1
    after = [gap for (moment, _), gap in zip(told["seen"], gaps(told["seen"]), strict=True) if moment > 3.5]
    assert len(after) > 10
    assert max(after) < 1.2, "what was asked for beforehand is not waited for"


@needs_chromium
def test_where_each_picture_takes_half_a_second_some_are_shown_and_none_is_long_over(screen: Page) -> None:
    def route(one: Route) -> None:
        time.sleep(0.5)
        one.continue_()

    screen.route("**/api/picture/**", route)
    told = screen.evaluate(PLAY)
    seen = told["seen"]
    assert told["index"] == FRAMES - 1
    assert len(seen) >= 5
    assert max(gaps(seen)) < 3
    late = [moment - shown for moment, shown in seen]
    assert max(late[3:]) - min(late) < 2.0, "in step with the clock: four pictures, beside other work"


@needs_chromium
def test_pictures_that_cannot_be_had_are_passed_over(screen: Page) -> None:
    asked: list[str] = []

    def route(one: Route) -> None:
        asked.append(one.request.url)
        if "/picture/1" in one.request.url:  # 1, 10 to 19, 100 to 199
            one.fulfill(status=200, content_type="image/jpeg", body=b"no picture")
        else:
            one.continue_()

    screen.route("**/api/picture/**", route)
    told = screen.evaluate(PLAY)
    assert told["index"] == FRAMES - 1
    assert len(asked) < 2 * FRAMES
