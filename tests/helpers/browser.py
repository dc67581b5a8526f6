"""A browser without a screen, as a person at a page has one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SLOW = 30_000
"""Milliseconds that a busy machine may need."""
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: .ci/run installs it and runs this")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, which contacts nobody; what is expected of its pages may take as long as a busy machine needs."""
    expect.set_options(timeout=SLOW)
    with sync_playwright() as player:
        launched = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield launched
        finally:
            launched.close()


@contextmanager
def window(browser: Browser) -> Iterator[Page]:
    """An empty window of 1280 x 720 that nobody has used before; fails if a script or a policy fails in it."""
    said: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    try:
        page = context.new_page()
        page.set_default_timeout(SLOW)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        yield page
    finally:
        context.close()
    assert not said, f"a message on the console, as a script or a policy failed: {said}"
