"""Run long calls into C libraries outside the main thread, so that the main thread can react to signals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """Return or raise what `work` does. A signal interrupts the wait for it; the work itself is abandoned."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    done: Future[T] = Future()

    def begin() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised by the waiting thread
            done.set_exception(error)

    threading.Thread(target=begin, name="aside", daemon=True).start()
    return done.result()
