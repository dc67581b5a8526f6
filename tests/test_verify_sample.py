"""Which frames are looked at, and what they say about the others."""

import random
from fractions import Fraction

import pytest

from anonymize.settings import Verify
from anonymize.verify.sample import Sample, bound, stride, upper_bound


def test_one_frame_of_every_stretch_is_taken_at_random_and_always_the_same() -> None:
    sample = Sample(6, "a")
    taken = [index for index in range(600) if index in sample]
    assert [index // 6 for index in taken] == list(range(100))
    assert len({index % 6 for index in taken}) == 6
    assert taken == [index for index in range(600) if index in Sample(6, "a")]
    assert taken != [index for index in range(600) if index in Sample(6, "b")]
    assert all(index in Sample(1, "a") for index in range(50))


def test_stretches_follow_the_rate_and_the_limit() -> None:
    assert stride(Verify(look_every=0.24), Fraction(25), None) == 6
    assert stride(Verify(look_every=0.24), None, None) == 6
    assert stride(Verify(look_every=0.0), Fraction(25), 10**6) == 1
    assert stride(Verify(look_every=0.24, most_looks=100), Fraction(50), 90_000) == 900


def test_the_bound_is_the_exact_one() -> None:
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert upper_bound(0, 300) == pytest.approx(3 / 300, rel=0.01)  # the rule of three
    assert upper_bound(1, 10) == pytest.approx(0.3942, abs=1e-4)  # Clopper-Pearson, from tables
    assert upper_bound(10, 10) == 1.0


def test_the_bound_holds_for_frames_drawn_one_of_every_stretch() -> None:
    """Of files in which 8% of the frames show somebody, all together, fewer than 5% get a lower bound than that."""
    rng = random.Random(1)
    too_low = 0
    for _ in range(400):
        start = rng.randrange(552)
        hits = sum(start <= stretch * 20 + rng.randrange(20) < start + 48 for stretch in range(30))
        too_low += upper_bound(hits, 30) < 48 / 600
    assert too_low <= 0.05 * 400


def test_there_is_no_bound_where_every_frame_was_looked_at_or_none() -> None:
    assert bound(60, 0, 60) is None
    assert bound(0, 0, 60) is None
    told = bound(10, 0, 60)
    assert told is not None
    assert "10 of 60 frames" in told.text
    assert "no more than 25.9% of the frames" in told.text
