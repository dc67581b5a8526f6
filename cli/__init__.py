"""The command line: parse, one call into the library, an exit code. Only `cli.render` prints.

Almost nothing is imported before signals are handled: until then Ctrl-C shows a traceback.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from anonymize.cli.streams import Printed

_AGAIN = 2.0
"""Seconds after a signal in which further ones are ignored, while incomplete files are removed."""
_STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def main() -> None:
    """Entry point of the `anonymize` command."""
    code = _run(_prepared)
    if code > 128:
        _leave(code)
    for number in _STOPPING:  # all files are complete or removed
        signal.signal(number, lambda *_: os._exit(code))
    sys.exit(code)


def _leave(code: int) -> None:
    """Exit at once, without waiting for threads: incomplete files are removed, and their results are not needed."""
    import contextlib
    import multiprocessing

    for child in multiprocessing.active_children():
        child.terminate()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # its reader has gone
            stream.flush()
    os._exit(code)


def _run(prepare: Callable[[], Sequence[Printed]] = tuple) -> int:
    """Run the command and print its error, if any, as text and with `--json` as JSON. Returns the exit code.

    `prepare` returns the streams behind standard output and error.
    """
    behind: Sequence[Printed] = ()
    code, why = 0, ""
    try:
        behind = prepare()
        from anonymize.cli.app import app

        code = app(prog_name="anonymize", standalone_mode=False) or 0
    except BaseException as error:  # noqa: BLE001 - every error gets a message
        code, why = _ended_by(error)
    if code > 128:
        why = "interrupted: nothing half-done was left"
    from anonymize.cli import streams
    from anonymize.cli.render import output

    lost = "" if code or not behind else streams.lost(behind)
    if lost:
        code, why = 6, f"{lost}: the rest was done"
    log = sys.argv[1:2] == ["live"]  # prints to standard error: standard output may carry the video
    if log or any(scheme in why for scheme in ("rtsp", "rtmp", "srt:")):
        from anonymize.live.secrets import mask

        why = mask(why)  # addresses of cameras may hold passwords
    machine = "--json" in sys.argv and not ({"-h", "--help"} & set(sys.argv) or "--version" in sys.argv[:2])
    if why and not (machine and log):
        output.fail(why)
    if machine:
        output.ended(code, why, sys.stderr if log else sys.stdout)
    return code or (6 if behind and streams.lost(behind) else 0)


def _prepared() -> Sequence[Printed]:
    """Set up signals, streams and warnings. Returns the streams behind standard output and error."""
    _stop_in_order()
    from anonymize.cli import streams

    behind = streams.prepare()
    if not sys.warnoptions:
        os.environ.setdefault("PYTHONWARNINGS", "ignore")  # also in worker processes; our messages cover them
        _no_warnings()
    return behind


def _ended_by(error: BaseException) -> tuple[int, str]:
    """Exit code and message for whatever ended the command."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(bool(error.code)), ""
    if code := _stop_behind(error):
        return code, ""
    if not isinstance(error, Exception):
        raise error
    return _failed(error)


def _stop_behind(error: BaseException | None) -> int:
    """The exit code of a signal that a library turned into an error of its own; 0 for other errors."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return 130
        if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > 128:
            return error.code
        error = error.__cause__ or error.__context__
    return 0


def _failed(error: Exception) -> tuple[int, str]:
    """Exit code and message for `error`."""
    from anonymize.errors import AnonymizeError

    if isinstance(error, AnonymizeError):
        return error.exit_code, str(error)
    if isinstance(error, MemoryError):
        return 1, "not enough memory on this machine, or allowed to one process: nothing was released"
    if (usage := _usage(error)) is not None:
        return 2, usage
    if "ANONYMIZE_DEBUG" in os.environ:
        raise error
    if isinstance(cause := error.__cause__ or error, OSError) and cause.filename and cause.errno:
        from anonymize.text.words import system

        return 6, f"{os.fsdecode(cause.filename)}: {system(cause)}"
    if isinstance(cause, FileNotFoundError) and not cause.filename:
        return 6, "the folder in which this command was started no longer exists: change to another"
    return 1, f"internal error, please report it (ANONYMIZE_DEBUG=1 shows where): {error.__cause__ or error!r}"


def _usage(error: Exception) -> str | None:
    """What is wrong with the arguments, if Typer raised `error`; None for other errors."""
    if not hasattr(error, "format_message"):
        return None
    from anonymize.cli.guesses import corrected

    return corrected(error, sys.argv[1:])


def _stop_in_order() -> None:
    """Make Ctrl-C, TERM and the end of the terminal stop the command cleanly, even if repeated."""
    import atexit
    import time

    since = -_AGAIN

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal since
        if time.monotonic() - since < _AGAIN:
            return
        since = time.monotonic()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    for number in _STOPPING:
        atexit.register(signal.signal, number, signal.SIG_IGN)  # at exit they would kill the process
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup and in background jobs of scripts
            signal.signal(number, stop)
    if hasattr(signal, "pthread_kill"):
        _wake_for_signals()


def _wake_for_signals() -> None:
    """Wake the main thread, which alone handles signals, for those that the system gives to another thread.

    It gives one that is for the process to whichever thread comes first. A main thread that waits for a lock or data
    would go on waiting: Ctrl-C would seem to be ignored.
    """
    import fcntl
    import threading

    # Above 2: what is closed of the standard streams stays closed, and no read waits for what nobody writes.
    pipe = os.pipe()
    told, tells = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3) for end in pipe)
    for end in pipe:
        os.close(end)
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    signal.signal(signal.SIGURG, lambda *_: None)  # interrupts a wait, and means nothing else to anybody
    main_thread = threading.main_thread().ident or 0

    def wake() -> None:
        while number := os.read(told, 1):
            if number[0] in _STOPPING:
                signal.pthread_kill(main_thread, signal.SIGURG)

    threading.Thread(target=wake, name="signals", daemon=True).start()


def _no_warnings() -> None:
    import warnings

    warnings.simplefilter("ignore")
