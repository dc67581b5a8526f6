"""Tasks in several processes, their results in order: what each task tells comes as if all ran here, one by one.

    with OrderedPool(workers, bench, name) as pool:
        for telling in pool.run(tasks):     # one iterator a task, in order
            for message in telling:
                ...

Processes run ahead of whoever takes their messages, by a bounded number of bytes each. Messages stay in memory and
pipes: nothing is written to disk. A process that dies has its task done again, once, by a new one.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Protocol, Self, cast

from anonymize.errors import ProcessError
from anonymize.parallel.process import DONE, FAILED, MESSAGE, Do, Send, Spawned, death, end, received, serve, spawn

AHEAD = 256 << 20
"""Bytes of messages kept of a task whose turn has not come; beyond, its process waits."""
_DEATHS = 2
"""Processes that may die over one task before the file fails."""


class Bench(Protocol):
    """Where tasks are done. It goes to every process, and must be small then; what it needs it makes there."""

    def do(self, task: Any) -> Iterable[Any]:
        """Do `task`: what it tells, in order, and always the same."""


@dataclass(slots=True)
class _Task:
    """One task on its way."""

    task: Any
    waiting: deque[bytes] = field(default_factory=deque)
    size: int = 0
    """Bytes in `waiting`."""
    told: int = 0
    """Messages received so far."""
    again: int = 0
    """Messages that a new process tells again, and that are left out."""
    deaths: int = 0
    over: bool = False


class OrderedPool:
    """Processes that do tasks; with one worker there are none, and tasks are done here.

    Args:
        workers: how many.
        bench: where tasks are done.
        name: of the file they work on, for messages.
    """

    def __init__(self, workers: int, bench: Bench, name: str) -> None:
        self._workers = workers
        self._bench = bench
        self._name = name
        self._idle: list[Spawned] = []
        self._busy: dict[Connection, tuple[Spawned, int]] = {}
        self.peaks: dict[int, int] = {}
        """The most memory that each process took, in bytes, by process id."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        workers = [*self._idle, *(worker for worker, _ in self._busy.values())]
        self._idle, self._busy = [], {}
        end(workers)

    def run(self, tasks: Sequence[Any]) -> Iterator[Iterator[Any]]:
        """What every task tells, task by task; take all of one before the next.

        Raises:
            ProcessError: the process that did a task died, and so did the next one.
            UsageError: the script that called this does its work while it is imported; see `process.death`.
            Exception: whatever a task raised.
        """
        if self._workers <= 1:
            yield from (iter(self._bench.do(task)) for task in tasks)
            return
        ledger = [_Task(task) for task in tasks]
        queue = deque(range(len(tasks)))
        try:
            for number in range(len(tasks)):
                yield self._told(number, ledger, queue)
        finally:
            if self._busy:  # given up half way: their messages would be taken for others'
                self.close()

    def _told(self, number: int, ledger: list[_Task], queue: deque[int]) -> Iterator[Any]:
        """The messages of task `number`, while those of later ones are taken in."""
        task = ledger[number]
        while task.waiting or not task.over:
            self._assign(ledger, queue)
            self._take_in(number, ledger, patient=not task.waiting)
            while task.waiting:
                message = task.waiting.popleft()
                task.size -= len(message)
                if message[:1] == FAILED:
                    raise pickle.loads(message[1:])
                yield pickle.loads(message[1:])
                self._take_in(number, ledger, patient=False)

    def _assign(self, ledger: list[_Task], queue: deque[int]) -> None:
        while queue and (self._idle or len(self._busy) < self._workers):
            worker = self._idle.pop() if self._idle else spawn(serve, partial(_doing, self._bench))
            self._set_to(worker, queue.popleft(), ledger)

    def _set_to(self, worker: Spawned, number: int, ledger: list[_Task]) -> None:
        self._busy[worker.line] = worker, number
        try:
            worker.line.send(ledger[number].task)
        except OSError:
            return  # it died: its line says so when it is read

    def _take_in(self, current: int, ledger: list[_Task], *, patient: bool) -> None:
        """Read what processes have sent, unless too much of theirs waits; with patience until there is something."""
        ready = [line for line, (_, n) in self._busy.items() if n == current or ledger[n].size < AHEAD]
        for line in cast("list[Connection]", wait(ready, None if patient else 0)):
            worker, number = self._busy[line]
            task = ledger[number]
            if not (message := received(line)):
                self._died(worker, number, ledger)
                continue
            if message[:1] == MESSAGE:
                task.told += 1
                if task.again:
                    task.again -= 1
                    continue
            if message[:1] == DONE:
                self.peaks[worker.process.pid or 0] = pickle.loads(message[1:])[1]
            else:
                task.waiting.append(message)
                task.size += len(message)
            if message[:1] != MESSAGE:
                task.over = True
                del self._busy[line]
                self._idle.append(worker)

    def _died(self, worker: Spawned, number: int, ledger: list[_Task]) -> None:
        """Have the task of a dead process done again, without what it had told."""
        del self._busy[worker.line]
        worker.line.close()
        how = death(worker.process)
        task = ledger[number]
        task.deaths += 1
        if task.deaths >= _DEATHS:
            raise ProcessError(f"the process working on it died twice ({how}); nothing was released", self._name)
        task.told, task.again = 0, task.told + task.again
        self._set_to(spawn(serve, partial(_doing, self._bench)), number, ledger)


def _doing(bench: Bench) -> Do:
    """What does tasks on `bench`."""

    def do(task: Any, send: Send) -> None:
        for message in bench.do(task):
            send(message)

    return do
