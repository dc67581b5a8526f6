"""Recordings on the page of the control room: found, held, exported, checked, and written down with a name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from anonymize.live.control_room import archive
from anonymize.live.recordings import custody
from anonymize.live.recordings.times import read
from tests.helpers.browser import needs_chromium, window
from tests.helpers.control_room import Cameras
from tests.helpers.servers import until
from tests.live.test_control_room import Client, chromium, served  # noqa: F401 - a fixture
from tests.live.test_recordings import record

SPAN = {"camera": "market", "from": "2026-11-29T12:00:02Z", "to": "2026-11-29T12:00:05Z"}
LISTED = "/api/recordings?camera=market&from=2026-11-29T12:00Z&to=2026-11-29T13:00Z"

EARLY = read("2026-11-29T12:00:04Z")
"""Between the rows of `kept`."""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Two seconds, a gap of two, two seconds, a segment each."""
    made: Path = record(tmp_path / "rec", (0.0, 50), (4.0, 50), segment=1.0)
    return made


@pytest.fixture
def client(kept: Path) -> Iterator[Client]:
    with served(Cameras(1, kept)) as server:
        yield Client(server.port)


def log(folder: Path) -> list[Any]:
    path = folder / custody.NAME
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def refused(client: Client, act: str, asked: object) -> str:
    answer = client.ask("POST", f"/api/recordings/{act}", asked)
    assert answer.status == 422, answer.content
    return str(json.loads(answer.content)["error"])


def done(client: Client, act: str, **asked: str) -> Any:
    answer = client.ask("POST", f"/api/recordings/{act}", SPAN | asked)
    assert answer.status == 200, answer.content
    return json.loads(answer.content)


def test_what_was_recorded_is_listed_with_its_gaps(client: Client, kept: Path) -> None:
    found = client.get(LISTED)
    first, gap, second, after = found["rows"]
    assert after["gap"]
    noon = read("2026-11-29T12:00:00Z")
    assert [round(row["from"] - noon, 2) for row in (first, gap, second)] == [0.25, 2.25, 4.25]
    assert (first["segments"], second["segments"], gap["gap"]) == (1, 1, True)
    assert first["size"] == sum(path.stat().st_size for path in sorted(kept.glob("*.mp4"))[:1])
    assert (found["writing"], found["exports"], found["folder"]) == (False, [], str(kept))
    assert client.ask("GET", LISTED.replace("market", "none")).status == 422
    assert client.ask("GET", LISTED.replace("2026-11-29T12:00Z", "yesterday")).status == 422


def test_each_act_is_in_the_custody_log_with_the_name_given_on_the_page(client: Client, kept: Path) -> None:
    assert done(client, "hold", by="Ada Ø", reason="C 12")["segments"] == 2
    assert client.get(LISTED)["rows"][0]["held"]["reason"] == "C 12"
    assert done(client, "release", by="Ada Ø", reason="done")["segments"] == 2
    made = done(client, "export", by="Ada Ø")
    assert made["pictures"] > 10
    assert [line["act"] for line in log(kept)] == ["hold", "release", "export"]
    assert {line["by"] for line in log(kept)} == {"Ada Ø"}
    assert not list(custody.complaints(kept))
    (one,) = client.get(LISTED)["exports"]
    film = client.ask("GET", f"/api/exports/market/{one['name']}")
    assert film.content == (kept / "exports" / one["name"]).read_bytes()
    assert "attachment" in film.headers["content-disposition"]
    report = json.loads(client.ask("GET", f"/api/exports/market/{one['report']}").content)
    assert report["output"]["sha256"] == log(kept)[-1]["sha256"]

    done(client, "verify", by="Ada Ø")
    assert "another check is under way" in refused(client, "verify", SPAN | {"by": "Ada Ø"})
    until(lambda: client.get("/api/recordings/verify")["state"] != "running", 90)
    now = client.get("/api/recordings/verify")
    assert (now["state"], now["verdict"], now["segments"]) == ("done", "pass", 2), now
    assert (log(kept)[-1]["act"], log(kept)[-1]["by"], log(kept)[-1]["verdict"]) == ("verify", "Ada Ø", "pass")


def test_what_is_refused_says_why_and_changes_nothing(client: Client, kept: Path) -> None:
    before = sorted(kept.iterdir())
    for act in ("hold", "release", "export", "verify"):
        assert "give your name" in refused(client, act, SPAN)
        assert "give your name" in refused(client, act, SPAN | {"by": " "})
        assert "there is no camera" in refused(client, act, SPAN | {"by": "Ada", "camera": "none"})
        assert "expected a text" in refused(client, act, SPAN | {"by": ["Ada"]})
        assert "expected a date" in refused(client, act, SPAN | {"by": "Ada", "reason": "x", "from": "soon"})
    assert "say why" in refused(client, "hold", SPAN | {"by": "Ada"})
    nothing = {"by": "Ada", "reason": "x", "from": "2026-11-28T12:00Z", "to": "2026-11-28T13:00Z"}
    assert "no recording from" in refused(client, "export", SPAN | nothing)
    assert [path for path in sorted(kept.iterdir()) if path.name not in ("exports", ".recordings.sqlite")] == [
        path for path in before if path.name != ".recordings.sqlite"
    ]
    for name in ("..%2fcustody.jsonl", "none.mp4", ".recordings.sqlite", "2026-11-29T12-00-00Z.mp4"):
        assert client.ask("GET", f"/api/exports/market/{name}").status in (404, 422), name
    answer = client.ask("POST", "/api/recordings/hold", SPAN, Origin="http://evil.example")
    assert answer.status == 403
    assert client.ask("GET", "/api/recordings/hold").status == 405


def top(element: Locator) -> float:
    """How far it is below the top of the window."""
    box = element.bounding_box()
    assert box is not None
    return float(box["y"])


@needs_chromium
def test_earlier_rows_are_shown_above_the_others_which_stay_where_they_are(
    kept: Path,
    chromium: Browser,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "_MOST", 2)
    with served(Cameras(1, kept)) as server, window(chromium) as page:
        page.set_viewport_size({"width": 900, "height": 260})
        client = Client(server.port)
        whole = [row["from"] for part in ("", f"&before={EARLY}") for row in client.get(LISTED + part)["rows"]]
        assert client.ask("GET", f"{LISTED}&before=soon").status == 422
        page.goto(server.address)
        page.locator("#to-recordings").click()
        page.fill("#from", "2026-11-29T11:00:00")
        page.fill("#to", "2026-11-29T13:00:00")
        page.keyboard.press("Enter")
        expect(page.locator("#rows tr")).to_have_count(2)
        earlier = page.get_by_role("button", name="Show earlier rows (3 more)")
        last = page.locator("#rows tr").last
        expect(last).to_contain_text("13:00:00")  # of this time, not of the list before
        before = last.inner_text()
        earlier.focus()
        page.wait_for_timeout(500)  # focusing scrolls
        place = top(last)
        page.keyboard.press("Enter")
        expect(page.locator("#rows tr")).to_have_count(4)
        until(lambda: abs(top(last) - place) < 3, 10, "it stays where it is")
        expect(page.locator("#earlier")).to_be_focused()
        page.get_by_role("button", name="Show earlier rows (1 more)").click()
        expect(page.locator("#rows tr")).to_have_count(5)
        expect(page.locator("#earlier")).to_be_hidden()
        assert last.inner_text() == before
        starts = [one.inner_text() for one in page.locator("#rows tr td:first-child").all()]
        assert starts == sorted(starts), "in their order, each once"
        assert len(set(starts)) == 5
    assert len(whole) == 4


@needs_chromium
def test_a_span_is_chosen_held_and_exported_by_keyboard(kept: Path, chromium: Browser, tmp_path: Path) -> None:  # noqa: F811
    with served(Cameras(2, kept)) as server, window(chromium) as page:
        page.goto(server.address)
        expect(page.locator("#to-recordings")).to_be_visible()
        page.locator("#to-recordings").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#from")).to_be_visible()
        page.fill("#from", "2026-11-29T11:00:00")
        page.fill("#to", "2026-11-29T13:00:00")
        page.keyboard.press("Enter")
        expect(page.locator("#rows tr")).to_have_count(5)
        expect(page.locator("#rows tr").nth(2)).to_contain_text("no pictures")
        page.locator("#rows button").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#by")).to_be_focused()
        expect(page.locator("#from")).to_have_value("2026-11-29T12:00")
        page.locator("[data-act=hold]").press("Enter")
        expect(page.locator("#message")).to_contain_text("Give your name")
        page.fill("#by", "Ada")
        page.locator("[data-act=hold]").press("Enter")
        expect(page.locator("#message")).to_contain_text("Say why")
        expect(page.locator("#why")).to_be_focused()
        page.keyboard.type("C 12")
        page.locator("[data-act=hold]").press("Enter")
        expect(page.locator("#message")).to_contain_text("Segments held: 1.")
        expect(page.locator("#rows tr").first).to_contain_text("held by Ada: C 12")
        page.locator("[data-act=export]").press("Enter")
        expect(page.locator("#message")).to_contain_text("Exported as market-")
        with page.expect_download() as download:
            page.locator("#exports a").first.click()
        download.value.save_as(tmp_path / "got.mp4")
        assert (tmp_path / "got.mp4").read_bytes() == next((kept / "exports").glob("*.mp4")).read_bytes()
        for width, height in ((1280, 720), (640, 360), (390, 800)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        for field in page.locator("input, select").all():
            assert field.evaluate("(one) => one.labels[0].textContent.trim()")
