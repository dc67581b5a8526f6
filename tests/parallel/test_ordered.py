"""Tasks in processes: the order of what they tell, bounds, deaths."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from anonymize import errors
from anonymize.parallel import ordered
from anonymize.parallel.ordered import OrderedPool


@dataclass(frozen=True)
class Counting:
    """A handler whose tasks (start, messages, bytes) count; a file in `folder` is begun for every message."""

    folder: Path

    def do(self, task: tuple[int, int, int]) -> Iterator[tuple[int, bytes]]:
        start, count, size = task
        for number in range(start, start + count):
            (self.folder / str(number)).touch()
            yield number, bytes(size)


@dataclass(frozen=True)
class Dying:
    """A handler whose process is killed at a task's third message, as often as the task says."""

    folder: Path

    def do(self, task: tuple[int, int]) -> Iterator[tuple[int, int]]:
        name, deaths = task
        for number in range(5):
            died = len(list(self.folder.glob(f"{name}.*")))
            if number == 2 and died < deaths:
                (self.folder / f"{name}.{died}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield name, number


@dataclass(frozen=True)
class Failing:
    """A handler whose second task fails."""

    def do(self, task: int) -> Iterator[int]:
        yield task
        if task == 1:
            raise errors.DamagedInput("a.mp4: gone")


class Unsendable(Exception):
    """Cannot be pickled."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@dataclass(frozen=True)
class Odd:
    """A handler that fails in a way that cannot be sent."""

    def do(self, task: int) -> Iterator[int]:
        raise Unsendable(task, 2)
        yield task


@pytest.mark.parametrize("workers", [1, 3])
def test_all_messages_come_in_order_whoever_does_it(workers: int, tmp_path: Path) -> None:
    tasks = [(100 * number, 7 * number % 11, 1000) for number in range(6)]
    with OrderedPool(workers, Counting(tmp_path), "a.mp4") as many:
        told = [[number for number, _ in telling] for telling in many.run(tasks)]
        assert told == [list(range(start, start + count)) for start, count, _ in tasks]
        assert [list(telling) for telling in many.run([])] == []
        again = [len(list(telling)) for telling in many.run(tasks)]
        assert again == [count for _, count, _ in tasks]
        assert len(many.peaks) == (0 if workers == 1 else workers)
        assert all(peak > 1 << 20 for peak in many.peaks.values())


def test_processes_run_ahead_by_a_bounded_amount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "AHEAD", 1 << 20)
    with OrderedPool(2, Counting(tmp_path), "a.mp4") as two:
        tellings = two.run([(0, 40, 1 << 18), (1000, 40, 1 << 18)])
        for _ in next(tellings):
            time.sleep(0.02)  # the second one has all the time it wants
        ahead = sum(int(path.name) >= 1000 for path in tmp_path.iterdir())
        assert 1 <= ahead <= 8  # a mebibyte, the pipe, and what is being told
        assert [number for number, _ in next(tellings)] == list(range(1000, 1040))


def test_a_process_that_dies_has_its_task_done_again(tmp_path: Path) -> None:
    with OrderedPool(2, Dying(tmp_path), "a.mp4") as two:
        told = [list(telling) for telling in two.run([(0, 0), (1, 1), (2, 1), (3, 0)])]
    assert told == [[(name, number) for number in range(5)] for name in range(4)]


def test_two_deaths_over_one_task_fail_the_file(tmp_path: Path) -> None:
    with (
        OrderedPool(2, Dying(tmp_path), "a.mp4") as two,
        pytest.raises(errors.AnonymizeError, match=r"a\.mp4.*died twice"),
    ):
        [list(telling) for telling in two.run([(0, 0), (1, 2)])]


def test_errors_come_in_order_and_as_they_are() -> None:
    with OrderedPool(2, Failing(), "a.mp4") as two:
        tellings = two.run([0, 1, 2])
        assert list(next(tellings)) == [0]
        telling = next(tellings)
        assert next(telling) == 1
        with pytest.raises(errors.DamagedInput, match="gone"):
            next(telling)
    with OrderedPool(2, Odd(), "a.mp4") as two, pytest.raises(RuntimeError, match="1 and 2"):
        list(next(two.run([1])))


def test_no_process_is_left(tmp_path: Path) -> None:
    with OrderedPool(2, Counting(tmp_path), "a.mp4") as two:
        tellings = two.run([(0, 5, 10), (10, 100_000, 1000)])
        list(next(tellings))
        children = list(two.peaks)
        tellings.close()  # type: ignore[attr-defined]
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
