"""Between the chain and a peer that may be slow or lost: a bounded buffer, a thread, reconnection."""

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
OnState = Callable[[str, str], None]
"""Called with the state of a sink (one of `metrics.STATES`) and details for people."""
BACKOFF = Backoff(first=0.5, longest=15.0, held=5.0)


class Gone(OutputError):
    """The peer is lost permanently: do not reconnect."""


class Writer(Protocol[In]):
    """One connection to a peer, or one open file. Its methods raise when it is lost."""

    def write(self, item: In) -> None:
        """Send `item`; may block."""

    def close(self) -> None:
        """Finalise; may block."""

    def abandon(self) -> None:
        """Close at once, even if data is lost. Called from any thread; never blocks or raises."""


class Buffer(Generic[T]):
    """A bounded queue between two threads. Beyond its limit the oldest items are dropped, up to the next key picture.

    Args:
        limit: maximum sum of weights.
        weigh: returns the weight of an item.
        starts: whether reading can start at an item (a key picture).
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
        """Append `item`, dropping old items if necessary; never waits for the reader."""
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
                    self._pop()
                    lost += 1
                    while self._items and not self._starts(self._items[0]):
                        self._pop()
                        lost += 1
                    self._waiting = not self._items
                self._change.notify()
        if lost:
            self._on_drop(lost)

    def take(self) -> T | None:
        """Wait for the oldest item; None when the buffer is closed and empty."""
        with self._change:
            while not self._items and not self._closed:
                self._change.wait()
            if not self._items:
                return None
            return self._pop()

    def to_newest_start(self) -> None:
        """Drop everything before the newest item where reading can start, to resume at the present."""
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
        """Accept no more items; those inside can still be taken."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def _pop(self) -> T:
        item = self._items.popleft()
        self._weight -= self._weigh(item)
        return item


class Feeder(Generic[T]):
    """Feeds one peer from its own thread, and reconnects when it is lost.

    Args:
        name: for people, masked.
        connect: opens a writer, given the callback that reports its state.
        buffer: items that wait for the peer.
        metrics: records states and reconnects.
        fresh: after a loss, resume at the present instead of the oldest item.
        backoff: between attempts.
        on_gone: called with the reason if the peer is lost permanently.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[OnState], Writer[T]],
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
        self._report("starting", "")
        self._thread = threading.Thread(target=self._run, name=f"sink {name}", daemon=True)
        self._thread.start()

    def offer(self, item: T) -> None:
        """Queue `item` for the peer; never blocks."""
        self._buffer.offer(item)

    def close(self, within: float) -> None:
        """Send what waits and finalise within this many seconds, or abandon the rest."""
        self._buffer.close()
        self._stop.set()
        self._thread.join(within)
        if self._thread.is_alive():
            self._report("failed", f"did not finish within {within:.0f} s: what it had not sent is lost")
            if (writer := self._writer) is not None:
                writer.abandon()
            self._thread.join(1.0)

    def _report(self, state: str, detail: str) -> None:
        self._metrics.stage(f"sink {self.name}", state, detail)

    def _run(self) -> None:
        failures = 0
        while True:
            begun = time.monotonic()
            try:
                self._session()
            except Gone as error:
                self._report("failed", str(error))
                self._buffer.close()
                logger.error("sink gone", sink=self.name, error=str(error))
                if self._on_gone is not None:
                    self._on_gone(str(error))
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, only this sink fails, and it reconnects
                self._report("lost", str(error))
                logger.warning("sink lost", sink=self.name, error=str(error))
            else:
                self._report("stopped", "finished")
                return
            failures = self._backoff.failures(failures, time.monotonic() - begun)
            if self._stop.wait(self._backoff.delay(failures)):
                self._report("failed", "stopped while its peer was lost")
                return
            self._metrics.reconnect(f"sink {self.name}")
            if self._fresh:
                self._buffer.to_newest_start()

    def _session(self) -> None:
        """Connect and send until the buffer is closed and empty. Raises the errors of the writer."""
        writer = self._writer = self._connect(self._report)
        try:
            while (item := self._buffer.take()) is not None:
                writer.write(item)
            writer.close()
        except BaseException:
            writer.abandon()
            raise
        finally:
            self._writer = None
