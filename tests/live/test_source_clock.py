"""When pictures were captured, though they are read late: what a busy machine and a slow network do to times."""

import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from anonymize.live.source.clock import JUMP, SLACK, WINDOW, SourceClock
from anonymize.live.source.connection import Stream, way_to
from benchmarks import clock, soak

RIGHT = 0.1
"""Seconds by which a recorded time may be wrong."""


def times_of(captures, shown, reads, behind=0):
    """Seconds by which each picture's time is wrong: those captured at `captures` with timestamps `shown`.

    Packets come the moment they are captured, and are read at `reads`. As in the program, some are read before the
    first is decoded, and pictures are stamped then.
    """
    tried = SourceClock(behind)
    wrong: list[float] = []
    waiting: list[tuple[float, float, float]] = []
    for at, stamp, read in zip(captures, shown, reads, strict=True):
        if tried.breaks(stamp, read):
            wrong += _stamped(tried, waiting)
        tried.arrived(stamp, read)
        waiting.append((at, stamp, read))
        if tried.settled:
            wrong += _stamped(tried, waiting)
    return wrong


def _stamped(tried, waiting):
    found = [(tried.captured(shown), came, at) for at, shown, came in waiting]
    waiting.clear()
    return [(came if captured is None else captured) - at for captured, came, at in found]


def in_order(captures, busy, each=0.0005):
    """When packets are read that come at `captures`: none while the reader is `busy` ([from, to) in seconds)."""
    reads, last = [], 0.0
    for at in captures:
        last = max(last + each, at)
        last = next((end for begin, end in busy if begin <= last < end), last)
        reads.append(last)
    return reads


def every(step, count, begin=0.0):
    return [begin + step * number for number in range(count)]


@pytest.mark.parametrize("origin", [0.0, 1.4, 95_443.7, -300.0])
def test_pictures_that_waited_to_be_read_have_the_time_of_their_capture(origin):
    """At the start they waited for three seconds; later the machine is busy for 5, and for 0.4 again and again."""
    captures = every(0.04, 3000)
    busy = [(0.0, 3.0), (30.0, 35.0), *((at, at + 0.4) for at in every(0.5, 100, 50.0))]
    wrong = times_of(captures, [at + origin for at in captures], in_order(captures, busy))
    assert len(wrong) > 2950
    assert max(map(abs, wrong)) < 0.02


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_clock_may_drift(ppm):
    captures = every(0.04, 25 * 3600)
    wrong = times_of(captures, [at * (1 + ppm / 1e6) for at in captures], captures)
    assert max(map(abs, wrong)) < 0.01


@pytest.mark.parametrize("step", [0.01, 0.2, 1.0, 2.0])
def test_any_rate_will_do_and_the_first_picture_need_not_wait_for_more_than_one(step):
    captures = every(step, 200, 5.0)
    wrong = times_of(captures, captures, captures)
    assert len(wrong) == 200
    assert max(map(abs, wrong)) < 0.001
    tried = SourceClock()
    for number, at in enumerate(captures):
        tried.arrived(at, at)
        if tried.settled:
            assert number <= (1 if step > 0.25 else 5)
            break


def test_pictures_may_come_in_any_rhythm():
    captures = [at for begin in every(1.0, 60) for at in (begin, begin + 0.03, begin + 0.5, begin + 0.9)]
    wrong = times_of(captures, captures, captures)
    assert max(map(abs, wrong)) < 0.001


@pytest.mark.parametrize("to", [-5000.0, -3.0, 2.0, 5000.0])
def test_a_clock_that_jumps_is_followed(to):
    captures = every(0.04, 500)
    shown = [at + (to if at >= 10 else 0.0) for at in captures]
    wrong = times_of(captures, shown, captures)
    assert len(wrong) == len(captures)
    assert max(map(abs, wrong)) < 0.001


def test_one_wrong_timestamp_spoils_no_other():
    captures = every(0.04, 500)
    shown = [at + (100.0 if number == 250 else 0.0) for number, at in enumerate(captures)]
    wrong = times_of(captures, shown, captures)
    assert max(map(abs, wrong)) < 0.001


def test_a_clock_that_stood_still_is_known_after_some_pictures():
    captures = [*every(0.04, 250), *every(0.04, 250, 15.0)]
    wrong = times_of(captures, every(0.04, 500), captures)
    assert max(map(abs, wrong)) < 0.001


def test_a_jump_while_packets_waited_is_wrong_for_no_longer_than_they_wait():
    captures = every(0.04, 1000)
    shown = [at - (7000.0 if at >= 20.5 else 0.0) for at in captures]
    wrong = times_of(captures, shown, in_order(captures, [(20.0, 22.0)]))
    assert max(map(abs, wrong)) < 0.02


def test_a_delay_that_grows_for_good_is_taken_for_the_least_after_a_while():
    captures = every(0.04, 3000)
    reads = [at + (0.3 if at >= 40 else 0.0) for at in captures]
    wrong = times_of(captures, captures, reads)
    assert max(wrong[:999]) < 0.001
    assert abs(wrong[-1] - 0.3) < 0.001
    assert wrong[int((40 + WINDOW / 2) / 0.04)] < 0.001


def test_packets_that_end_where_the_next_one_begins_came_before_they_were_handed_over():
    captures = every(0.2, 300)
    reads = [at + 0.4 for at in captures]  # each is handed over when the second after it is there
    wrong = times_of(captures, captures, reads, behind=2)
    assert max(map(abs, wrong[5:])) < 0.001


def test_pictures_are_coded_in_another_order_than_they_are_shown():
    captures = every(0.04, 300)
    shown = [captures[number + (0, 2, -1, -1)[number % 4]] for number in range(len(captures) - 4)]
    came = [max(captures[number], at) for number, at in zip(range(len(shown)), shown, strict=True)]
    wrong = times_of(shown, shown, in_order(came, []))
    assert max(map(abs, wrong)) < 0.05


def test_what_counts_as_a_jump():
    assert SLACK < JUMP
    assert JUMP < WINDOW


@pytest.mark.parametrize("busy", [{}, {0: 0.5, 40: 1.5}, dict.fromkeys(range(0, 90, 3), 0.1)], ids=str)
def test_a_busy_reader_gives_a_cameras_pictures_the_times_at_which_they_were_sent(busy):
    """Sleeps stand for what else the machine does: they were the pictures' times once."""
    soak.packets()
    camera = soak.Camera()
    wrong, numbers, made = [], [], []
    with Stream(way_to(camera.address), 10.0, "camera") as stream:
        for count, picture in enumerate(stream.pictures()):
            time.sleep(busy.get(count, 0.0))
            captured = stream.captured(picture)
            number = clock.read(np.asarray(picture.to_ndarray()[: picture.height], np.uint8))
            assert number is not None
            wrong.append(camera.wrong_by(number, captured + time.time() - time.monotonic()))
            numbers.append(number)
            made.append(captured)
            if count == 90:
                break
    assert [(b - a) % soak.LOOP for a, b in pairwise(numbers)] == [1] * 90
    assert max(map(abs, wrong)) < RIGHT
    assert sorted(map(abs, wrong))[45] < 1 / soak.RATE, "MPEG-TS is handed over two pictures late"
    steps = [b - a for a, b in pairwise(made)]
    assert abs(sorted(steps)[len(steps) // 2] - float(Fraction(1, soak.RATE))) < 0.001
