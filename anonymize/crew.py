"""Tasks in several processes, their results in order: what each task tells comes as if all ran here, one by one.

    with Crew(workers, bench) as crew:
        for telling in crew.run(tasks):     # one iterator a task, in order
            for message in telling:
                ...

Processes run ahead of whoever takes their messages, by a bounded number of bytes each. Messages stay in memory and
pipes: nothing is written to disk. A process that dies has its task done again, once, by a new one.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Protocol, Self, cast

from anonymize.errors import ProcessError, UsageError

AHEAD = 256 << 20
"""Bytes of messages kept of a task whose turn has not come; beyond, its process waits."""
_DEATHS = 2
"""Processes that may die over one task before the file fails."""
_MESSAGE, _DONE, _FAILED = b"m", b"d", b"f"
_UNGUARDED = 70
"""Exit code of a process that was to start others while it imported the program's main module."""
_KILL = -9
"""Exit code of a process that was killed, as systems do that run out of memory."""


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


@dataclass(frozen=True, slots=True, eq=False)
class _Hand:
    """A process, and the line to it."""

    line: Connection
    process: BaseProcess


class Crew:
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
        self._idle: list[_Hand] = []
        self._busy: dict[Connection, tuple[_Hand, int]] = {}
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
        hands = [*self._idle, *(hand for hand, _ in self._busy.values())]
        self._idle, self._busy = [], {}
        for hand in hands:
            hand.process.terminate()
            hand.line.close()
        for hand in hands:
            hand.process.join()

    def run(self, tasks: Sequence[Any]) -> Iterator[Iterator[Any]]:
        """What every task tells, task by task; take all of one before the next.

        Raises:
            ProcessError: the process that did a task died, and so did the next one.
            UsageError: the script that called this does its work while it is imported; see `death`.
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
                if message[:1] == _FAILED:
                    raise pickle.loads(message[1:])
                yield pickle.loads(message[1:])
                self._take_in(number, ledger, patient=False)

    def _assign(self, ledger: list[_Task], queue: deque[int]) -> None:
        while queue and (self._idle or len(self._busy) < self._workers):
            hand = self._idle.pop() if self._idle else self._hire()
            self._set_to(hand, queue.popleft(), ledger)

    def _set_to(self, hand: _Hand, number: int, ledger: list[_Task]) -> None:
        self._busy[hand.line] = hand, number
        try:
            hand.line.send(ledger[number].task)
        except OSError:
            return  # it died: its line says so when it is read

    def _take_in(self, current: int, ledger: list[_Task], *, patient: bool) -> None:
        """Read what processes have sent, unless too much of theirs waits; with patience until there is something."""
        ready = [line for line, (_, n) in self._busy.items() if n == current or ledger[n].size < AHEAD]
        for line in cast("list[Connection]", wait(ready, None if patient else 0)):
            hand, number = self._busy[line]
            task = ledger[number]
            try:
                message = line.recv_bytes()
            except (EOFError, OSError):
                message = b""
            if not message:
                self._died(hand, number, ledger)
                continue
            if message[:1] == _MESSAGE:
                task.told += 1
                if task.again:
                    task.again -= 1
                    continue
            if message[:1] == _DONE:
                self.peaks[hand.process.pid or 0] = pickle.loads(message[1:])
            else:
                task.waiting.append(message)
                task.size += len(message)
            if message[:1] != _MESSAGE:
                task.over = True
                del self._busy[line]
                self._idle.append(hand)

    def _died(self, hand: _Hand, number: int, ledger: list[_Task]) -> None:
        """Have the task of a dead process done again, without what it had told."""
        del self._busy[hand.line]
        hand.line.close()
        how = death(hand.process)
        task = ledger[number]
        task.deaths += 1
        if task.deaths >= _DEATHS:
            raise ProcessError(f"{self._name}: the process working on it died twice ({how}); nothing was released")
        task.told, task.again = 0, task.told + task.again
        self._set_to(self._hire(), number, ledger)

    def _hire(self) -> _Hand:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._bench), daemon=True)
        start(process)
        theirs.close()
        return _Hand(ours, process)


def start(process: BaseProcess) -> None:
    """Start `process` deaf, from its first instruction, to what a terminal sends to all processes of a command.

    Those are Ctrl-C and the end of the terminal: the parent hears them too, and ends the process in order.
    """
    end_unguarded()
    if not hasattr(signal, "pthread_sigmask"):
        process.start()
        return
    resource_tracker.ensure_running()  # when that starts, it takes Ctrl-C out of the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))  # a child has its parent's mask
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_unguarded() -> None:
    """End this process if it is a new worker that still imports the user's script, and was led to do its work again."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(_UNGUARDED)


def death(process: BaseProcess) -> str:
    """How `process`, which ended unasked, came to its end, in words, with what to do.

    Raises:
        UsageError: it ran the user's script anew, as every new process does, and that was to start processes again.
    """
    process.join()
    code = process.exitcode or 0
    if code == _UNGUARDED:
        raise UsageError(
            "workers cannot start from this script: each runs the script anew before it begins. Put what the script "
            'does below a line `if __name__ == "__main__":`, or leave out workers'
        )
    if code < 0:
        return f"killed by signal {-code}" + (": out of memory? Fewer workers need less" if code == _KILL else "")
    return f"it ended by itself with code {code}; what it printed says why"


def _serve(line: Connection, bench: Bench) -> None:
    """In the process: take tasks from `line` and tell, until it is closed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        while True:
            task = line.recv()
            try:
                for message in bench.do(task):
                    line.send_bytes(_MESSAGE + pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
            except Exception as error:  # noqa: BLE001 - raised in the parent, where it is told apart
                line.send_bytes(_FAILED + pickle.dumps(_portable(error)))
            else:
                line.send_bytes(_DONE + pickle.dumps(peak_memory()))
    except (EOFError, OSError):
        sys.exit(143)  # the parent is gone, or done with us


def _portable(error: Exception) -> Exception:
    """`error` where it can be sent, else one that says what it was."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - any class may refuse in its own way
        return RuntimeError(repr(error))
    return error


def peak_memory() -> int:
    """The most memory that this process took so far, in bytes; 0 where the system does not say."""
    try:
        import resource  # not on every system
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
