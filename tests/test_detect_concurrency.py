"""Work side by side: in order, bounded, and an error where it is waited for."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from functools import partial

import pytest

from anonymize.data import Detections, Kind
from anonymize.detect import Step, at_once, begin_look, in_order, look, once, side_by_side, threads_each
from anonymize.detect.concurrency import AT_ONCE, BEGUN, WAITING
from anonymize.models import cores
from anonymize.settings import Detect, Device
from tests.test_detect import Bright
from tests.test_detect_incremental import FACE, frame


def test_two_work_at_the_same_time_and_no_more() -> None:
    do, both = side_by_side(2), threading.Barrier(AT_ONCE)
    at_work, most, turn = 0, 0, threading.Lock()

    def work() -> str:
        nonlocal at_work, most
        with turn:
            at_work += 1
            most = max(most, at_work)
        both.wait(timeout=10)  # returns only where another one is at work
        with turn:
            at_work -= 1
        return threading.current_thread().name

    names = [later() for later in [do(work) for _ in range(6)]]
    assert most == AT_ONCE
    assert len(set(names)) == AT_ONCE
    assert threading.current_thread().name not in names


def test_one_thread_works_here() -> None:
    assert side_by_side(1) is at_once
    assert at_once(lambda: threading.current_thread())() is threading.current_thread()


def test_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    def work() -> None:
        raise ValueError("no network")

    later = side_by_side(2)(work)
    for _ in range(2):
        with pytest.raises(ValueError, match="no network"):
            later()


def test_steps_come_in_order_while_few_looks_are_begun() -> None:
    begun = waited = 0

    def steps() -> Iterator[Step[int]]:
        nonlocal begun
        for number in range(20):
            looks = number % 3 == 0
            begun += looks
            yield Step(int(looks), lambda number=number: number)

    taken = []
    for number in in_order(steps()):
        waited += number % 3 == 0
        assert begun - waited <= BEGUN
        taken.append(number)
    assert taken == list(range(20))


def test_steps_without_looks_are_not_kept_waiting() -> None:
    source = iter(range(100))
    steps = (Step(0, lambda number=number: number) for number in source)
    assert next(in_order(steps)) == 0
    assert next(source) == 1


def test_a_look_side_by_side_finds_what_one_by_one_does() -> None:
    here, detector = frame(0, FACE, (480, 240, 512, 280)), Bright()
    wanted = look(here, [detector], Detect(), {Kind.FACE})
    later = begin_look(here, [detector], Detect(), {Kind.FACE}, do=side_by_side(2))
    found: Detections = later()
    assert len(found) == 2
    assert (found.xyxy == wanted.xyxy).all()
    assert (found.score == wanted.score).all()


@pytest.mark.parametrize(("threads", "each"), [(1, 1), (2, 1), (3, 2), (8, 4)])
def test_networks_share_the_processor(threads: int, each: int) -> None:
    assert threads_each(threads, Device.CPU) == each
    assert threads_each(threads, Device.OPENVINO) == threads
    assert threads_each(0, Device.CPU) == -(-cores() // AT_ONCE)


def test_what_was_waited_for_once_is_not_held() -> None:
    class Picture:
        pass

    picture = Picture()
    alive = weakref.ref(picture)
    asked: list[int] = []

    def wait(shown: Picture = picture) -> int:
        asked.append(1)
        return 7 if shown else 0

    later = once(wait)
    del picture, wait
    assert later() == later() == 7
    assert len(asked) == 1
    assert alive() is None


def test_what_failed_is_asked_again() -> None:
    answers = iter([1])

    def wait() -> int:
        if next(answers, None) is None:
            return 5
        raise ValueError("at first")

    later = once(wait)
    with pytest.raises(ValueError, match="at first"):
        later()
    assert later() == 5


def test_no_more_steps_wait_than_may() -> None:
    read: list[int] = []

    def steps() -> Iterator[Step[int]]:
        for index in range(200):
            read.append(index)
            yield Step(int(index == 0), partial(int, index))

    results = in_order(steps())
    assert next(results) == 0
    assert len(read) == WAITING + 1
    assert list(results) == list(range(1, 200))
