"""Figures stand where some of their clips, run again, come out the same to the last count."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from anonymize.data import Kind
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from benchmarks import __main__ as benchmarks
from benchmarks import report, tools
from benchmarks.again import COUNTS, counts, differences
from benchmarks.clips import Clip
from benchmarks.tools import Tool
from tests.evaluate.test_evaluate import BOX, SIZE, solid, texture
from tests.helpers.media import make_video

COPY = "anonymize run IN.mp4 -o OUT.mp4"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Five pictures of one face."""
    folder = tmp_path_factory.mktemp("clip")
    video = make_video(folder / "07.mp4", frames=[texture(i) for i in range(5)], options={"crf": "12"})
    lines = [FrameTruth(i, i / 25, SIZE, (Subject(1, Kind.FACE, BOX, BOX[3] - BOX[1]),)) for i in range(5)]
    return Clip(video, write_truth(folder / "07.jsonl", lines))


def gives(made: Path) -> Tool:
    """A run of ours that makes this, whatever it is given."""
    code = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"
    return Tool(report.OURS, "0", lambda _, target, __: [sys.executable, "-c", code, str(made), str(target)])


def section(clip: Clip, **other: int) -> dict[str, Any]:
    """Results of a run that gave the clip back as it was, but for `other` counts."""
    known = {"clip": "07", **counts(clip, clip.video), **other}
    ours = {"tool": report.OURS, "command": COPY, "failures": [], "clips": [known]}
    peers = {"tool": "deface", "command": "deface IN.mp4", "failures": ["07: it died"]}
    return {"commit": "0123456", "clips": 1, "rows": [peers, ours]}


def test_the_same_output_is_the_same(clip: Clip, tmp_path: Path) -> None:
    known = section(clip)
    assert known["rows"][1]["clips"][0]["leaked"] == 5
    assert list(differences(known, {COPY: gives(clip.video)}, [clip], tmp_path / "run")) == []


def test_a_row_that_had_failures_is_not_the_same(clip: Clip, tmp_path: Path) -> None:
    known = section(clip)
    known["rows"][1]["failures"] = ["07: it died"]
    assert list(differences(known, {COPY: gives(clip.video)}, [clip], tmp_path / "run")) == [
        f"`{COPY}`: it failed on some clips then; run the whole section"
    ]


@pytest.mark.parametrize("name", COUNTS)
def test_one_count_that_differs_is_told(clip: Clip, tmp_path: Path, name: str) -> None:
    before = counts(clip, clip.video)[name] + 1
    (line,) = differences(section(clip, **{name: before}), {COPY: gives(clip.video)}, [clip], tmp_path / "run")
    assert line == f"07, `{COPY}`: {name} {before - 1:,}, was {before:,}"


def test_another_output_is_told_and_so_is_a_clip_that_was_not_there(clip: Clip, tmp_path: Path) -> None:
    covered = make_video(tmp_path / "covered.mp4", frames=[solid(texture(i)) for i in range(5)], options={"crf": "12"})
    (line,) = differences(section(clip), {COPY: gives(covered)}, [clip], tmp_path / "run")
    assert "leaked 0, was 5, exposed 0, was 1" in line
    none = {**section(clip), "rows": [{**section(clip)["rows"][1], "clips": []}]}
    assert list(differences(none, {}, [clip], tmp_path / "run")) == [f"07, `{COPY}`: the section has no such clip"]


@pytest.mark.parametrize("same", [True, False])
def test_the_command_notes_the_commit_only_where_all_is_the_same(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    known = {"short": section(clip, **({} if same else {"lost": 10**6}))}
    (tmp_path / report.JSON).write_text(json.dumps(known))
    written: list[dict[str, Any]] = []
    monkeypatch.setattr(benchmarks, "short_clips", lambda: [clip])
    monkeypatch.setattr(tools, "ours", lambda _: gives(clip.video))
    monkeypatch.setattr(Tool, "line", COPY)

    def write(results: dict[str, Any], folder: Path) -> Path:
        written.append(results)
        return folder / report.PAGE

    monkeypatch.setattr(report, "write", write)
    done = CliRunner().invoke(benchmarks.app, ["again", "short", "--output", str(tmp_path)])
    assert done.exit_code == (0 if same else 1), done.output
    assert len(written) == same
    if same:
        assert written[0]["short"]["again"]["clips"] == ["07"]
        assert "same   short: 07" in done.output
    else:
        assert "other  07" in done.output


def test_a_row_is_run_with_the_options_it_had() -> None:
    tool = benchmarks._as_then({"command": "anonymize run IN.mp4 -o OUT.mp4 --targets faces --min-face 24"})
    assert tool.line == "anonymize run IN.mp4 -o OUT.mp4 --targets faces --min-face 24"


def test_the_clips_of_a_section_are_those_it_was_measured_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    made, real = (Clip(Path(name), Path(name)) for name in ("made", "real"))

    def asking(what: str) -> Callable[..., list[Clip]]:
        def clips(lines: int, **_: object) -> list[Clip]:
            asked.append((what, lines))
            return []

        return clips

    monkeypatch.setattr(benchmarks, "face_clips", asking("faces"))
    monkeypatch.setattr(benchmarks, "plate_clips", asking("plates"))
    monkeypatch.setattr(benchmarks, "fixed_clips", lambda _: [made, real])
    for name in ("faces", "faces1080", "curve", "plates2160"):
        benchmarks._clips_of(name, Path("data"))
    assert asked == [("faces", 720), ("faces", 1080), ("faces", 720), ("plates", 2160)]
    assert benchmarks._clips_of("fixed", Path("data")) == [made]
    assert benchmarks._clips_of("fixed_real", Path("data")) == [real]
