"""Signal handlers of camera processes and the supervisor: TERM and Ctrl-C stop, HUP reloads."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def handled(stop: Callable[[int], None], reload: Callable[[], None]) -> Iterator[None]:
    """Call `stop` with the signal's number on TERM and Ctrl-C, `reload` on HUP in the context. Main thread only."""
    before = {
        number: signal.signal(number, lambda number, _: stop(number)) for number in (signal.SIGTERM, signal.SIGINT)
    }
    if hasattr(signal, "SIGHUP"):
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda *_: reload())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
