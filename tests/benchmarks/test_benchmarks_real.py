"""What is covered of frames that were labelled by hand, and what for nothing."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from anonymize.data import Kind, Region, Why
from anonymize.presets import load
from anonymize.settings import Redact
from benchmarks import page, real
from benchmarks.__main__ import app
from tests.conftest import astronaut
from tests.helpers.media import make_video

FACE = {"kind": "face", "xyxy": [100, 50, 140, 90], "ignore": False, "view": "front"}
HEAD = {"kind": "head", "xyxy": [600, 20, 616, 40], "ignore": False, "seen": "back"}
SIGN = {"kind": "face", "xyxy": [900, 300, 1000, 400], "ignore": True, "what": "poster"}


def counted(boxes, covers):
    seen = real.Seen("a.mp4")
    real.add(seen, {"boxes": boxes}, covers)
    return seen


def covers(*boxes):
    mask = np.zeros((720, 1280), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


@pytest.mark.parametrize(("right", "covered"), [(140, 1), (136, 1), (135, 0)])
def test_a_face_is_covered_from_nine_tenths_of_its_area_on(right, covered):
    seen = counted([FACE], covers((100, 50, right, 90)))
    assert dict(seen.boxes) == {("face", "32-64 px", "front"): [covered, 1]}
    assert seen.false == [0.0]


def test_a_head_from_85_hundredths_on_and_by_how_it_is_seen():
    seen = counted([HEAD], covers((600, 20, 616, 37)))
    assert dict(seen.boxes) == {("head", "16-32 px", "back"): [1, 1]}
    assert counted([HEAD], covers((600, 20, 616, 36))).boxes["head", "16-32 px", "back"] == [0, 1]


def test_a_cover_is_false_beyond_labels_grown_by_three_fifths_and_outside_ignored_areas():
    assert counted([FACE], covers((76, 26, 164, 114))).false == [0.0]
    assert counted([FACE], covers((75, 26, 164, 114))).false == [pytest.approx(88 / (1280 * 720))]
    assert counted([SIGN], covers((900, 300, 1000, 400))).false == [0.0]
    assert counted([SIGN], covers((900, 300, 1001, 400))).false == [pytest.approx(100 / (1280 * 720))]
    assert not counted([SIGN], covers()).boxes, "what is ignored is not asked for"


def test_covers_are_drawn_as_they_are_on_pictures_of_odd_sizes_too():
    region = Region((10.0, 20.0, 31.0, 41.0), Kind.PLATE, Why.DETECTED)
    mask = real.drawn([region], (101, 77), Redact())
    assert mask.shape == (77, 101)
    assert mask[20:41, 10:31].all()
    assert mask.sum() < 30 * 30


def test_figures_of_several_clips_are_added_up_and_shown():
    one, other = counted([FACE, HEAD], covers((100, 50, 140, 90))), counted([FACE], covers((900, 300, 1000, 400)))
    other.clip = "b.mp4"
    row = real.row("default", [one, other])
    assert row["kind"] == {"face": [1, 2], "head": [0, 1]}
    assert row["view"] == {"face front": [1, 2], "head back": [0, 1]}
    assert row["worst"] == {"b.mp4": round(10_000 / (1280 * 720), 5), "a.mp4": 0.0}
    table = page.real_table([row])
    assert "1 of 2" in table
    assert "b.mp4 1.1%" in table


def test_the_command_measures_what_run_would_cover(tmp_path):
    picture = np.ascontiguousarray(astronaut()[:320, :320])
    (tmp_path / "clips").mkdir()
    make_video(tmp_path / "clips" / "a.mp4", frames=[picture] * 5)
    row = {"clip": "clips/a.mp4", "frame": 2, "width": 320, "height": 320, "boxes": []}
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "labels.jsonl").write_text(json.dumps(row) + "\n")
    done = CliRunner().invoke(app, ["real", "--data", str(tmp_path), "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "results.json").read_text())["real"]["rows"][0]
    assert figures["frames"] == 1
    assert figures["false"] == figures["covered"] > 0.005, "the face has no label"
    assert "## Real" in (tmp_path / "RESULTS.md").read_text()
    assert real.measure(tmp_path / "clips" / "a.mp4", [row], load("default").settings).false == [
        pytest.approx(figures["false"], abs=1e-5)
    ]
    before = (tmp_path / "results.json").read_text()
    (tmp_path / "heads.toml").write_text('targets = ["heads"]')
    false = []
    for least in (0.2, 0.8):
        options = ["--single", str(least), "--preset", str(tmp_path / "heads.toml")]
        done = CliRunner().invoke(app, ["real", *options, "--data", str(tmp_path), "--output", str(tmp_path)])
        assert done.exit_code == 0, done.output
        heads = load(str(tmp_path / "heads.toml")).settings
        false += real.glance(tmp_path / "clips" / "a.mp4", [row], heads, least).false
        assert f"{false[-1]:.2%} for nothing" in done.output
    assert false[0] > false[1], "weak finds are covered, too"
    assert (tmp_path / "results.json").read_text() == before, "a glance is no measurement of the product"
