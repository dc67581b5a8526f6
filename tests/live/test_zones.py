"""Zones drawn in the control room: written into the file of cameras, in force without a gap, refused with a reason."""

import itertools
import json
import os
import signal
import stat
import threading
import tomllib
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from anonymize.errors import UsageError
from anonymize.live.control_room.cameras_toml import with_zones
from anonymize.live.recordings import custody
from anonymize.live.sinks.newest import Newest
from anonymize.live.supervisor import camera_process
from tests.helpers.browser import SLOW, needs_chromium, window
from tests.helpers.servers import until
from tests.live.test_control_room import TOKEN, Client, chromium, clip, running  # noqa: F401 - fixtures
from tests.live.test_sinks import frames
from tests.live.test_supervise import Supervised

FLAT = {"polygon": [[0, 0], [40, 0], [40, 40], [0, 40]]}
DOOR = {"polygon": [[100, 60], [150, 60], [150, 110], [100, 110]]}
CORNERS = "polygon = [[0, 0], [40, 0], [40, 40], [0, 40]]"
Both = tuple[Supervised, Client]
UNCHANGED = {"de": "Es wurde nichts geändert.", "fr": "Rien n’a été modifié.", "sr": "Ništa nije promenjeno."}
ZONES = {"de": "Zonen", "fr": "Zones", "sr": "Zone"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[Both]:  # noqa: F811
    with running(tmp_path_factory.mktemp("zones"), clip, ["one", "two"]) as found:
        yield found


def send(client: Client, path: str, **asked: Any) -> tuple[int, Any]:
    body = {"camera": "one", "by": "Ada Ø", "seen": client.get("/api/zones?camera=one")["seen"]} | asked
    answer = client.ask("POST", f"/api/zones{path}", body)
    return answer.status, json.loads(answer.content)


def door(client: Client) -> int:
    """The brightest pixel of the door in the newest picture; 255 if there is none."""
    client.camera("one")  # asks for a newer one
    picture = client.picture("one")
    return 255 if picture is None else int(picture[70:100, 110:140].max())


def gaps(folder: Path) -> list[float]:
    """The seconds from each recorded picture to the next of its segment."""
    found = []
    for segment in sorted(folder.glob("*.mp4")):
        with av.open(str(segment)) as container:
            times = [picture.time or 0.0 for picture in container.decode(video=0)]
        found += [b - a for a, b in itertools.pairwise(times)]
    return found


def log(path: Path) -> list[Any]:
    there = path.with_name("cameras.toml.changes.jsonl")
    return [json.loads(line) for line in there.read_text().splitlines()] if there.exists() else []


def test_a_zone_is_written_with_the_comments_kept_in_force_without_a_gap_and_undone(both: Both) -> None:
    started, client = both
    path: Path = started.path
    path.chmod(0o640)
    text = path.read_text()
    assert door(client) > 60, "the door can be seen"
    status, now = send(client, "", zones=[FLAT, DOOR], spared=[FLAT])
    assert status == 200, now
    assert (now["zones"], now["spared"], now["undo"]) == ([FLAT, DOOR], [FLAT], True)
    shown = 0
    while shown < 8:  # from the answer on, it is in no picture
        seen = door(client)
        assert seen < 40 or seen == 255, "a picture without the zone, after the page said that it is in force"
        shown += seen < 40
    assert client.camera("one")["restarts"] == 0
    assert len(started.events("camera started", camera="one")) == 1
    written = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert set(text.splitlines()) - set(written.splitlines()) <= {f"zones = [{{ polygon = {FLAT['polygon']} }}]"}
    assert "# The flat across the street." in written
    settings = tomllib.loads(written)["cameras"]["one"]["settings"]
    assert (settings["zones"], settings["spared"]) == ([FLAT, DOOR], [FLAT])
    assert tomllib.loads(written)["cameras"]["two"] == tomllib.loads(text)["cameras"]["two"]

    status, now = send(client, "/undo", by="Bo")
    assert status == 200, now
    assert (now["zones"], now["spared"], now["undo"]) == ([FLAT], [], False)
    until(lambda: 255 > door(client) > 60, 20, "it is visible")
    assert [(one["act"], one["by"]) for one in now["log"]] == [("undo", "Bo"), ("zones", "Ada Ø")]
    first, second = log(path)
    assert (first["camera"], first["before"]["zones"], first["after"]["zones"]) == ("one", [FLAT], [FLAT, DOOR])
    assert second["after"]["zones"] == [FLAT]
    assert "nothing to undo" in send(client, "/undo")[1]["error"]
    both_of = [path.parent / name for name in ("two", "one")]
    before = [len(list(folder.glob("*.mp4"))) for folder in both_of]
    until(
        lambda: all(len(list(folder.glob("*.mp4"))) > was for folder, was in zip(both_of, before, strict=True)),
        20,
        "the segments of the change are there",
    )
    quiet, changed = (max(gaps(folder)) for folder in both_of)
    assert changed < max(0.5, 2 * quiet), "longer than that of the camera beside it, which was not changed"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"zones": [{"polygon": [[0, 0], [9, 9]]}]}, "3 to"),
        ({"zones": [{"polygon": [[0, 0], [9, 9], [18, 18]]}]}, "has no area"),
        ({"zones": [{"polygon": [[500, 500], [600, 500], [600, 600]]}]}, "lies outside the picture"),
        ({"zones": [{"polygon": "all"}]}, "zones"),
        ({"zones": [{"shape": 1}]}, "unknown setting"),
        ({"zones": []}, "nothing to redact"),
        ({"zones": [FLAT]}, "nothing was changed"),
        ({"zones": [DOOR], "by": " "}, "give your name"),
        ({"zones": [DOOR], "seen": "old"}, "changed meanwhile"),
        ({"zones": [DOOR], "camera": "none"}, "no camera of that name"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(both: Both, asked: dict[str, Any], words: str) -> None:
    started, client = both
    before = {path.name: path.read_bytes() for path in started.path.parent.glob("cameras.toml*")}
    status, answer = send(client, "", **asked)
    assert status == 422
    assert words in answer["error"]
    assert {path.name: path.read_bytes() for path in started.path.parent.glob("cameras.toml*")} == before
    assert client.get("/api/zones?camera=one")["zones"] == [FLAT]


def test_an_edit_by_hand_that_nobody_applied_is_not_applied_along_with_a_zone(both: Both) -> None:
    started, client = both
    text = started.path.read_text()
    started.path.write_text(text.replace("segment = 2", "segment = 3"))
    try:
        assert "edited and not applied" in send(client, "", zones=[FLAT, DOOR])[1]["error"]
    finally:
        started.path.write_text(text)


def test_the_page_says_that_a_zone_is_in_force_only_once_the_camera_has_it(both: Both) -> None:
    started, client = both
    process = started.events("camera started", camera="one")[-1]["process"]
    answers: list[tuple[int, Any]] = []
    os.kill(process, signal.SIGSTOP)
    try:
        asking = threading.Thread(target=lambda: answers.append(send(client, "", zones=[FLAT, DOOR])))
        asking.start()
        until(lambda: len(log(started.path)) and log(started.path)[-1]["after"]["zones"] == [FLAT, DOOR], 10)
        asking.join(1.0)
        assert answers == [], "the camera cannot have it yet"
    finally:
        os.kill(process, signal.SIGCONT)
    asking.join(60)
    assert answers[0][0] == 200
    assert send(client, "/undo")[0] == 200


@pytest.mark.parametrize("meanwhile", [True, False])
def test_no_picture_is_sent_that_was_to_be_forgotten_while_it_was_made(
    meanwhile: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest, (ours, theirs) = Newest(), Pipe()
    newest.write(next(iter(frames(1))))

    def made(*_: object) -> bytes:
        if meanwhile:
            newest.forget()  # as new settings come into force
        return b"without the zone"

    monkeypatch.setattr("anonymize.live.sinks.newest.jpeg", made)
    camera_process._Line(theirs).show(newest, 320)
    assert ours.poll(0) is not meanwhile


@needs_chromium
def test_a_zone_is_drawn_by_mouse_and_by_keyboard(both: Both, chromium: Browser) -> None:  # noqa: F811
    _, client = both
    with window(chromium) as page:
        page.goto(f"http://127.0.0.1:{client.port}/{TOKEN}/")
        page.get_by_role("button", name="Zones of one").click()
        expect(page.locator("#zone-list li")).to_have_count(1)
        expect(page.locator("#zone-picture")).to_have_js_property("naturalWidth", 160)
        for x, y in ((100, 60), (150, 60), (150, 110), (100, 110), (100, 60)):
            page.mouse.click(*_at(page, x, y))
        expect(page.locator("#zone-list li")).to_have_count(2)
        page.locator("#zone-save").click()
        expect(page.locator("#zone-error")).to_contain_text("Give your name")
        page.fill("#zone-by", "Ada")
        page.locator("#zone-save").click()
        expect(page.locator("#zone-undo")).to_be_enabled()
        expect(page.locator("#zone-log li").first).to_contain_text("changed by Ada")
        drawn = client.get("/api/zones?camera=one")["zones"][1]["polygon"]
        assert np.abs(np.subtract(drawn, DOOR["polygon"])).max() <= 1
        page.locator("#zone-undo").press("Enter")
        expect(page.locator("#zone-list li")).to_have_count(1)

        page.locator("#zone-kind").select_option("spared")
        page.locator("#zone-add").press("Enter")
        expect(page.locator("#zone-drawing")).to_be_focused()
        for key in ("Enter", "ArrowRight", "ArrowRight", "Enter", "ArrowDown", "Shift+ArrowDown", "Enter", "c"):
            page.keyboard.press(key)
        expect(page.locator("#zone-list li")).to_have_count(2)
        page.locator("#zone-save").press("Enter")
        expect(page.locator("#zone-log li")).to_have_count(3 + len(log_before(client)))
        assert client.get("/api/zones?camera=one")["spared"] == [{"polygon": [[100, 60], [120, 60], [120, 71]]}]
        for width, height in ((1280, 720), (640, 360), (390, 800)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator("#zones").evaluate("(one) => one.scrollWidth - one.clientWidth") <= 1
        page.locator("#zone-list button").last.press("Enter")
        page.locator("#zone-save").press("Enter")
        expect(page.locator("#zone-list li")).to_have_count(1)
        page.keyboard.press("Escape")
        expect(page.locator("#zones")).to_be_hidden()


@needs_chromium
def test_a_refusal_is_in_the_language_of_the_page(both: Both, chromium: Browser) -> None:  # noqa: F811
    _, client = both
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()  # its console tells that something was refused
    page.set_default_timeout(SLOW)
    page.goto(f"http://127.0.0.1:{client.port}/{TOKEN}/")
    for language, words in UNCHANGED.items():
        page.select_option("#language", language)
        page.locator("article").first.get_by_text(ZONES[language], exact=True).click()
        page.fill("#zone-by", "Ada")
        page.locator("#zone-save").click()
        expect(page.locator("#zone-error")).to_have_text(words, timeout=SLOW)
        page.locator("#zone-close").click()
    context.close()


@needs_chromium
def test_corners_are_dragged_by_mouse_and_moved_by_keyboard(both: Both, chromium: Browser) -> None:  # noqa: F811
    _, client = both
    with window(chromium) as page:
        page.goto(f"http://127.0.0.1:{client.port}/{TOKEN}/")
        page.get_by_role("button", name="Zones of one").click()
        expect(page.locator("#zone-list li")).to_have_count(1)
        expect(page.locator("#zone-picture")).to_have_js_property("naturalWidth", 160)
        expect(page.locator("#zone-drawing .grip")).to_have_count(4)
        page.mouse.move(*_at(page, 40, 40))
        page.mouse.down()
        page.mouse.move(*_at(page, 50, 45))
        page.mouse.move(*_at(page, 60, 50))
        page.mouse.up()
        page.fill("#zone-by", "Ada")
        page.locator("#zone-save").click()
        expect(page.locator("#message")).to_have_text("Saved and in force.")
        moved = [[0, 0], [40, 0], [60, 50], [0, 40]]
        assert np.abs(np.subtract(client.get("/api/zones?camera=one")["zones"][0]["polygon"], moved)).max() <= 1
        moved = client.get("/api/zones?camera=one")["zones"][0]["polygon"]

        page.get_by_role("button", name="Move corners").press("Enter")
        expect(page.locator("#zone-drawing")).to_be_focused()
        for key in ("Enter", "Enter", "ArrowRight", "Shift+ArrowDown"):
            page.keyboard.press(key)
        moved[2] = [moved[2][0] + 10, moved[2][1] + 1]
        expect(page.locator("#zone-hint")).to_contain_text(f"Corner 3 of 4 at {moved[2][0]}, {moved[2][1]}")
        page.keyboard.press("Escape")
        expect(page.locator("#zone-hint")).to_contain_text("Click corners")
        page.locator("#zone-save").press("Enter")
        until(lambda: client.get("/api/zones?camera=one")["zones"][0]["polygon"] == moved, 10, "it is saved")

        page.get_by_role("button", name="Move corners").press("Enter")
        page.keyboard.press("Delete")
        page.keyboard.press("Delete")
        expect(page.locator("#zone-list li")).to_contain_text("3 corners")
        page.keyboard.press("Escape")
        page.mouse.click(*_at(page, *moved[2]))  # a corner that is clicked is where another zone begins
        expect(page.locator("#zone-hint")).to_contain_text("sets a corner")
        page.keyboard.press("Escape")
        for _ in range(2):
            page.locator("#zone-undo").press("Enter")
            expect(page.locator("#zone-error")).to_be_empty()
            page.wait_for_timeout(300)
    until(lambda: client.get("/api/zones?camera=one")["zones"] == [FLAT], 10, "both are undone")


def log_before(client: Client) -> list[Any]:
    """What others of these tests changed before."""
    return [one for one in client.get("/api/zones?camera=one")["log"] if one["by"] != "Ada"]


def _at(page: Page, x: float, y: float) -> tuple[float, float]:
    box: Any = page.locator("#zone-picture").bounding_box()
    return box["x"] + x * box["width"] / 160, box["y"] + y * box["height"] / 120


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("[cameras.one]\nsource = '0' # the gate\n", ["source = '0' # the gate"]),
        ("[cameras.one]\nsettings = { targets = [] }\n# end\n", ["# end"]),
        ("[cameras]\none.source = '0'\none.settings.targets = [] # none\n", ["# none"]),
        (
            f"[cameras.one.settings]\nzones = [\n  # a window\n  {{ {CORNERS} }}, # 1st\n]\n",
            ["  # a window", "# 1st"],
        ),
        (
            f"[[cameras.one.settings.zones]] # a window\n{CORNERS}\n\n[cameras.two]\nsource = '1'\n",
            ["# a window", "[cameras.two]"],
        ),
    ],
)
def test_zones_are_written_however_the_file_is_written(text: str, kept: list[str]) -> None:
    there = "polygon" in text
    before = {"zones": [FLAT] if there else [], "spared": []}
    made = with_zones(text, "one", before, {"zones": [FLAT, DOOR], "spared": []})
    settings = tomllib.loads(made)["cameras"]["one"]["settings"]
    assert settings["zones"] == [FLAT, DOOR]
    assert "spared" not in settings
    assert all(words in made for words in kept), made
    again = with_zones(made, "one", {"zones": [FLAT, DOOR], "spared": []}, {"zones": [FLAT], "spared": []})
    assert tomllib.loads(again)["cameras"]["one"]["settings"]["zones"] == [FLAT]


def test_a_camera_that_is_not_in_the_file_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be changed here"):
        with_zones("[cameras.two]\n", "one", {"zones": [], "spared": []}, {"zones": [DOOR], "spared": []})


def test_the_log_of_changes_shows_a_line_that_was_taken_out(tmp_path: Path) -> None:
    path = tmp_path / custody.NAME
    for by in ("Ada", "Bo", "Cy"):
        custody.append(path, "zones", by, what="log of changes", camera="one")
    assert not list(custody.complaints(tmp_path))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + lines[2])
    assert list(custody.complaints(tmp_path))
