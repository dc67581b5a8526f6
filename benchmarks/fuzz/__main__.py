"""Run variants of every format side by side, and say how they ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from benchmarks.fuzz import face
from benchmarks.fuzz.commands import TEXTS, FuzzTrial, make_good
from benchmarks.fuzz.sources import MEDIA
from benchmarks.fuzz.worker import MEMORY, PATIENCE, Ended, kept, work
from benchmarks.report import table

GRACE = 30.0
"""Seconds beyond `PATIENCE` for a trial to be made, looked at, and run as a command of its own."""
SAMPLED = 0.2
"""Seconds between two samples of the memory of the workers."""


class Blind(Exception):
    """The controls failed: the variants would prove nothing."""


@dataclass(slots=True, eq=False)
class _FuzzWorker:
    """A process that runs trials, and its current one."""

    process: BaseProcess
    pipe: Connection
    at: tuple[str, int] | None = None
    trial: FuzzTrial | None = None
    since: float = 0.0


def controls(good: Path, results: Iterable[Ended]) -> tuple[float, float]:
    """Check that the good files, run as -1 and -2, are released, and show the face before but not after.

    Returns:
        Lowest correlation with the face among the sources, and the highest among the outputs.

    Raises:
        Blind: a good file is not released, or the face is not in a source, or still in an output.
    """
    least, most = 1.0, 0.0
    for ended in results:
        if ended.fault or ended.code not in (0, 10):  # 10: one of the ledger's files is damaged
            raise Blind(f"{ended.kind} {ended.number}, which is good, ended with {ended.code}: {ended.fault}")
        if ended.kind not in MEDIA or ended.shown is None:
            continue
        path = good / f"{ended.kind}-{ended.number % 2}.{ended.kind}"
        least, most = min(least, before := face.shows(path)), max(most, ended.shown)
        if before < face.SHOWN:
            raise Blind(f"{path.name}: the face in the source does not count as shown ({before:.2f})")
    return least, most


class FuzzWorkers:
    """Processes that run trials side by side. A context manager.

    Args:
        size: how many.
        seed: what variants are drawn from.
        good: the good files.
        keep: folder for failed variants.
    """

    def __init__(self, size: int, seed: int, good: Path, keep: Path) -> None:
        self._seed, self._good, self._keep = seed, good, keep
        self._workers = [self._start() for _ in range(size)]

    def __enter__(self) -> FuzzWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            if worker.at:
                worker.process.kill()
            else:
                worker.pipe.send(None)
            worker.process.join()

    def run(self, queue: Iterator[tuple[str, int]], seconds: float = 0.0) -> list[Ended]:
        """Run the variants in `queue`, as (format, number); none is begun any more after `seconds` (0: all are)."""
        end = time.monotonic() + seconds if seconds else float("inf")
        results: list[Ended] = []
        while True:
            for worker in self._workers:
                if worker.at is None and time.monotonic() < end and (following := next(queue, None)):
                    worker.at, worker.since = following, time.monotonic()
                    worker.pipe.send(following)
            if not (busy := [worker for worker in self._workers if worker.at]):
                return results
            ready = wait([worker.pipe for worker in busy], SAMPLED)
            results += [ended for worker in busy if (ended := self._turn(worker, worker.pipe in ready))]

    def _turn(self, worker: _FuzzWorker, ready: bool) -> Ended | None:
        if not (ended := _heard(worker, ready, self._seed, self._keep)):
            return None
        worker.at = worker.trial = None
        if ended.fault:
            print(f"{ended.kind} {ended.number}: {ended.fault}", flush=True)
        if not worker.process.is_alive():
            self._workers[self._workers.index(worker)] = self._start()
        return ended

    def _start(self) -> _FuzzWorker:
        here, there = multiprocessing.Pipe()
        arguments = (there, self._seed, self._good, self._keep)
        process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
        process.start()
        there.close()
        return _FuzzWorker(process, here)


def _heard(worker: _FuzzWorker, ready: bool, seed: int, keep: Path) -> Ended | None:
    """How the trial of `worker` ended, if it has; a worker over its limits is ended."""
    if ready:
        try:
            news = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            code = worker.process.exitcode or 0
            return _given_up(worker, seed, keep, f"the process died ({_name(code)})", code)
        if isinstance(news, Ended):
            return news
        worker.trial = news
        return None
    held = _resident(worker.process.pid or 0)
    if held > MEMORY:
        return _given_up(worker, seed, keep, f"{held:.0f} MiB, and growing")
    if time.monotonic() - worker.since > (limit := 2 * PATIENCE + GRACE):
        return _given_up(worker, seed, keep, f"not done after {limit:.0f} s")
    return None


def _given_up(worker: _FuzzWorker, seed: int, keep: Path, fault: str, code: int = -signal.SIGKILL) -> Ended:
    worker.process.kill()
    worker.process.join()
    assert worker.at is not None
    if worker.trial:
        kept(worker.trial, seed, worker.at[1], fault, "", keep)
    return Ended(*worker.at, code, time.monotonic() - worker.since, fault=fault)


def _name(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _resident(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    except (OSError, IndexError):
        return 0.0  # it ended, or this is not Linux


def _in_turn(wanted: Mapping[str, int], first: int) -> Iterator[tuple[str, int]]:
    """Number by number through all formats, so that all are equally far when time is up."""
    for number in range(max(wanted.values(), default=0)):
        for kind, count in wanted.items():
            if number < count:
                yield kind, first + number


def summary(results: Iterable[Ended]) -> str:
    """A table: a line a format."""
    by_kind: dict[str, list[Ended]] = {}
    for ended in results:
        by_kind.setdefault(ended.kind, []).append(ended)
    codes = sorted({ended.code for some in by_kind.values() for ended in some})
    head = [
        "format",
        "variants",
        *(f"code {code}" for code in codes),
        "commands",
        "slowest",
        "memory",
        "face",
        "faults",
    ]
    return table(head, [_row(kind, some, codes) for kind, some in by_kind.items()])


def _row(kind: str, some: list[Ended], codes: list[int]) -> list[str]:
    counted = Counter(ended.code for ended in some)
    shown = [ended.shown for ended in some if ended.shown is not None]
    return [
        kind,
        str(len(some)),
        *(str(counted[code] or "") for code in codes),
        str(sum(ended.sampled for ended in some)),
        f"{max(ended.seconds for ended in some):.1f} s",
        f"{max(ended.memory for ended in some):.0f} MiB",
        f"{max(shown):.2f} of {len(shown)}" if shown else "",
        str(sum(bool(ended.fault) for ended in some)),
    ]


def main(
    seed: Annotated[int, typer.Option(help="What variants are drawn from.")] = 0,
    count: Annotated[int, typer.Option(min=0, help="Variants of every format of pictures and videos.")] = 300,
    texts: Annotated[int, typer.Option(min=0, help="Variants of every format of text.")] = 200,
    first: Annotated[int, typer.Option(min=0, help="Number of the first of each.")] = 0,
    seconds: Annotated[float, typer.Option(min=0, help="No variant is begun any more after so many; 0: all.")] = 600,
    only: Annotated[str, typer.Option(help="Formats, comma-separated.", show_default="all")] = "",
    keep: Annotated[Path, typer.Option(help="Folder for failed variants.")] = Path("build/fuzz"),
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one a core.")] = 0,
) -> None:
    """Run broken variants of small good files through the whole program."""
    names = only.split(",") if only else [*MEDIA, *TEXTS]
    if unknown := set(names) - {*MEDIA, *TEXTS}:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; there are {', '.join([*MEDIA, *TEXTS])}")
    wanted = {name: count if name in MEDIA else texts for name in names}
    start = time.monotonic()
    with TemporaryDirectory(prefix="anonymize-fuzz-") as scratch:
        good = Path(scratch)
        make_good(good, names)
        with FuzzWorkers(workers or _cores(), seed, good, keep.absolute()) as pool:
            try:
                known = pool.run(_in_turn(dict.fromkeys(names, 2), -2))
                least, most = controls(good, known)
            except Blind as error:
                print(f"FAILED: {error}", file=sys.stderr)
                raise typer.Exit(1) from error
            if set(names).intersection(MEDIA):
                print(f"the face shows in good files ({least:.2f} and more), not in what is made of them ({most:.2f})")
            results = pool.run(_in_turn(wanted, first), seconds)
    print(summary(results))
    faults = sum(bool(ended.fault) for ended in results)
    result = f"{len(results)} variants, seed {seed}, {time.monotonic() - start:.0f} s"
    if faults:
        print(f"{result}: {faults} failed; they are in {keep}")
        raise typer.Exit(1)
    print(f"{result}: no failure")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    typer.run(main)
