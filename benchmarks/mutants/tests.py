"""Which tests run a function, and how long each takes: recorded once, kept in `build/`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.mutants.copies import environment

CHILD = Path(__file__).with_name("child")


@dataclass(slots=True)
class Record:
    """What is known of tests that pass.

    Args:
        seconds: how long each takes, by its node id.
        entered: the tests that enter a function, by `file::function`.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    entered: dict[str, list[str]] = field(default_factory=dict)

    def relevant(self, file: str, function: str, budget: float) -> list[str]:
        """The tests that run the function, its own room's first, then the quickest; about `budget` seconds.

        What stands outside functions is run by whoever enters any function of the file.
        """
        names = [name for name in self.entered if name.split("::")[0] == file]
        if function and f"{file}::{function}" in self.entered:
            names = [f"{file}::{function}"]
        tests = {test for name in names for test in self.entered[name]}
        room = Path(file).with_suffix("").parts[1]
        own = (f"tests/{room}/", f"tests/test_{room}.py")
        chosen: list[str] = []
        for test in sorted(tests, key=lambda test: (not test.startswith(own), self.seconds[test], test)):
            if not chosen or self.seconds[test] <= budget:
                chosen.append(test)
                budget -= self.seconds[test]
        return chosen


def load(path: Path) -> Record:
    """The record kept at `path`, or an empty one."""
    return Record(**json.loads(path.read_text())) if path.exists() else Record()


def save(record: Record, path: Path) -> None:
    """Keep it."""
    path.write_text(json.dumps({"seconds": record.seconds, "entered": record.entered}))


def record(tree: Path, tests: Sequence[str], workers: int, known: Record) -> Record:
    """Run `tests` (files or folders) in `tree`; what they enter takes the place of what is known of them."""
    with TemporaryDirectory() as scratch:
        notes, results = Path(scratch) / "notes", Path(scratch) / "results.xml"
        notes.mkdir()
        extra = {"MUTANTS_TREE": str(tree.resolve()), "MUTANTS_NOTES": str(notes)}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "benchmarks.mutants.plugin", "-p", "no:cacheprovider"]
        command += ["-n", str(workers), "--dist", "loadfile", "--timeout", "300"]
        command += ["-o", "junit_family=xunit1", f"--junitxml={results}"]
        subprocess.run(
            [*command, *tests],
            cwd=tree,
            env=environment(tree, CHILD) | extra,
            check=False,
        )
        passed = {
            f"{case.get('file')}::{'::'.join(_classes(case))}{case.get('name')}": float(case.get("time", "0"))
            for case in ET.parse(results).getroot().iter("testcase")
            if case.find("failure") is None and case.find("error") is None and case.find("skipped") is None
        }
        lines = [line for path in notes.iterdir() for line in path.read_text().splitlines()]
    files = {test.split("::")[0] for test in passed}
    entered: dict[str, set[str]] = defaultdict(set)
    for name, before in known.entered.items():
        entered[name] = {test for test in before if test.split("::")[0] not in files}
    for line in lines:
        test, file, function = line.split("\t")
        if test in passed:
            entered[f"{file}::{function}"].add(test)
    kept = {test: took for test, took in known.seconds.items() if test.split("::")[0] not in files}
    return Record(kept | passed, {name: sorted(those) for name, those in sorted(entered.items()) if those})


def still_there(tree: Path, known: Record) -> Record:
    """`known` without tests that are no longer there: what cannot be collected would fail on every fault.

    Raises:
        SystemExit: pytest cannot collect the tests at all.
    """
    files = sorted({test.split("::")[0] for test in known.seconds if (tree / test.split("::")[0]).exists()})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    found = subprocess.run(command, cwd=tree, env=environment(tree), capture_output=True, text=True, check=False)
    if found.returncode:
        sys.exit(f"The tests cannot be collected:\n{found.stdout[-2000:]}")
    there = set(found.stdout.splitlines())
    seconds = {test: took for test, took in known.seconds.items() if test in there}
    return Record(seconds, {name: [t for t in tests if t in there] for name, tests in known.entered.items()})


def _classes(case: ET.Element) -> list[str]:
    """The classes around a test, each ready to be joined."""
    module = (case.get("file") or "").removesuffix(".py").replace(os.sep, ".")
    inner = (case.get("classname") or "").removeprefix(module).strip(".")
    return [*inner.split("."), ""] if inner else []
