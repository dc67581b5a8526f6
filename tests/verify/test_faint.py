"""Places where somebody may be seen faintly are counted and named, the likeliest first, to whoever runs the tool."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from anonymize.data import Box, Detections, Kind, Region, Why
from anonymize.kinds import Verdict
from anonymize.plan import About, Plan, Regions
from anonymize.plan.faint import Faint
from anonymize.settings import Settings
from anonymize.verify import By, Evidence, Find, examine
from anonymize.verify.faint import LISTED, FaintPlaces
from anonymize.verify.second_look import SecondFinds
from tests.conftest import face_pictures
from tests.helpers.leaks import good_plan, rendered
from tests.helpers.media import make_video
from tests.helpers.terminals import PROGRAM, on_terminal

HERE: Box = (600.0, 300.0, 620.0, 324.0)
SIZE = (1280, 720)


class Shown:
    """A frame's time, at 25 frames a second."""

    time_base = Fraction(1, 25)

    def __init__(self, pts: int) -> None:
        self.pts = pts


def faint(number: int, box: Box = HERE, frames: int = 3, *, kind: Kind = Kind.FACE, score: float = 0.15) -> Faint:
    return Faint(number, kind, 10, (box,) * frames, 11, score, frames)


def made(*some: Faint, rows: tuple[tuple[int, int, Region], ...] = ()) -> Plan:
    return Plan(About("ab" * 32, 50, *SIZE), Regions(rows), faint=some)


def looked(frame: int, *finds: tuple[Box, float, Kind]) -> SecondFinds:
    boxes, scores, kinds = (list(column) for column in zip(*finds, strict=True)) if finds else ([], [], [])
    found = Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(kinds, np.int64)
    )
    return SecondFinds(frame, frame / 25, (), found)


def named(plan: Plan, *seen: SecondFinds, targets: tuple[Kind, ...] = (Kind.FACE, Kind.PLATE)) -> list[Find]:
    places = FaintPlaces(plan, targets)
    looks = {one.frame: one for one in seen}
    for index in range(plan.about.frames):
        places.see(index, Shown(index))
        if index in looks:
            places.take(looks[index])
    return places.finds()[0]


def moved(box: Box, by: float) -> Box:
    return (box[0] + by, box[1], box[2] + by, box[3])


def test_a_place_has_its_times_its_best_frame_and_what_the_first_look_saw() -> None:
    (one,) = named(made(faint(1)))
    assert (one.start, one.end, one.frame, one.box) == (0.4, 0.48, 11, HERE)
    assert (one.size, one.score, one.by, one.frames) == (24.0, 0.15, By.FIRST, 3)
    (plate,) = named(made(faint(1, kind=Kind.PLATE)))
    assert plate.size == 20.0


def test_what_the_second_look_sees_too_comes_first() -> None:
    other = moved(HERE, 300)
    plan = made(faint(1, score=0.19), faint(2, other, score=0.1))
    assert [one.box for one in named(plan)] == [HERE, other]
    seen = looked(12, (moved(other, 5), 0.12, Kind.FACE))
    assert [one.box for one in named(plan, looked(11), seen, looked(12))] == [HERE, other], "the last look of a frame"
    assert [one.box for one in named(plan, looked(11), seen)] == [other, HERE]
    assert [one.track for one in named(plan, seen)] == [0, 1]


@pytest.mark.parametrize(
    "seen",
    [
        looked(13, (moved(HERE, 300), 0.4, Kind.FACE)),
        looked(9, (moved(HERE, 300), 0.4, Kind.FACE)),
        looked(11, (moved(HERE, 318), 0.4, Kind.FACE)),
        looked(11, (moved(HERE, 300), 0.4, Kind.PLATE)),
    ],
    ids=["after it", "before it", "beside it", "of another kind"],
)
def test_what_the_second_look_sees_elsewhere_does_not_count(seen: SecondFinds) -> None:
    plan = made(faint(1, score=0.19), faint(2, moved(HERE, 300), score=0.1))
    assert [one.box for one in named(plan, seen)] == [HERE, moved(HERE, 300)]


def test_what_moves_is_compared_where_it_is_on_that_frame() -> None:
    way = tuple(moved(HERE, 40 * step) for step in range(3))
    plan = made(faint(1, moved(HERE, -300), score=0.19), Faint(2, Kind.FACE, 10, way, 11, 0.1, 3))
    for step in range(3):
        here, there = (looked(10 + step, (way[at], 0.2, Kind.FACE)) for at in (step, (step + 1) % 3))
        assert [one.frame for one in named(plan, here) if one.box == way[1]] == [11]
        assert named(plan, here)[0].box == way[1]
        assert named(plan, there)[0].box != way[1]


def test_of_several_looks_the_best_counts() -> None:
    plan = made(faint(1, score=0.19), faint(2, moved(HERE, 300), score=0.1))
    looks = [looked(10, (moved(HERE, 300), 0.2, Kind.FACE)), looked(12, (moved(HERE, 300), 0.06, Kind.FACE))]
    assert named(plan, *looks)[0].box == moved(HERE, 300)


def test_plates_come_after_faces_of_about_their_score() -> None:
    plan = made(faint(1, kind=Kind.PLATE, score=0.19), faint(2, moved(HERE, 300), score=0.1))
    assert [one.kind for one in named(plan)] == [Kind.FACE, Kind.PLATE]


def test_what_is_covered_by_now_is_no_place_to_look_at() -> None:
    """A repair covered it on all of its frames; on all but one is not enough."""
    around = Region((590.0, 290.0, 630.0, 334.0), Kind.FACE, Why.DETECTED, 1)
    assert named(made(faint(1), rows=((10, 13, around),))) == []
    assert len(named(made(faint(1), rows=((10, 12, around),)))) == 1
    assert len(named(made(faint(1), rows=((11, 13, around),)))) == 1


def test_kinds_that_nobody_looks_for_are_no_places() -> None:
    assert [one.kind for one in named(made(faint(1), faint(2, kind=Kind.PLATE)), targets=(Kind.PLATE,))] == [Kind.PLATE]


def test_a_result_lists_the_likeliest_and_counts_all(face_clip: Path, tmp_path: Path) -> None:
    """Here nobody takes a second look: what the first one saw is named all the same."""
    good = good_plan(face_clip)
    some = tuple(Faint(n, Kind.FACE, 8, ((2.0, 3.0, 9.0, 9.0),), 8, n / 1000) for n in range(1, LISTED + 2))
    verified = examine(
        rendered(face_clip, good, tmp_path / "safe.mp4"), Evidence(plan=replace(good, faint=some)), Settings(), []
    )
    assert (len(verified.faint), verified.faint_places) == (LISTED, LISTED + 1)
    assert (verified.faint[0].score, verified.faint[-1].score) == (0.301, 0.002)
    assert verified.verdict is not Verdict.PASS_WITH_DOUBTS, "these are no doubts"
    assert examine(tmp_path / "safe.mp4", Evidence(), Settings(), []).faint_places == 0, (
        "nothing is known without a plan"
    )


# What a run says


@pytest.fixture(scope="module")
def nearly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film of a face that stands on its head, and settings that find it too faintly."""
    folder = tmp_path_factory.mktemp("nearly")
    make_video(folder / "street.mp4", frames=[picture[::-1].copy() for picture in face_pictures()])
    (folder / "faint.toml").write_text(
        'targets = ["face"]\n[detect]\nlow = 0.9\nhigh = 0.9\n[output]\nspeed = "ultrafast"\n'
    )
    return folder


def test_a_run_tells_of_places_that_show_somebody_faintly(nearly: Path) -> None:
    command = ("run", "street.mp4", "-o", "safe.mp4", "-p", "faint.toml", "--report", "reports", "--force")
    done = subprocess.run([*PROGRAM, *command], cwd=nearly, capture_output=True, text=True, check=True)
    said = "  to look at: 1 place where somebody may be seen, too faintly to be covered; likeliest: face at 0:00"
    assert said in done.stdout
    assert "\n  a review asks about it:\n    anonymize review street.mp4\n" in done.stdout
    shown = on_terminal(*command, columns=60, cwd=nearly)
    lines = [line.strip() for line in shown.screen.lines()]
    assert "to look at: 1 place where somebody may be seen, too" in lines, shown.sent
    assert "anonymize review street.mp4" in lines
    page = (nearly / "reports" / "safe.mp4.report.html").read_text()
    assert "1 place where somebody may be seen: found too faintly to be covered or doubted." in page
    assert re.search(r"<dt>To look at</dt><dd>1 place", page)


def test_its_lines_for_machines_and_its_report_list_them(nearly: Path) -> None:
    command = ("run", "street.mp4", "-o", "other.mp4", "-p", "faint.toml", "--json", "-q")
    done = subprocess.run([*PROGRAM, *command], cwd=nearly, capture_output=True, text=True, check=True)
    (told,) = [line for line in map(json.loads, done.stdout.splitlines()) if line["event"] == "done"]
    verified = told["report"]["verified"]
    assert told["report"]["verdict"] == "pass"
    assert verified["faint_places"] == len(verified["faint"]) == 1
    (one,) = verified["faint"]
    assert (one["kind"], one["by"], one["track"]) == ("face", "first look", 0)
    assert json.loads(one["lines"][0])["kind"] == "face"
