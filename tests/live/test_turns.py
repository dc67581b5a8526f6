"""The scales for small faces and the others take turns: a frame leaves for the sizes that were looked for around it."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from anonymize.data import Detections
from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.gate import clear
from anonymize.live.detector.pace import EFFORTS, ORDINARY, SMALL, THOROUGH, Pace
from anonymize.redact import Memory
from anonymize.settings import Detect, Follow, Live, Settings
from tests.live.test_settling import GROUNDS, SECRET, SIDE, STEP, bare, found

WIDTH, HEIGHT = 320, 180
CANVAS, GROUND = Canvas(WIDTH, HEIGHT), GROUNDS[0][:HEIGHT, :WIDTH]
SETTINGS = Settings(detect=Detect(every=0.12), follow=Follow(max_gap=0.5), live=Live(lookahead=0.4))
COMES, FRAMES = 35, 70
PLACES = [
    (0, 0), (WIDTH - SIDE, 0), (0, HEIGHT - SIDE), (WIDTH - SIDE, HEIGHT - SIDE),
    (160, 0), (160, HEIGHT - SIDE), (0, 90), (WIDTH - SIDE, 90), (160, 90),
]  # fmt: skip


def picture(index, place):
    luma = GROUND.copy()
    if place is not None:
        luma[place[1] : place[1] + SIDE, place[0] : place[0] + SIDE] = SECRET
    made = CANVAS.black(index, index * STEP)
    np.copyto(made.planes[0].pixels, luma)
    return made


def play(place, takes, *, finds_at=0, settings=SETTINGS, frames=FRAMES):
    """What left of a camera that stands still, and the looks.

    Args:
        place: upper left corner of a face that comes with frame `COMES`.
        takes: frames that a look takes, at the scale for small faces and at the others.
        finds_at: the group of scales at which alone the face is found.
        settings: of the line.
        frames: that are taken.
    """
    cost = {effort: sum(takes[group > 0] for group in {min(g, 1) for g in effort.groups}) for effort in EFFORTS}
    pace = Pace(settings, [cost[effort] / effort.coarser**2 for effort in EFFORTS])
    pace.took(ORDINARY, takes[1] * 0.04)
    line, pending, out, looks = DelayLine(settings), None, [], []
    for index in range(frames + 40):
        now = index * 0.04
        if index < frames:
            line.take(picture(index, place if index >= COMES else None), now)
        if pending is not None and index - pending[0] >= cost[pending[2]]:
            _, held, effort = pending
            pending = None
            sees = held.frame.index >= COMES and finds_at in effort.groups
            line.learn(held.frame.index, found(place) if sees else Detections.empty())
        if pending is None and (wanted := line.wanted(now, pace.interval(line.interval), takes[1] * 0.04)) is not None:
            effort = line.needed or pace.effort(line.turn)
            line.asked(wanted, effort)
            pending = index, wanted, effort
            looks.append(effort)
        out += [cleared for _, cleared in line.due(now)]
    return out, looks


@pytest.mark.parametrize(
    ("takes", "place"),
    [*(((3, 2), place) for place in PLACES), *(((9, 4), place) for place in PLACES[::3]), ((1, 1), PLACES[1])],
    ids=str,
)
def test_a_face_that_only_the_finest_scale_finds_is_never_bare(place, takes):
    """Two faces of 24 pixels were bare on two thirds of their frames: their scale was skipped, and frames left."""
    out, _ = play(place, takes)
    assert len(out) == FRAMES
    assert not [cleared.frame.index for cleared in out if bare(cleared, place)]


@pytest.mark.parametrize("group", [1, 2, 3])
def test_nor_is_one_that_only_another_scale_finds(group):
    out, _ = play((160, 0), (2, 4), finds_at=group)
    assert not [cleared.frame.index for cleared in out if bare(cleared, (160, 0))]


@pytest.mark.parametrize("place", PLACES)
def test_a_face_that_is_found_weakly_and_once_is_covered_around_that_look(place):
    """Three finds that agree make a subject in a file; of a live stream frames have left by then."""
    line, out, looked = DelayLine(SETTINGS), [], 60
    for index in range(100):
        now = index * 0.04
        line.take(picture(index, place), now)
        if index % 3 == 0:
            line.asked(line._held[-1], THOROUGH)
            line.learn(index, found(place, 0.25) if index == looked else Detections.empty())
        out += [cleared for _, cleared in line.due(now)]
    assert not [c.frame.index for c in out if abs(c.frame.index - looked) <= 6 and bare(c, place)]
    assert bare(out[looked - 20], place)
    assert bare(out[looked + 20], place), "one weak find proves little: it is not held for long"


@pytest.mark.parametrize(("effort", "whole"), [(SMALL, True), (THOROUGH, False)], ids=["small", "thorough"])
def test_a_look_for_small_faces_that_finds_a_part_leaves_the_cover_whole(effort, whole):
    """Before a camera that moved, a plate was bare on each frame on which its letters had been found as one."""
    line, part = DelayLine(SETTINGS), np.array([1, 1, -0.3 * SIDE, -0.3 * SIDE], np.float32)
    for index in range(31):
        place = (60 + index, 60)
        line.take(picture(index, place), index * 0.04)
        if index % 3 == 0:
            all_of_it = found(place)
            finds = replace(all_of_it, xyxy=all_of_it.xyxy + part) if index == 30 else all_of_it
            line.asked(line._held[-1], effort if index == 30 else THOROUGH)
            line.learn(index, finds)
    (subject,) = line._tracker._subjects
    assert bool(subject.rows[-1][2] - subject.rows[-1][0] > 0.9 * SIDE) is whole


def test_where_both_turns_come_round_in_time_nothing_is_hidden():
    out, looks = play((160, 90), (2, 2))
    assert not [c.frame.index for c in out[: FRAMES - 12] if c.obscured or c.late is not None]
    assert out[FRAMES - 13].regions
    assert looks[0] == THOROUGH
    assert {SMALL, ORDINARY} == {*looks[3:]}
    turns = looks[3:]
    assert all(one != other for one, other in pairwise(turns)), "they alternate"


@pytest.mark.parametrize("takes", [(11, 1), (1, 11)], ids=str)
def test_where_one_turn_comes_too_late_nothing_leaves_that_it_did_not_see(takes):
    out, _ = play((160, 90), takes)
    later = out[30 : FRAMES - 12]
    assert not any(cleared.late is None and not cleared.obscured for cleared in later)


def test_a_longer_lookahead_shows_what_a_short_one_hides():
    longer = Settings(detect=SETTINGS.detect, follow=SETTINGS.follow, live=Live(lookahead=0.9))
    for settings, shown in ((SETTINGS, False), (longer, True)):
        out, _ = play((160, 90), (6, 4), settings=settings, frames=100)
        assert all(c.late is None and not c.obscured for c in out[50:85]) is shown


def test_who_allows_larger_faces_alone_gets_what_was_looked_for():
    """With `coarsest`, looks for faces up to so much larger count, and no others do."""
    line = DelayLine(Settings(live=Live(coarsest=1.5)))
    for index in range(40):
        line.take(picture(index, None), index * 0.04)
        coarser = 2**0.5 if index < 35 else 2.0
        for effort in (THOROUGH,) if index in (1, 2, 3) else (ORDINARY,):
            line.asked(line._held[-1], effort if index < 4 else type(effort)(effort.groups, coarser))
            line.learn(index, Detections.empty())
    assert line._looks[0][-1] == Fraction(3, 25)
    assert line._looks[1][-1] == Fraction(34, 25)


@pytest.mark.parametrize("lacking", range(4))
def test_the_gate_asks_for_every_group_of_scales(lacking):
    looks = [[Fraction(0), Fraction(1, 4)] for _ in range(4)]
    made = clear(picture(1, None), [], looks, [], SETTINGS, Memory())
    assert not made.obscured
    for scans in ([], [Fraction(0)], [Fraction(1, 4)], [Fraction(0), Fraction(1)]):
        looks[lacking] = scans
        assert clear(picture(1, None), [], looks, [], SETTINGS, Memory()).obscured


def test_turns_go_on_where_a_look_fails_and_what_it_should_have_seen_is_not_taken_for_seen():
    line = DelayLine(SETTINGS)
    asked = [(THOROUGH, True), (ORDINARY, True), (SMALL, False), (ORDINARY, True), (SMALL, True), (ORDINARY, False)]
    for index, (effort, answers) in enumerate(asked):
        assert index == 0 or line.turn == (SMALL if asked[index - 1][0] == ORDINARY else ORDINARY)
        line.take(picture(index, None), index * 0.04)
        line.asked(line._held[-1], effort)
        if answers:
            line.learn(index, Detections.empty())
    assert [[int(25 * time) for time in times] for times in line._looks.values()] == [[0, 4], *[[0, 1, 3]] * 3]
    assert np.isclose(line.interval, STEP / 90000)


def test_answers_are_taken_once_and_in_order():
    """The next frame may be asked about before the answer about the one before is taken."""
    line = DelayLine(SETTINGS)
    for index in range(4):
        line.take(picture(index, None), index * 0.04)
        line.asked(line._held[-1], THOROUGH)
    for index in (7, 1, 1, 0, 2, 3):
        line.learn(index, Detections.empty())
    assert [int(25 * time) for time in line._looks[0]] == [1, 2, 3]
