"""The backoff, by table."""

import pytest

from anonymize.live.backoff import Backoff

BACKOFF = Backoff(first=0.5, longest=15.0, held=5.0)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0.0), (1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 15.0), (7, 15.0), (10_000, 15.0)],
)
def test_the_wait_doubles_up_to_the_longest(failures: int, seconds: float) -> None:
    assert BACKOFF.delay(failures) == seconds


def test_a_first_wait_that_is_the_longest_too_stays() -> None:
    assert [Backoff(2.0, 2.0).delay(failures) for failures in range(4)] == [0.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("before", "worked", "failures"),
    [(0, 0.0, 1), (1, 0.0, 2), (4, 5.0, 5), (4, 5.001, 1), (0, 3600.0, 1), (9999, 0.1, 10_000)],
)
def test_only_an_attempt_that_held_begins_the_count_anew(before: int, worked: float, failures: int) -> None:
    assert BACKOFF.failures(before, worked) == failures
