"""The rule that decides whether a frame may be shown."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from anonymize.track import bracketed

TIMES = st.fractions(0, 20, max_denominator=50)
SORTED = st.lists(TIMES, max_size=12, unique=True).map(sorted)


@settings(max_examples=60, deadline=None)
@given(TIMES, SORTED, st.fractions(0, 3, max_denominator=20), SORTED)
def test_it_is_the_rule_as_written(time: Fraction, looks: list[Fraction], gap: Fraction, cuts: list[Fraction]) -> None:
    expected = any(
        a <= time <= b and b - a <= gap and not any(a < cut <= b for cut in cuts) for a in looks for b in looks
    )
    assert bracketed(time, looks, gap, cuts) is expected


@settings(max_examples=60, deadline=None)
@given(TIMES, SORTED, st.fractions(0, 3, max_denominator=20), SORTED, TIMES)
def test_another_detection_never_takes_a_frame_away(
    time: Fraction, looks: list[Fraction], gap: Fraction, cuts: list[Fraction], more: Fraction
) -> None:
    if bracketed(time, looks, gap, cuts):
        assert bracketed(time, sorted({*looks, more}), gap, cuts)


@settings(max_examples=60, deadline=None)
@given(TIMES, SORTED, st.fractions(0, 3, max_denominator=20), SORTED, TIMES)
def test_another_cut_never_lets_a_frame_through(
    time: Fraction, looks: list[Fraction], gap: Fraction, cuts: list[Fraction], more: Fraction
) -> None:
    if bracketed(time, looks, gap, sorted({*cuts, more})):
        assert bracketed(time, looks, gap, cuts)


def test_nothing_is_bracketed_without_looks() -> None:
    assert not bracketed(Fraction(1), [], 10)
    assert not bracketed(Fraction(1), [Fraction(0)], 10)
    assert not bracketed(Fraction(1), [Fraction(2)], 10)


def test_a_detection_brackets_its_own_frame() -> None:
    assert bracketed(Fraction(1), [Fraction(1)], 0, [Fraction(1)])


def test_a_decimal_gap_is_meant_as_written() -> None:
    looks = [Fraction(0), Fraction(3, 25)]
    assert bracketed(Fraction(1, 25), looks, 0.12)
    assert not bracketed(Fraction(1, 25), looks, 0.119)


def test_the_frame_before_a_cut_needs_a_detection_of_its_own_scene() -> None:
    assert not bracketed(Fraction(9), [Fraction(8), Fraction(10)], 5, [Fraction(10)])
    assert bracketed(Fraction(9), [Fraction(8), Fraction(9), Fraction(10)], 5, [Fraction(10)])
