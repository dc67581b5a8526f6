"""Reports as files: written, read again, and kept free of names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonymize import storage
from anonymize.errors import ReportError
from anonymize.pages import save
from anonymize.report.data import FORMAT, VERSION, Report

if TYPE_CHECKING:
    from anonymize.storage import Place

LARGEST = 64 << 20
"""Bytes of a report, at most: ours stay under one MiB."""


def write(report: Report, path: Path) -> None:
    """Write `report` as JSON to `path`, and beside it, with the suffix ``.html``, as a page; make the folders it needs.

    Raises:
        OutputError: they cannot be written.
    """
    write_values(report.as_dict(), path)


def write_values(content: Mapping[str, Any], path: Path) -> None:
    """`write`, from a report's JSON values."""
    from anonymize.report.page import page

    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, default=str)
    save(text + "\n", path)
    save(page(content), path.with_suffix(".html"))


def read(path: Path) -> dict[str, Any]:
    """The JSON values of the report at `path`.

    Raises:
        ReportError: it cannot be read, is no report, or is of another version.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ReportError(f"{path}: not a report: it is larger than {LARGEST >> 20} MiB")
        text = path.read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_number)
    except OSError as error:
        raise ReportError(f"{path}: cannot read this report: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path}: not a report: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ReportError(f'{path}: not a report: it lacks "format": "{FORMAT}"')
    if content.get("version") != VERSION:
        raise ReportError(f"{path}: report version {content.get('version')}, this release reads version {VERSION}")
    try:
        _validator()(content)
    except ValueError as error:
        raise ReportError(f"{path}: not a report of version {VERSION}: {error}") from error
    return content


def schema() -> dict[str, Any]:
    """The JSON Schema of reports."""
    found: dict[str, Any] = json.loads(files(__package__).joinpath("report.schema.json").read_text(encoding="utf-8"))
    return found


@cache
def _validator() -> Callable[[Any], Any]:
    """What raises a `ValueError` that names the place where a report does not fit its schema."""
    import fastjsonschema

    check: Callable[[Any], Any] = fastjsonschema.compile(schema())
    return check


def _no_number(name: str) -> float:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is no number in JSON")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON whose keys differ: with a key twice, two readers could see two reports."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def nameless(text: str, paths: Iterable[Place | None], stand_in: str = "the file") -> str:
    """`text` with `paths` and their names replaced by `stand_in`: names of files tell who is in them."""
    names = {name for path in paths if path for name in (str(path), str(path.absolute()), path.name, str(path.parent))}
    for name in sorted(names - {".", "/", ""}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", stand_in, text)
    return text


def sha256(source: Place | BytesIO) -> str:
    """The hash of a file, or of a stream from its present position, as lower-case hex. Raises `OSError`."""
    if isinstance(source, BytesIO):
        return hashlib.file_digest(source, "sha256").hexdigest()
    return storage.sha256(source)
