"""Networks in parallel, while the next frames are read: two networks on one core each are faster than one on both.

Detection on a frame is many tasks, one for each detector and scale, run by an executor of `concurrent.futures`::

    executor = executor_for(threads)
    future = combined([executor.submit(task) for task in tasks], merge)
    in_order(pending)                   # the results of many `Pending`, which wait for such futures, in order
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
"""Networks that run at the same time. Each needs memory while it runs."""
BEGUN = 3
"""The most frames in detection: one whose result is awaited, and two that follow."""
LARGE = 24_000_000
"""Only one scaled picture with more pixels is held at a time: that costs time, but two could exhaust the memory."""
WAITING = 32
"""The most results that wait for those before them."""

_large = Lock()


@contextmanager
def room_for(pixels: int) -> Iterator[None]:
    """Hold a scaled picture of so many `pixels`; if it is `LARGE`, wait until no other such picture is held."""
    with _large if pixels > LARGE else nullcontext():
        yield


class InThisThread(Executor):
    """Runs each call as it is submitted; `submit` raises its errors."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result of `fn`, as a completed future."""
        return done(fn(*args, **kwargs))


IN_THIS_THREAD = InThisThread()


def executor_for(threads: int = 0) -> Executor:
    """The executor for detection, shared by this process. `threads`: of the processor; 0 for all."""
    return IN_THIS_THREAD if (threads or cores()) < AT_ONCE else _pool()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="detect")


def threads_each(threads: int, device: Device) -> int:
    """How many of `threads` processor threads (0: all) each network may use.

    Several networks run in parallel only on the processor; on other devices they take turns.
    """
    together = AT_ONCE if device in (Device.CPU, Device.AUTO) else 1
    return -(-(threads or cores()) // together)


def done(value: T) -> Future[T]:
    """A completed future with this result."""
    future: Future[T] = Future()
    future.set_result(value)
    return future


def combined(parts: Sequence[Future[S]], combine: Callable[[list[S]], T]) -> Future[T]:
    """A future of `combine(results of parts)`, which runs in the thread that completes the last of `parts`.

    `combine`, and what it references, such as a decoded picture, is released then. If all `parts` are done already,
    errors are raised at once.
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
        except BaseException as error:  # noqa: BLE001 - raised to whoever waits for the future
            whole.set_exception(error)

    for part in parts:
        part.add_done_callback(one_done)
    return whole


@dataclass(frozen=True, slots=True)
class Pending(Generic[T]):
    """A result that is ready when its futures are done.

    Args:
        futures: what it waits for.
        result: makes it from their results, in the thread of the caller.
    """

    futures: Sequence[Future[Any]]
    result: Callable[[], T]

    @property
    def begun(self) -> int:
        """How many of `futures` are still running."""
        return sum(not future.done() for future in self.futures)


class InOrder(Generic[T]):
    """Gives results in order, while some later ones are computed."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Pending[T]]] = deque()
        self._begun = 0

    def put(self, pending: Pending[T]) -> Iterator[T]:
        """Take the next one; the results that need not or must not wait any longer."""
        self._waiting.append((pending.begun, pending))
        self._begun += pending.begun
        while self._waiting and (self._begun > BEGUN or len(self._waiting) > WAITING or not self._waiting[0][1].begun):
            futures, first = self._waiting.popleft()
            self._begun -= futures
            yield first.result()

    def rest(self) -> Iterator[T]:
        """The results of all that were taken and not given."""
        while self._waiting:
            yield self._waiting.popleft()[1].result()


def in_order(pending: Iterable[Pending[T]]) -> Iterator[T]:
    """The results of `pending`, in order, while some later ones are computed."""
    results = InOrder[T]()
    for each in pending:
        yield from results.put(each)
    yield from results.rest()
