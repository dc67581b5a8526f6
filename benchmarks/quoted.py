"""Figures that README and docs quote: each stands in a file of results, or in ``quoted.json`` with where it is from.

A figure is a number with a unit of what is measured (%, frames/s, ms, MiB ...) or a count ("73 of 73"), outside of
examples of commands and what they print.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import history, report

JSON = "quoted.json"
GENERATED = {"options.md", "formats.md", "json.md"}
"""Pages that tests write, of settings and formats: nothing on them was measured."""
_FIGURE = re.compile(
    r"(?<![\w.,])(?:\d[\d,]*(?:\.\d+)?|\.\d+) ?(?:%|(?:frames/s|fps|ms|MiB|GiB)\b)|(?<![\w.,])\d[\d,]* of \d[\d,]*\b"
)
_NOT_PROSE = re.compile(
    r"^```.*?^```|<!-- attack: begin.*?attack: end -->|`[^`\n]*`|\]\([^)\n]*\)", re.DOTALL | re.MULTILINE
)


def pages() -> list[Path]:
    """README and docs."""
    return [history.ROOT / "README.md", *sorted((history.ROOT / "docs").glob("*.md"))]


def figures(text: str) -> set[str]:
    """The figures in a page's prose and tables."""
    return set(_FIGURE.findall(_NOT_PROSE.sub(" ", text)))


def held(folder: Path = report.HERE) -> set[str]:
    """The figures in the files of results, and those of ``quoted.json`` by page and figure as ``page: figure``."""
    known = _FIGURE.findall((folder / report.PAGE).read_text(encoding="utf-8"))
    live = json.loads((folder / "live.json").read_text(encoding="utf-8"))
    for row in live:
        known += [f"{row[f'latency_{share}_ms']} ms" for share in ("p50", "p95", "p99")]
        known += [f"{row['leaked']:,} of {row['boxes']:,}", *(f"{value} MiB" for value in row["memory_mib_by_minute"])]
    quoted = {f"{one['page']}: {figure}" for one in read(folder) for figure in one["figures"]}
    return {*known, *quoted}


def read(folder: Path = report.HERE) -> list[dict[str, Any]]:
    """The entries of ``quoted.json``: page, figures, command, data, commit and date."""
    found: list[dict[str, Any]] = json.loads((folder / JSON).read_text(encoding="utf-8"))
    return found


def missing(folder: Path = report.HERE) -> Iterator[tuple[str, str]]:
    """(Page, figure) of every figure that no file of results holds."""
    known = held(folder)
    for page in pages():
        name = page.relative_to(history.ROOT).as_posix()
        for figure in sorted(figures(page.read_text(encoding="utf-8"))) if page.name not in GENERATED else ():
            if figure not in known and f"{name}: {figure}" not in known:
                yield name, figure


def quote(command: str, data: str, folder: Path = report.HERE) -> int:
    """Add what is missing to ``quoted.json``, with the commit and day of its line; drop what no page holds any more."""
    entries = read(folder) if (folder / JSON).exists() else []
    texts = {page.relative_to(history.ROOT).as_posix(): page.read_text(encoding="utf-8") for page in pages()}
    for entry in entries:
        entry["figures"] = sorted(set(entry["figures"]) & figures(texts.get(entry["page"], "")))
    (folder / JSON).write_text(json.dumps(entries), encoding="utf-8")
    found = list(missing(folder))
    for name, figure in found:
        commit, day = _line(name, figure)
        about = {"page": name, "command": command, "data": data, "commit": commit, "date": day}
        alike = [one for one in entries if {**one, "figures": 0} == {**about, "figures": 0}]
        entry = alike[0] if alike else {**about, "figures": []}
        if not alike:
            entries.append(entry)
        entry["figures"] = sorted({*entry["figures"], figure})
    kept = sorted((one for one in entries if one["figures"]), key=lambda one: (one["page"], one["date"], one["commit"]))
    (folder / JSON).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(found)


def _line(name: str, figure: str) -> tuple[str, str]:
    """The commit and day that wrote the first line with a figure; of now, if it is not committed."""
    lines = (history.ROOT / name).read_text(encoding="utf-8").splitlines()
    number = next((i for i, line in enumerate(lines, 1) if figure in line), 1)
    try:
        words = [
            "git",
            "-C",
            str(history.ROOT),
            "blame",
            "-s",
            "--date=short",
            "-L",
            f"{number},{number}",
            "--porcelain",
        ]
        done = subprocess.run([*words, "--", name], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "", ""
    commit = done.split()[0][:7]
    shown = subprocess.run(
        ["git", "-C", str(history.ROOT), "log", "-1", "--format=%cs", commit],
        capture_output=True,
        text=True,
        check=False,
    )
    return ("", "") if set(commit) == {"0"} else (commit, shown.stdout.strip())
