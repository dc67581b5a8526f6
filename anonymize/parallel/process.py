"""A process beside this one: started, given tasks, ended with its parent; and how it died, in words."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from typing import Any

from anonymize.errors import UsageError

GRACE = 5.0
"""Seconds that a process whose parent was killed gets to end in good order."""
MESSAGE, DONE, FAILED = b"m", b"d", b"f"
"""What a process sends of a task begins with one of these; a pickle follows. See `serve`."""
_UNGUARDED = 70
"""Exit code of a process that was to start others while it imported the program's main module."""
_KILL = -9
"""Exit code of a process that was killed, as systems do that run out of memory."""
_ENDED = 143
"""Exit code of a process that was told to end, or whose parent is gone."""

Send = Callable[[Any], None]
"""Sends a message about the task under way to the parent."""
Do = Callable[[Any, Send], Any]
"""Does a task, sends messages about it, and returns its result."""


@dataclass(frozen=True, slots=True, eq=False)
class Spawned:
    """A process that was started here, and the line to it."""

    line: Connection
    process: SpawnProcess


def spawn(target: Callable[..., object], *arguments: Any, name: str | None = None, daemon: bool = True) -> Spawned:
    """Run `target(line, *arguments)` in a fresh process; all of it must be importable there by name.

    One that is no daemon may start processes of its own, and must be ended by whoever started it. From its first
    instruction the process is deaf to what a terminal sends to all processes of a command: Ctrl-C and the end of the
    terminal. The parent hears them too, and ends the process in order.
    """
    end_unguarded()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments), name=name, daemon=daemon)
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # when that starts, it takes Ctrl-C out of the mask
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))  # a child has its parent's
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    else:
        process.start()
    theirs.close()
    return Spawned(ours, process)


def end(spawned: Iterable[Spawned]) -> None:
    """End processes in good order, all at the same time, and wait until they have."""
    ending = list(spawned)
    for one in ending:
        one.process.terminate()
        one.line.close()
    for one in ending:
        one.process.join()


def received(line: Connection) -> bytes:
    """What a process sent: `MESSAGE`, `DONE` or `FAILED` and a pickle; nothing where it is dead. Waits for it."""
    try:
        return line.recv_bytes()
    except (EOFError, OSError):
        return b""


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


def lead_session() -> None:
    """In a process that was spawned: have nothing to do with the terminal any more, and hear every signal again."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGHUP))


def end_unguarded() -> None:
    """End this process if it is a new worker that still imports the user's script, and was led to do its work again."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(_UNGUARDED)


def serve(line: Connection, make: Callable[[], Do]) -> None:
    """In a process that was spawned: do the tasks that come, until the line is closed or the parent has ended.

    Args:
        line: tasks come; of each go messages, then its result with the memory that it took so far (`peak_memory`), or
            the error that it ended with.
        make: makes what does the tasks.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_ENDED))
    end_with_parent()
    do = make()

    def send(message: Any, kind: bytes = MESSAGE) -> None:
        packed = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            line.send_bytes(kind + packed)
        except OSError:
            sys.exit(_ENDED)  # the parent is gone, or done with us

    while True:
        try:
            task = line.recv()
        except (EOFError, OSError):
            return
        try:
            result = do(task, send)
            send((result, peak_memory()), DONE)
        except Exception as error:  # noqa: BLE001 - raised in the parent, where it is told apart
            send(_portable(error), FAILED)


def end_with_parent(grace: float = GRACE) -> None:
    """Have this process end when its parent does, however that ended: nobody may work for a run that is over.

    Args:
        grace: seconds that it gets to remove what is half-done, after a SIGTERM; 0 for one that leaves nothing.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        if grace:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(grace)
        os._exit(_ENDED)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


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
