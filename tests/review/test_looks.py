"""How the review of the sample film looks, in light and dark: what is covered and what the time line shows, beside the
plan; and that nothing lies over anything else, also with text twice as large, in every language."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from anonymize import plan, report
from anonymize.data import Kind, Region, Shape, Why
from anonymize.evaluate.truth import read_any
from anonymize.kinds import Answer, Raised
from anonymize.plan import About, Plan, Regions
from anonymize.plan.doubts import Doubt
from anonymize.plan.edits import Judge
from anonymize.review.review import Review
from anonymize.review.session import EditSession
from anonymize.samples.demo import make_demo
from tests.helpers.browser import needs_chromium, window
from tests.review.conftest import FAST, served

pytestmark = needs_chromium
SIZE, COUNT, MOMENT = (1280, 720), 30, 20
NAME, END, HEAD, ROW = 74, 8, 18, 14
"""Pixels of the time line: left and right of the lanes, above them, and of each."""
COLOURS = {
    "light": {"hidden": "#2f7fd6", "open": "#d92d20", "nothing": "#97a1ae"},
    "dark": {"hidden": "#58a6ff", "open": "#ff7b72", "nothing": "#768390"},
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The first second of the sample film, and a plan of what is there: found on every third frame, one track in doubt,
    and one that shows nobody."""
    film = tmp_path_factory.mktemp("sample") / "sample.mp4"
    truth = make_demo(film, seconds=COUNT / 25)
    rows = []
    for index, frame in enumerate(read_any(truth).frames(SIZE)):
        for one in frame.subjects:
            why = Why.DETECTED if index % 3 == 0 else Why.INTERPOLATED
            shape = Shape.ELLIPSE if one.kind is Kind.FACE else Shape.BOX
            rows.append((index, index + 1, Region(one.xyxy, one.kind, why, one.id, shape, score=0.8)))
    tracks = sorted({region.track for _, _, region in rows})
    doubts = (Doubt(tracks[0], 0, COUNT, Raised.CHECK),)
    path = film.with_suffix(".jsonl")
    plan.write(Plan(About(report.sha256(film), COUNT, *SIZE, FAST), Regions(rows), (), doubts).marked(), path)
    with EditSession(path) as session:
        session.do(Judge(tracks[1], Answer.NOTHING))
    return film, path


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(sample: tuple[Path, Path], chromium: Browser, scheme: Any) -> Iterator[Page]:
    with Review(*sample) as review, served(review) as server, window(chromium) as opened:
        opened.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        opened.goto(server.address)
        expect(opened.locator(".row .thumb canvas").first).to_be_visible()
        opened.evaluate(f"import('/page/state.js').then(({{ go }}) => go({MOMENT}))")
        expect(opened.locator("#clock")).to_contain_text(f"{MOMENT + 1} / {COUNT}")
        yield opened


def shot(place: Locator) -> NDArray[np.uint8]:
    """What is on the screen, once it stays the same; (height, width, 3) RGB."""
    place.page.wait_for_load_state("networkidle")
    before = b""
    for _ in range(40):
        now = place.screenshot()
        if now == before:
            break
        before = now
        place.page.wait_for_timeout(200)
    return np.asarray(Image.open(io.BytesIO(before)).convert("RGB"))


def test_what_is_published_is_black_where_the_plan_says_and_as_it_was_elsewhere(
    page: Page, sample: tuple[Path, Path]
) -> None:
    page.evaluate("document.getElementById('outlines').style.visibility = 'hidden'")
    raw = shot(page.locator("#frame"))
    page.keyboard.press("2")
    expect(page.locator("[data-action=published]")).to_have_attribute("aria-checked", "true")
    page.wait_for_timeout(500)
    published = shot(page.locator("#frame"))
    height, width = raw.shape[:2]
    scale = min(width / SIZE[0], height / SIZE[1])
    left, top = (width - SIZE[0] * scale) / 2, (height - SIZE[1] * scale) / 2
    expected = np.zeros((height, width), np.uint8)
    regions = plan.read(sample[1]).at(MOMENT)
    assert len(regions) >= 3
    for one in regions:
        x0, y0, x1, y1 = (round(at * scale + (top if side % 2 else left)) for side, at in enumerate(one.xyxy))
        if one.shape is Shape.ELLIPSE:
            cv2.ellipse(expected, (((x0 + x1) / 2, (y0 + y1) / 2), (x1 - x0, y1 - y0), 0.0), (255,), -1)
        else:
            expected[max(y0, 0) : y1, max(x0, 0) : x1] = 255
    around = np.ones((7, 7), np.uint8)
    inside, outside = cv2.erode(expected, around) > 0, cv2.dilate(expected, around) == 0
    assert inside.sum() > 500
    assert (published[inside].max(axis=1) < 24).mean() > 0.99
    changed = np.abs(published.astype(int) - raw).max(axis=2) > 48
    assert changed[outside].mean() < 0.001


def test_the_time_line_shows_every_run_of_every_track_in_its_colour(
    page: Page, sample: tuple[Path, Path], scheme: str
) -> None:
    page.keyboard.press("Home")
    expect(page.locator("#clock")).to_contain_text(f"1 / {COUNT}")
    tracks = page.evaluate("import('/page/state.js').then(({ ordered }) => ordered())")
    lanes = page.evaluate(
        f"fetch('api/lanes?tracks={','.join(str(one['track']) for one in tracks)}').then((a) => a.json())"
    )
    assert {one["drawn"] for one in tracks} == {"hidden", "open", "nothing"}
    picture = shot(page.locator("#time"))
    per_frame = (picture.shape[1] - NAME - END) / COUNT
    rows = (picture.shape[0] - HEAD - 40) // ROW
    for number, one in enumerate(tracks[:rows]):
        wanted = np.array([int(COLOURS[scheme][one["drawn"]][at : at + 2], 16) for at in (1, 3, 5)])
        y = HEAD + number * ROW
        is_there = np.abs(picture[y : y + ROW].astype(int) - wanted).max(axis=2) < 40
        runs = {(first, end): code for first, end, code in lanes[str(one["track"])]}
        for (first, end), code in runs.items():
            x0, x1 = (round(NAME + at * per_frame) for at in (first, end))
            middle = is_there[:, max(x0 + 4, NAME + 20) : x1 - 3]  # not where the line is that says where we are
            if middle.size:
                assert middle.sum(axis=0).min() >= (9 if code == 0 else 3), (one, first, code)
                assert middle.sum(axis=0).max() <= (11 if code == 0 else 5), (one, first, code)
        after = NAME + max(end for _, end in runs) * per_frame
        assert not is_there[:, round(after) + 3 :].any(), one


PARTS = "button, select, #clock, h1, h2, #question p, #frame, #time, #list"
OVERLAPS = """(parts) => {
    const some = [...document.querySelectorAll(parts)].filter((one) => one.checkVisibility());
    const name = (one) => one.id || one.textContent;
    const found = [];
    for (const [number, one] of some.entries()) {
        const a = one.getBoundingClientRect();
        if (!a.width) continue;
        if (a.left < -1 || a.right > innerWidth + 1) found.push(`${name(one)} is cut off`);
        for (const other of some.slice(number + 1)) {
            if (one.contains(other) || other.contains(one)) continue;
            const b = other.getBoundingClientRect();
            const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (across > 1 && down > 1) found.push(`${name(one)} lies over ${name(other)}`);
        }
    }
    return found;
}"""


@pytest.mark.parametrize(
    ("width", "height"), [(1280, 720), (640, 360)], ids=["1280x720", "text twice as large"]
)  # zoomed in twice, a window has half as many of the page's pixels
def test_nothing_lies_over_anything_else_in_any_language(page: Page, scheme: str, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.click(".row")
    for language in ("en", "de", "fr", "es", "sr"):
        page.select_option("#language", language)
        for key in ("q", "Escape"):
            page.locator("#frame").focus()
            page.keyboard.press(key)
            expect(page.locator("#question .answers")).to_have_count(int(key == "q"))
            page.click(".row")
            assert page.evaluate(OVERLAPS, PARTS) == [], (language, key)
    ground = shot(page.locator("header")).mean()
    assert ground < 80 if scheme == "dark" else ground > 200
