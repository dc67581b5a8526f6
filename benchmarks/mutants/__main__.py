"""Put small faults into the code, one at a time, and see whether the tests that run it notice.

    python -m benchmarks.mutants record [TESTS ...]   # once, and after tests changed: which tests run which functions
    python -m benchmarks.mutants run [--sample 300] [--seed 0] [--rooms track,redact] [--workers 2] [--survivors]
    python -m benchmarks.mutants table [--publish]    # the last run again, with what was judged since

A fault that no test notices survives. It is judged by a person in `judged.toml`: `equivalent` (the program does the
same), `harmless` (it differs, and nobody is worse off), or `hole` (a test is missing). The exit code is 1 where a room
is below its goal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from queue import Queue
from typing import Annotated, Any

import typer

from benchmarks import history, report
from benchmarks.mutants.copies import copied, whole_copy
from benchmarks.mutants.mutate import Mutant, mutants, sites
from benchmarks.mutants.server import Server
from benchmarks.mutants.tests import Record, load, record, save, still_there
from benchmarks.page import mutants_table

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutants"
LAST = BUILD / "results.jsonl"
JUDGED = Path(__file__).with_name("judged.toml")
ROOMS = {
    "track": ["anonymize/track"],
    "redact": ["anonymize/redact"],
    "plan": ["anonymize/plan"],
    "verify": ["anonymize/verify"],
    "recorded": ["anonymize/recorded"],
    "live": ["anonymize/live/chain", "anonymize/live/detector"],
    "ledger": ["anonymize/batch/ledger"],
    "batch": [
        "anonymize/batch/inputs.py",
        "anonymize/batch/outcome.py",
        "anonymize/batch/reports.py",
        "anonymize/batch/run.py",
        "anonymize/storage",
    ],
    "media": ["anonymize/media"],
    "detect": ["anonymize/detect"],
    "settings": ["anonymize/settings"],
}
"""What is safety-relevant, in parts of about the same weight."""
GOAL = 0.85
"""Share of the faults that are not equivalent which the tests of every room must notice."""
TESTS = tuple(
    "test_redact.py test_settings.py track plan verify recorded detect parallel batch storage media live cli".split()  # noqa: SIM905 - shorter
)
ALIVE = ("survived", "untested")
"""What becomes of faults that no test notices: some ran it, or none does."""
CALM = 30.0
"""Seconds more that a run may take on a busy machine."""

Key = tuple[str, str, str, str, str]
"""What names a fault: file, function, the line's text, before, after."""

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one fault: `killed`, `slow` (ended by its time limit: noticed), `survived` or `untested`.

    `seed` drew it, and `first` is what became of it then, before tests were written for what survived.
    """

    room: str
    mutant: Mutant
    outcome: str
    tests: int
    seconds: float
    seed: int = 0
    first: str = ""


@app.command(name="record")
def record_tests(
    tests: Annotated[list[str] | None, typer.Argument()] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that run them.")] = 2,
) -> None:
    """Run the tests, and keep which functions each enters."""
    chosen = tests or [f"tests/{place}" for place in TESTS]
    with whole_copy(ROOT, BUILD) as base:
        save(record(base, chosen, workers, load(BUILD / "entered.json")), BUILD / "entered.json")


@app.command()
def run(
    sample: Annotated[int, typer.Option(min=1, help="Faults, the same number for every room.")] = 300,
    seed: Annotated[int, typer.Option(help="Chooses them.")] = 0,
    rooms: Annotated[str, typer.Option(help="Only these, comma-separated.")] = ",".join(ROOMS),
    workers: Annotated[int, typer.Option(min=1, help="Faults tried side by side.")] = 2,
    budget: Annotated[float, typer.Option(min=1, help="Seconds of tests for one fault, as they take without it.")] = 30,
    survivors: Annotated[bool, typer.Option("--survivors", help="Only those that survived the last run.")] = False,
) -> None:
    """Try a sample of faults and print what each room's tests noticed, with what the last run says of other rooms."""
    if not (known := load(BUILD / "entered.json")).seconds:
        sys.exit("Nothing is known of the tests: run `python -m benchmarks.mutants record` first.")
    chosen, last = draw(rooms.split(","), sample, seed), last_results()
    first = {_key(asdict(each.mutant)): each.first for each in last if each.seed == seed}
    if survivors:
        alive = {_key(asdict(each.mutant)) for each in last if each.outcome in ALIVE}
        chosen = [(room, mutant) for room, mutant in chosen if _key(asdict(mutant)) in alive]
        again = {_key(asdict(mutant)) for _, mutant in chosen}
        results = [each for each in last if _key(asdict(each.mutant)) not in again]
    else:
        results = [each for each in last if each.room not in rooms.split(",")]
    with ExitStack() as stack:
        base, servers = stack.enter_context(whole_copy(ROOT, BUILD)), Queue[Server]()
        for _ in range(workers):
            servers.put(server := Server())
            stack.callback(server.close)
        pool, kept = stack.enter_context(ThreadPoolExecutor(workers)), stack.enter_context(LAST.open("w"))
        kept.writelines(json.dumps(asdict(each)) + "\n" for each in results)
        known = still_there(base, known)
        if server.run(base, sorted(known.seconds, key=lambda test: known.seconds[test])[:9], 300.0) != "survived":
            sys.exit("Tests fail without a fault: record them anew.")
        waiting = [pool.submit(tried, room, mutant, known, base, budget, servers) for room, mutant in chosen]
        for number, done in enumerate(as_completed(waiting), 1):
            result = done.result()
            result = replace(result, seed=seed, first=first.get(_key(asdict(result.mutant))) or result.outcome)
            results.append(result)
            kept.write(json.dumps(asdict(result)) + "\n")
            kept.flush()
            print(f"{number}/{len(chosen)} {result.outcome}: {_described(result.mutant)}", flush=True)
    raise typer.Exit(0 if summary(results) else 1)


@app.command(name="table")
def print_table(
    publish: Annotated[
        bool, typer.Option("--publish", help="Also put its rooms into benchmarks/RESULTS.md, where others stay.")
    ] = False,
) -> None:
    """Print the last run's table again, with what was judged since."""
    results = last_results()
    if publish:
        published = report.read(report.HERE / report.JSON).get("mutants", {}).get("rows", ())
        tried = [row | {"commit": history.commit()} for row in counted(results, judged(JUDGED))]
        rows = {row["room"]: row for row in (*published, *tried)}
        ordered = [rows[room] for room in ROOMS if room in rows]
        report.record("mutants", {"command": "make mutants MUTANTS='--seed SEED'", "rows": ordered})
    raise typer.Exit(0 if summary(results) else 1)


def last_results() -> list[Result]:
    """What the last run of each room found out, as far as it came."""
    lines = [json.loads(line) for line in LAST.read_text().splitlines()] if LAST.exists() else []
    return [Result(**(line | {"mutant": Mutant(**line["mutant"])})) for line in lines]


def draw(rooms: Sequence[str], sample: int, seed: int) -> list[tuple[str, Mutant]]:
    """The same number of faults for every room, from all its places: those whose hashes with this seed are lowest.

    So what is drawn stays the same while other code changes, and what was judged of it holds.
    """
    chosen = []
    for number, room in enumerate(rooms):
        share = sample // len(rooms) + (number < sample % len(rooms))
        files = [path for place in ROOMS[room] for path in _sources(ROOT / place)]
        places = [place for path in files for place in sites(mutants(ROOT, str(path.relative_to(ROOT))))]
        twins = Counter[str]()  # the same words may stand in a function twice
        ranked = []
        for place in places:
            name = f"{seed} {place[0].file} {place[0].function} {' '.join(place[0].before.split())}"
            twins[name] += 1
            digest = sha256(f"{name} {twins[name]}".encode()).digest()
            ranked.append((digest, place[digest[0] % len(place)]))
        chosen += [(room, mutant) for _, mutant in sorted(ranked, key=itemgetter(0))[:share]]
    return chosen


def _sources(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def tried(room: str, mutant: Mutant, known: Record, base: Path, budget: float, servers: Queue[Server]) -> Result:
    """Put one fault into a copy of the tree and run the tests that run it."""
    tests = known.relevant(mutant.file, mutant.function, budget)
    start = time.monotonic()
    if not tests:
        return Result(room, mutant, "untested", 0, 0.0)
    limit = CALM + 3 * sum(known.seconds[test] for test in tests)
    with copied(base) as tree:
        source = (tree / mutant.file).read_bytes()
        (tree / mutant.file).unlink()
        (tree / mutant.file).write_bytes(mutant.applied(source))
        server = servers.get()
        outcome = server.run(tree, tests, limit)
        servers.put(server)
        _end_all(tree)
    return Result(room, mutant, outcome, len(tests), time.monotonic() - start)


def _end_all(tree: Path) -> None:
    """End what is left of a run: whatever takes its package from this copy."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"PYTHONPATH={tree.resolve()}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:  # it ended meanwhile, or is another user's
            continue


def summary(results: Sequence[Result]) -> bool:
    """Print the table by room and what is to be judged; whether every room reaches its goal."""
    rows = counted(results, verdict_of := judged(JUDGED))
    print(mutants_table(rows))
    for result in results:
        if result.outcome in ALIVE and _key(asdict(result.mutant)) not in verdict_of:
            print(f"not judged ({result.outcome}): {_described(result.mutant)}")
    return all(row["killed"] >= GOAL * (row["drawn"] - row["equivalent"]) for row in rows)


def counted(results: Sequence[Result], verdict_of: Mapping[Key, str]) -> list[dict[str, Any]]:
    """For each room how many faults were drawn and killed, and what was judged of the others."""
    rows = []
    for room in ROOMS:
        if not (tried := [result for result in results if result.room == room]):
            continue
        alive = [result for result in tried if result.outcome in ALIVE]
        verdicts = Counter(verdict_of.get(_key(asdict(result.mutant)), "not judged") for result in alive)
        words = ("equivalent", "harmless", "hole", "not judged")
        first = sum((result.first or result.outcome) not in ALIVE for result in tried)
        row = {"room": room, "seed": tried[0].seed, "drawn": len(tried), "first": first}
        rows.append(row | {"killed": len(tried) - len(alive)} | {word: verdicts[word] for word in words})
    return rows


def judged(path: Path) -> dict[Key, str]:
    """What was judged of faults, by what names them."""
    return {_key(each): each["verdict"] for each in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]}


def _key(mutant: dict[str, str]) -> Key:
    """What names a fault whatever stands above it in the file."""
    return mutant["file"], mutant["function"], mutant["text"], " ".join(mutant["before"].split()), mutant["after"]


def _described(mutant: Mutant) -> str:
    return f"{mutant.file}:{mutant.line} {mutant.function}: {' '.join(mutant.before.split())} -> {mutant.after}"


if __name__ == "__main__":
    app()
