"""Tasks done in several processes, in no particular order; a process that dies ends no task but its own."""

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
    """The process that did a task died; `how`, as a clause for a message."""

    how: str


def unordered(tasks: Iterable[T], workers: int, make: Callable[[], Do], on_news: Callable[[T, Any], None]) -> None:
    """Do `tasks`. A process that dies (out of memory, killed) ends its task and is replaced.

    Args:
        tasks: pickled, each sent to a process.
        workers: number of processes.
        make: sent to every process, where it makes the function that does the tasks.
        on_news: called in this process with every message of a task, and at last with its result or `Died`.

    Raises:
        UsageError: the calling script does its work while it is imported; see `death`.
        Exception: whatever a task raised.
    """
    waiting = deque(tasks)
    busy: dict[Connection, tuple[Spawned, T]] = {}

    def assign(worker: Spawned | None) -> None:
        """Give the next task to `worker`, or to a new one; end it if there is none."""
        if waiting:
            task = waiting.popleft()
            worker = worker or spawn(serve, make)
            try:
                worker.line.send(task)
            except OSError:  # it died between two tasks; if a new one dies too, that shows when its line is read
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
                    on_news(task, pickle.loads(message[1:]))
                    continue
                on_news(task, pickle.loads(message[1:])[0] if kind else Died(death(worker.process)))
                del busy[line]
                assign(worker if kind else None)
    finally:
        end(worker for worker, _ in busy.values())
