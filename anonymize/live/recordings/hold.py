"""Segments that are not to be deleted: a small file beside each says who holds it, since when and why."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anonymize.errors import OutputError, ReportError
from anonymize.live.recordings import custody
from anonymize.live.recordings.files import is_segment
from anonymize.live.recordings.owner import hand_over
from anonymize.text import untrusted
from anonymize.text.words import system

SUFFIX = ".hold"
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a segment is held; empty where its file does not say.

    Args:
        reason: in words.
        by: who holds it.
        at: since when, UTC.
    """

    reason: str = ""
    by: str = ""
    at: str = ""


def is_held(folder: Path, name: str) -> bool:
    """Whether the segment `name` is held: anything of the name of its hold counts."""
    return os.path.lexists(folder / f"{name}{SUFFIX}")


def all_in(folder: Path) -> dict[str, Hold]:
    """The holds in `folder`, by the name of the segment, which may be gone. Raises `OSError`."""
    names = [path.name.removesuffix(SUFFIX) for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    return {name: _read(folder / f"{name}{SUFFIX}") for name in sorted(names) if is_segment(name)}


def place(folder: Path, name: str, reason: str, by: str) -> None:
    """Hold the segment `name`. The caller has the lock of `folder`. Raises `OutputError`."""
    hold = {"reason": custody.text(reason), "by": custody.text(by) or custody.user(), "at": _now()}
    path = folder / f"{name}{SUFFIX}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            hand_over(descriptor, folder)
            os.write(descriptor, json.dumps(hold, ensure_ascii=False).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except FileExistsError:
        return
    except OSError as error:
        with suppress(OSError):  # an empty one, of a full disk
            path.unlink()
        raise OutputError(f"it cannot be held: {system(error)}", folder / name) from error


def lift(folder: Path, name: str) -> None:
    """Hold the segment `name` no longer. The caller has the lock of `folder`. Raises `OutputError`."""
    try:
        (folder / f"{name}{SUFFIX}").unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"its hold cannot be removed: {system(error)}", folder / name) from error


def _read(path: Path) -> Hold:
    """What the file `path` says; empty where it is none of ours."""
    try:
        if path.is_symlink():
            return Hold()
        values = untrusted.json_value(untrusted.content(path, _LONGEST).decode(), str(path), ReportError)
    except (OSError, ReportError, UnicodeDecodeError):
        return Hold()
    if not isinstance(values, dict):
        return Hold()
    return Hold(*(custody.text(str(values.get(name, ""))) for name in ("reason", "by", "at")))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
