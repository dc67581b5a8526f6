"""The index of a folder of reports: one page with a line for each, and a link to its page.

Like a report's, its text names no file. Its links are the names of the reports' own files.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from anonymize.errors import OutputError, ReportError
from anonymize.pages import fill, save
from anonymize.pages.words import number, plural
from anonymize.report.files import read
from anonymize.report.page import VERDICTS, verdict, when
from anonymize.text.words import clock, system

Values = Mapping[str, Any]

NAME = "index.html"
OURS = '<meta name="anonymize" content="index of reports">'
"""Distinguishes an index from any other file called `NAME`."""
LONGEST = 4096
"""Bytes from the beginning of a file within which `OURS` stands."""


def refuse_others(folder: Path) -> None:
    """Raise `OutputError` if `folder` has a file `NAME` that is not an index of reports: it is not replaced."""
    path = folder / NAME
    try:
        if os.path.lexists(path) and OURS.encode() not in _beginning(path):
            raise OutputError(f"{path} is not an index of reports, and would be replaced by one: give another folder")
    except OSError as error:
        raise OutputError(f"{path} cannot be read, and would be replaced: {system(error)}") from error


def write_index(folder: Path) -> None:
    """Write the index of the reports in `folder` and in the folders below it.

    Raises:
        OutputError: it cannot be written, or would replace a file that is not an index.
    """
    refuse_others(folder)
    save(page(folder), folder / NAME)


def page(folder: Path) -> str:
    """The index page of `folder`; the same reports give the same page."""
    found: list[tuple[Path, Values]] = []
    broken = 0
    for path in sorted(folder.rglob("*.report.json"), key=lambda path: path.relative_to(folder).parts):
        try:
            found.append((path.relative_to(folder), read(path)))
        except ReportError:
            broken += 1
    return fill(
        "index.html.jinja",
        title="Reports of a folder",
        what="index",
        when=max((when(report) for _, report in found), default=""),
        mark=OURS,
        view=_view(found, broken),
    )


def _view(found: Sequence[tuple[Path, Values]], broken: int) -> dict[str, Any]:
    seen = {kind for _, report in found for kind, count in report["redacted"].get("tracks", {}).items() if count}
    kinds = ["face", "plate", *sorted(seen - {"face", "plate"})]
    titles = sorted({title for _, report in found if (title := report.get("title", ""))})
    verdicts = Counter(verdict(report)[1] for _, report in found)
    words = list(VERDICTS.values())
    order = sorted(verdicts, key=lambda name: (words.index(name) if name in words else len(words), name))
    return {
        "titles": titles,
        "headline": plural(len(found), "report"),
        "lead": ", ".join(f"{number(verdicts[name])} {name[0].lower()}{name[1:]}" for name in order),
        "broken": f"{plural(broken, 'file')} named like a report cannot be read as one." if broken else "",
        "titled": len(titles) > 1,
        "kinds": kinds,
        "rows": list(_rows(found, kinds)),
    }


def _rows(found: Sequence[tuple[Path, Values]], kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    for count, (path, report) in enumerate(found, 1):
        tone, words = verdict(report)
        redacted, checked = report["redacted"], report["verified"]
        seconds = redacted.get("timeline", {}).get("seconds")
        yield {
            "name": f"Report {number(count)}",
            "link": quote(os.fsencode(path.with_suffix(".html"))),
            "title": report.get("title", ""),
            "tone": tone,
            "verdict": words,
            "length": clock(seconds) if seconds else "",
            "tracks": {kind: number(redacted.get("tracks", {}).get(kind, 0)) if redacted else "" for kind in kinds},
            "doubts": number(len(checked.get("doubts", ())) + len(checked.get("leaks", ()))) if checked else "",
            "made": when(report),
            "sha256": str(report["source"].get("sha256", ""))[:12],
        }


def _beginning(path: Path) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        return b""
    with path.open("rb") as file:
        return file.read(LONGEST)
