"""When the tests that CI may skip were last run, where `tests/skips.toml` says that they are run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import history, report

JSON = "ran.json"
SKIPS = history.ROOT / "tests" / "skips.toml"
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?)\b")
_CLOSING = re.compile(r"=*\s*\d+ (?:passed|failed|skipped|deselected|error).* in [\d.]+s.*")
"""The last line of a run of pytest."""


def run(command: Sequence[str], folder: Path = report.HERE) -> int:
    """Run `command` in the repository, show what it prints, and keep what pytest counted; the exit code."""
    lines = []
    with subprocess.Popen(
        command, cwd=history.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as started:
        assert started.stdout is not None
        for line in started.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    code = started.returncode
    entries = read(folder)
    entries[shlex.join(command)] = {**report.taken(), "exit_code": code, **counts(lines)}
    (folder / JSON).write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return code


def counts(lines: Sequence[str]) -> dict[str, int]:
    """How many tests passed, failed and were skipped, over all runs of pytest in what a command printed."""
    found = {"passed": 0, "failed": 0, "skipped": 0}
    for line in lines:
        for number, word in _COUNT.findall(line) if _CLOSING.fullmatch(line.strip()) else ():
            found[word if word in found else "failed"] += int(number)
    return found


def read(folder: Path = report.HERE) -> dict[str, dict[str, Any]]:
    """What was run, by command."""
    file = folder / JSON
    entries: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return entries


def skips() -> list[dict[str, str]]:
    """The entries of `tests/skips.toml`: reason, what it hides, where that is run."""
    entries: list[dict[str, str]] = tomllib.loads(SKIPS.read_text(encoding="utf-8"))["skip"]
    return entries


def never() -> list[dict[str, str]]:
    """What no test runs at all, and the pages that say so."""
    entries: list[dict[str, str]] = tomllib.loads(SKIPS.read_text(encoding="utf-8"))["never"]
    return entries


def section(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """The section of the page: a row for each place where skipped tests are run, and for what is run nowhere."""
    rows = [
        [
            "; ".join(one["hides"] for one in skips() if one["run"] == where),
            _named(where),
            *_last(where, entries),
        ]
        for where in dict.fromkeys(one["run"] for one in skips() if one["hides"].partition(":")[0] != "nothing")
    ]
    rows += [[one["what"], "nowhere", "never", "-", "-", "-"] for one in never()]
    head = ["what it is about", "run by", "last run", "commit", "tests", "on"]
    return (
        "## What CI skips, and where it is run\n\n"
        "Of `tests/skips.toml`, as `python -m benchmarks ran COMMAND` noted it. Any other skip fails CI.\n\n"
        + report.table(head, rows)
    )


def _last(where: str, entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    entry = entries.get(where)
    if entry is None:
        return ["each run of CI" if where.startswith("make unit") and "," not in where else "not noted", "-", "-", "-"]
    counted = ", ".join(f"{entry[word]} {word}" for word in ("passed", "failed", "skipped") if entry[word])
    m = entry["machine"]
    on = f"{m['cores']} cores of {m['cpu']}, {m['system']}, Python {m['python']}"
    return [entry["date"], entry["commit"], counted or f"exit code {entry['exit_code']}", on]


def _named(where: str) -> str:
    return f"`{where}`" if where.startswith("make ") and "," not in where else where
