"""The sound of a film on the page: in step with the pictures, seen below the lanes, silenced where a person says."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

import anonymize
from anonymize import plan
from anonymize.review.review import Review
from anonymize.settings import Audio
from anonymize.text.mapping import from_mapping
from tests.conftest import face_pictures
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import make_video
from tests.review.conftest import FAST, Client, served

FRAMES, RATE = 60, 48_000
SECONDS = FRAMES / 25


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with a cut after 30 frames, and a voice in its first second alone."""
    pictures = face_pictures(FRAMES // 2)
    pictures += [np.ascontiguousarray(picture[:, ::-1] // 2 + 60) for picture in pictures]
    times = np.arange(round(SECONDS * RATE)) / RATE
    voice = np.where(times < 1, 0.4 * np.sin(2 * np.pi * 300 * times), 0).astype(np.float32)
    film = make_video(tmp_path_factory.mktemp("talk") / "talk.mp4", frames=pictures, audio=np.stack([voice, voice]))
    anonymize.write_plan(film, film.with_name("talk-safe.mp4.plan.jsonl"), FAST)
    return film


@pytest.fixture
def copied(talk: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "talk-safe.mp4.plan.jsonl"
    copy.write_bytes(talk.with_name(copy.name).read_bytes())
    return copy


@pytest.fixture
def asked(talk: Path, copied: Path) -> Iterator[Client]:
    with Review(talk, copied) as review, served(review) as server:
        yield Client(server)


@pytest.fixture
def screen(talk: Path, copied: Path, chromium: Browser) -> Iterator[Page]:
    with Review(talk, copied) as review, served(review) as server, window(chromium) as opened:
        opened.goto(server.address)
        expect(opened.locator("#clock")).to_contain_text(f"1 / {FRAMES}")
        yield opened


def samples(asked: Client, number: int, view: str = "raw") -> Any:
    answer = asked.ask("GET", f"/api/sound/{number}?view={view}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert answer.headers["cache-control"] == "no-store"
    return np.frombuffer(answer.content, "<i2").astype(int)


def loud(part: Any) -> list[bool]:
    """Of each tenth of a second, whether anything is heard."""
    return [bool(np.abs(part[at : at + 4800]).max() > 1000) for at in range(0, len(part) // 4800 * 4800, 4800)]


def test_the_sound_is_given_in_parts_and_as_it_will_be_published(asked: Client) -> None:
    told = asked.get("/api/review")
    assert told["sound"] == {"kept": True, "rate": RATE, "part": 1, "parts": 4, "peaks": 50}
    assert told["cuts"] == [30]
    assert told["silences"] == []
    assert loud(samples(asked, 0)) == [True] * 10
    assert loud(samples(asked, 1)) == [False] * 10
    assert len(samples(asked, 3)) == RATE
    assert len(samples(asked, 4)) == 0
    answer = asked.post("/api/edit", {"do": "sound", "sound": "mute", "seconds": [0.3, 0.6]})
    assert answer["silences"] == [[0.3, 0.6, "mute"]]
    answer = asked.post("/api/edit", {"do": "sound", "sound": "bleep", "seconds": [1.5, 1.8]})
    assert loud(samples(asked, 1)) == [False] * 10, "what the camera heard stays"
    published = [*loud(samples(asked, 0, "published")), *loud(samples(asked, 1, "published"))]
    assert published == [True] * 3 + [False] * 3 + [True] * 4 + [False] * 5 + [True] * 3 + [False] * 2
    assert asked.post("/api/undo")["silences"] == [[0.3, 0.6, "mute"]]
    assert asked.get("/api/review")["silences"] == [[0.3, 0.6, "mute"]]


def test_how_loud_it_is_becomes_known(asked: Client) -> None:
    peaks: list[int] = []
    for _ in range(200):
        found = asked.get(f"/api/peaks/{len(peaks)}")
        peaks += found["peaks"]
        if found["done"]:
            break
    assert len(peaks) >= SECONDS * 50
    assert min(peaks[5:45]) > 60
    assert max(peaks[55:]) < 10
    assert asked.get("/api/peaks/99999")["peaks"] == []


def test_sound_that_cannot_be_read_any_more_is_told(talk: Path, copied: Path, tmp_path: Path) -> None:
    film = tmp_path / "talk.mp4"
    film.write_bytes(talk.read_bytes())
    with Review(film, copied) as review, served(review) as server:
        asked = Client(server)
        film.unlink()
        answer = asked.ask("GET", "/api/sound/0")
        assert answer.status == 422
        assert "no such file" in json.loads(answer.content)["error"]
        assert [asked.get("/api/peaks/0") for _ in range(20)][-1]["done"] is True


@pytest.mark.parametrize(
    "edit",
    [
        {"do": "sound", "sound": "mute", "seconds": [2, 1]},
        {"do": "sound", "sound": "mute", "seconds": "ab"},
        {"do": "sound", "sound": "mute"},
        {"do": "sound", "sound": "loud", "seconds": [1, 2]},
        {"do": "sound", "seconds": [1, 2]},
        {"do": "sound", "sound": None, "seconds": [1, 2]},
    ],
)
def test_a_wrong_span_is_refused_and_saves_nothing(asked: Client, copied: Path, edit: Any) -> None:
    before = copied.read_bytes()
    assert asked.ask("POST", "/api/edit", edit).status == 409
    assert copied.read_bytes() == before


def test_sound_that_is_not_published_is_not_given_as_if_it_were(talk: Path, tmp_path: Path) -> None:
    made = tmp_path / "mute.jsonl"
    settings = from_mapping(type(FAST), {"output": {"audio": "mute"}}, FAST)
    assert settings.output.audio is Audio.MUTE
    anonymize.write_plan(talk, made, settings)
    with Review(talk, made) as review, served(review) as server:
        asked = Client(server)
        assert asked.get("/api/review")["sound"]["kept"] is False
        assert len(samples(asked, 0)) == RATE
        assert len(samples(asked, 0, "published")) == 0


PLAY = """async () => {
  const { state, onChange } = await import("/page/state.js");
  const { frameAt } = await import("/page/moments.js");
  const sound = await import("/page/sound.js");
  const seen = [];
  const begun = new Promise((resolve) => onChange((changed) => {
    if (changed.has("index") && state.playing) seen.push([performance.now(), state.index]);
    if (changed.has("playing") && !state.playing) resolve(null);
  }));
  document.querySelector("[data-action=play]").click();
  await begun;
  return { seen, index: state.index, times: state.times, heard: sound.heardSoFar() };
}"""


def late(route: Route) -> None:
    """Let a request go on after a while, one at a time."""
    time.sleep(0.1)
    route.continue_()


@needs_chromium
@pytest.mark.parametrize("slow", [False, True], ids=["as it comes", "a slow machine"])
def test_pictures_follow_the_sound_however_slow_they_come(screen: Page, slow: bool) -> None:
    if slow:
        screen.route("**/api/picture/**", late)
    told = screen.evaluate(PLAY)
    seen, times = told["seen"], told["times"]
    assert told["index"] == FRAMES - 1
    assert [index for _, index in seen] == sorted({index for _, index in seen}), "never back"
    first, begin = seen[0][1], seen[0][0]
    for moment, index in seen[1:-1]:
        behind = (moment - begin) / 1000 - (times[index] - times[first])
        assert abs(behind) < 1.5, (index, behind)  # all 60 pictures, one after the other, would take 6 s
    assert len(seen) < FRAMES / 2 or not slow
    assert told["heard"] >= 2, "several parts of the sound were played"


def is_saved(screen: Page, copied: Path, *silences: str) -> bool:
    """Whether these, and no others, are in the plan within a while."""
    for _ in range(200):
        if [one.how.value for one in plan.read(copied).silences] == [*silences]:
            return True
        screen.wait_for_timeout(100)
    return False


@needs_chromium
def test_a_span_is_marked_and_silenced_by_keyboard_and_by_mouse(screen: Page, copied: Path) -> None:
    for key in ["v", ",", "v", ".", "u"]:
        screen.keyboard.press(key)
    expect(screen.locator("#marked output")).to_have_text("0:00.40 – 0:00.80 · 11 frames")
    assert is_saved(screen, copied, "mute")
    assert [(one.first, one.end) for one in plan.read(copied).silences] == [(0.4, 0.84)]
    screen.keyboard.press("Escape")
    expect(screen.locator("#marked")).to_be_hidden()

    box: Any = screen.locator("#lanes").bounding_box()

    def at(frame: float) -> float:
        return float(box["x"] + 74 + (box["width"] - 82) * frame / FRAMES)

    screen.keyboard.down("Shift")
    screen.mouse.move(at(40.5), box["y"] + 60)
    screen.mouse.down()
    screen.mouse.move(at(49.5), box["y"] + 60)
    screen.mouse.up()
    screen.keyboard.up("Shift")
    expect(screen.locator("#marked output")).to_have_text("0:01.60 – 0:01.96 · 10 frames")
    screen.click("#marked [data-action=bleep]")
    assert is_saved(screen, copied, "mute", "bleep")
    screen.mouse.click(at(12.5), box["y"] + box["height"] - 10)
    expect(screen.locator("#marked output")).to_have_text("0:00.40 – 0:00.80 · 11 frames")
    screen.click("#marked [data-action=hear-again]")
    assert is_saved(screen, copied, "bleep")
    screen.keyboard.press("Control+z")
    assert is_saved(screen, copied, "mute", "bleep")
    screen.keyboard.press("Control+y")
    assert is_saved(screen, copied, "bleep")
    expect(screen.locator("#message")).to_be_hidden()


@needs_chromium
def test_steps_to_cuts_and_by_tens(screen: Page) -> None:
    where = screen.locator("#clock")
    for key, frame in {"x": 31, "z": 1, "v": 11, "c": 1, "f": 2, "End": 60, "x ": 60, "z ": 31, "Home": 1}.items():
        screen.keyboard.press(key.strip())
        expect(where).to_contain_text(f" {frame} / {FRAMES}")
    screen.click("[data-action=next-cut]")
    expect(where).to_contain_text(f" 31 / {FRAMES}")
    screen.click("[data-action=previous-cut]")
    expect(where).to_contain_text(f" 1 / {FRAMES}")


@needs_chromium
def test_the_whole_picture_is_hidden_for_a_while(screen: Page, copied: Path) -> None:
    for key in ["v", ",", "f", "f", ".", "w"]:
        screen.keyboard.press(key)
    expect(screen.locator(".row")).to_have_count(3)
    drawn = json.loads(copied.read_text().splitlines()[-1])
    assert (drawn["frames"], drawn["xyxy"], drawn["kind"]) == ([10, 13], [0, 0, 320, 240], "area")
    here = plan.read(copied)
    whole = (0, 0, 320, 240)
    assert [i for i in range(FRAMES) if any(one.xyxy == whole for one in here.at(i))] == [10, 11, 12]
