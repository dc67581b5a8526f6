"""Results as a JSON file, and as the page people read, made from it."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks import history

HERE = Path(__file__).parent
JSON, PAGE = "results.json", "RESULTS.md"
OURS = "anonymize"
"""The name of our own runs in a comparison."""
_KEPT = 3
"""Kinds of processor, besides that of the last run, of which our figures are kept."""
COMPARED = (
    "faces",
    "faces1080",
    "faces2160",
    "curve",
    "plates",
    "plates1080",
    "plates2160",
    "fixed",
    "fixed_real",
    "short",
)


def record(section: str, content: Mapping[str, Any], folder: Path = HERE) -> Path:
    """Put a section's `content` into the JSON file, in place of its last, and write the page anew; return the page.

    Of a comparison our runs on other pictures are kept under `elsewhere`, the latest `_KEPT`: another kind of processor
    makes the same clips from other last digits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = read(folder / JSON) if (folder / JSON).exists() else {}
    last = results.get(section)
    results[section] = {**taken(), **content}
    if section in COMPARED and last is not None and (before := _elsewhere(last, results[section])):
        results[section]["elsewhere"] = before
    return write(results, folder)


def pictures(row: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What tells the clips of a comparison's row from the same ones made on another kind of processor."""
    return [(clip["clip"], clip["subjects"], clip["boxes"], clip.get("blocks")) for clip in row.get("clips", ())]


def _elsewhere(last: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Our runs in `last`, and those it kept, that were on other pictures than those of `fresh`."""
    seen, kept = [pictures(row) for row in fresh["rows"]], []
    for one in (last, *last.get("elsewhere", ())):
        rows = [row for row in one["rows"] if row["tool"] == OURS and row.get("clips") and pictures(row) not in seen]
        if rows:
            kept.append({"date": one["date"], "commit": one["commit"], "machine": one["machine"], "rows": rows})
            seen += [pictures(row) for row in rows]
    return kept[:_KEPT]


def taken() -> dict[str, Any]:
    """When, on which commit, by which command and on what machine figures are taken."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": today, "commit": history.commit(), "command": _typed(), "machine": machine()}


def read(file: Path) -> dict[str, Any]:
    """All sections of a JSON file of results."""
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return results


def write(results: Mapping[str, Any], folder: Path = HERE) -> Path:
    """Write JSON file and page; return the page."""
    from benchmarks import ran
    from benchmarks.page import render

    (folder / JSON).write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    page = folder / PAGE
    page.write_text(render(results, ran.read(folder)), encoding="utf-8")
    return page


def mark_stale(results: dict[str, Any]) -> list[str]:
    """Note in each section whether what it measures changed since; a line for each one that is old.

    Of one that was looked at again and came out the same it counts from there (`benchmarks.again`).
    """
    lines = []
    for name, section in results.items():
        if name not in history.MEASURED:
            continue
        section.pop("stale", None)
        try:
            since = section.get("again", section).get("commit", "")
            change = history.changed_since(since, history.MEASURED[name])
        except LookupError as error:
            section["stale"] = {"reason": str(error)}
        else:
            if change is None:
                continue
            count = f"{change.commits} commit{'s' * (change.commits > 1)}"
            section["stale"] = {"reason": f"{count} changed what it measures, the last one {change.last}, {change.day}"}
        lines.append(f"{name}: {section['stale']['reason']}")
    return lines


def machine() -> dict[str, Any]:
    """What the figures were taken on; nothing that names the machine or its user."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines.extend("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join(lines) + "\n"


def _typed() -> str:
    """The command that runs now, paths outside the checkout as their last part."""
    program = Path(sys.argv[0])
    module = f"{program.parent.name}.{program.stem}" if program.stem != "__main__" else program.parent.name
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["python", "-m", module, *words])


def _cpu() -> str:
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return found[1].strip() if found else platform.machine()
