"""What an examination found, each with the lines that hide it in a plan."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace

from anonymize.data import Kind, Shape
from anonymize.media import MediaInfo
from anonymize.settings import Settings
from anonymize.track.regions import outline
from anonymize.verify.verdict import By, Find

_RATE = 25
"""Frames a second, where a file does not say."""


def hiding(finds: Iterable[Find], info: MediaInfo, frames: int, settings: Settings) -> tuple[Find, ...]:
    """`finds`, each with lines for a plan that hide it.

    Args:
        finds: what was found.
        info: of the output.
        frames: how many it has.
        settings: how far regions reach beyond what was found, in space and time.
    """
    hold = math.ceil(settings.follow.hold * (info.average_rate or _RATE))
    return tuple(replace(find, lines=(_line(find, info, frames, hold, settings),)) for find in finds)


def _line(find: Find, info: MediaInfo, frames: int, hold: int, settings: Settings) -> str:
    """One box around all places of `find`, held before and after: looks are samples, and it was there between them."""
    places = find.places or ((find.frame, find.box),)
    shown = [frame for frame, _ in places]
    kind = Kind.AREA if find.by is By.PLAN else find.kind  # what was drawn there as its kind is did not hide it
    look = replace(settings.redact.of(find.kind), shape=Shape.BOX)
    left, top, right, bottom = zip(*(box for _, box in places), strict=True)
    around = (min(left), min(top), max(right), max(bottom))
    x0, y0, x1, y1 = outline(around, look, info.width, info.height)
    return json.dumps(
        {
            "frames": [max(0, min(shown) - hold), min(frames, max(shown) + 1 + hold)],
            "kind": kind.label,
            "xyxy": [math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)],
        }
    )
