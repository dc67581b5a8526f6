"""Which frames are scanned, and what they say about the others."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymize.settings import Verify
from anonymize.verify.sample import Sample, bound, sample_size, upper_bound


def test_one_frame_of_every_stretch_is_taken_at_random_and_always_the_same() -> None:
    sample = Sample(100, 600, "a")
    taken = [index for index in range(600) if index in sample]
    assert [index // 6 for index in taken] == list(range(100))
    assert len({index % 6 for index in taken}) == 6
    assert taken == [index for index in range(600) if index in Sample(100, 600, "a")]
    assert taken != [index for index in range(600) if index in Sample(100, 600, "b")]
    assert all(index in Sample(50, 50, "a") for index in range(50))


@given(st.integers(1, 400), st.integers(1, 400), st.text(max_size=9))
def test_as_many_frames_are_scanned_as_are_wanted(frames: int, wanted: int, seed: str) -> None:
    """One of every stretch, wherever the file ends; and anything after its end is scanned."""
    sample = Sample(wanted, frames, seed)
    assert sum(index in sample for index in range(frames)) == min(frames, wanted)
    assert frames in sample


def test_the_sample_size_follows_the_rate_and_the_limit() -> None:
    assert sample_size(Verify(look_every=0.24), Fraction(25), 600) == 100
    assert sample_size(Verify(look_every=0.24), None, 601) == 101
    assert sample_size(Verify(look_every=0.0), Fraction(25), 10**6) == 10**6
    assert sample_size(Verify(look_every=0.24, most_looks=100), Fraction(50), 90_000) == 100


@given(st.integers(1, 10**6), st.floats(0, 60), st.integers(0, 9), st.fractions(Fraction(1, 100), 1000))
def test_at_least_one_frame_of_a_file_is_scanned(frames: int, every: float, most: int, rate: Fraction) -> None:
    assert 1 <= sample_size(Verify(look_every=every, most_looks=most), rate, frames) <= frames


def test_short_files_are_scanned_completely() -> None:
    assert [sample_size(Verify(), Fraction(25), frames) for frames in (1, 2, 8, 30, 72)] == [1, 2, 8, 8, 8]


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


def test_there_is_no_bound_if_every_frame_was_scanned_or_none() -> None:
    assert bound(60, 0, 60) is None
    assert bound(0, 0, 60) is None
    result = bound(10, 0, 60)
    assert result is not None
    assert "10 of 60 frames" in result.text
    assert "no more than 25.9% of the frames" in result.text


@pytest.mark.parametrize(("looked", "frames"), [(2, 3), (5, 9), (8, 30), (7, 60), (8, 63)])
def test_the_bound_holds_where_the_stretches_are_not_all_as_long(looked: int, frames: int) -> None:
    """Of files with more than the bound, wherever that lies, no more than 5% show nothing on any scanned frame."""
    result = bound(looked, 0, frames)
    assert result is not None
    sizes = [-(-(n + 1) * frames // looked) - -(-n * frames // looked) for n in range(looked)]
    shown = math.floor(result.share * frames) + 1
    if shown > frames:
        return
    missed = {0: 1.0}  # the best chance to be missed, by how many frames show somebody
    for size in sizes:
        missed = {
            total: max(missed[total - here] * (1 - here / size) for here in range(size + 1) if total - here in missed)
            for total in range(max(missed) + size + 1)
        }
    assert missed[shown] <= 0.05
