"""Reports as files: written, read back, and kept free of names."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from anonymize import storage
from anonymize.errors import OutputError, ReportError
from anonymize.pages import save
from anonymize.report.data import FORMAT, VERSION, Report
from anonymize.text import untrusted
from anonymize.text.ranges import brief, shown
from anonymize.text.words import system

if TYPE_CHECKING:
    from anonymize.plan import Plan
    from anonymize.storage import Place

NAMED = "the error message names the file and is not kept here"
NAME_BYTES = 255
"""Maximum length of a file's name in bytes, on every file system in common use."""


def write(report: Report, path: Path) -> None:
    """Write `report` as JSON to `path`, and as a page beside it, with the suffix ``.html``; create missing folders.

    Raises:
        OutputError: they cannot be written.
    """
    write_values(report.as_dict(), path)


def path_for(folder: Path, relative: Path) -> Path:
    """The path in `folder` of the report on the file `relative`: `relative` with ``.report.json`` appended."""
    return folder / relative.with_name(name_beside(relative.name, ".report.json"))


def name_beside(name: str, end: str) -> str:
    """The file name `name` with `end` appended.

    If that is too long (over 255 bytes), it is cut and made unique by a hash.
    """
    if len(os.fsencode(name + end)) <= NAME_BYTES:
        return name + end
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    end = f"~{digest}{end}"
    return os.fsencode(name)[: NAME_BYTES - len(os.fsencode(end))].decode(errors="ignore") + end


def prepare(folder: Path) -> None:
    """Create `folder`, and test whether a report can be written in it, before the work that it reports.

    Raises:
        OutputError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise OutputError(f"no report can be written in this folder ({system(error)})", folder) from error


def write_values(content: Mapping[str, Any], path: Path) -> None:
    """`write`, from a report's JSON values."""
    from anonymize.report.page import page

    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, default=str)
    save(text + "\n", path)
    save(page(content), path.with_suffix(".html"))


def write_tracks(plan: Plan, times: Sequence[Fraction], path: Path) -> None:
    """Write a page of the tracks of `plan`, whose frames are shown at `times`, to `path`. Raises `OutputError`."""
    from anonymize.report.account import subjects
    from anonymize.report.tracks import page

    save(page(plan, subjects(plan, times)), path)


def read(path: Path) -> dict[str, Any]:
    """The JSON values of the report at `path`.

    Raises:
        ReportError: it cannot be read, is not a report, or is of another version.
    """
    content = untrusted.json_value(untrusted.text(path, "report", ReportError), str(path), ReportError)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ReportError(f'not a report: it lacks "format": "{FORMAT}"', path)
    if content.get("version") != VERSION:
        raise ReportError(f"report version {shown(content.get('version'))}, this release reads version {VERSION}", path)
    try:
        _validator()(content)
    except ValueError as error:
        raise ReportError(f"not a report of version {VERSION}: {brief(error)}", path) from error
    return content


def schema() -> dict[str, Any]:
    """The JSON Schema of reports."""
    found: dict[str, Any] = json.loads(files(__package__).joinpath("report.schema.json").read_text(encoding="utf-8"))
    return found


@cache
def _validator() -> Callable[[Any], Any]:
    """A function that raises a `ValueError` naming the place where a report violates its schema."""
    import fastjsonschema

    check: Callable[[Any], Any] = fastjsonschema.compile(schema())
    return check


def nameless(text: str, paths: Iterable[Place | None]) -> str:
    """`text`, unless it names one of `paths`: names of files can say who is in them. Messages hold none themselves."""
    names = {name for path in paths if path for name in (str(path), path.name, str(path.absolute().parent))}
    words = {word.strip("'\"`:;,.()") for word in text.split()}
    named = (name in (text if "/" in name or "." in name else words) for name in names if name.strip("/."))
    return NAMED if any(named) else text


def sha256(source: Place | BytesIO) -> str:
    """The hash of a file, or of a stream from its current position, as lower-case hex. Raises `OSError`."""
    if isinstance(source, BytesIO):
        return hashlib.file_digest(source, "sha256").hexdigest()
    return storage.sha256(source)
