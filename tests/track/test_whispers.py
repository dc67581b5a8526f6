"""Finds too faint for anything but a question: several in a row, where nothing else was found."""

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import pytest

from anonymize.data import Detections, Kind, Track, Why
from anonymize.detect import GROUPS, ScaleScheduler
from anonymize.plan.faint import Faint, clearest
from anonymize.settings import Detect, Settings
from anonymize.track import Whispers
from tests.detect.test_detect import Bright
from tests.detect.test_incremental import FACE, frame

EVERY = 3
"""Frames from one detection to the next, at 25 a second."""


def finds(*some: tuple[float, float, float], kind: Kind = Kind.FACE) -> Detections:
    """Faces of 20 pixels: left, top, score."""
    boxes = np.array([(x, y, x + 20, y + 20) for x, y, _ in some], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([one[2] for one in some], np.float32), np.full(len(some), kind, np.int8))


def told(*looks: Detections, known: tuple[Track, ...] = (), every: int = EVERY) -> list[Track]:
    whispers = Whispers(0.2, 0.5)
    for number, look in enumerate(looks):
        whispers.take(every * number, Fraction(every * number, 25), look)
    return whispers.tracks(known)


def track(x: float, y: float, count: int) -> Track:
    boxes = np.array([[x, y, x + 20, y + 20]] * count, np.float32)
    return Track(1, Kind.FACE, 0, boxes, np.ones(count, np.float32), (Why.DETECTED,) * count)


def test_faint_finds_that_follow_one_another_are_one_track() -> None:
    looks = (
        finds((100 + 6 * n, 50, 0.1 + 0.01 * n), (60 * n, 300, 0.19)) for n in range(6)
    )  # and one that jumps about
    (one,) = told(*looks)
    assert (one.first, one.end, one.weak, one.kind) == (0, 16, True, Kind.FACE)
    assert [index for index, why in enumerate(one.why) if why is Why.DETECTED] == [0, 3, 6, 9, 12, 15]
    assert one.xyxy[4].tolist() == pytest.approx([108, 50, 128, 70])
    assert one.score[15] == pytest.approx(0.15)


def test_two_finds_are_noise_and_so_are_three_far_apart_in_time() -> None:
    here = finds((100, 50, 0.19))
    assert told(here, here) == []
    assert len(told(here, here, here)) == 1
    assert told(here, here, here, every=16) == []


def test_what_is_believed_begins_none_but_may_go_on_with_one() -> None:
    sure, faint = finds((100, 50, 0.6)), finds((100, 50, 0.1))
    assert told(sure, sure, sure) == []
    assert len(told(faint, sure, faint)) == 1


def test_a_find_of_another_kind_is_not_taken_for_the_same() -> None:
    face, plate = finds((100, 50, 0.1)), finds((100, 50, 0.1), kind=Kind.PLATE)
    assert told(face, plate, face) == []


def test_two_beside_each_other_stay_two_and_the_clearer_comes_first() -> None:
    one, other = told(*[finds((100, 50, 0.1), (114, 50, 0.18))] * 4)
    assert one.score[0] == pytest.approx(0.18)
    assert (one.xyxy[-1, 0], other.xyxy[-1, 0]) == (114, 100)


def test_what_is_tracked_already_is_not_told_again() -> None:
    looks = [finds((100, 50, 0.1))] * 4
    assert told(*looks, known=(track(102, 50, 10),)) == []
    assert len(told(*looks, known=(track(140, 50, 10),))) == 1
    assert len(told(*looks, known=(replace(track(100, 50, 10), first=90),))) == 1


@dataclass
class Whispering(Bright):
    """Finds what is bright, and beside it something with a low score."""

    score: float = 0.1
    max_input_side: int = 4000
    asked: list[int] = field(default_factory=list)

    def detect(self, picture: np.ndarray) -> Detections:
        found = super().detect(picture)
        beside = Detections(found.xyxy + np.float32(1), np.full(len(found), self.score, np.float32), found.kind)
        return Detections.concatenate([found, beside])


@pytest.mark.parametrize("score", [0.05, 0.1, 0.19])
def test_what_is_found_is_the_same_whether_the_faintest_are_listened_to_or_not(score: float) -> None:
    wanted = Settings(targets=frozenset({Kind.FACE}), detect=Detect(low=0.2))
    deaf, listening = (ScaleScheduler([Whispering(score=score)], wanted, quiet=quiet) for quiet in (False, True))
    for index in range(4):
        shown = frame(index, FACE, shift=5 * index)
        one, other = (scheduler.detect(shown, GROUPS).result() for scheduler in (deaf, listening))
        for ours, theirs in ((one.finds.xyxy, other.finds.xyxy), (one.finds.score, other.finds.score)):
            assert np.array_equal(ours, theirs)
        assert len(one.quiet) == 0
        assert (len(other.quiet) > 0) is (score >= 0.08)
        assert all(0.08 <= each < 0.2 for each in other.quiet.score)
    assert not listening._heard


def test_of_the_faintest_the_clearest_are_kept_and_numbered_anew() -> None:
    def one(number: int, score: float, finds: int) -> Faint:
        return Faint(number, Kind.FACE, number, ((0.0, 0.0, 9.0, 9.0),), number, score, finds)

    some = [one(1, 0.1, 3), *(one(number, 0.15, 4) for number in range(2, 26)), one(26, 0.25, 1), one(27, 0.2, 1)]
    kept = clearest(some, 0.2, 0.1)
    assert [each.number for each in kept] == list(range(1, 27))
    assert [each.first for each in kept] == list(range(2, 28)), "the first one is the least clear"
    assert len(clearest(some, 0.2, 2.0)) == 27
