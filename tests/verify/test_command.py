"""`anonymize verify`, and what `run` reports of its own checks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anonymize import errors, plan, presets, report
from anonymize.plan import Plan, Regions
from tests.helpers.leaks import good_plan, rendered


def anonymize(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from anonymize.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "150"})


@pytest.fixture(scope="module")
def files(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good output with its plan, one that leaks, and a plan that leaves the face visible."""
    folder = tmp_path_factory.mktemp("verify")
    made = good_plan(face_clip)
    plan.write(made, folder / "plan.jsonl")
    plan.write(Plan(made.about, Regions([])), folder / "empty.jsonl")
    rendered(face_clip, made, folder / "good.mp4")
    rendered(face_clip, made, folder / "bad.mp4", [4])
    return folder


def test_a_good_output_passes(files: Path, face_clip: Path) -> None:
    ran = anonymize("verify", files / "good.mp4", "--source", face_clip, "-t", "faces", "--plan", files / "plan.jsonl")
    assert ran.returncode == 0, ran.stderr
    assert "good.mp4: PASS\n" in ran.stdout
    for words in ("ok    structure: 20 frames", "20 regions compared", "nothing found", "with 95% confidence"):
        assert words in ran.stdout
    assert "not checked: plates" in ran.stdout


def test_a_span_that_the_file_does_not_have_is_refused(files: Path, tmp_path: Path) -> None:
    ran = anonymize("verify", files / "good.mp4", "--show-outside", "1:00-2:00")
    assert ran.returncode == errors.UsageError.exit_code == 2
    assert "--show-outside 60-120 meets no frame: its last frame is shown at 0:00.76" in ran.stderr
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    assert anonymize("verify", tmp_path / "broken.mp4", "--show-outside", "1:00-2:00").returncode == 7


def test_a_leak_fails_and_is_reported_with_its_time(files: Path, face_clip: Path, tmp_path: Path) -> None:
    known = ("--source", face_clip, "--plan", files / "plan.jsonl", "--report", tmp_path, "--json")
    ran = anonymize("verify", files / "bad.mp4", *known)
    assert ran.returncode == errors.VerificationError.exit_code == 7
    result = json.loads(ran.stdout.splitlines()[-2])
    assert result["event"] == "verified"
    (leak,) = result["report"]["verified"]["leaks"]
    assert (leak["start"], leak["frame"], leak["by"]) == (0.16, 4, "plan")
    account = json.loads((tmp_path / "bad.mp4.report.json").read_text())
    assert account["verdict"] == "fail"
    assert "bad.mp4" not in json.dumps(account)
    assert (account["source"]["sha256"], account["source"]["frames"]) == (report.sha256(face_clip), 20)
    assert (tmp_path / "bad.mp4.report.html").exists()


def test_what_is_not_known_is_said(files: Path, face_clip: Path) -> None:
    alone = anonymize("verify", files / "good.mp4")
    assert alone.returncode == 0, alone.stdout
    assert "not checked: regions: no plan was given" in alone.stdout
    assert "20 of 20 frames" in alone.stdout
    by_source = anonymize("verify", files / "good.mp4", "--source", face_clip)
    assert by_source.returncode == 0, by_source.stdout
    assert "no source was given" not in by_source.stdout
    by_plan = anonymize("verify", files / "good.mp4", "--plan", files / "plan.jsonl")
    assert by_plan.returncode == 0, by_plan.stdout
    assert "against the source: no source was given" in by_plan.stdout


def test_a_plan_of_another_file_and_a_file_that_is_missing(files: Path) -> None:
    other = anonymize("verify", files / "good.mp4", "--source", files / "bad.mp4", "--plan", files / "plan.jsonl")
    assert other.returncode == errors.PlanError.exit_code
    assert "another file" in other.stderr
    assert anonymize("verify", files / "none.mp4").returncode == errors.UnreadableInput.exit_code


def test_doubts_have_an_exit_code_of_their_own(files: Path, face_clip: Path, tmp_path: Path) -> None:
    """A mosaic that had to be estimated, without the source."""
    from anonymize.settings import Style

    made = good_plan(face_clip, Style.MOSAIC)
    plan.write(made, tmp_path / "plan.jsonl")
    rendered(face_clip, made, tmp_path / "bad.mp4", [9])
    ran = anonymize("verify", tmp_path / "bad.mp4", "--plan", tmp_path / "plan.jsonl")
    assert ran.returncode == 11, ran.stdout
    assert "PASS, WITH DOUBTS" in ran.stdout
    assert "doubtful: face at 0:00.36" in ran.stdout
    strict = anonymize("verify", tmp_path / "bad.mp4", "--plan", tmp_path / "plan.jsonl", "-p", "municipal")
    assert strict.returncode == 7


def test_published_unverified_is_said_loudly(face_clip: Path, tmp_path: Path) -> None:
    ran = anonymize("run", face_clip, "-o", tmp_path / "safe.mp4", "--publish-unverified", "--report", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "UNVERIFIED" in ran.stdout
    assert json.loads((tmp_path / "safe.mp4.report.json").read_text())["verdict"] == "unverified"


def test_no_preset_may_publish_unverified(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[verify]\npublish_unverified = true\n")
    with pytest.raises(errors.UsageError, match="--publish-unverified"):
        presets.load(str(tmp_path / "mine.toml"))


def test_strict_presets_repair_and_take_no_doubts() -> None:
    for name in ("journalist", "municipal"):
        chosen = presets.load(name).settings.verify
        assert (chosen.repair, chosen.doubts.value) == (3, "fail")
    assert presets.load("default").settings.verify.repair == 0
