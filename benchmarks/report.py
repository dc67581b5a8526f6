"""Results as a JSON file, and as the page people read, made from it."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
JSON, PAGE = "results.json", "RESULTS.md"
HEIGHTS = ("12-16", "16-32", "32-64", "64+")
COMPARED = ("faces", "faces1080", "faces2160", "plates", "plates1080", "plates2160", "fixed")

INTRODUCTION = """# Benchmark results

Made by `python -m benchmarks faces | plates | fixed | memory | startup`; do not edit. Its figures are in
`results.json`. All tools of a table ran on the same clips in the same run, clip by clip in turn, each as a whole
process as its users start it, model load included. Speeds are medians over the clips; how a tool compares with a
plain transcode of the same clip on the same machine says more than its frames per second.

- **leak**: share of box-frames in which the detail of a face or plate survived, measured from pixels.
- **exposed**: subjects that leaked on at least one frame. One frame is enough to identify someone.
- **collateral**: share of the detail elsewhere in the picture that was lost.
- **memory**: peak of the largest process / of all its processes together, MiB.

In the same run, a plain transcode leaked 100% and a whole-frame blur leaked 0% at 100% collateral; otherwise there
would be no page.
"""


def record(section: str, content: Mapping[str, Any], folder: Path = HERE) -> Path:
    """Put a section's `content` into the JSON file, in place of its last, and write the page anew; return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / JSON
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    results[section] = {"date": today, "machine": machine(), **content}
    file.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    page = folder / PAGE
    page.write_text(render(results), encoding="utf-8")
    return page


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


def render(results: Mapping[str, Any]) -> str:
    """Write the page for all sections there are."""
    parts = [INTRODUCTION]
    parts.extend(_compared(name, results[name]) for name in COMPARED if name in results)
    if "memory" in results:
        parts.append(_memory(results["memory"]))
    if "startup" in results:
        parts.append(_startup(results["startup"]))
    return "\n".join(parts)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines.extend("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join(lines) + "\n"


def compared_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the table of a comparison, one line a tool; `rows` as `benchmarks.compare.summary` makes them."""
    head = ["tool", "leak", *(f"{name} px" for name in HEIGHTS), "exposed", "collateral"]
    return table([*head, "frames/s", "× transcode", "memory", "failed"], [_compared_row(row) for row in rows])


def _compared(name: str, section: Mapping[str, Any]) -> str:
    rows = section["rows"]
    counted = next(row for row in rows if "total" in row)
    about = (
        f"{section['clips']} clips ({section['source']}), {counted['frames']} frames, "
        f"{counted['total']['boxes']} box-frames, {counted['total']['subjects']} subjects."
    )
    failed = "".join(f"- {row['tool']} failed on {line}\n" for row in rows for line in row["failures"])
    skipped = "".join(f"- left out: {line}\n" for line in section["skipped"])
    remarks = "".join(f"{line}\n" for line in section.get("remarks", ()))
    notes = "\n".join(part for part in (remarks, failed, skipped) if part)
    return f"## {name.capitalize()}\n\n{_where(section)}\n\n{about}\n\n{compared_table(rows)}\n{notes}"


def _compared_row(row: Mapping[str, Any]) -> list[str]:
    name, failed = f"{row['tool']} ({row['version']})", str(len(row["failures"]))
    if "total" not in row:
        return [name, *["-"] * 10, failed]
    heights = [_share(row["by_height"][key]["leak_rate"]) for key in HEIGHTS]
    total = row["total"]
    return [
        name,
        _share(total["leak_rate"]),
        *heights,
        f"{total['exposed']}/{total['subjects']}",
        _share(row["collateral"]),
        f"{row['fps']:.1f}" if "fps" in row else "-",
        f"{row['times_transcode']:.1f}" if "fps" in row else "-",
        f"{row['largest_mib']:.0f} / {row['together_mib']:.0f}",
        failed,
    ]


def _memory(section: Mapping[str, Any]) -> str:
    rows = [
        [
            row["tool"],
            row["size"],
            *(str(row["frames"][i]) for i in (0, 1)),
            *(f"{row['largest_mib'][i]:.0f} / {row['together_mib'][i]:.0f}" for i in (0, 1)),
            f"{row['largest_mib'][1] / row['largest_mib'][0]:.2f}",
        ]
        for row in section["rows"]
    ]
    head = ["tool", "size", "frames", "frames, long", "memory", "memory, long", "long / short"]
    failed = "".join(f"- {line}\n" for line in section["failures"])
    return f"## Memory\n\n{_where(section)}\n\n{table(head, rows)}\n{failed}"


def _startup(section: Mapping[str, Any]) -> str:
    rows = [[f"`{row['command']}`", f"{row['seconds']:.2f} s"] for row in section["rows"]]
    return f"## Start\n\n{_where(section)} Medians.\n\n{table(['command', 'wall time'], rows)}"


def _where(section: Mapping[str, Any]) -> str:
    m = section["machine"]
    return (
        f"{section['date']}, {m['cores']} cores of {m['cpu']}, {m['memory_gib']} GiB, {m['system']}, "
        f"Python {m['python']}, load {m['load']} at the end."
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _cpu() -> str:
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return found[1].strip() if found else platform.machine()
