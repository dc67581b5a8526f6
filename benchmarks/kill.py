"""Kill `anonymize run` repeatedly at random moments, and check that it resumes correctly.

A folder of short clips of different sizes is anonymised once without interruption. Then the same run in another folder
is killed (SIGKILL to the process that the user started) as often as asked, at random moments; one more run finishes it.
Both folders must then hold the same bytes, no released file may have been touched again, and nothing may be left over.

    python -m benchmarks.kill [--clips 20] [--kills 50] [--workers 1] [--seed 0]
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import av
import numpy as np
import typer

from anonymize.batch.ledger import store
from anonymize.batch.ledger.store import FileState
from anonymize.errors import OutputError
from anonymize.report import sha256
from anonymize.samples.camera import Shot, Still, film
from benchmarks.clips import demo_clip
from benchmarks.report import table

SIZES = ((256, 144), (512, 288), (768, 432))
"""Widths that are multiples of 256: in others x264, where it uses AVX-512, takes in memory that it never wrote (its
macroblock tree), and the same pictures give other bytes from one run to the next."""
SHORTEST, LONGEST = 8, 32
"""Frames of a clip."""
IDLE = 0.2
"""Share of the kills that come while the program is still starting."""
SOONER = 1.15
"""By how much earlier, or later, the next kill comes if more, or less, was released than the kills would have it."""
PATIENCE = 600.0
"""Seconds that any one run may take."""
PROGRAM = (sys.executable, "-c", "from anonymize.cli import main; main()")


class BrokenRun(Exception):
    """The run did not resume correctly; the message describes what was seen."""


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    """A file when first seen: its content, and what changes if it is written or replaced."""

    sha256: str
    inode: int
    changed: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What was seen.

    Args:
        clips: how many.
        kills: by what the run was doing, according to its ledger.
        recovered: outputs that a killed run had released but not yet recorded.
        leftovers: temporary files and proofs found after the kills, in total.
        peaceful: seconds of the undisturbed run.
        together: seconds of all killed runs and the last.
    """

    clips: int
    kills: Counter[str]
    recovered: int
    leftovers: int
    peaceful: float
    together: float


def make_clips(folder: Path, count: int) -> Path:
    """Make `count` clips of different sizes and lengths in `folder`, by a camera over a frame of the sample film."""
    folder.mkdir(parents=True, exist_ok=True)
    still = Still(_frame(demo_clip()[0].video, 90))
    rng = np.random.default_rng(0)
    for number in range(count):
        frames = int(rng.integers(SHORTEST, LONGEST + 1))
        shot = Shot(size=SIZES[number % len(SIZES)], frames=frames, burst=0, seed=number)
        film(folder / f"{number:02d}.mp4", still, shot).unlink()
    return folder


def kill_test(clips: Path, place: Path, *, kills: int, workers: int = 1, seed: int = 0) -> Figures:
    """Kill a run on the folder `clips`, with output in `place`, repeatedly.

    Raises:
        BrokenRun: something was done twice, lost, half-done, different or left over.
    """
    peaceful, whole = place / "peaceful", place / "disturbed"
    took = _run(clips, peaceful, workers)
    idle = _run(clips, peaceful, workers)  # everything is done: what is left is the start of the program
    expected = {name: seen.sha256 for name, seen in _released(peaceful).items()}
    _run(clips, place / "again", workers)
    if {name: seen.sha256 for name, seen in _released(place / "again").items()} != expected:
        raise BrokenRun("two runs that nobody disturbed differ: on this machine nothing can be learnt from bytes")
    each = max(took - idle, 0.1) / len(expected)
    rng = random.Random(seed)
    known: dict[str, ReleasedFile] = {}
    struck: Counter[str] = Counter()
    recovered = leftovers = 0
    late = idle + 2 * each * workers
    start = time.perf_counter()
    while struck.total() < kills:
        early = rng.random() < IDLE or len(known) == len(expected)
        delay = rng.uniform(0, idle) if early else rng.uniform(0.8 * min(idle, late), late)
        if not _killed(clips, whole, workers, delay):
            continue  # it was done by then
        doing = _doing(whole)
        struck[doing] += 1
        known = _compared(known, _released(whole), expected)
        # There should be work left for the last kill, and none after it: the machine may be busier than it was.
        late = late / SOONER if len(known) / len(expected) > struck.total() / kills else late * SOONER
        left = _hidden(whole)
        leftovers += len(left)
        recovered += _unnoted(whole, known)
        print(f"kill {struck.total()}/{kills} after {delay:.2f} s, {doing}: {len(known)} released", flush=True)
    _run(clips, whole, workers)
    together = time.perf_counter() - start
    _compared(known, _released(whole), expected)
    _finished(whole, expected)
    return Figures(len(expected), struck, recovered, leftovers, took, together)


def _command(clips: Path, output: Path, workers: int) -> Sequence[str]:
    reports = output.with_name(f"{output.name}-reports")
    options = ("-o", str(output), "--workers", str(workers), "--report", str(reports))
    return (*PROGRAM, "run", str(clips), *options)


def _run(clips: Path, output: Path, workers: int) -> float:
    """Run to the end. Returns the seconds it took."""
    start = time.perf_counter()
    done = subprocess.run(_command(clips, output, workers), capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        raise BrokenRun(f"a run that nobody disturbed ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - start


def _killed(clips: Path, output: Path, workers: int, delay: float) -> bool:
    """Start a run and kill it after `delay` seconds; False if it had ended by then."""
    log = output.with_name("log")
    with log.open("wb") as out:
        process = subprocess.Popen(_command(clips, output, workers), stdout=out, stderr=out)
        try:
            code = process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            code = process.wait()
    if code not in (0, -signal.SIGKILL):
        raise BrokenRun(f"a run ended with {code} before it was killed: {log.read_text().strip()[-500:]}")
    return code != 0


def _doing(output: Path) -> str:
    """What the killed run was doing, according to its ledger."""
    try:
        runs, files = store.read(output / store.NAME)
    except OutputError:
        return "writing the ledger" if (output / store.NAME).exists() else "starting"
    if runs and runs[-1].ended:
        return "starting, or ending"
    working = [file.stage for file in files if file.state is FileState.WORKING]
    if working:
        return f"at work ({', '.join(sorted(set(working)))})"
    return "between two files" if runs else "writing the ledger"


def _released(output: Path) -> dict[str, ReleasedFile]:
    """The files that are not hidden."""
    found = {}
    for path in sorted(output.rglob("*")) if output.exists() else ():
        if path.is_file() and not path.name.startswith("."):
            facts = path.stat()
            found[path.relative_to(output).as_posix()] = ReleasedFile(sha256(path), facts.st_ino, facts.st_mtime_ns)
    return found


def _hidden(output: Path) -> list[Path]:
    """Temporary files and proofs."""
    return sorted(output.rglob(".anonymize-*"))


def _compared(
    known: dict[str, ReleasedFile], now: dict[str, ReleasedFile], expected: dict[str, str]
) -> dict[str, ReleasedFile]:
    """`now`, if all its files are whole and those in `known` unchanged."""
    for name, seen in now.items():
        if expected.get(name) != seen.sha256:
            raise BrokenRun(f"{name}: not what a run makes that nobody disturbs")
    for name, seen in known.items():
        if now.get(name) != seen:
            raise BrokenRun(f"{name}: was released, and then touched again: {seen}, now {now.get(name)}")
    return now


def _unnoted(output: Path, known: dict[str, ReleasedFile]) -> int:
    """Existing outputs that the ledger does not list as done."""
    try:
        _, files = store.read(output / store.NAME)
    except OutputError:  # there is none yet; or what it holds shows after the next run only
        return 0
    return len(set(known) - {file.output for file in files if file.state is FileState.DONE})


def _finished(output: Path, expected: dict[str, str]) -> None:
    runs, files = store.read(output / store.NAME)
    done = {file.output: file.output_sha256 for file in files if file.state is FileState.DONE}
    if done != expected:
        raise BrokenRun(f"the ledger holds {len(done)} files for done, expected {len(expected)}")
    if set(_released(output)) != set(expected):
        raise BrokenRun("outputs are missing, or there are too many")
    reports = output.with_name(f"{output.name}-reports")
    names = {path.name for path in reports.iterdir()}
    if names != {"index.html"} | {f"{file.name}.report.{kind}" for file in files for kind in ("json", "html")}:
        raise BrokenRun("reports are missing, or something else lies beside them")
    journal = output / f"{store.NAME}-journal"
    if left := [*_hidden(output), *([journal] if journal.exists() else [])]:
        raise BrokenRun(f"left over: {', '.join(path.name for path in left)}")
    if runs[-1].ended is None:
        raise BrokenRun("the last run did not note its end")


def _frame(video: Path, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """One frame, (height, width, 3) BGR."""
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == number:
                return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    raise ValueError(f"{video} has no frame {number}")


def main(
    clips: Annotated[int, typer.Option(min=1, help="Clips in the folder.")] = 20,
    kills: Annotated[int, typer.Option(min=1)] = 50,
    workers: Annotated[int, typer.Option(min=1, help="Clips worked on side by side.")] = 1,
    seed: Annotated[int, typer.Option(help="Chooses the moments.")] = 0,
) -> None:
    """Kill a run at random moments, finish it, and compare it with an undisturbed one."""
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        try:
            seen = kill_test(make_clips(place / "clips", clips), place, kills=kills, workers=workers, seed=seed)
        except BrokenRun as error:
            print(f"FAILED: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
    rows = [["clips", str(seen.clips)], ["kills", str(seen.kills.total())]]
    rows += [[f"- {doing}", str(count)] for doing, count in seen.kills.most_common()]
    rows += [["released, not yet noted when killed", str(seen.recovered)]]
    rows += [["temporary files and proofs that were left by kills", str(seen.leftovers)]]
    rows += [["seconds undisturbed", f"{seen.peaceful:.1f}"], ["seconds with all kills", f"{seen.together:.1f}"]]
    print(table(["", "seen"], rows))
    print("the same bytes, nothing done twice, nothing left over")


if __name__ == "__main__":
    typer.run(main)
