"""Several versions of an output from one plan: each with a name, who stays visible, its own output and report."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from anonymize import plan
from anonymize.errors import UsageError
from anonymize.review.review import Review
from tests.conftest import FRAMES, face_box
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import read_video
from tests.review.conftest import Client, ended, finished, served


def test_a_face_is_visible_in_the_version_that_shows_it_and_in_no_other(client: Client, made: Path) -> None:
    (row,) = client.get("/api/review")["tracks"]
    assert client.post("/api/version", {"version": "court"})["versions"] == ["court"]
    shown = client.post("/api/edit", {"do": "show", "track": row["track"], "frames": [0, FRAMES], "reason": "form 12"})
    assert shown["tracks"][0]["drawn"] == "visible"
    outputs = {}
    for name in ("court", "press", ""):
        client.post("/api/version", {"version": name})
        told = client.get("/api/review")
        assert told["tracks"][0]["drawn"] == ("visible" if name == "court" else "hidden")
        assert told["named"] == name
        assert client.get("/api/regions/5/6")["5"][0][4] is (name != "court")
        if name == "press":
            assert told["output"].endswith("/face-safe-press.mp4")
            continue
        outputs[name] = Path(told["output"])
        client.post("/api/publish", {})
        assert finished(client)["output"] == str(outputs[name])
        report = json.loads(outputs[name].with_name(f"{outputs[name].name}.report.json").read_text())
        assert report["title"] == name
        assert [one["reason"] for one in report["redacted"]["visible"]] == (["form 12"] if name == "court" else [])
        assert report["redacted"]["review"]["changes"] == ({"show": 1} if name == "court" else {})
    assert [one.name for one in outputs.values()] == ["face-safe-court.mp4", "face-safe.mp4"]
    for name, output in outputs.items():
        for index, picture in enumerate(read_video(output)):
            x0, y0, x1, y1 = face_box(index)
            assert bool(picture[y0:y1, x0:x1].mean() > 30) is (name == "court"), (name, index)
    assert plan.read(made).shown == (), "drawn from its file it shows nobody"
    assert client.post("/api/undo")["versions"] == []


def test_a_name_that_no_file_could_have_is_refused(client: Client) -> None:
    for name in ("../court", "a/b", "x" * 41, "-", " "):
        assert client.ask("POST", "/api/version", {"version": name}).status == 422, name
    assert client.get("/api/review")["named"] == ""


@pytest.fixture
def court(face_clip: Path, made: Path) -> Path:
    """A plan with a version that shows the face, and one that somebody signed alone."""
    with Review(face_clip, made) as review:
        review.choose("court")
        (row,) = review.overview()["tracks"]
        review.edit({"do": "show", "track": row["track"], "frames": [0, FRAMES], "reason": "form 12"})
        review.choose("press")
        review.sign("Ada", "")
    return made


@pytest.mark.parametrize(("name", "title", "words"), [("court", "", "court"), ("press", "Front page", "Front page")])
def test_a_version_is_drawn_and_verified_from_the_command_line(
    face_clip: Path, court: Path, tmp_path: Path, name: str, title: str, words: str
) -> None:
    output, reports = tmp_path / "out.mp4", tmp_path / "reports"
    more = ["--report", reports, *(("--title", title) if title else ())]
    assert ended("render", face_clip, "--plan", court, "--version", name, "-o", output, "-q", *more) == 0
    for index, picture in enumerate(read_video(output)):
        x0, y0, x1, y1 = face_box(index)
        assert bool(picture[y0:y1, x0:x1].mean() > 30) is (name == "court"), index
    told = json.loads(next(reports.glob("*.report.json")).read_text())
    assert told["title"] == words
    assert [one["name"] for one in told["redacted"]["review"]["signed"]] == (["Ada"] if name == "press" else [])
    assert ended("verify", output, "--plan", court, "--version", name, "-q") == 0
    assert ended("verify", output, "--plan", court, "-q") == (7 if name == "court" else 0)


def test_a_version_that_is_not_there_is_named_with_those_that_are(
    face_clip: Path, court: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("render", face_clip, "--plan", court, "--version", "pres", "-o", tmp_path / "out.mp4")
    assert ended(*asked) == 2
    assert "this plan has no version 'pres'; it has: court, press" in capsys.readouterr().err
    assert ended(*asked, "--json") == 2
    assert json.loads(capsys.readouterr().out.splitlines()[0])["event"] == "error"
    assert not (tmp_path / "out.mp4").exists()
    assert ended("verify", face_clip, "--version", "court") == 2
    assert "add --plan FILE" in capsys.readouterr().err


def test_people_sign_for_a_version(face_clip: Path, court: Path, tmp_path: Path) -> None:
    lines = court.read_text().splitlines(keepends=True)
    header = json.loads(lines[0])
    header["settings"]["review"] = {"approvals": 1}
    court.write_text(json.dumps(header) + "\n" + "".join(lines[1:]))
    output = tmp_path / "out.mp4"
    assert ended("render", face_clip, "--plan", court, "--version", "court", "-o", output, "-q") != 0
    assert not output.exists(), "the press's version was signed"
    assert ended("render", face_clip, "--plan", court, "--version", "press", "-o", output, "-q") == 0


def test_a_sample_and_a_sign_off_are_of_the_version_that_was_looked_at(face_clip: Path, made: Path) -> None:
    with Review(face_clip, made) as review:
        review.choose("court")
        review.sample()
        review.choose("press")
        review.sampled([])
        assert review.sign("Ada", "")["signed"] == 1
        assert review.sign("Ada", "")["signed"] == 1
        review.choose("court")
        assert review.sign("Bo", "")["signed"] == 1, "Ada signed for the press"
        with pytest.raises(UsageError, match="draw it again"):
            review.sampled([])
    lines = [json.loads(line) for line in made.read_text().splitlines()[-4:]]
    assert [line["version"] for line in lines] == ["court", "press", "press", "court"]
    assert plan.read(made).reviewed is None, "nobody signed for all versions"


@needs_chromium
def test_a_version_is_made_and_looked_at_on_the_page(face_clip: Path, made: Path, chromium: Browser) -> None:
    with Review(face_clip, made) as review, served(review) as server, window(chromium) as page:
        page.goto(server.address)
        version, badge = page.locator("#version"), page.locator(".row .badge")
        expect(badge).to_have_text("hidden")
        version.select_option(label="New version …")
        page.get_by_label("What is this version called?").fill("court")
        page.keyboard.press("Enter")
        expect(version).to_have_value("court")
        page.click(".row")
        page.keyboard.press("l")
        page.get_by_label("Why may this person stay visible?").fill("form 12")
        page.keyboard.press("Enter")
        expect(badge).to_have_text("left visible")
        version.select_option(label="All versions")
        expect(badge).to_have_text("hidden")
        page.reload()
        expect(badge).to_have_text("hidden")
        version.select_option(label="New version …")
        page.keyboard.press("Escape")
        expect(version).to_have_value("")
        version.select_option("court")
        expect(badge).to_have_text("left visible")
        page.click("#publish")
        output = page.locator("dialog input[name=where-to]")
        assert output.input_value().endswith("/face-safe-court.mp4")
        page.keyboard.press("Escape")
