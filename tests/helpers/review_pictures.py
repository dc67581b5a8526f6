"""The pictures of docs/review.md: `make review-pictures` makes the sample film, looks through it, and takes them of its
review in Chromium. Faces on them are those of the sample film, which may be shown."""

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import anonymize
from anonymize.data import Kind
from anonymize.plan.edits import Remove
from anonymize.review.app import app
from anonymize.review.review import Review, plan_for
from anonymize.review.session import EditSession
from anonymize.samples.demo import make_demo
from anonymize.track.pairs import iou
from anonymize.web.server import Server
from tests.helpers.browser import browser, window

DOCS = Path(__file__).parents[2] / "docs"
QUALITY = 55
MOMENT = 90
"""A frame on which everybody is there."""


@contextmanager
def _opened(film: Path, made: Path, launched: Browser, *, dark: bool = False) -> Iterator[Page]:
    with Review(film, made) as review:
        server = Server(0, app(review), "a-token-for-pictures")
        try:
            with window(launched) as page:
                page.emulate_media(color_scheme="dark" if dark else "light")
                page.goto(server.address)
                expect(page.locator(".row").first).to_be_visible()
                go(page, MOMENT)
                yield page
        finally:
            server.close()


def go(page: Page, frame: int) -> None:
    """Show a frame, and wait for its picture and for what is cut out of others."""
    page.evaluate(f"import('/page/state.js').then(({{ go }}) => go({frame}))")
    expect(page.locator("#clock")).to_contain_text(f"{frame + 1} / ")
    expect(page.locator(".row .thumb canvas").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)


def take(page: Page, name: str) -> None:
    """Write a picture of the page to docs/."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.save(DOCS / f"{name}.jpg", quality=QUALITY, optimize=True, progressive=True)


def main(folder: Path) -> None:
    """Take all pictures; a film and a plan that lie in `folder` already are used."""
    film, made = folder / "sample.mp4", plan_for(folder / "sample.mp4")
    if not made.exists():
        make_demo(film)
        anonymize.write_plan(film, made)
    before = made.read_bytes()
    with browser() as launched:
        with _opened(film, made, launched) as page:
            page.locator(".row").nth(2).click()
            go(page, MOMENT)
            take(page, "review")
            page.keyboard.press("3")
            go(page, MOMENT)
            take(page, "review-both")
        with EditSession(made) as session:  # somebody took a face away, and its head, and published
            there, frames = session.edited.base.regions.at(MOMENT), session.edited.base.about.frames
            face = next(one for one in there if one.kind is Kind.FACE)
            for one in there:
                if one is face or (one.kind is Kind.HEAD and iou(np.array(one.xyxy), np.array(face.xyxy)) > 0.3):
                    session.do(Remove(one.track, (0, frames)))
        with _opened(film, made, launched, dark=True) as page:
            page.click("#publish")
            expect(page.locator("dialog input[name=where-to]")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.locator("#question")).to_contain_text("The check of the output found it", timeout=120_000)
            expect(page.locator("#question canvas")).to_be_visible()
            expect(page.locator("#message")).to_be_hidden()
            take(page, "review-check")
    made.write_bytes(before)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
