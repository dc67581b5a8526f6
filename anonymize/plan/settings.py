"""The settings that a plan is rendered and verified with: those it was made with, unless others are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from anonymize.errors import PlanError
from anonymize.plan.model import OLDER, About, held
from anonymize.settings import Settings
from anonymize.text.mapping import leaves


def to_render(about: About, preset: Settings | None = None) -> Settings:
    """The settings that a plan is rendered with, before single options are applied.

    Args:
        about: the plan's header.
        preset: replaces the plan's style, audio, output and verification; everything about detection stays the plan's.

    Raises:
        PlanError: the plan is of an older version, which does not have the settings, and no preset was given.
    """
    if about.version == OLDER:
        if preset is None:
            raise PlanError(
                "this plan was written by an older version and lacks some settings: whether the audio is kept, how "
                "strictly the output is verified, how it is encoded. Name the preset that it was made with (--preset), "
                "or detect again"
            )
        return replace(preset, redact=about.redact, pixel_aspect=about.settings.pixel_aspect)
    if preset is None:
        return about.settings
    return replace(
        about.settings,
        redact=about.redact.styled(preset.redact),
        output=preset.output,
        verify=preset.verify,
        review=max(about.settings.review, preset.review, key=lambda rules: rules.approvals),
    )


def instead(about: About, used: Settings) -> dict[str, dict[str, Any]]:
    """Every setting in `used` that differs from the plan's, by dotted name: the value in the `plan` and that `used`."""
    if about.version == OLDER:
        return {}
    asked, ours = _plain(about.settings), _plain(used)
    return {name: {"plan": asked.get(name), "used": value} for name, value in ours.items() if asked.get(name) != value}


def _plain(settings: Settings) -> Mapping[str, Any]:
    """`settings` by dotted name, as plain values."""
    unverified = settings.verify.publish_unverified
    return {**dict(leaves(held(settings))), "verify.publish_unverified": unverified}
