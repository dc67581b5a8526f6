"""Sentences of README and docs that say never, always, only, every, nothing, all, none, cannot or impossible.

Each has a test that holds it, named in a comment at the end of its section, or a reason in tests/claims.toml.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HOME = Path(__file__).parents[2]
ABSOLUTE = re.compile(r"\b(never|always|only|every|nothing|all|none|cannot|impossible)\b", re.IGNORECASE)
COMMENT = re.compile(r"<!-- (\d+) claims?: ([^>]*?) -->")
TEST = re.compile(r"tests/[\w/]+\.py::\w+")


@dataclass(slots=True)
class Section:
    """A heading and what stands below it, up to the next. Its comment gives the number of claims and their tests."""

    page: str
    title: str
    sentences: list[str] = field(default_factory=list)
    """Those that say one of the words."""
    claims: int = 0
    tests: list[str] = field(default_factory=list)


def sections(page: str) -> list[Section]:
    """The sections of a page (`README.md`, `docs/guide.md`), without what stands in fences."""
    return list(parse(page, (HOME / page).read_text(encoding="utf-8")))


def parse(page: str, text: str) -> Iterator[Section]:
    """The sections of `text`, Markdown called `page`."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for part in filter(str.strip, re.split(r"^(?=#+ )", text, flags=re.MULTILINE)):
        title = part.partition("\n")[0].strip("# ") if part.startswith("#") else ""
        section = Section(page, title)
        for number, names in COMMENT.findall(part):
            section.claims += int(number)
            section.tests += names.split()
        part = re.sub(r"<!--.*?-->", "", part, flags=re.DOTALL)
        for block in re.split(r"\n\s*\n|\n(?=[-|] |\d+\. |\|)", part):
            whole = " ".join(block.split())
            section.sentences += [
                s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z*`\"(<\[])| \| ", whole) if ABSOLUTE.search(s)
            ]
        yield section


def exemptions() -> dict[str, dict[str, list[str]]]:
    """From tests/claims.toml: reason -> page -> beginnings of sentences that need no test."""
    content: dict[str, dict[str, list[str]]] = tomllib.loads(
        (HOME / "tests" / "claims.toml").read_text(encoding="utf-8")
    )
    return content


def pages() -> list[str]:
    """README and docs, but for the pages that are written from tests and tables."""
    made = {page for group in exemptions().values() for page, rows in group.items() if rows == ["the whole page"]}
    return [
        name
        for name in ("README.md", *sorted(f"docs/{path.name}" for path in (HOME / "docs").glob("*.md")))
        if name not in made
    ]


def exempt(page: str) -> list[str]:
    """Beginnings of the sentences of `page` that need no test."""
    return [start for group in exemptions().values() for start in group.get(page, [])]


def unfounded(section: Section, exempt: list[str]) -> str:
    """What is wrong with the claims of `section`, and how to mend it; empty if nothing is."""
    claims = [s for s in section.sentences if not s.startswith(tuple(exempt))]
    missing = [name for name in section.tests if not exists(name)]
    if missing:
        return f"{section.page}, {section.title!r}: no such test: {', '.join(missing)}"
    if len(claims) == section.claims and bool(claims) == bool(section.tests):
        return ""
    listed = "".join(f"\n  {claim}" for claim in claims)
    return (
        f"{section.page}, {section.title!r} makes {len(claims)} claims without a scope, and its comment counts "
        f"{section.claims}. Name a test of each in <!-- {len(claims)} claims: tests/... --> at the section's end, say "
        f"when it holds, or give the reason in tests/claims.toml:{listed}"
    )


def exists(test: str) -> bool:
    """Whether there is a test called `tests/FILE.py::NAME`."""
    file, _, name = test.partition("::")
    path = HOME / file
    return bool(TEST.fullmatch(test)) and path.is_file() and f"def {name}(" in path.read_text(encoding="utf-8")
