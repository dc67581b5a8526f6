"""A face and the head around it are two tracks: on the page they stay visible together, and are hidden together."""

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import anonymize
from anonymize import plan, presets
from anonymize.data import Kind, Region
from anonymize.plan import Regions, consent
from anonymize.plan.edited import Edited
from anonymize.plan.edits import EditError, Show
from anonymize.review.besides import said
from anonymize.review.review import Review
from anonymize.settings import Person, Settings
from anonymize.text.mapping import from_mapping
from tests.conftest import FRAMES, face_box
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import read_video
from tests.plan.test_consent import made as of_tracks
from tests.plan.test_consent import still
from tests.review.conftest import Client, finished, served
from tests.review.test_page import at

FACE, HEAD = Kind.FACE, Kind.HEAD
BOTH = from_mapping(Settings, {"output": {"speed": "ultrafast"}}, presets.load("default").settings)
OTHER = 50
"""The number of a second head around the face."""


@pytest.fixture(scope="module")
def looked(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the default preset finds: a face, and the head around it."""
    path = tmp_path_factory.mktemp("plans") / "plan.jsonl"
    anonymize.write_plan(face_clip, path, BOTH)
    return path


@pytest.fixture
def made(looked: Path, tmp_path: Path) -> Path:
    """A copy of the plan."""
    copy = tmp_path / "face-safe.mp4.plan.jsonl"
    copy.write_bytes(looked.read_bytes())
    return copy


def number(path: Path, kind: Kind) -> int:
    """The number of the track of a kind."""
    (found,) = {one.track for _, _, one in plan.read(path).regions.rows() if one.kind is kind and one.track != OTHER}
    return found


@pytest.fixture
def crowded(made: Path) -> Path:
    """The plan with a second head around the face, a little aside: of somebody who stands behind her."""
    before, head = plan.read(made), number(made, HEAD)

    def aside(one: Region) -> Region:
        x0, y0, x1, y1 = one.xyxy
        return replace(one, track=OTHER, xyxy=(x0 + 8, y0 - 4, x1 + 8, y1 - 4))

    rows = list(before.regions.rows())
    more = ((first, end, aside(one)) for first, end, one in rows if one.track == head)
    plan.write(replace(before, regions=Regions([*rows, *more])).marked(), made)
    return made


@pytest.fixture
def client(face_clip: Path, made: Path) -> Iterator[Client]:
    with Review(face_clip, made, "Ada Ø") as review, served(review) as server:
        yield Client(server)


@pytest.fixture
def page(face_clip: Path, made: Path, chromium: Browser) -> Iterator[Page]:
    with Review(face_clip, made) as review, served(review) as server, window(chromium) as opened:
        opened.goto(server.address)
        expect(opened.locator(".row .thumb canvas").first).to_be_visible()
        yield opened


def left(path: Path) -> dict[int, list[int]]:
    """The frames on which tracks stay visible."""
    made = plan.read(path)
    found: dict[int, list[int]] = {}
    for index in range(FRAMES):
        for one in made.visible_at(index):
            found.setdefault(one.track, []).append(index)
    return found


def last(path: Path) -> dict[str, object]:
    """The last line of a plan."""
    line: dict[str, object] = json.loads(path.read_text().splitlines()[-1])
    return line


def test_the_head_around_a_face_stays_visible_with_it_as_on_the_command_line(client: Client, made: Path) -> None:
    before, (face, head) = plan.read(made), (number(made, FACE), number(made, HEAD))
    told = client.post("/api/edit", {"do": "show", "track": face, "frame": 5, "reason": "form 12"})
    assert (told["said"], told["touched"]) == ("head-visible", [face, head])
    assert {row["track"]: row["drawn"] for row in told["tracks"]} == {face: "visible", head: "visible"}
    times = [Fraction(one).limit_denominator(1000) for one in client.get("/api/review")["times"]]
    person = Person("form 12", track=face, at=times[5])
    shown = consent.visible(before, times, before.about.settings, "face.mp4", [person]).shown
    assert plan.read(made).shown == shown
    assert [(one.track, one.reason, one.chosen) for one in shown] == [(face, "form 12", 5), (head, "form 12", 5)]
    assert last(made)["by"] == "Ada Ø"
    assert client.post("/api/undo")["touched"] == [face, head], "one step back"
    assert left(made) == {}
    assert client.post("/api/redo")["edits"] == 1
    assert set(left(made)) == {face, head}


def test_what_is_published_shows_face_and_head_and_its_check_agrees(
    client: Client, face_clip: Path, made: Path, tmp_path: Path
) -> None:
    client.post("/api/edit", {"do": "show", "track": number(made, FACE), "frame": 5, "reason": "form 12"})
    client.post("/api/publish", {"output": str(tmp_path / "safe.mp4")})
    ended = finished(client)
    assert (ended["state"], ended["verdict"], ended["doubts"]) == ("released", "pass", 0)
    for index, (was, now) in enumerate(zip(read_video(face_clip), read_video(tmp_path / "safe.mp4"), strict=True)):
        x0, y0, x1, y1 = face_box(index)
        around = slice(y0 - 30, y1 + 10), slice(x0 - 30, x1 + 30)  # the hair, too
        assert np.abs(was[around].astype(int) - now[around]).mean() < 6, index
    report = json.loads((tmp_path / "safe.mp4.report.json").read_text())
    visible = report["redacted"]["visible"]
    assert {(one["kind"], one["reason"], one["covered"]) for one in visible} == {
        ("face", "form 12", 0),
        ("head", "form 12", 0),
    }


def test_with_a_face_its_head_is_hidden_again_in_every_version_and_another_is_not(client: Client, made: Path) -> None:
    face, head = number(made, FACE), number(made, HEAD)
    client.post("/api/edit", {"do": "show", "track": face, "frame": 5, "reason": "form 12"})
    client.post("/api/version", {"version": "court"})
    client.post("/api/edit", {"do": "show", "track": face, "frame": 7, "reason": "form 13"})
    client.post("/api/version", {"version": ""})
    told = client.post("/api/edit", {"do": "hide", "track": face})
    assert (told["said"], told["touched"]) == ("head-hidden", [face, head])
    assert plan.read(made).shown == plan.read(made, "court").shown == ()
    assert client.post("/api/undo")["touched"] == [face, head], "one step back"
    assert set(left(made)) == {face, head}
    told = client.post("/api/edit", {"do": "hide", "track": head})
    assert (told["said"], set(left(made))) == ("", {face}), "the head alone"
    client.post("/api/edit", {"do": "show", "track": head, "frame": 5, "reason": "hair"})
    told = client.post("/api/edit", {"do": "hide", "track": face})
    assert (told["said"], set(left(made))) == ("", {head}), "left visible for a reason of its own"


def test_a_face_stays_covered_where_its_head_is_left_visible(client: Client, made: Path) -> None:
    face, head = number(made, FACE), number(made, HEAD)
    told = client.post("/api/edit", {"do": "show", "track": head, "frame": 5, "reason": "hair"})
    assert (told["said"], told["touched"]) == ("face-covered", [head])
    assert set(left(made)) == {head}
    assert {one.track for one in plan.read(made).at(5)} == {face}
    told = client.post("/api/edit", {"do": "show", "track": face, "frame": 5, "reason": "hair"})
    assert (told["said"], set(left(made))) == ("", {face, head}), "nothing becomes of the head"


def test_what_was_left_visible_with_its_head_in_one_version_is_hidden_with_it_everywhere(
    client: Client, made: Path
) -> None:
    client.post("/api/version", {"version": "court"})
    client.post("/api/edit", {"do": "show", "track": number(made, FACE), "frame": 5, "reason": "form 12"})
    assert len(plan.read(made, "court").shown) == 2
    client.post("/api/version", {"version": "press"})
    told = client.post("/api/edit", {"do": "hide", "track": number(made, FACE)})
    assert (told["said"], len(plan.read(made, "court").shown)) == ("", 2), "in that of the press alone"
    client.post("/api/version", {"version": ""})
    told = client.post("/api/edit", {"do": "hide", "track": number(made, FACE)})
    assert (told["said"], plan.read(made, "court").shown) == ("head-hidden", ())


def test_whose_face_is_gone_has_a_hidden_head_again(client: Client, made: Path) -> None:
    face, head = number(made, FACE), number(made, HEAD)
    client.post("/api/edit", {"do": "show", "track": face, "frame": 5, "reason": "form 12"})
    told = client.post("/api/edit", {"do": "remove", "track": face, "frames": [0, 4]})
    assert (told["said"], set(left(made))) == ("", {face, head}), "it is there on other frames"
    told = client.post("/api/edit", {"do": "remove", "track": face, "frames": [4, FRAMES]})
    assert (told["said"], told["touched"]) == ("head-hidden", [face, head])
    assert left(made) == {}
    assert all(one.track == head for index in range(FRAMES) for one in plan.read(made).at(index))
    assert client.post("/api/undo")["touched"] == [face, head], "one step back"
    assert set(left(made)) == {face, head}


def test_a_face_that_is_left_where_it_is_covered_anyway_does_not_keep_its_head_visible(
    client: Client, made: Path
) -> None:
    face, head = number(made, FACE), number(made, HEAD)
    short = {"frames": [0, 6], "reason": "form 12", "chosen": 2}
    client.post("/api/edit", {"do": "show", "track": face, **short, "head": {"track": head, "frames": [0, 6]}})
    told = client.post("/api/edit", {"do": "remove", "track": face, "frames": [0, 5]})
    assert (told["said"], set(left(made))) == ("", {face, head})
    told = client.post("/api/edit", {"do": "remove", "track": face, "frames": [5, 6]})
    assert (told["said"], left(made)) == ("head-hidden", {})


@pytest.mark.parametrize("into", ["the visible one", "the other"])
def test_with_a_consent_that_ends_as_faces_are_joined_that_to_the_head_ends(
    face_clip: Path, made: Path, into: str
) -> None:
    before, (face, head) = plan.read(made), (number(made, FACE), number(made, HEAD))
    rows = list(before.regions.rows())
    far = ((a, b, replace(one, track=OTHER, xyxy=(4, 4, 24, 28))) for a, b, one in rows if one.track == face)
    plan.write(replace(before, regions=Regions([*rows, *far])).marked(), made)
    with Review(face_clip, made) as review:
        review.edit({"do": "show", "track": face, "frame": 5, "reason": "form 12"})
        review.choose("court")
        review.edit({"do": "show", "track": face, "frame": 5, "reason": "form 13"})
        review.choose("")
        one, other = (face, OTHER) if into == "the visible one" else (OTHER, face)
        told = review.edit({"do": "join", "track": one, "other": other})
        assert (told["said"], told["touched"]) == ("head-hidden", [one, other, head])
    assert left(made) == {}
    assert plan.read(made, "court").shown == ()
    assert {one.track for one in plan.read(made).at(5)} == {one, head}


def test_only_what_is_still_drawn_over_it_is_spoken_of() -> None:
    face, head = still(0, (50, 100)), still(1, (50, 98), side=36, kind=HEAD)
    stranger, plate = still(2, (200, 100), side=36, kind=HEAD), still(3, (50, 98), side=10, kind=Kind.PLATE)
    later = still(4, (50, 104), range(40, 60), side=60, kind=HEAD)

    def after(*edits: Show) -> str:
        edited = Edited(of_tracks(face, head, stranger, plate, later))
        for one in edits:
            edited.apply(one)
        return said(edited, edits[-1], edits[-1].track, "")

    spans = (0, 60)
    mine = Show(0, spans, "form 12", 5, head=Show(1, spans, "form 12", 5))
    assert after(mine) == "head-visible", "nothing of a stranger, nor of one that comes later"
    assert after(replace(mine, chosen=45)) == "head-covers"
    assert after(Show(0, spans, "form 12", 5)) == "head-covers"
    assert after(Show(1, spans, "form 12", 5)) == "face-covered"
    assert after(Show(0, spans, "form 12", 5), Show(1, spans, "form 12", 5)) == "", "nothing of a plate"
    assert after(Show(3, spans, "form 12", 5)) == "head-covers"
    assert after(Show(2, spans, "form 12", 5)) == ""


def test_of_two_heads_around_a_face_neither_is_taken_and_the_page_is_told(face_clip: Path, crowded: Path) -> None:
    face, head = number(crowded, FACE), number(crowded, HEAD)
    with Review(face_clip, crowded) as review:
        told = review.edit({"do": "show", "track": face, "frame": 5, "reason": "form 12"})
        assert (told["said"], told["touched"], set(left(crowded))) == ("head-covers", [face], {face})
        with pytest.raises(EditError, match=f"head {OTHER} is so near"):
            review.edit({"do": "show", "track": head, "frame": 5, "reason": "form 12"})
    assert {one.track for one in plan.read(crowded).at(5)} == {head, OTHER}


@pytest.mark.parametrize("how", ["joined", "shows nobody"])
def test_of_two_heads_that_a_person_makes_one_it_is_clear_which_is_theirs(
    face_clip: Path, crowded: Path, how: str
) -> None:
    face, head = number(crowded, FACE), number(crowded, HEAD)
    one = {"do": "join", "track": head, "other": OTHER} if how == "joined" else {"do": "judge", "track": OTHER}
    with Review(face_clip, crowded) as review:
        review.edit(one if how == "joined" else one | {"answer": "nothing"})
        told = review.edit({"do": "show", "track": face, "frame": 5, "reason": "form 12"})
        assert (told["said"], told["touched"]) == ("head-visible", [face, head])
        assert plan.read(crowded).at(5) == []


def test_a_head_that_was_left_covered_comes_along_when_its_face_is_chosen_again(client: Client, made: Path) -> None:
    face, head = number(made, FACE), number(made, HEAD)
    client.post("/api/edit", {"do": "show", "track": face, "frame": 5, "reason": "form 12"})
    client.post("/api/edit", {"do": "hide", "track": head})
    told = client.post("/api/edit", {"do": "show", "track": face, "frame": 5, "reason": "form 12"})
    assert (told["said"], told["touched"]) == ("head-visible", [head])
    assert set(left(made)) == {face, head}


def leave(page: Page, how: str) -> None:
    """Leave what is chosen visible."""
    if how == "mouse":
        page.click("[data-action=leave]")
        page.get_by_label("Why may this person stay visible?").fill("form 12")
        page.get_by_role("button", name="OK").click()
    else:
        page.keyboard.press("l")
        page.keyboard.type("form 12")
        page.keyboard.press("Enter")


@needs_chromium
@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_a_person_is_left_visible_and_hidden_again_in_one_step_each(page: Page, made: Path, how: str) -> None:
    face, head = number(made, FACE), number(made, HEAD)
    badges, message = page.locator(".row .badge"), page.locator("#message")
    expect(badges).to_have_text(["hidden", "hidden"])
    if how == "mouse":
        x0, y0, x1, y1 = face_box(0)
        page.mouse.click(*at(page, (x0 + x1) / 2, (y0 + y1) / 2))
    else:
        page.locator("#list").focus()
        for row in (page.locator(".row").nth(0), page.locator(".row").nth(1)):
            page.keyboard.press("ArrowDown")
            expect(row).to_have_attribute("aria-selected", "true")
            if row.get_attribute("id") == f"track-{face}":
                break
    expect(page.locator(f"#track-{face}")).to_have_attribute("aria-selected", "true")
    leave(page, how)
    expect(message).to_have_text("The head around it stays visible, too.")
    expect(badges).to_have_text(["left visible", "left visible"])
    assert left(made) == {face: list(range(FRAMES)), head: list(range(FRAMES))}
    undo, redo = page.locator("[data-action=undo]"), page.locator("[data-action=redo]")
    undo.click() if how == "mouse" else page.keyboard.press("Control+z")
    expect(badges).to_have_text(["hidden", "hidden"])
    expect(undo).to_be_disabled()
    redo.click() if how == "mouse" else page.keyboard.press("Control+y")
    expect(badges).to_have_text(["left visible", "left visible"])
    page.get_by_role("button", name="Hide", exact=True).click() if how == "mouse" else page.keyboard.press("h")
    expect(message).to_have_text("The head around it is hidden again, too.")
    expect(badges).to_have_text(["hidden", "hidden"])
    assert left(made) == {}


@needs_chromium
@pytest.mark.parametrize(
    ("plan_of", "kind", "language", "words"),
    [
        ("crowded", FACE, "en", "A head around it stays hidden: choose it where no other is near."),
        ("crowded", FACE, "de", "Ein Kopf darum bleibt verdeckt: ihn wählen, wo kein anderer nahe ist."),
        ("made", HEAD, "en", "The face in it stays hidden: to leave it visible, choose it."),
        ("made", HEAD, "sr", "Lice u njoj ostaje sakriveno: izaberi ga da bi ostalo vidljivo."),
    ],
)
def test_the_page_says_that_a_head_or_a_face_stays_covered(
    request: pytest.FixtureRequest,
    face_clip: Path,
    chromium: Browser,
    plan_of: str,
    kind: Kind,
    language: str,
    words: str,
) -> None:
    path: Path = request.getfixturevalue(plan_of)
    with Review(face_clip, path) as review, served(review) as server, window(chromium) as page:
        page.goto(server.address)
        page.locator(f"#track-{number(path, kind)}").click()
        page.select_option("#language", language)
        page.locator("#list").focus()
        leave(page, "keyboard")
        expect(page.locator("#message")).to_have_text(words)
