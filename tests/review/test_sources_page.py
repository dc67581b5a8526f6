"""The review's page on films and pictures that are out of the ordinary: what is seen, what is published, and edits."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from anonymize import plan, report
from anonymize.data import Kind, Region, Why
from anonymize.plan import About, Plan, Regions
from anonymize.review.review import Review
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import make_video
from tests.review.conftest import FAST, served

pytestmark = needs_chromium
COUNT, SIDE = 12, 28
RED, GREEN, GROUND = (220, 30, 30), (30, 190, 60), (128, 128, 128)


def places(index: int, width: int, height: int) -> dict[str, tuple[int, int, int, int]]:
    """Where a red square, which moves, and a green one in the last corner are on a frame."""
    left = 40 + 8 * index
    return {
        "red": (left, 60, left + SIDE, 60 + SIDE),
        "green": (width - SIDE, height - SIDE, width, height),
    }


def pictures(width: int, height: int, count: int = COUNT) -> list[NDArray[np.uint8]]:
    made = []
    for index in range(count):
        picture = np.full((height, width, 3), GROUND, np.uint8)
        for (x0, y0, x1, y1), colour in zip(places(index, width, height).values(), (RED, GREEN), strict=True):
            picture[y0:y1, x0:x1] = colour
        made.append(picture)
    return made


def deep(some: list[NDArray[np.uint8]]) -> list[Any]:
    """The same with 16 bits."""
    return [picture.astype(np.uint16) * 257 for picture in some]


def turned(some: list[NDArray[np.uint8]]) -> list[Any]:
    """As a camera that was held upright stores them."""
    return [np.ascontiguousarray(np.rot90(picture, -1)) for picture in some]


FILMS: dict[str, tuple[tuple[int, int], int, Any]] = {
    "10 bit": (
        (1280, 720),
        COUNT,
        lambda path: make_video(path, frames=deep(pictures(1280, 720)), codec="libx265", pix_fmt="yuv420p10le"),
    ),
    "rotated": (
        (720, 1280),
        COUNT,
        lambda path: make_video(path, frames=turned(pictures(720, 1280)), rotation=90),
    ),
    "one key frame": (
        (1280, 720),
        COUNT,
        lambda path: make_video(path, frames=pictures(1280, 720), options={"g": "999", "sc_threshold": "0"}),
    ),
    "oblong pixels": (
        (640, 720),
        COUNT,
        lambda path: make_video(path, frames=pictures(640, 720), sar=Fraction(2)),
    ),
    "one frame": ((1280, 720), 1, lambda path: make_video(path, frames=pictures(1280, 720, 1))),
}
"""Size of the upright picture, number of frames, and how the film is made."""


def planned(source: Path, size: tuple[int, int], count: int) -> Path:
    """A plan that covers the red square."""
    rows = [
        (index, index + 1, Region(places(index, *size)["red"], Kind.FACE, Why.DETECTED, 0, score=0.9))
        for index in range(count)
    ]
    made = Plan(About(report.sha256(source), count, *size, FAST), Regions(rows)).marked()
    plan.write(made, path := source.with_suffix(".jsonl"))
    return path


@contextmanager
def opened(source: Path, made: Path, chromium: Browser) -> Iterator[Page]:
    with Review(source, made) as review, served(review) as server, window(chromium) as page:
        page.goto(server.address)
        expect(page.locator(".row")).to_have_count(1)
        yield page


def seen(page: Page, box: tuple[float, float, float, float], size: tuple[float, float]) -> list[float]:
    """The mean colour within a box of the film, as it is on the screen; `size` is that of the film on the screen."""
    page.wait_for_load_state("networkidle")
    found: list[float] = page.evaluate(
        """([box, [width, height]]) => {
            const shown = document.getElementById("picture");
            const scale = Math.min(shown.clientWidth / width, shown.clientHeight / height);
            const [left, top] = [(shown.clientWidth - width * scale) / 2, (shown.clientHeight - height * scale) / 2];
            const ratio = shown.width / shown.clientWidth;
            const [x0, y0, x1, y1] = box.map((at, side) => ratio * ((side % 2 ? top : left) + at * scale));
            const canvas = new OffscreenCanvas(1, 1);
            const context = canvas.getContext("2d", { willReadFrequently: true });
            context.imageSmoothingQuality = "high";
            const [across, down] = [(x1 - x0) / 4, (y1 - y0) / 4];
            context.drawImage(shown, x0 + across, y0 + down, 2 * across, 2 * down, 0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
        }""",
        [list(box), list(size)],
    )
    return found


def until(page: Page, box: tuple[float, float, float, float], size: tuple[float, float], colour: object) -> None:
    """Wait until a box of the film has a colour on the screen."""
    for _ in range(60):
        if (now := seen(page, box, size)) == pytest.approx(colour, abs=30):
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{now} instead of {colour}")


@pytest.mark.parametrize("name", FILMS)
def test_a_film_out_of_the_ordinary_is_seen_published_and_edited(name: str, tmp_path: Path, chromium: Browser) -> None:
    size, count, make = FILMS[name]
    source = make(tmp_path / "film.mp4")
    made = planned(source, size, count)
    wide = 2 if name == "oblong pixels" else 1
    on_screen = (size[0] * wide, size[1])

    def stretched(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
        return box[0] * wide, box[1], box[2] * wide, box[3]

    with opened(source, made, chromium) as page:
        expect(page.locator("#clock")).to_contain_text(f"1 / {count}")
        for key, index in (("Home", 0), ("End", count - 1), ("d", max(count - 2, 0))):
            page.keyboard.press(key)
            expect(page.locator("#clock")).to_contain_text(f"{index + 1} / {count}")
            there = {colour: stretched(box) for colour, box in places(index, *size).items()}
            page.keyboard.press("1")
            until(page, there["red"], on_screen, RED)
            until(page, there["green"], on_screen, GREEN)
            page.keyboard.press("2")
            until(page, there["red"], on_screen, (0, 0, 0))
            until(page, there["green"], on_screen, GREEN)
        expect(page.locator("[data-action=play]")).to_be_enabled(enabled=count > 1)
        page.click("[data-action=draw-area]")
        frame: Any = page.locator("#frame").bounding_box()
        scale = min(frame["width"] / on_screen[0], frame["height"] / on_screen[1])
        x0, y0, x1, y1 = there["green"]
        left, top = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
        page.mouse.move(left + (x0 - on_screen[0] / 2) * scale, top + (y0 - on_screen[1] / 2) * scale)
        page.mouse.down()
        page.mouse.move(left + (x1 - on_screen[0] / 2) * scale - 4, top + (y1 - on_screen[1] / 2) * scale - 4)
        page.mouse.move(left + (x1 - on_screen[0] / 2) * scale, top + (y1 - on_screen[1] / 2) * scale)
        page.mouse.up()
        expect(page.locator(".row")).to_have_count(2)
        until(page, there["green"], on_screen, (0, 0, 0))
        page.keyboard.press("Control+z")
        expect(page.locator(".row")).to_have_count(1)
        until(page, there["green"], on_screen, GREEN)
    drawn = plan.read(made)
    assert [len(drawn.at(index)) for index in range(count)] == [1] * count


@pytest.mark.parametrize("suffix", [".png", ".mkv"])
def test_a_single_pixel_can_be_reviewed_and_hidden(tmp_path: Path, chromium: Browser, suffix: str) -> None:
    source = tmp_path / f"dot{suffix}"
    dot = np.full((1, 1, 3), RED, np.uint8)
    if suffix == ".png":
        Image.fromarray(dot).save(source)
    else:
        make_video(source, frames=[dot] * 3, codec="ffv1", pix_fmt="yuv444p")
    count = 1 if suffix == ".png" else 3
    made = source.with_suffix(".jsonl")
    plan.write(Plan(About(report.sha256(source), count, 1, 1, FAST), Regions(())).marked(), made)
    with Review(source, made) as review, served(review) as server, window(chromium) as page:
        page.goto(server.address)
        expect(page.locator("#clock")).to_contain_text(f"1 / {count}")
        page.keyboard.press("2")
        until(page, (0, 0, 1, 1), (1, 1), RED)
        page.keyboard.press("End")
        for key in ("Home", ",", "End", ".", "w"):
            page.keyboard.press(key)
        expect(page.locator(".row")).to_have_count(1)
        until(page, (0, 0, 1, 1), (1, 1), (0, 0, 0))
    assert [len(plan.read(made).at(index)) for index in range(count)] == [1] * count


def test_a_film_that_vanishes_or_changes_is_said_on_the_page_and_edits_wait(tmp_path: Path, chromium: Browser) -> None:
    source = make_video(tmp_path / "film.mp4", frames=pictures(1280, 720))
    made = planned(source, (1280, 720), COUNT)
    before = made.read_bytes()
    with Review(source, made) as review, served(review) as server, chromium.new_context(locale="en-GB") as context:
        page = context.new_page()  # what fails here also stands on the console
        page.goto(server.address)
        expect(page.locator(".row .thumb canvas")).to_be_visible()
        page.click(".row")
        banner, badge = page.locator("#banner"), page.locator(".row .badge")
        aside = source.rename(source.with_name("aside.mp4"))
        expect(banner).to_contain_text("it is gone while it was reviewed; edits so far are saved")
        page.keyboard.press("n")
        page.wait_for_timeout(500)
        expect(badge).to_have_text("hidden")
        assert made.read_bytes() == before
        aside.rename(source)
        page.keyboard.press("n")
        expect(badge).to_have_text("nothing there")
        expect(banner).to_have_text("")
        kept = made.read_bytes()
        with source.open("ab") as file:
            file.write(b"more")
        expect(banner).to_contain_text("it was changed or replaced while it was reviewed")
        page.keyboard.press("Control+z")
        page.wait_for_timeout(500)
        expect(badge).to_have_text("nothing there")
        assert made.read_bytes() == kept
