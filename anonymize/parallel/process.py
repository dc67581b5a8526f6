"""Start a process, give it tasks, end it with its parent, and say how it died."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from anonymize.errors import AnonymizeError, UsageError
from anonymize.parallel.user import SystemUser, begin

GRACE = 5.0
"""Seconds that a process has to clean up after its parent was killed."""
MESSAGE, DONE, FAILED = b"m", b"d", b"f"
"""First byte of what a process sends about a task; a pickle follows. See `serve`."""
_UNGUARDED = 70
"""Exit code of a process that would have started others while it imported the program's main module."""
_KILL = -9
"""Exit code of a process that was killed, as the system does when it runs out of memory."""
_ENDED = 143
"""Exit code of a process that was terminated, or whose parent is gone."""

Send = Callable[[Any], None]
"""Sends a message about the current task to the parent."""
Do = Callable[[Any, Send], Any]
"""Does a task, sends messages about it, and returns its result."""


@dataclass(frozen=True, slots=True, eq=False)
class Spawned:
    """A process started by this one, and the connection to it."""

    line: Connection
    process: SpawnProcess


def spawn(
    target: Callable[..., object],
    *arguments: Any,
    name: str | None = None,
    daemon: bool = True,
    user: SystemUser | None = None,
) -> Spawned:
    """Run `target(line, *arguments)` in a new process.

    From its first instruction the process ignores what a terminal sends to all processes of a command: SIGINT and
    SIGHUP. The parent gets them too, and ends the process in an orderly way.

    Args:
        target: importable by name, as are the classes of `arguments`.
        arguments: pickled.
        name: of the process.
        daemon: if not, it may start processes of its own, and the caller has to end it.
        user: whose process it is to be; None: this one's. It is that user's before it loads `target`.
    """
    end_unguarded()
    if user is not None:
        target, arguments = begin, (user, pickle.dumps((target, arguments)))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments), name=name, daemon=daemon)
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # starting it unblocks SIGINT
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))  # inherited
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    else:
        process.start()
    theirs.close()
    return Spawned(ours, process)


def end(spawned: Iterable[Spawned]) -> None:
    """Terminate processes, all at the same time, and wait until they have ended."""
    ending = list(spawned)
    for one in ending:
        one.process.terminate()
        one.line.close()
    for one in ending:
        one.process.join()


def received(line: Connection) -> bytes:
    """The next message of a process: `MESSAGE`, `DONE` or `FAILED` and a pickle; empty if it is dead."""
    try:
        return line.recv_bytes()
    except (EOFError, OSError):
        return b""


def death(process: BaseProcess) -> str:
    """How `process` ended when it should not have, as a clause for a message.

    Raises:
        UsageError: it imported the user's script, as every new process does, and that would have started processes.
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
    """In a spawned process: leave the terminal's session, and receive every signal again."""
    os.setsid()
    for number, then in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        signal.signal(number, signal.SIG_IGN)  # drops what the terminal sent before
        signal.signal(number, then)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGHUP))


def end_unguarded() -> None:
    """End this process if it is a new worker that is still importing the user's script, which lacks a main guard."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(_UNGUARDED)


def serve(line: Connection, make: Callable[[], Do]) -> None:
    """In a spawned process: do tasks until the line is closed or the parent has ended.

    Args:
        line: receives tasks; sends the messages of each, then its result and `peak_memory`, or the error it raised.
        make: makes the function that does the tasks.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_ENDED))
    end_with_parent()
    do = make()

    def send(message: Any, kind: bytes = MESSAGE) -> None:
        packed = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            line.send_bytes(kind + packed)
        except OSError:
            sys.exit(_ENDED)  # the parent is gone, or has closed the line

    while True:
        try:
            task = line.recv()
        except (EOFError, OSError):
            return
        try:
            result = do(task, send)
            send((result, peak_memory()), DONE)
        except Exception as error:  # noqa: BLE001 - raised again in the parent
            sent = _portable(error)
            if not isinstance(error, AnonymizeError):
                sent.add_note(traceback.format_exc())  # tracebacks are not pickled
            send(sent, FAILED)


def end_with_parent(grace: float = GRACE) -> None:
    """Have this process end when its parent does, for whatever reason.

    Args:
        grace: seconds after a SIGTERM in which it may remove unfinished files; 0 to end at once.
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
    """`error` if it can be pickled, else a RuntimeError that describes it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - classes fail in many ways
        return RuntimeError(repr(error))
    return error


def processor_seconds(pid: int) -> float | None:
    """Processor time that the process `pid` has used so far, in seconds; None where the system does not tell it."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, see proc(5)


def waits_for_processor(pid: int) -> bool:
    """Whether a thread of the process `pid` runs, or would if the machine were less busy; False where nobody knows."""
    for file in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):  # it has just ended
            after_name = file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            if after_name.split()[0] in ("R", "D"):  # running or runnable, waiting for a disk: see proc(5)
                return True
    return False


def peak_memory() -> int:
    """Peak memory of this process so far, in bytes; 0 if the system does not report it."""
    try:
        import resource  # not on every system
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
