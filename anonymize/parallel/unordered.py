"""Tasks in several processes, each told of as it goes: no order among them, and none lost with the process it had."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar, cast

from anonymize.parallel.process import FAILED, MESSAGE, Do, Spawned, death, end, received, serve, spawn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Died:
    """The process that did a task died; `how` in words."""

    how: str


def unordered(tasks: Iterable[T], workers: int, make: Callable[[], Do], tell: Callable[[T, Any], None]) -> None:
    """Do `tasks`. A process that dies (out of memory, killed) ends the task it had, and is replaced.

    Args:
        tasks: what is to be done; each goes to a process.
        workers: how many of these there are.
        make: goes to every process, and makes there what does the tasks.
        tell: told in this process of every message of a task, and last of its result or of `Died`.

    Raises:
        UsageError: the script that called this does its work while it is imported; see `death`.
        Exception: whatever a task raised.
    """
    waiting = deque(tasks)
    busy: dict[Connection, tuple[Spawned, T]] = {}

    def assign(worker: Spawned | None) -> None:
        """Give `worker`, or a new one, the next task; without one, let it go."""
        if waiting:
            task = waiting.popleft()
            worker = worker or spawn(serve, make)
            try:
                worker.line.send(task)
            except OSError:  # it died between two tasks; a fresh one that dies as well is noticed as it is heard
                worker = spawn(serve, make)
                worker.line.send(task)
            busy[worker.line] = (worker, task)
        elif worker:
            worker.line.close()
            worker.process.join()

    try:
        for _ in range(workers):
            assign(None)
        while busy:
            for line in cast("list[Connection]", wait(list(busy))):
                worker, task = busy[line]
                message = received(line)
                kind = message[:1]
                if kind == FAILED:
                    raise pickle.loads(message[1:])
                if kind == MESSAGE:
                    tell(task, pickle.loads(message[1:]))
                    continue
                tell(task, pickle.loads(message[1:])[0] if kind else Died(death(worker.process)))
                del busy[line]
                assign(worker if kind else None)
    finally:
        end(worker for worker, _ in busy.values())
