"""The random sample at the end of a review, and who signed what."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import anonymize
from anonymize import plan
from anonymize.errors import PlanError, UsageError
from anonymize.plan.edits import Remove
from anonymize.plan.reviewed import SignOff, reviewed
from anonymize.recorded import job
from anonymize.report.page import page as report_page
from anonymize.review.record import SAMPLE, Record
from anonymize.review.review import Review
from anonymize.review.session import EditSession
from anonymize.settings import ReviewRules
from tests.conftest import FRAMES
from tests.helpers.browser import needs_chromium, window
from tests.review.conftest import FAST, Client, finished, served


@pytest.mark.parametrize("frames", [1, 2, SAMPLE - 1, SAMPLE, SAMPLE + 1, 1000])
def test_a_sample_has_one_frame_of_every_stretch(frames: int) -> None:
    drawn = Record(frames, "").draw()
    assert len(drawn) == len(set(drawn)) == min(SAMPLE, frames)
    assert drawn == sorted(drawn)
    assert max(drawn) < frames
    if frames <= SAMPLE:
        assert drawn == list(range(frames))


@pytest.mark.parametrize(
    ("frames", "showing", "at_most"),
    [
        (6000, 0, 0.0487),  # 1 - .05 ** (1 / 60)
        (6000, 1, 0.0766),  # the Clopper-Pearson limit of 1 in 60
        (6000, 60, 1.0),
        (60, 0, 0.0),  # all frames were looked at
        (60, 3, 0.05),
        (1, 1, 1.0),
    ],
)
def test_the_bound_is_the_exact_one(frames: int, showing: int, at_most: float) -> None:
    record = Record(frames, "Ada")
    drawn = record.draw()
    found = record.sampled(drawn[:showing])
    assert (found.drawn, found.showing, found.by) == (min(SAMPLE, frames), showing, "Ada")
    assert found.at_most == pytest.approx(at_most, abs=2e-4)
    assert record.seen == pytest.approx(len(drawn) / frames, abs=1e-4)


def test_what_was_not_drawn_or_was_told_already_is_refused() -> None:
    record = Record(1000, "")
    with pytest.raises(UsageError, match="draw it again"):
        record.sampled([])
    drawn = record.draw()
    with pytest.raises(UsageError, match="not frames of the sample"):
        record.sampled([next(index for index in range(1000) if index not in drawn)])
    record.sampled([])
    with pytest.raises(UsageError):
        record.sampled([])


def test_frames_outside_the_film_are_not_seen() -> None:
    record = Record(10, "")
    record.see([0, 9, 10, 11, 0])
    assert record.seen == 0.2


def test_people_count_by_name_and_by_start() -> None:
    def signed(name: str, start: str) -> SignOff:
        return SignOff(name, start, 1.0, 0, 0)

    assert reviewed({}, [signed("A", "1"), signed("B", "2")]).approvals() == 2
    assert reviewed({}, [signed("A", "1"), signed("A", "2")]).approvals() == 1
    assert reviewed({}, [signed("A", "1"), signed("B", "1")]).approvals() == 1
    assert reviewed({}, [signed("", "1")]).approvals() == 0


def test_a_later_edit_takes_sample_and_sign_offs_out_of_force(made: Path) -> None:
    with EditSession(made, "Ada") as session:
        record = Record(FRAMES, "Ada")
        record.draw()
        session.note(record.sampled([]))
        session.note(record.sign("Ada", "all of it", 3, 0))
        before = session.plan().reviewed
        assert before is not None
        assert (before.sampled and before.sampled.drawn, before.approvals()) == (FRAMES, 1)
        assert plan.read(made).reviewed == before
        session.do(Remove(0, (0, 3)))
        after = session.plan().reviewed
        assert after is not None
        assert (after.sampled, after.signed, after.changes) == (None, (), {"remove": 1})
        assert plan.read(made).reviewed == after
        session.undo()
        assert plan.read(made).reviewed is None, "what was taken back is signed anew"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"sampled": 5, "showing": 6, "at_most": 0.5}, "6 of 5 frames"),
        ({"sampled": 0, "showing": 0, "at_most": 0.5}, "0 of 0 frames"),
        ({"sampled": 5, "showing": 0}, "'at_most' is missing"),
        ({"signed": "A", "start": "x", "seen": 1.5, "answered": 0, "open": 0}, "1.5"),
        ({"signed": "A\nB", "start": "x", "seen": 1, "answered": 0, "open": 0}, "one line"),
        ({"signed": "A", "start": "x", "seen": 1, "answered": 0, "open": 0, "for": "me"}, "unknown key 'for'"),
        ({"faint": 1, "kind": "face", "first": 2, "boxes": [[0, 0, 9, 9]], "best": 3, "score": 0.2}, "do not lie"),
        ({"faint": 1, "kind": "face", "first": 2, "boxes": [], "best": 2, "score": 0.2}, "1 to"),
    ],
)
def test_a_malformed_line_is_named(made: Path, line: Any, words: str) -> None:
    made.write_text(made.read_text() + json.dumps(line) + "\n")
    with pytest.raises(PlanError, match=words) as error:
        plan.read(made)
    assert f"line {made.read_text().count(chr(10))}" in str(error.value)


@pytest.fixture
def two(face_clip: Path, made: Path) -> Path:
    """A plan that two people must sign."""
    settings = replace(FAST, review=ReviewRules(approvals=2))
    anonymize.write_plan(face_clip, made, settings, force=True)
    return made


def test_publishing_waits_for_another_person_from_another_start(face_clip: Path, two: Path, tmp_path: Path) -> None:
    output = tmp_path / "safe.mp4"

    def signing(name: str) -> dict[str, Any]:
        with Review(face_clip, two) as review:
            assert review.overview()["approvals"] == 2
            return review.sign(name, "")

    with Review(face_clip, two) as review:
        with pytest.raises(UsageError, match="a name or initials"):
            review.sign("", "")
        assert review.sign("Ada", "") == {"signed": 1, "wanted": 2}
        assert review.sign("Bob", "") == {"signed": 1, "wanted": 2}, "the same start"
    with pytest.raises(PlanError, match="1 of 2 people signed"):
        anonymize.render_plan(face_clip, two, output)
    assert not output.exists()
    assert signing("Ada") == {"signed": 1, "wanted": 2}, "the same person"
    assert signing("Eve") == {"signed": 2, "wanted": 2}
    done = anonymize.render_plan(face_clip, two, output)
    assert output.exists()
    names = [one["name"] for one in done.redacted["review"]["signed"]]
    assert names == ["Ada", "Bob", "Ada", "Eve"]


def test_run_says_at_once_that_people_must_sign(face_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"2 people to sign .* `anonymize review`"):
        anonymize.run(face_clip, tmp_path / "safe.mp4", replace(FAST, review=ReviewRules(approvals=2)))
    assert list(tmp_path.iterdir()) == []


def test_another_preset_does_not_ask_for_fewer_people(face_clip: Path, two: Path, tmp_path: Path) -> None:
    from anonymize.batch.inputs import only_item

    with pytest.raises(PlanError, match="0 of 2 people"):
        job.render(only_item(str(face_clip), str(tmp_path / "safe.mp4")), plan.read(two), FAST)


def test_a_plan_without_sign_offs_is_read_by_older_rules(made: Path) -> None:
    header = json.loads(made.read_text().splitlines()[0])
    assert "review" not in header["settings"], "plans of earlier versions lack it, and are read all the same"


def test_the_report_says_what_was_seen_answered_changed_and_signed(client: Client, tmp_path: Path) -> None:
    assert client.post("/api/seen", {"frames": [0, 1, 2, 3]}) == {"seen": 4 / FRAMES}
    client.post("/api/edit", {"do": "remove", "track": 0, "frames": [FRAMES - 1, FRAMES]})
    drawn = client.post("/api/sample")["frames"]
    assert client.post("/api/sampled", {"showing": drawn[:1]})["at_most"] == 1 / FRAMES
    assert client.ask("POST", "/api/seen", {"frames": [-1]}).status == 422
    assert client.post("/api/sign", {"name": "A. K.", "note": "somebody left"}) == {"signed": 1, "wanted": 0}
    client.post("/api/publish", {"output": str(tmp_path / "safe.mp4")})
    now = finished(client)
    assert now["state"] in ("released", "refused"), now
    text = (tmp_path / "safe.mp4.report.json").read_text()
    facts = json.loads(text)
    about = facts["redacted"]["review"]
    assert about["changes"] == {"remove": 1}
    assert (about["sample"]["drawn"], about["sample"]["showing"]) == (FRAMES, 1)
    (signed,) = about["signed"]
    assert (signed["name"], signed["note"], signed["seen"]) == ("A. K.", "somebody left", 1.0)
    html = report_page(facts)
    for words in ("Who reviewed it", "1 taken off frames", "A. K.", "somebody left", "no more than 5.0% of the frames"):
        assert words in html


@needs_chromium
def test_a_sample_is_looked_at_full_screen_with_two_keys(page: Page, made: Path) -> None:
    page.keyboard.press("j")
    sample = page.locator("dialog.sample")
    expect(sample).to_contain_text("Can anybody be recognised?")
    for number in range(FRAMES):
        expect(sample).to_contain_text(f"{number + 1} / {FRAMES}")
        expect(sample).to_have_attribute("data-shown", str(number))
        page.keyboard.press("y" if number == 4 else "n")
    expect(sample).to_contain_text(f"Somebody on 1 of {FRAMES} frames")
    sample.get_by_role("button", name="Frame 5").click()
    expect(page.locator("#clock")).to_contain_text(f"5 / {FRAMES}")
    assert json.loads(made.read_text().splitlines()[-1])["showing"] == 1


@needs_chromium
def test_a_name_is_asked_for_and_the_second_one_publishes(
    face_clip: Path, two: Path, chromium: Browser, tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"

    def signs(name: str) -> Page:
        opened.click("#publish")
        opened.locator("dialog input[name=where-to]").fill(str(output))
        opened.locator("dialog input[name=sign-name]").fill(name)
        opened.locator("dialog").get_by_role("button", name="Publish").click()
        return opened

    with Review(face_clip, two) as review, served(review) as server, window(chromium) as opened:
        opened.goto(server.address)
        expect(opened.locator(".row")).to_have_count(1)
        expect(signs("Ada").locator("#message")).to_contain_text("1 more must sign")
    assert not output.exists()
    with Review(face_clip, two) as review, served(review) as server, window(chromium) as opened:
        opened.goto(server.address)
        expect(opened.locator(".row")).to_have_count(1)
        expect(signs("Bo").locator("#message")).to_contain_text("Published and checked", timeout=60_000)
    assert output.exists()
