"""Presets: settings for a purpose, as TOML files in this folder. Any file of the same form can be used by its path."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from anonymize.errors import UsageError
from anonymize.kinds import Kind
from anonymize.settings import Settings
from anonymize.text import untrusted
from anonymize.text.mapping import from_mapping
from anonymize.text.words import meant


@dataclass(frozen=True, slots=True)
class Preset:
    """Named settings.

    Args:
        name: the file's stem, or the path it was read from.
        whom: one line saying for whom it is.
        text: the content of the file.
        settings: the defaults with its changes.
    """

    name: str
    whom: str
    text: str
    settings: Settings

    def as_dict(self) -> dict[str, str]:
        """Its identity: its name without a folder, and the hash of its text."""
        return {"name": Path(self.name).name, "sha256": hashlib.sha256(self.text.encode()).hexdigest()}


def _refuse_unsought(settings: Settings) -> None:
    """Refuse tables for kinds that are neither ours nor targets: a mistyped name would have no effect."""
    for table, own in (("redact", settings.redact.own), ("detect.smallest", settings.detect.smallest.own)):
        for kind, _ in own:
            if kind not in settings.targets:
                known = [known.label for known in (*Kind, *(target for target in settings.targets if target.own))]
                raise UsageError(
                    f"{table}.{kind.label}: {meant(kind.label, known)}; a kind of your own must be a target"
                )


DEFAULT = "default"


def names() -> list[str]:
    """The built-in presets, `DEFAULT` first."""
    found = sorted(f.name.removesuffix(".toml") for f in files(__name__).iterdir() if f.name.endswith(".toml"))
    return [DEFAULT, *(name for name in found if name != DEFAULT)]


def load(name: str) -> Preset:
    """The built-in preset `name`, or the one in the TOML file at the path `name`.

    Raises:
        UsageError: there is no such preset, or its file has an unknown key or an invalid value.
    """
    if name in names():
        text = files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    elif Path(name).suffix == ".toml":
        text = untrusted.text(Path(name), "preset", UsageError)
    else:
        near = get_close_matches(name.lower(), names(), 1)
        meant = f"did you mean {near[0]}? There are" if near else "choose one of"
        raise UsageError(f"no preset {name!r}: {meant} {', '.join(names())}, or give the path of a .toml file")
    values = untrusted.toml_value(text, f"preset {name}", UsageError)
    whom = str(values.pop("whom", ""))
    try:
        settings = from_mapping(Settings, values, Settings())
        _refuse_unsought(settings)
    except UsageError as error:
        raise UsageError(f"preset {name}: {error}") from error
    if settings.verify.publish_unverified:
        raise UsageError(f"preset {name}: verify.publish_unverified: use the option --publish-unverified instead")
    return Preset(name, whom, text, settings)
