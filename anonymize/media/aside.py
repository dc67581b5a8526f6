"""Long work of C libraries beside the main thread, which alone can heed a signal, and only between its own steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """What `work` gives or raises. A stop of the command interrupts the wait for it; the work itself is abandoned."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    done: Future[T] = Future()

    def begin() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(error)

    threading.Thread(target=begin, name="aside", daemon=True).start()
    return done.result()
