"""A process that runs one trial after another through the whole program, and says how each ended.

The program's own `main` is called, with models, messages and exit codes as on a command line; what it does not show is
how the process itself starts and ends, so that some trials are run once more as a command of their own.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

from benchmarks.fuzz import face
from benchmarks.fuzz.commands import CAMERAS, FuzzTrial, make_trial

MIB = 1 << 20
MEMORY = 2048
"""MiB that a trial may take."""
ADDRESSES = 12 << 30
"""Bytes of address space of this process: a limit that ends what asks for everything at once."""
FILE = 1 << 30
"""Bytes of any file that is written."""
PATIENCE = 60.0
"""Seconds that a trial may take."""
SAMPLED = 50
"""Of so many trials one is run as a command of its own, too."""
NOISE = 16_000
"""Characters on standard output and error together, at most: `presets show` prints a long zone, others some lines."""
PROGRAM = (sys.executable, "-c", "from anonymize.cli import main; main()")
_BAD_WORDS = ("Traceback (most recent call last)", "internal error", "Exception ignored", "Fatal Python error")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a trial ended.

    Args:
        kind, number: which.
        code: its exit code.
        seconds: of the command.
        memory: MiB, the most that this process held meanwhile.
        shown: how much of the face a released output shows; None where there is none to look at.
        fault: what went wrong; empty if nothing.
        sampled: whether it was run as a command of its own, too.
    """

    kind: str
    number: int
    code: int
    seconds: float = 0.0
    memory: float = 0.0
    shown: float | None = None
    fault: str = ""
    sampled: bool = False


def work(pipe: Connection, seed: int, good: Path, keep: Path) -> None:
    """Run trials as they come through `pipe`, as (format, number), until None comes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, FILE))
    while (asked := pipe.recv()) is not None:
        kind, number = asked
        with TemporaryDirectory(prefix="anonymize-fuzz-") as scratch:
            trial = make_trial(kind, seed, number, good, Path(scratch))
            pipe.send(trial)  # should this process die, it is known over what
            ended, printed = _run(trial, number)
            if ended.fault:
                kept(trial, seed, number, ended.fault, printed, keep)
        pipe.send(ended)


def kept(trial: FuzzTrial, seed: int, number: int, fault: str, printed: str, keep: Path) -> Path:
    """Keep a failed variant, with a description."""
    folder = keep / f"{trial.kind}-{seed}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    if trial.file.exists():
        shutil.copy(trial.file, folder)
    if trial.output and trial.output.exists():
        shutil.copy(trial.output, folder)
    command = " ".join(trial.command)
    again = f"python -m benchmarks.fuzz --seed {seed} --only {trial.kind} --first {number} --count 1 --texts 1"
    text = [f"what happened: {fault}", f"made by: {trial.done}", f"command: anonymize {command}", f"again: {again}"]
    (folder / "trial.txt").write_text("\n".join([*text, "", printed]), encoding="utf-8", errors="backslashreplace")
    return folder


def _run(trial: FuzzTrial, number: int) -> tuple[Ended, str]:
    _forget_peak()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.perf_counter()
    with _printing_to(trial.file.with_name("printed")) as log:
        code = _cameras(trial) if trial.command[0] == CAMERAS else _command(trial.command)
    seconds, memory = time.perf_counter() - start, _peak()
    printed = log.read_text(encoding="utf-8", errors="backslashreplace")
    shown = None
    faults = [_wrong_code(code, trial), *_said_wrong(printed), *_left_wrong(trial, code)]
    if trial.faceless and trial.output and trial.output.exists():
        shown = face.shows(trial.output)
        faults.append(f"the face shows ({shown:.2f})" if shown >= face.SHOWN else "")
        held = face.count(trial.output) if trial.pictures else trial.pictures
        faults.append(f"{held} pictures, of {trial.pictures}" if held != trial.pictures else "")
    sampled = crc32(f"{trial.kind} {number}".encode()) % SAMPLED == 0 and trial.command[0] != CAMERAS
    if sampled:
        other, output = _as_command(trial)
        printed += f"\nas a command of its own:\n{output}"
        faults += _said_wrong(output)
        faults.append(f"code {code}, but {other} as a command of its own" if other != code else "")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    memory = max(memory, children / 1024 if children > before else 0.0)
    faults.append(f"{memory:.0f} MiB" if memory > MEMORY else "")
    faults.append(f"{seconds:.0f} s" if seconds > PATIENCE else "")
    fault = "; ".join(filter(None, faults))
    return Ended(trial.kind, number, code, seconds, memory, shown, fault, sampled), printed


def _command(arguments: Sequence[str]) -> int:
    """Run `anonymize` in this process, all of it. Its exit code."""
    from anonymize.cli import main

    argv, sys.argv = sys.argv, ["anonymize", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    finally:
        sys.argv = argv
    return 0


def _cameras(trial: FuzzTrial) -> int:
    """Read a file of cameras and check everything that is checked before one starts."""
    from anonymize.cli.render.output import fail
    from anonymize.errors import AnonymizeError
    from anonymize.live.supervisor import config

    try:
        for camera in config.read(trial.file).cameras.values():
            camera.resolved()
            camera.load_settings()
    except AnonymizeError as error:
        fail(str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        fail(f"internal error: {error!r}")
        return 1
    return 0


def _as_command(trial: FuzzTrial) -> tuple[int, str]:
    """Run the trial once more by itself: its exit code, and what it printed."""
    if trial.output:
        shutil.rmtree(trial.output.parent)
        trial.output.parent.mkdir()
    try:
        done = subprocess.run(
            (*PROGRAM, *trial.command), capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"not done after {PATIENCE:.0f} s"
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "backslashreplace")


def _wrong_code(code: int, trial: FuzzTrial) -> str:
    return "" if code in trial.codes else f"exit code {code}"


def _said_wrong(printed: str) -> list[str]:
    found = [f"said {word!r}" for word in _BAD_WORDS if word in printed]
    if len(printed) > NOISE:
        found.append(f"printed {len(printed)} characters")
    if any(ord(letter) < 32 and letter != "\n" for letter in printed):
        found.append("printed control characters")
    return found


def _left_wrong(trial: FuzzTrial, code: int) -> list[str]:
    """What lies where the output goes: it alone, or, after a failure, nothing; and the plan that a check left."""
    if trial.output is None:
        return []
    kept = f"{trial.output.name}.plan.jsonl" if code in (0, 7) else ""
    there = sorted(path.name for path in trial.output.parent.iterdir() if path.name != kept)
    wanted = [trial.output.name] if code == 0 else []
    return [] if there == wanted else [f"left {', '.join(there) or 'nothing'}"]


@contextlib.contextmanager
def _printing_to(log: Path):  # type: ignore[no-untyped-def]  # a context manager of a path
    """Redirect descriptors 1 and 2 to `log`."""
    sys.stdout.flush()
    sys.stderr.flush()
    streams, saved = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2))
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield log
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = streams
        for number, there in zip((1, 2), saved, strict=True):
            os.dup2(there, number)
            os.close(there)


def _forget_peak() -> None:
    with contextlib.suppress(OSError):  # not on Linux: the peak of all trials counts
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    """MiB that this process held at most since `_forget_peak`."""
    try:
        status = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
