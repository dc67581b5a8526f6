"""What a plan is rendered and checked with: the settings that it was made with, unless others are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from anonymize.errors import PlanError
from anonymize.plan.model import OLDER, About, held
from anonymize.settings import Appearance, Redact, Settings
from anonymize.text.mapping import leaves


def to_render(about: About, preset: Settings | None = None) -> Settings:
    """The settings that a plan is rendered with, before single options are heeded.

    Args:
        about: the plan's header.
        preset: what is asked for in place of the plan's. It decides on style, sound, output and check; what was looked
            for, how and where, is the plan's all the same.

    Raises:
        PlanError: the plan is of an older version, which does not say what was asked for, and no preset was given.
    """
    if about.version == OLDER:
        if preset is None:
            raise PlanError(
                "this plan was written by an older version and does not hold what was asked for beside the regions: "
                "whether the sound is kept, how strictly the output is checked, how it is encoded. Name the preset "
                "that it was made with (--preset), or detect again"
            )
        return replace(preset, redact=about.redact, pixel_aspect=about.settings.pixel_aspect)
    if preset is None:
        return about.settings
    return replace(
        about.settings, redact=_styled(about.redact, preset.redact), output=preset.output, verify=preset.verify
    )


def instead(about: About, used: Settings) -> dict[str, dict[str, Any]]:
    """Every setting that differs from the plan's, by dotted name: what the `plan` says and what was `used`."""
    if about.version == OLDER:
        return {}
    asked, ours = _plain(about.settings), _plain(used)
    return {name: {"plan": asked[name], "used": value} for name, value in ours.items() if asked[name] != value}


def _plain(settings: Settings) -> Mapping[str, Any]:
    """`settings` by dotted name, as plain values."""
    unverified = settings.verify.publish_unverified
    return {**dict(leaves(held(settings))), "verify.publish_unverified": unverified}


def _styled(drawn: Redact, wanted: Redact) -> Redact:
    """`drawn` in the style of `wanted`; the shapes and sizes of regions are in their lines already."""

    def look(own: Appearance, other: Appearance) -> Appearance:
        return replace(own, style=other.style, cells=other.cells)

    return Redact(look(drawn.face, wanted.face), look(drawn.plate, wanted.plate), look(drawn.area, wanted.area))
