"""Pages for people: templates, what fills them, and what saves the result.

A page is one file that works offline: style and drawings are inside, and nothing needs a script. All values are
escaped.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def fill(template: str, **values: Any) -> str:
    """Render `template` (the name of a file in ``templates``) with `values`; a missing value is an error."""
    return _environment().get_template(template).render(**values)


def save(text: str, path: Path) -> None:
    """Write `text` whole or not at all, creating missing folders. Raises `OutputError`."""
    from anonymize.media import make_folder, pending  # filling a page needs no FFmpeg
    from anonymize.storage.commit import plainly

    make_folder(path.parent)
    with pending(path, force=True) as temporary, plainly(temporary):
        temporary.write_text(text, encoding="utf-8")


@cache
def _environment() -> Environment:
    import jinja2

    from anonymize.pages import words
    from anonymize.text.words import clock

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("anonymize.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clock": clock,
        "number": words.number,
        "percent": words.percent,
        "plural": words.plural,
        "sentence": words.sentence,
    }
    return environment
