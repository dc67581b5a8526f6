"""Between the chain and a peer that may be slow or gone: a bounded buffer, a thread, new attempts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from anonymize.errors import OutputError
from anonymize.live.backoff import Backoff
from anonymize.live.log import logger
from anonymize.live.metrics import Metrics

T = TypeVar("T")
In = TypeVar("In", contravariant=True)
Say = Callable[[str, str], None]
"""Tells how a sink is doing: a state of `metrics.STATES` and a few words."""
BACKOFF = Backoff(first=0.5, longest=15.0, held=5.0)


class Gone(OutputError):
    """The peer has gone and will not come back: no new attempt makes sense."""


class Writer(Protocol[In]):
    """One connection to a peer, or one open file. Its methods raise when it is lost."""

    def write(self, item: In) -> None:
        """Hand `item` over; may block."""

    def close(self) -> None:
        """Finalise; may block."""

    def abandon(self) -> None:
        """Let go at once, whatever happens to what was written. Called from any thread; never blocks, never raises."""


class Buffer(Generic[T]):
    """A bounded queue between two threads. Beyond its limit the oldest items go, up to the next where one may begin.

    Args:
        limit: sum of weights it may hold.
        weigh: the weight of an item.
        starts: whether reading can begin with an item (a key picture).
        on_drop: called with the number of items dropped, outside the lock.
    """

    def __init__(
        self, limit: int, weigh: Callable[[T], int], starts: Callable[[T], bool], on_drop: Callable[[int], None]
    ) -> None:
        self._limit, self._weigh, self._starts, self._on_drop = limit, weigh, starts, on_drop
        self._items: deque[T] = deque()
        self._weight = 0
        self._waiting = True
        self._closed = False
        self._change = threading.Condition()

    def offer(self, item: T) -> None:
        """Put `item` in; never blocks for long."""
        lost = 0
        with self._change:
            if self._closed:
                return
            if self._waiting and not self._starts(item):
                lost = 1
            else:
                self._waiting = False
                self._items.append(item)
                self._weight += self._weigh(item)
                while self._weight > self._limit:
                    lost += self._drop_group()
                self._change.notify()
        if lost:
            self._on_drop(lost)

    def take(self) -> T | None:
        """The oldest item, waited for; None when the buffer is closed and empty."""
        with self._change:
            while not self._items and not self._closed:
                self._change.wait()
            if not self._items:
                return None
            return self._pop()

    def to_newest_start(self) -> None:
        """Drop what stands before the newest item where reading can begin: a peer that is back wants the present."""
        lost = 0
        with self._change:
            newest = max((i for i, item in enumerate(self._items) if self._starts(item)), default=len(self._items))
            for _ in range(newest):
                self._pop()
                lost += 1
            self._waiting = not self._items
        if lost:
            self._on_drop(lost)

    def close(self) -> None:
        """Take nothing more; what is in it can still be taken out."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def _pop(self) -> T:
        item = self._items.popleft()
        self._weight -= self._weigh(item)
        return item

    def _drop_group(self) -> int:
        self._pop()
        lost = 1
        while self._items and not self._starts(self._items[0]):
            self._pop()
            lost += 1
        self._waiting = not self._items
        return lost


class Feeder(Generic[T]):
    """Feeds one peer from a thread of its own, connecting again when it is lost.

    Args:
        name: for people, masked.
        connect: opens a writer; it is told how to say that the peer is reached.
        buffer: what waits for the peer.
        metrics: where states, losses and attempts are counted.
        fresh: after a loss, go on with the present instead of what has waited.
        backoff: between attempts.
        on_gone: called once if the peer is gone for good.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[Say], Writer[T]],
        buffer: Buffer[T],
        metrics: Metrics,
        *,
        fresh: bool,
        backoff: Backoff = BACKOFF,
        on_gone: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._connect, self._buffer, self._metrics = connect, buffer, metrics
        self._fresh, self._backoff, self._on_gone = fresh, backoff, on_gone
        self._stop = threading.Event()
        self._writer: Writer[T] | None = None
        self._say("starting", "")
        self._thread = threading.Thread(target=self._run, name=f"sink {name}", daemon=True)
        self._thread.start()

    def offer(self, item: T) -> None:
        """Take `item` for the peer; never blocks."""
        self._buffer.offer(item)

    def close(self, within: float) -> None:
        """Hand over what waits and finalise within so many seconds; then let go."""
        self._buffer.close()
        self._stop.set()
        self._thread.join(within)
        if self._thread.is_alive():
            self._say("failed", f"did not finish within {within:.0f} s: what waited for it is lost")
            if (writer := self._writer) is not None:
                writer.abandon()
            self._thread.join(1.0)

    def _say(self, state: str, detail: str) -> None:
        self._metrics.stage(f"sink {self.name}", state, detail)

    def _run(self) -> None:
        failures = 0
        while True:
            begun = time.monotonic()
            try:
                self._session()
            except Gone as error:
                self._say("failed", str(error))
                self._buffer.close()
                logger.error("sink gone", sink=self.name, error=str(error))
                if self._on_gone is not None:
                    self._on_gone(str(error))
                return
            except Exception as error:  # noqa: BLE001 - whatever it is: this sink fails, says so and tries again
                self._say("lost", str(error))
                logger.warning("sink lost", sink=self.name, error=str(error))
            else:
                self._say("stopped", "finished")
                return
            failures = self._backoff.failures(failures, time.monotonic() - begun)
            if self._stop.wait(self._backoff.delay(failures)):
                self._say("failed", "stopped while its peer was lost")
                return
            self._metrics.reconnect(f"sink {self.name}")
            if self._fresh:
                self._buffer.to_newest_start()

    def _session(self) -> None:
        """From connecting to the end of the buffer. Raises what the writer raises."""
        writer = self._writer = self._connect(self._say)
        try:
            while (item := self._buffer.take()) is not None:
                writer.write(item)
            writer.close()
        except BaseException:
            writer.abandon()
            raise
        finally:
            self._writer = None
