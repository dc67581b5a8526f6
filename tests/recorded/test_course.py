"""One bar for the whole of a file: its share never falls and ends at 100%, and its time left is that of all stages."""

import re
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anonymize
from anonymize.cli.render.ledger import VERBS
from anonymize.progress import COSTS, Course, Progress, followed_by
from anonymize.recorded.release import repairs_of
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.helpers.media import make_video
from tests.helpers.terminals import on_terminal

QUICK = ("-t", "none", "--hide-zone", "0,0 20,0 20,20")
AFTER = ("render", "verify")


def news(stage, frames, *ahead, perhaps=0, total=True, told=None):
    """What is told of one stage of `frames` frames."""
    told = told or frames
    return [Progress(stage, done, told if total else None, ahead, perhaps) for done in range(1, frames + 1)]


def run(frames, repairs=0, most=0, **first):
    """What is told of a run that repairs so often, of so many times at most."""
    told = [Progress("detect", 0, None, AFTER, most), *news("detect", frames, *AFTER, perhaps=most, **first)]
    for turn in range(repairs + 1):
        if turn:
            told += news("repair", frames, *AFTER, perhaps=most - turn)
        told += [*news("render", frames, "verify", perhaps=most - turn), *news("verify", frames, perhaps=most - turn)]
    return told


def shares(told, seconds=None):
    """Every share, and every time left, where a frame takes `seconds` by stage."""
    course, now, found = Course(), 0.0, []
    for one in told:
        now += (seconds or COSTS)[one.stage]
        course.take(one, now)
        found.append((course.share, course.left(now)))
    course.finish()
    return [*found, (course.share, course.left(now))]


KINDS = {
    "run": run(100),
    "one picture": run(1),
    "two frames": run(2),
    "a run that may repair": run(100, most=3),
    "one repair": run(100, repairs=1, most=3),
    "all repairs": run(100, repairs=3, most=3),
    "unknown length": run(100, total=False),
    "a container that says too much": run(100, told=150),
    "a container that says too little": run(100, told=40),
    "detect": news("detect", 100),
    "verify": [*news("read", 100, "verify"), *news("verify", 100)],
    "render": [*news("read", 100, *AFTER), *news("render", 100, "verify"), *news("verify", 100)],
    "without a check": [*news("detect", 100, "render"), *news("render", 100)],
    "segments that turn out to be none": [*news("detect", 60, *AFTER, told=100), *run(100)[1:]],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_share_never_falls_and_ends_at_the_whole(kind):
    found = [share for share, _ in shares(KINDS[kind]) if share is not None]
    assert all(before <= after for before, after in pairwise(found))
    assert found[-1] == 1.0
    assert found[0] < 0.5 or len(found) < 9 or kind == "unknown length"
    assert all(0 <= share <= 1 for share in found)


@given(
    frames=st.integers(1, 30),
    repairs=st.integers(0, 3),
    told=st.one_of(st.none(), st.integers(1, 60)),
    spare=st.integers(0, 2),
)
def test_no_run_whatever_it_says_goes_backward(frames, repairs, told, spare):
    known = {"total": False} if told is None else {"told": told}
    found = [share for share, _ in shares(run(frames, repairs, repairs + spare, **known)) if share is not None]
    assert found == sorted(found)
    assert found[-1] == 1.0


def test_a_run_is_done_when_its_last_check_is_if_no_repair_may_follow():
    assert shares(run(100))[-2][0] == pytest.approx(1.0)
    assert shares(run(100, repairs=3, most=3))[-2][0] == pytest.approx(1.0)
    assert 0.6 < shares(run(100, most=3))[-2][0] < 0.95


def test_a_plan_that_a_person_changed_is_not_repaired_nor_what_is_not_verified():
    asked = replace(Settings(), verify=replace(Settings().verify, repair=3))
    assert repairs_of(asked) == 3
    assert repairs_of(asked, by_hand=True) == 0
    assert repairs_of(replace(asked, verify=replace(asked.verify, publish_unverified=True))) == 0


def test_the_whole_is_known_from_the_first_stage_on():
    found = shares(run(100))
    whole = sum(COSTS[stage] for stage in ("detect", *AFTER))
    assert found[50][0] == pytest.approx(0.5 / whole)  # half of the looking
    assert found[50][1] == pytest.approx(100 * (whole - 0.5), rel=0.05)
    assert found[150][1] == pytest.approx(50 * COSTS["render"] + 100 * COSTS["verify"], rel=0.05)


def test_the_time_left_of_a_stage_that_was_measured_is_that_measured():
    """A second pass takes as long as the first did, whatever was assumed."""
    told = run(100, repairs=1, most=1)
    slow = {**COSTS, "render": 5.0, "verify": 0.1}
    at_repair = next(i for i, one in enumerate(told) if one.stage == "repair" and one.done == 50)
    assert shares(told, slow)[at_repair][1] == pytest.approx(50 * COSTS["repair"] + 100 * 5.1, rel=0.05)


def test_a_repair_adds_its_passes_to_the_time_left_at_once():
    told = run(100, repairs=1, most=3)
    found = shares(told)
    begins = next(i for i, one in enumerate(told) if one.stage == "repair")
    assert found[begins - 1][1] == pytest.approx(0.0, abs=0.01)
    expected = 97 * COSTS["repair"] + 100 * (COSTS["render"] + COSTS["verify"])
    assert found[begins + 2][1] == pytest.approx(expected, rel=0.01)


def test_nothing_is_claimed_of_what_nobody_knows():
    found = shares(run(100, total=False))
    assert set(found[:100]) == {(None, None)}
    assert found[101][0] is not None  # how many there are is known by now


def test_what_is_ahead_is_reported_with_every_frame():
    told: list[Any] = []
    tell = followed_by(told.append, "render", "verify", perhaps=2)
    tell(Progress("detect", 3, 9))
    assert told == [Progress("detect", 3, 9, ("render", "verify"), 2)]


@pytest.mark.parametrize("name", VERBS)
def test_every_stage_has_a_word_and_a_cost(name):
    assert set(COSTS) == set(VERBS)
    assert len(VERBS[name]) <= 9


# On a terminal


def percents(screens):
    """The shares that were shown, in order, in the last line of each screen."""
    return [int(found[1]) for lines in screens if lines and (found := re.search(r"\b(\d+)%", lines[-1]))]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    make_video(folder / "film.mp4", frames=400, size=(160, 120))
    make_video(folder / "stream.ts", frames=200, size=(160, 120))
    done = on_terminal("detect", "film.mp4", "-o", "plan.jsonl", *QUICK, cwd=folder)
    assert done.process.returncode == 0, done.sent
    return folder


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize(
    ("arguments", "stages"),
    [
        (("run", "film.mp4", *QUICK), ("detecting", "redacting", "checking")),
        (("run", "stream.ts", *QUICK), ("detecting", "redacting", "checking")),
        (("run", "film.mp4", *QUICK, "--publish-unverified"), ("detecting", "redacting")),
        (("detect", "film.mp4", *QUICK), ("detecting",)),
        (("render", "film.mp4", "--plan", "plan.jsonl"), ("reading", "redacting", "checking")),
    ],
    ids=["run", "unknown length", "unverified", "detect", "render"],
)
def test_a_bar_is_one_for_all_stages(clips, tmp_path, arguments, stages, columns):
    suffix = {"run": arguments[1][-4:].strip("m"), "detect": ".jsonl", "render": ".mp4"}[arguments[0]]
    out = tmp_path / f"out{suffix if suffix.startswith('.') else '.' + suffix}"
    seen = on_terminal(*arguments, "-o", out, columns=columns, cwd=clips)
    assert seen.process.returncode == 0, seen.sent
    screens = [lines for lines in seen.screen.drawn if lines and lines[-1].split()[0] in VERBS.values()]
    assert {lines[-1].split()[0] for lines in screens} == set(stages)
    assert {len(lines) for lines in screens} == {1}
    found = percents(screens)
    assert found == sorted(found)
    assert found[-1] == 100
    assert len(set(found)) > 2 or len(stages) == 1
    assert max(len(line) for lines in screens for line in lines) < columns
    assert not [line for line in seen.screen.lines() if "%" in line]


def test_a_check_of_a_file_has_one_too(clips):
    given = ("--source", "film.mp4", "--plan", "plan.jsonl")
    seen = on_terminal("verify", "film.mp4", *given, columns=80, cwd=clips)
    assert seen.process.returncode == 7, seen.sent  # nothing hides the zone
    found = percents(seen.screen.drawn)
    assert found == sorted(found)
    assert found[-1] == 100
    assert {lines[-1].split()[0] for lines in seen.screen.drawn if lines} >= {"reading", "checking"}


def test_the_bar_of_a_folder_ends_at_the_whole_too(clips, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("film.mp4", "stream.ts"):
        (tmp_path / "in" / name).symlink_to(clips / name)
    (tmp_path / "in" / "bad.mp4").write_bytes(b"noise" * 9999)
    seen = on_terminal("run", "in", "-o", "out/", "--workers", 2, *QUICK, columns=80, cwd=tmp_path)
    assert seen.process.returncode == 10, seen.sent
    screens = [lines for lines in seen.screen.drawn if lines and " files" in lines[-1]]
    found = percents(screens)
    assert found == sorted(found)
    assert found[-1] == 100
    assert "3 of 3 files, 1 failed" in screens[-1][-1]


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["words", "json"])
def test_a_log_has_the_share_and_the_time_left_of_all(clips, tmp_path, arguments):
    seen = on_terminal(
        "run",
        "film.mp4",
        "-o",
        tmp_path / "o.mp4",
        *QUICK,
        *arguments,
        environment={"TERM": "dumb"},
        columns=200,
        cwd=clips,
    )
    assert seen.process.returncode == 0, seen.sent
    assert "\x1b" not in seen.sent
    if arguments:
        found = [float(share) for share in re.findall(r'"share": ([\d.]+), "seconds_left": [\dn]', seen.sent)]
        assert found[-1] == 1.0
    else:
        found = [int(share) for share in re.findall(r"frame \d+.*?, (\d+)% of all", seen.sent)]
        assert found[-1] == 100
        # A stage that is over before a speed means anything tells none.
        assert re.search(r"checking, frame 400(?: at [\d.]+ frames/s)?, 100% of all, 0 s left", seen.sent)
    assert found == sorted(found)


@pytest.mark.usefixtures("blind_first_look")
def test_a_run_that_repairs_tells_what_is_ahead(face_clip, tmp_path):
    """The first look finds nobody, so that the second finds the face, and a repair follows."""
    values = {"output": {"speed": "ultrafast"}, "targets": ["face"], "verify": {"repair": 2}}
    told, course, found = [], Course(), []

    def tell(progress):
        told.append((progress.stage, progress.ahead, progress.perhaps))
        course.take(progress, time.monotonic())
        found.append((progress.stage, course.share))

    account = anonymize.run(
        face_clip, tmp_path / "safe.mp4", from_mapping(Settings, values, Settings()), on_progress=tell
    )
    assert account.verified["repaired"] == 1
    assert list(dict.fromkeys(told)) == [
        ("detect", AFTER, 2),
        ("render", ("verify",), 2),
        ("verify", (), 2),
        ("repair", AFTER, 1),
        ("render", ("verify",), 1),
        ("verify", (), 1),
    ]
    known = [share for _, share in found if share is not None]
    assert known == sorted(known)
    first = next(share for stage, share in found if stage == "repair")
    assert first is not None
    assert first < 0.9  # there was room left for it
