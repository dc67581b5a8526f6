"""docs/formats.md: what becomes of each container, codec, sound, picture format and oddity, from the tests.

A test, or a row of its parameters, is marked with `documented(...)`; `python -m tests.helpers.formats` (`make formats`)
collects all tests and writes the page. `test_formats` fails where the page and the marks differ.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
SECTIONS = {
    "containers": "Containers",
    "video": "Video codecs and properties",
    "times": "Clocks, edit lists and damaged timing",
    "sound": "Sound",
    "pictures": "Picture formats",
    "colour": "Colour and transparency",
    "geometry": "Pixel aspect, cropping and rotation",
    "damage": "Damage",
    "names": "Names, folders and special files",
    "live": "Live sources",
}
HEAD = """# What becomes of each format

Written by `make formats` from the tests that hold each row; do not edit. *Refused* always means: nothing is
written, the message says why, and the exit code is not 0.
"""


def documented(section: str, case: str, outcome: str) -> pytest.MarkDecorator:
    """Mark a test, or a `pytest.param`, as what holds a row of docs/formats.md.

    Args:
        section: a key of `SECTIONS`.
        case: what the input is: a format and its oddity, in a few words.
        outcome: what happens to it, in a sentence without a full stop.
    """
    if section not in SECTIONS:
        raise ValueError(f"section {section!r}: expected one of {', '.join(SECTIONS)}")
    return pytest.mark.documented(section, case, outcome)


class _Collector:
    """A pytest plugin that keeps the rows of all collected tests."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str]] = defaultdict(dict)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("documented"):
                section, case, outcome = mark.args
                if self.rows[section].setdefault(case, outcome) != outcome:
                    raise ValueError(f"{item.nodeid}: {case!r} is documented elsewhere with another outcome")


def page(rows: dict[str, dict[str, str]]) -> str:
    """The page as Markdown: a table for each section that has rows, cases in alphabetical order."""
    text = HEAD
    for section, title in SECTIONS.items():
        if cases := rows.get(section):
            text += f"\n## {title}\n\n| input | what happens |\n|---|---|\n"
            text += "".join(f"| {case} | {cases[case]} |\n" for case in sorted(cases, key=str.casefold))
    return text


def main() -> int:
    """Write the page; with `--check`, only say whether it is up to date."""
    collector = _Collector()
    folder = Path(__file__).parents[1]
    code = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", str(folder)], plugins=[collector])
    if code:
        return int(code)
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text(encoding="utf-8") == page(collector.rows) else 1
    PAGE.write_text(page(collector.rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
