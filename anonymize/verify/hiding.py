"""What an examination found, as it is told: one person over time as one find, with the lines that hide it in a plan."""

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
APART = 3.0
"""Seconds between two finds that are told as one, at most."""
SPEED, FARTHEST = 2.0, 4.0
"""How far the one is from the other: its size, or so many times its size a second, but never farther than this."""
ALIKE = 2.0
"""How many times larger one of them is than the other, at most."""


def hiding(finds: Iterable[Find], info: MediaInfo, frames: int, settings: Settings) -> list[Find]:
    """`finds`, each with lines for a plan that hide it.

    Args:
        finds: what was found.
        info: of the output.
        frames: how many it has.
        settings: how far regions reach beyond what was found, in space and time.
    """
    hold = math.ceil(settings.follow.hold * (info.average_rate or _RATE))
    return [replace(find, lines=(_line(find, info, frames, hold, settings),)) for find in finds]


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


def gathered(finds: Iterable[Find]) -> list[Find]:
    """`finds` by time, those of one kind that follow one another in time and place as one: numbered anew, from 0."""
    told: list[Find] = []
    going_on: list[int] = []
    for find in sorted(finds, key=lambda find: find.start):
        going_on = [at for at in going_on if find.start - told[at].end <= APART]
        far, at = min(((_far(told[at], find), at) for at in going_on), default=(1.0, 0))
        if far < 1:
            told[at] = _joined(told[at], find)
        else:
            going_on.append(len(told))
            told.append(replace(find, track=len(told)))
    return told


def _far(one: Find, other: Find) -> float:
    """How far `other` begins from where `one` ended, as a share of how far it may be; 1 and more is too far."""
    gap = other.start - one.end
    (_, last), (_, first) = (one.places or ((0, one.box),))[-1], (other.places or ((0, other.box),))[0]
    size, next_size = (max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (last, first))
    unlike = max(size, next_size) > ALIKE * min(size, next_size)
    if one.kind is not other.kind or unlike or not 0 < gap <= APART:
        return 1.0
    away = math.hypot(last[0] + last[2] - first[0] - first[2], last[1] + last[3] - first[1] - first[3]) / 2
    return away / (max(size, next_size) * min(max(1.0, SPEED * gap), FARTHEST))


def _joined(one: Find, other: Find) -> Find:
    """Both as one find: where and as sure as it shows best, from when the first begins."""
    return replace(
        max(one, other, key=lambda find: find.score),
        track=one.track,
        start=one.start,
        end=other.end,
        frames=one.frames + other.frames,
        places=(*one.places, *other.places),
        lines=(*one.lines, *other.lines),
        finds=one.finds + other.finds,
    )
