"""Networks side by side, while the next frames are read: two on one core each do more than one on both.

Detection on a frame is many pieces of work, one for each detector and scale, done by an executor of
`concurrent.futures`::

    executor = executor_for(threads)
    future = combined([executor.submit(piece) for piece in pieces], merge)
    in_order(steps)                     # what many steps that wait for such futures give, in their order
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any, Generic, ParamSpec, TypeVar

from anonymize.models import cores
from anonymize.settings import Device

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

AT_ONCE = 2
"""Networks at the same time. Each holds memory while it is at work."""
BEGUN = 3
"""Frames whose detection is under way, at most: one that is waited for, and two whose pictures follow."""
LARGE = 24_000_000
"""Pixels of a scaled picture, beyond which no two such are held at the same time: that costs time, and saves memory of
which there would not be enough."""
WAITING = 32
"""Steps at most that wait for those before them."""

_large = Lock()


@contextmanager
def room_for(pixels: int) -> Iterator[None]:
    """Hold a scaled picture of so many `pixels`, after any other `LARGE` one was let go of."""
    with _large if pixels > LARGE else nullcontext():
        yield


class InThisThread(Executor):
    """Does work as it is submitted, and so raises what goes wrong itself."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result of `fn`, as a future that is done."""
        return done(fn(*args, **kwargs))


IN_THIS_THREAD = InThisThread()


def executor_for(threads: int = 0) -> Executor:
    """Runs what must not wait for other work; one for all of this process. `threads`: of the processor; 0 for all."""
    return IN_THIS_THREAD if (threads or cores()) < AT_ONCE else _pool()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="detect")


def threads_each(threads: int, device: Device) -> int:
    """How many of `threads` processor threads (0: all) a network may use, of which there are several at work.

    Only on the processor there are: on other devices they take turns.
    """
    together = AT_ONCE if device in (Device.CPU, Device.AUTO) else 1
    return -(-(threads or cores()) // together)


def done(value: T) -> Future[T]:
    """A future that has its result."""
    future: Future[T] = Future()
    future.set_result(value)
    return future


def combined(parts: Sequence[Future[S]], combine: Callable[[list[S]], T]) -> Future[T]:
    """What `combine` makes of the results of `parts`, in the thread that has the last of them.

    `combine`, and what it holds, such as a decoded picture, is let go of then. What goes wrong is raised at once where
    all `parts` are done.
    """
    if all(part.done() for part in parts):
        return done(combine([part.result() for part in parts]))
    whole: Future[T] = Future()
    work, left, turn = [(list(parts), combine)], len(parts), Lock()

    def one_done(_: Future[S]) -> None:
        nonlocal left
        with turn:
            left -= 1
            if left:
                return
        all_parts, join = work.pop()
        try:
            whole.set_result(join([part.result() for part in all_parts]))
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            whole.set_exception(error)

    for part in parts:
        part.add_done_callback(one_done)
    return whole


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """Something that is ready when its futures are done.

    Args:
        futures: what it waits for.
        result: made of their results, by whoever takes it.
    """

    futures: Sequence[Future[Any]]
    result: Callable[[], T]

    @property
    def begun(self) -> int:
        """How many of `futures` are not done."""
        return sum(not future.done() for future in self.futures)


def in_order(steps: Iterable[Step[T]]) -> Iterator[T]:
    """The results of `steps`, one after another, while some later ones are under way."""
    waiting: deque[tuple[int, Step[T]]] = deque()
    begun = 0
    for step in steps:
        waiting.append((step.begun, step))
        begun += waiting[-1][0]
        while waiting and (begun > BEGUN or len(waiting) > WAITING or not waiting[0][1].begun):
            futures, first = waiting.popleft()
            begun -= futures
            yield first.result()
    while waiting:
        yield waiting.popleft()[1].result()
