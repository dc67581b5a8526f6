"""What tools that are not installed with this program say of the page: its types, and whether everybody can use it."""

import json
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.browser import needs_chromium

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "anonymize" / "review" / "page",
    ROOT / "anonymize" / "live" / "control_room" / "page",
    ROOT / "anonymize" / "live" / "webrtc" / "page",
]
TSC = ROOT / "node_modules" / ".bin" / "tsc"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
OPTIONS = [
    "--noEmit", "--allowJs", "--checkJs", "--strict", "--types", "", "--moduleResolution", "bundler",
    "--target", "es2023", "--module", "esnext", "--lib", "es2023,dom,dom.iterable",
]  # fmt: skip


@pytest.mark.skipif(not TSC.exists(), reason="no TypeScript here: make page-test")
@pytest.mark.parametrize("page", PAGES, ids=["review", "control room", "viewers"])
def test_the_types_in_the_comments_of_the_modules_hold(page: Path) -> None:
    modules = sorted(str(module) for module in page.glob("*.js"))
    done = subprocess.run([TSC, *OPTIONS, *modules], capture_output=True, text=True, timeout=120)
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


@needs_chromium
@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: make page-test")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_left_out_of_the_page(page: Page, dark: bool) -> None:
    if dark:
        page.emulate_media(color_scheme="dark")
    page.evaluate(AXE.read_text(encoding="utf-8"))

    def found() -> list[str]:
        told = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            json.dumps({"rule": rule["id"], "where": [node["html"][:120] for node in rule["nodes"]]})
            for rule in told["violations"]
        ]

    assert found() == []
    page.click(".row")
    for key in (",", "v", "."):
        page.keyboard.press(key)
    expect(page.locator("#marked")).to_be_visible()
    assert found() == []
    page.keyboard.press("n")
    expect(page.locator(".row .badge")).to_have_text("nothing there")
    assert found() == []
    page.keyboard.press("?")
    expect(page.locator("dialog table")).to_be_visible()
    assert found() == []
