"""Networks side by side, while the next frames are read: two on one core each do more than one on both.

A look is many pieces of work, one for each detector and scale::

    do = side_by_side()
    later = do(work)                    # begun
    found = later()                     # waits for it
    in_order(steps)                     # what many such steps give, in their order
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Generic, Protocol, TypeVar

from anonymize.models import cores
from anonymize.settings import Device

T = TypeVar("T")
Later = Callable[[], T]
"""Waits for what was begun, and gives what came of it, any number of times; or raises what went wrong."""

AT_ONCE = 2
"""Networks at the same time. Each holds memory while it is at work."""
BEGUN = 3
"""Looks begun at most: one that is waited for, and two whose pictures follow."""
LARGE = 24_000_000
"""Pixels of a scaled picture, beyond which no two such are held at the same time: that costs time, and saves memory of
which there would not be enough."""
WAITING = 32
"""Steps at most that wait for the looks before them."""


_large = Lock()


@contextmanager
def room_for(pixels: int) -> Iterator[None]:
    """Hold a scaled picture of so many `pixels`, after any other `LARGE` one was let go of."""
    with _large if pixels > LARGE else nullcontext():
        yield


class Do(Protocol):
    """A way to have work done."""

    def __call__(self, work: Callable[[], T], /) -> Later[T]:
        """Have `work` done. It must not wait for other work."""


def at_once(work: Callable[[], T], /) -> Later[T]:
    """The `Do` that does it before it returns, and so raises what goes wrong itself."""
    done = work()
    return lambda: done


def once(wait: Callable[[], T], /) -> Later[T]:
    """`wait` as a `Later`: it is asked once, and what it holds, such as a decoded picture, is let go of then."""
    asked, result = [wait], list[T]()

    def later() -> T:
        if asked:
            result.append(asked[0]())
            asked.clear()
        return result[0]

    return later


def side_by_side(threads: int = 0) -> Do:
    """The `Do` that has threads for it, the same in all of this process. `threads`: of the processor; 0 for all."""
    if (threads or cores()) < AT_ONCE:
        return at_once
    return lambda work, /: _pool().submit(work).result


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look")


def threads_each(threads: int, device: Device) -> int:
    """How many of `threads` processor threads (0: all) a network may use, of which there are several at work.

    Only on the processor there are: on other devices they take turns.
    """
    together = AT_ONCE if device in (Device.CPU, Device.AUTO) else 1
    return -(-(threads or cores()) // together)


class Counted:
    """`do`, and whether it was given work: a look where nothing changed gives none.

    Args:
        do: the way to have work done.
    """

    def __init__(self, do: Do) -> None:
        self._do = do
        self._pieces = 0

    def __call__(self, work: Callable[[], T], /) -> Later[T]:
        """See `Do`."""
        self._pieces += 1
        return self._do(work)

    def taken(self) -> int:
        """How many pieces of work were given since this was asked last."""
        pieces, self._pieces = self._pieces, 0
        return pieces


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """Something that is ready when its looks are taken.

    Args:
        looks: how many were begun of which there is something to wait for.
        result: waits for them.
    """

    looks: int
    result: Later[T]


def in_order(steps: Iterable[Step[T]]) -> Iterator[T]:
    """The results of `steps`, one after another, while the looks of some later ones are taken."""
    waiting: deque[Step[T]] = deque()
    begun = 0
    for step in steps:
        waiting.append(step)
        begun += step.looks
        while waiting and (begun > BEGUN or len(waiting) > WAITING or not waiting[0].looks):
            first = waiting.popleft()
            begun -= first.looks
            yield first.result()
    while waiting:
        yield waiting.popleft().result()
