"""Tasks done in several processes, their results in order: the caller sees the messages of each task in turn.

    with OrderedPool(workers, handler, name) as pool:
        for messages in pool.run(tasks):     # one iterator per task, in order
            for message in messages:
                ...

Processes run ahead of the caller by a bounded number of bytes per task. Messages stay in memory and pipes: nothing is
written to disk. If a process dies, a new one repeats its task, once.
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
"""Bytes of messages buffered for a task whose turn has not come; beyond that its process waits."""
_DEATHS = 2
"""Processes that may die over one task before the file fails."""


class TaskHandler(Protocol):
    """Does tasks. It is pickled and sent to every process, so it should be small and open what it needs there."""

    def do(self, task: Any) -> Iterable[Any]:
        """The messages of `task`, in order; the same ones each time it is done."""


@dataclass(slots=True)
class _State:
    """How far one task has come."""

    task: Any
    waiting: deque[bytes] = field(default_factory=deque)
    size: int = 0
    """Bytes in `waiting`."""
    received: int = 0
    """Messages received so far."""
    skip: int = 0
    """Messages of a repeated task that were received from the process before, and are still to be dropped."""
    deaths: int = 0
    over: bool = False


class OrderedPool:
    """Processes that do tasks; with one worker, tasks are done in this process.

    Args:
        workers: number of processes.
        handler: does the tasks.
        name: of the file they work on, for messages.
    """

    def __init__(self, workers: int, handler: TaskHandler, name: str) -> None:
        self._workers = workers
        self._handler = handler
        self._name = name
        self._idle: list[Spawned] = []
        self._busy: dict[Connection, tuple[Spawned, int]] = {}
        self.peaks: dict[int, int] = {}
        """Peak memory of each process in bytes, by process id."""

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
        """The messages of every task, task by task; exhaust each iterator before taking the next.

        Raises:
            ProcessError: the process that did a task died, and so did its replacement.
            UsageError: the calling script does its work while it is imported; see `process.death`.
            Exception: whatever a task raised.
        """
        if self._workers <= 1:
            yield from (iter(self._handler.do(task)) for task in tasks)
            return
        states = [_State(task) for task in tasks]
        queue = deque(range(len(tasks)))
        try:
            for number in range(len(tasks)):
                yield self._messages(number, states, queue)
        finally:
            if self._busy:  # abandoned half way: what they still send would be taken for other tasks' messages
                self.close()

    def _messages(self, number: int, states: list[_State], queue: deque[int]) -> Iterator[Any]:
        """The messages of task `number`; those of later tasks are buffered meanwhile."""
        state = states[number]
        while state.waiting or not state.over:
            while queue and (self._idle or len(self._busy) < self._workers):
                self._assign(self._idle.pop() if self._idle else self._spawned(), queue.popleft(), states)
            self._receive(number, states, block=not state.waiting)
            while state.waiting:
                message = state.waiting.popleft()
                state.size -= len(message)
                if message[:1] == FAILED:
                    raise pickle.loads(message[1:])
                yield pickle.loads(message[1:])
                self._receive(number, states, block=False)

    def _spawned(self) -> Spawned:
        return spawn(serve, partial(_doing, self._handler))

    def _assign(self, worker: Spawned, number: int, states: list[_State]) -> None:
        self._busy[worker.line] = worker, number
        try:
            worker.line.send(states[number].task)
        except OSError:
            return  # it died, which shows when its line is read

    def _receive(self, current: int, states: list[_State], *, block: bool) -> None:
        """Buffer what processes have sent, except of tasks with full buffers; if `block`, wait for the next message."""
        ready = [line for line, (_, n) in self._busy.items() if n == current or states[n].size < AHEAD]
        for line in cast("list[Connection]", wait(ready, None if block else 0)):
            worker, number = self._busy[line]
            state = states[number]
            if not (message := received(line)):
                self._repeat(worker, number, states)
                continue
            if message[:1] == MESSAGE:
                state.received += 1
                if state.skip:
                    state.skip -= 1
                    continue
            if message[:1] == DONE:
                self.peaks[worker.process.pid or 0] = pickle.loads(message[1:])[1]
            else:
                state.waiting.append(message)
                state.size += len(message)
            if message[:1] != MESSAGE:
                state.over = True
                del self._busy[line]
                self._idle.append(worker)

    def _repeat(self, dead: Spawned, number: int, states: list[_State]) -> None:
        """Have a new process repeat the task of a `dead` one; messages already received are dropped.

        Args:
            dead: the process that died.
            number: of its task.
            states: of all tasks.

        Raises:
            ProcessError: it was not the first to die over this task.
        """
        del self._busy[dead.line]
        dead.line.close()
        how = death(dead.process)
        state = states[number]
        state.deaths += 1
        if state.deaths >= _DEATHS:
            raise ProcessError(f"the process working on it died twice ({how}); nothing was released", self._name)
        state.received, state.skip = 0, state.skip + state.received
        self._assign(self._spawned(), number, states)


def _doing(handler: TaskHandler) -> Do:
    """The `Do` of a process that sends on what `handler` yields."""

    def do(task: Any, send: Send) -> None:
        for message in handler.do(task):
            send(message)

    return do
