"""Tasks in processes, in any order: what is told of each, deaths, errors; nobody works for a parent that is gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import pytest

from anonymize import errors
from anonymize.parallel.process import Do, Send, end, lead_session, spawn
from anonymize.parallel.unordered import Died, unordered
from tests.helpers.pace import Bound


def counting() -> Do:
    """Sends as many numbers as the task says; the result is the task."""

    def do(task: int, send: Send) -> int:
        for number in range(task):
            send(number)
        return task

    return do


def dying(folder: Path) -> Do:
    """Is killed over task 1 once it has sent a message; the files in `folder` are named after the processes."""

    def do(task: int, send: Send) -> int:
        (folder / str(os.getpid())).touch()
        send(task)
        if task == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    return do


def failing() -> Do:
    """Fails at task 1, in a way that can be sent, and at task 2, in one that cannot."""

    def do(task: int, send: Send) -> int:
        if task == 1:
            raise errors.DamagedInput("a.mp4: gone")
        if task == 2:
            raise type("Local", (Exception,), {})("of no module")
        return task

    return do


def idling() -> Do:
    """Says which process it is, and then nothing for a long time."""

    def do(task: int, send: Send) -> None:
        send(os.getpid())
        time.sleep(task)

    return do


def leading(line: Connection) -> None:
    """Leads its session, says so, and then that it was interrupted."""
    lead_session()
    try:
        line.send("leading")
        time.sleep(60)
    except KeyboardInterrupt:
        line.send("interrupted")


def told(tasks: list[int], workers: int, make: Callable[[], Do]) -> dict[int, list[Any]]:
    """What is told of each task."""
    heard: dict[int, list[Any]] = {task: [] for task in tasks}
    unordered(tasks, workers, make, lambda task, news: heard[task].append(news))
    return heard


@pytest.mark.parametrize("tasks", [[], [0], [5, 0, 3, 1, 2]])
def test_every_message_of_a_task_is_passed_on_and_last_its_result(tasks: list[int]) -> None:
    assert told(tasks, 2, counting) == {task: [*range(task), task] for task in tasks}


def test_a_process_that_dies_ends_its_task_alone_and_is_replaced(tmp_path: Path) -> None:
    heard = told([0, 1, 2, 3], 1, partial(dying, tmp_path))
    assert heard.pop(1) == [1, Died("killed by signal 9: out of memory? Fewer workers need less")]
    assert heard == {task: [task, task] for task in (0, 2, 3)}
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("task", "error"), [(1, errors.DamagedInput), (2, RuntimeError)])
def test_an_error_is_raised_here(task: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"gone|of no module") as raised:
        told([task], 1, failing)
    notes = getattr(raised.value, "__notes__", [])
    assert [", in do" in note for note in notes] == ([] if error is errors.DamagedInput else [True]), "where it arose"


def test_what_a_terminal_sends_before_a_process_leads_its_session_is_not_for_it() -> None:
    one = spawn(leading)
    try:
        for number in (signal.SIGINT, signal.SIGHUP):
            os.kill(one.process.pid or 0, number)
        assert one.line.recv() == "leading"
        os.kill(one.process.pid or 0, signal.SIGINT)
        assert one.line.recv() == "interrupted"
    finally:
        end([one])


def test_all_processes_are_ended_where_this_one_breaks_off() -> None:
    seen: list[int] = []

    def stop(task: int, pid: int) -> None:
        seen.append(pid)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unordered([60, 61], 2, idling, stop)
    assert len(seen) == 2
    assert not any(psutil.pid_exists(pid) for pid in seen)


class Idle:
    """A handler whose task says which process does it, and then nothing for as long as it says."""

    def do(self, task: int) -> Iterator[int]:
        yield os.getpid()
        time.sleep(task)


PROGRAM = """
import os, signal, sys
sys.path.insert(0, {place!r})
from anonymize.parallel.ordered import OrderedPool
from anonymize.parallel.unordered import unordered
from test_unordered import Idle, idling

def die(task, pid):
    print(pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    {work}
"""


@pytest.mark.parametrize(
    "work",
    [
        "unordered([60], 1, idling, die)",
        "die(1, next(next(OrderedPool(2, Idle(), 'a.mp4').run([60]))))",
    ],
    ids=["unordered", "ordered"],
)
def test_nobody_works_on_for_a_parent_that_was_killed(work: str) -> None:
    program = PROGRAM.format(place=str(Path(__file__).parent), work=work)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    child = int(done.stdout)
    bound = Bound(20)
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert not bound.over()
        time.sleep(0.02)
