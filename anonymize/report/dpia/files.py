"""The annex as Markdown and as a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from anonymize.errors import OutputError
from anonymize.pages import fill, save
from anonymize.report.data import check_title
from anonymize.report.dpia.outline import outline
from anonymize.report.dpia.parts import Blank, Part, Section, Table, Text
from anonymize.report.dpia.sources import Sources, gather

TITLE = "Annex to a data protection impact assessment: redaction of video"
BLANK = "to be filled in by the controller"


def write(
    sources: Iterable[Path], output: Path, *, title: str = "", force: bool = False, first: Sequence[Section] = ()
) -> list[Path]:
    """Write the annex as Markdown and HTML; return both paths.

    Args:
        sources: reports, folders of them, evaluations (the output of ``evaluate --json``), metrics of live cameras,
            alarms from Prometheus.
        output: the files' common name; a suffix ``.md`` or ``.html`` is removed.
        title: the heading; `TITLE` if not given.
        force: replace existing files, with everything that people wrote into them.
        first: sections that come before the others; with them there need not be any source.

    Raises:
        ReportError: a source is damaged or none of these.
        OutputError: a file exists or cannot be written.
        UsageError: there is nothing to summarise, or the title is invalid.
    """
    check_title(title)
    sources = list(sources)
    sections = outline(gather(sources) if sources or not first else Sources())
    sections[1:1] = first
    stem = output.with_suffix("") if output.suffix in (".md", ".html") else output
    targets = [stem.with_name(stem.name + suffix) for suffix in (".md", ".html")]
    for target in targets:
        if target.exists() and not force:
            raise OutputError(f"{target} exists, maybe with blanks filled in: give another name, or --force to lose it")
    save(markdown(sections, title or TITLE), targets[0])
    save(page(sections, title or TITLE), targets[1])
    return targets


def page(sections: Sequence[Section], title: str = TITLE) -> str:
    """The annex as one HTML file."""
    return fill(
        "dpia.html.jinja", title=title, what="impact assessment, annex", when="", blank=BLANK, sections=sections
    )


def markdown(sections: Sequence[Section], title: str = TITLE) -> str:
    """The annex as Markdown."""
    return "\n".join([f"# {escaped(title)}", "", *(line for section in sections for line in _section(section))])


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {section.title}", "")
    if section.asked_by:
        yield from (f"*{section.asked_by}*", "")
    for part in section.parts:
        yield from _part(part)
        yield ""


def _part(part: Part) -> Iterator[str]:
    match part:
        case Text(text):
            yield escaped(text)
        case Blank(ask):
            yield f"**{escaped(ask)}** [{BLANK}]: ________"
        case Table(head, rows):
            yield "| " + " | ".join(escaped(cell) for cell in head) + " |"
            yield "|" + "---|" * len(head)
            for row in rows:
                yield "| " + " | ".join(escaped(cell) for cell in row) + " |"


def escaped(text: str) -> str:
    """`text` escaped for Markdown, on one line."""
    return re.sub(r"([\\*_<>|\[\]#])", r"\\\1", re.sub(r"[ \t\r\n]+", " ", text))
