"""Work side by side: in order, bounded, and an error where it is waited for."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

import pytest

from anonymize.data import Kind
from anonymize.detect import IN_THIS_THREAD, Pending, combined, detect, done, executor_for, in_order
from anonymize.detect.concurrency import AT_ONCE, BEGUN, WAITING, threads_each
from anonymize.models import cores
from anonymize.settings import Detect, Device
from tests.detect.test_detect import Bright
from tests.detect.test_incremental import FACE, frame


def test_two_work_at_the_same_time_and_no_more() -> None:
    executor, both = executor_for(2), threading.Barrier(AT_ONCE)
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

    names = [future.result() for future in [executor.submit(work) for _ in range(6)]]
    assert most == AT_ONCE
    assert len(set(names)) == AT_ONCE
    assert threading.current_thread().name not in names


def test_one_thread_works_here() -> None:
    assert executor_for(1) is IN_THIS_THREAD
    assert IN_THIS_THREAD.submit(threading.current_thread).result() is threading.current_thread()


def fail(*_: object) -> int:
    raise ValueError("no network")


def test_here_what_goes_wrong_is_raised_at_once() -> None:
    with pytest.raises(ValueError, match="no network"):
        IN_THIS_THREAD.submit(fail)
    with pytest.raises(ValueError, match="no network"):
        combined([done(1)], fail)


def test_elsewhere_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    first: Future[int] = Future()
    wrong, right = combined([first], fail), combined([first, done(2)], sum)
    first.set_result(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="no network"):
            wrong.result()
    assert right.result() == 3
    failed: Future[int] = Future()
    late = combined([failed, done(2)], sum)
    failed.set_exception(ValueError("no network"))
    with pytest.raises(ValueError, match="no network"):
        late.result()


def test_parts_are_combined_in_their_order_when_the_last_is_there() -> None:
    parts: list[Future[int]] = [Future() for _ in range(4)]
    whole = combined(parts, tuple)
    for number in (2, 0, 3):
        parts[number].set_result(number)
        assert not whole.done()
    parts[1].set_result(1)
    assert whole.result(timeout=0) == (0, 1, 2, 3)
    assert combined([], tuple).result(timeout=0) == ()


def test_many_threads_complete_each_whole_once() -> None:
    executor = executor_for(2)
    wholes = [combined([executor.submit(int, part) for part in range(5)], sum) for _ in range(200)]
    assert [whole.result(timeout=10) for whole in wholes] == [10] * 200


def test_results_come_in_order_while_few_detections_are_begun() -> None:
    begun = waited = 0
    futures: dict[int, Future[int]] = {number: Future() for number in range(0, 20, 3)}

    def steps() -> Iterator[Pending[int]]:
        nonlocal begun
        for number in range(20):
            begun += number in futures
            yield Pending([futures[number]] if number in futures else [], partial(finish, number))

    def finish(number: int) -> int:
        if number in futures:
            futures[number].set_result(number)
        return number

    taken = []
    for number in in_order(steps()):
        waited += number in futures
        assert begun - waited <= BEGUN
        taken.append(number)
    assert taken == list(range(20))


def test_results_without_detections_are_not_kept_waiting() -> None:
    source = iter(range(100))
    steps = (Pending([done(number)], partial(int, number)) for number in source)
    assert next(in_order(steps)) == 0
    assert next(source) == 1


def test_side_by_side_the_same_is_found_as_one_by_one() -> None:
    here, detector = frame(0, FACE, (480, 240, 512, 280)), Bright()
    wanted = detect(here, [detector], Detect(), {Kind.FACE}).result()
    found = detect(here, [detector], Detect(), {Kind.FACE}, executor=executor_for(2)).result()
    assert len(found) == 2
    assert (found.xyxy == wanted.xyxy).all()
    assert (found.score == wanted.score).all()


@pytest.mark.parametrize(("threads", "each"), [(1, 1), (2, 1), (3, 2), (8, 4)])
def test_networks_share_the_processor(threads: int, each: int) -> None:
    assert threads_each(threads, Device.CPU) == each
    assert threads_each(threads, Device.OPENVINO) == threads
    assert threads_each(0, Device.CPU) == -(-cores() // AT_ONCE)


def test_what_was_combined_is_not_held() -> None:
    class Picture:
        pass

    def first(_: object, parts: list[int]) -> int:
        return parts[0]

    picture, part = Picture(), Future[int]()
    alive = weakref.ref(picture)
    whole = combined([part], partial(first, picture))
    del picture
    assert alive() is not None
    part.set_result(7)
    assert whole.result() == 7
    assert alive() is None


def test_no_more_steps_wait_than_may() -> None:
    read: list[int] = []
    first: Future[int] = Future()

    def steps() -> Iterator[Pending[int]]:
        for index in range(200):
            read.append(index)
            yield Pending([first] if index == 0 else [], partial(int, index))

    results = in_order(steps())
    assert next(results) == 0
    assert len(read) == WAITING + 1
    assert list(results) == list(range(1, 200))
