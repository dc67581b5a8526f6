"""Reports of real runs: what is written, and that it names nobody's file."""

import pytest

from anonymize import errors, plan, presets
from anonymize.batch import run as batch
from anonymize.batch.inputs import only_item
from anonymize.batch.reports import Reports
from anonymize.recorded import job
from anonymize.report import read
from anonymize.report.files import NAMED
from anonymize.report.page import page
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.cli.test_cli import anonymize
from tests.conftest import FRAMES


@pytest.fixture(scope="module")
def settings():
    return from_mapping(Settings, {"output": {"speed": "ultrafast"}}, presets.load("default").settings)


@pytest.fixture(scope="module")
def reported(face_clip, settings, tmp_path_factory):
    """A folder with the report of one run."""
    folder = tmp_path_factory.mktemp("reports")
    batch.run([only_item(str(face_clip), str(folder / "safe.mp4"))], settings, reports=Reports(folder))
    return folder


def test_a_run_gives_a_report_that_fits_its_schema(reported):
    content = read(reported / "safe.mp4.report.json")
    assert content["verdict"].startswith("pass")
    assert content["plan"] == "made"
    assert content["preset"] == {"name": "default", "changed": {"output.speed": "ultrafast"}}
    assert content["settings"]["output"]["quality"] is None  # nobody asked for one ...
    assert 0 <= content["output"]["quality"] <= 51  # ... but one was used
    page = (reported / "safe.mp4.report.html").read_text()
    assert f"quality {content['output']['quality']}" in page
    assert content["models"]["centerface"]["licence"] == "MIT"
    subject, head = content["redacted"]["subjects"]
    assert (subject["kind"], subject["frames"], subject["start"]) == ("face", FRAMES, 0.0)
    assert head["kind"] == "head"
    assert sum(content["redacted"]["box_frames"].values()) >= FRAMES + head["frames"]
    assert subject["path"][0][0] < subject["path"][-1][0]  # it drifts to the right
    assert [check["passed"] for check in content["verified"]["checks"]].count(False) == 0


@pytest.mark.parametrize(("audio", "gone"), [("mute", True), ("keep", False)])
def test_muted_sound_is_reported_as_removed(audio, gone, face_clip, settings, tmp_path):
    result = from_mapping(Settings, {"output": {"audio": audio}, "verify": {"publish_unverified": True}}, settings)
    (outcome,) = batch.run([only_item(str(face_clip), str(tmp_path / "safe.mp4"))], result)
    assert ("the sound (1 track)" in outcome.report.removed) == gone


def test_neither_file_names_the_film_or_where_it_was(reported, face_clip):
    for suffix in ("json", "html"):
        text = (reported / f"safe.mp4.report.{suffix}").read_text()
        for name in (face_clip.name, str(face_clip.parent), "safe.mp4", str(reported)):
            assert name not in text


def test_a_given_plan_is_reported_with_how_it_was_drawn(face_clip, settings, tmp_path):
    item = only_item(str(face_clip), str(tmp_path / "plan.jsonl"))
    job.detect(item, settings)
    made = plan.read(tmp_path / "plan.jsonl")
    mosaic = from_mapping(Settings, {"redact": {"face": {"style": "mosaic"}}}, settings)
    result = job.render(only_item(str(face_clip), str(tmp_path / "safe.mp4")), made, mosaic).report
    assert result.plan == "given"
    assert result.settings["redact"]["face"]["style"] == "mosaic"
    assert result.instead_of_plan == {"redact.face.style": {"plan": "solid", "used": "mosaic"}}
    unchanged = job.render(only_item(str(face_clip), str(tmp_path / "same.mp4")), made).report
    assert unchanged.instead_of_plan == {}


def test_a_plan_that_a_person_changed_is_reported_as_such(face_clip, settings, tmp_path):
    item = only_item(str(face_clip), str(tmp_path / "plan.jsonl"))
    job.detect(item, settings)
    header, *lines = (tmp_path / "plan.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "plan.jsonl").write_text(header + "".join(line for line in lines if '"frame": 3,' not in line))
    changed = plan.read(tmp_path / "plan.jsonl")
    result = job.render(only_item(str(face_clip), str(tmp_path / "safe.mp4")), changed).report
    assert result.plan == "changed"
    assert "A person changed what was to be hidden" in page(result.as_dict())


@pytest.mark.parametrize("content", [b"", b"no film at all" * 99])
def test_a_failed_run_tells_why_without_a_name(settings, tmp_path, content):
    film = tmp_path / "interview with anna.mp4"
    film.write_bytes(content)
    (outcome,) = batch.run([only_item(str(film), str(tmp_path / "safe.mp4"))], settings, reports=Reports(tmp_path))
    assert "anna" in outcome.message
    assert "anna" not in outcome.report.error
    result = read(tmp_path / "safe.mp4.report.json")
    assert (result["verdict"], outcome.exit_code) == ("fail", errors.UnreadableInput.exit_code)
    assert result["error"] == outcome.report.error
    assert outcome.message.endswith(result["error"])
    for suffix in ("json", "html"):
        assert "anna" not in (tmp_path / f"safe.mp4.report.{suffix}").read_text()


@pytest.mark.parametrize(
    ("asked", "end"),
    [
        ({}, 0.6),
        ({"zones": [{"polygon": [[5000, 5000], [5100, 5000], [5100, 5100]]}]}, 1),
        ({"only": [{"start": "900", "end": "901"}]}, 1),
        ({"show_persons": [{"at": "0.2", "point": [1, 1], "reason": "consent"}]}, 1),
        ({"output": {"codec": "vp9", "container": "ts"}}, 1),
    ],
    ids=["cut off", "zone outside", "span behind the end", "nobody there", "codec that does not fit"],
)
def test_no_failure_names_the_film_or_its_folder(face_clip, settings, tmp_path, asked, end):
    folder = tmp_path / "anna kowalska"
    folder.mkdir()
    film, reports = folder / "her interview.mp4", tmp_path / "reports"
    content = face_clip.read_bytes()
    film.write_bytes(content[: int(len(content) * end)])
    wanted = from_mapping(Settings, asked, settings)
    (outcome,) = batch.run([only_item(str(film), f"{tmp_path / 'out'}/")], wanted, reports=Reports(reports))
    assert outcome.output is None
    assert "her interview" in outcome.message
    kept = [path for place in (reports, tmp_path / "out") for path in place.rglob("*") if path.is_file()]
    assert [path.name for path in kept if path.suffix == ".json"] == ["her interview.mp4.report.json"]
    assert read(reports / "her interview.mp4.report.json")["error"] not in ("", NAMED)
    # The ledger and the index know a film by its name, as the outputs in the same folder do.
    assert [path for path in kept if b"anna" in path.read_bytes()] == []
    pages = [path for path in kept if path.suffix in (".json", ".html") and path.name != "index.html"]
    assert [path for path in pages if b"interview" in path.read_bytes()] == []


def test_the_page_is_made_again_from_the_report(reported, tmp_path):
    source = reported / "safe.mp4.report.json"
    done = anonymize("report", "page", source, "-o", tmp_path / "again.html")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.html").read_text() == source.with_suffix(".html").read_text()
