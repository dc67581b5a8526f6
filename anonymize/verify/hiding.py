"""What an examination found, as it is told: one person over time as one find, with the lines that hide it in a plan."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from anonymize.data import Kind, Shape
from anonymize.media import MediaInfo
from anonymize.plan import Columns
from anonymize.settings import Redact, Settings
from anonymize.track.padding import outline, undrawn
from anonymize.verify.verdict import By, Find

RATE = 25
"""Frames a second, where a file does not say."""
APART = 3.0
"""Seconds between two finds that are told as one, at most."""
SPEED, FARTHEST = 2.0, 4.0
"""How far the one is from the other: its size, or so many times its size a second, but never farther than this."""
ALIKE = 2.0
"""How many times larger one of them is than the other, at most."""
ON, SOON = 0.5, 1.0
"""A find is of a subject whose middle lies within this share of its size on that frame, or where it may have come from
within so many seconds."""


def hiding(finds: Iterable[Find], info: MediaInfo, frames: int, settings: Settings) -> list[Find]:
    """`finds`, each with lines for a plan that hide it.

    Args:
        finds: what was found.
        info: of the output.
        frames: how many it has.
        settings: how far regions reach beyond what was found, in space and time.
    """
    hold = math.ceil(settings.follow.hold * (info.average_rate or RATE))
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


def gathered(finds: Iterable[Find], subject: Callable[[Find], int] = lambda _: -1) -> list[Find]:
    """`finds` by time, those of one kind that follow one another as one: numbered anew, from 0.

    They follow in time and place, or are of one subject.

    Args:
        finds: in any order.
        subject: the track of the plan that a find is of; -1 for none, or if nobody knows.
    """
    told: list[Find] = []
    going_on: list[int] = []
    of: dict[tuple[Kind, int], int] = {}
    for find in sorted(finds, key=lambda find: find.start):
        going_on = [at for at in going_on if find.start - told[at].end <= APART]
        far, at = min(((_far(told[at], find), at) for at in going_on), default=(1.0, 0))
        track = subject(find)
        if far >= 1 and track >= 0 and (find.kind, track) in of:
            at = of[find.kind, track]
            far = 1.0 if find.start <= told[at].end else 0.0
        if far < 1:
            told[at] = _joined(told[at], find)
            if at not in going_on:
                going_on.append(at)
        else:
            at = len(told)
            going_on.append(at)
            told.append(replace(find, track=at))
        if track >= 0:
            of[find.kind, track] = at
    return told


def subject_of(find: Find, rows: Columns, looks: Redact, rate: float) -> int:
    """The track of a plan that `find` is of, as far as time and place tell; -1 for none.

    Args:
        find: what was found beside the plan's regions.
        rows: of the plan.
        looks: how its regions are drawn.
        rate: frames a second.
    """
    mine = np.flatnonzero(rows.found & (rows.kind == find.kind) & (rows.track >= 0))
    boxes = undrawn(rows.xyxy[mine], looks.of(find.kind))
    middles, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    near: Counter[int] = Counter()
    for frame, box in find.places:
        x0, y0, x1, y1 = box
        size = max(x1 - x0, y1 - y0)
        gap = np.maximum(np.maximum(rows.start[mine] - frame, frame - rows.end[mine] + 1), 0) / rate
        reach = np.maximum(sizes, size) * np.maximum(ON, SPEED * gap)
        away = np.hypot(middles[:, 0] - (x0 + x1) / 2, middles[:, 1] - (y0 + y1) / 2) / reach
        away[(gap > SOON) | (np.maximum(sizes, size) > ALIKE * np.minimum(sizes, size))] = np.inf
        if len(away) and (least := int(away.argmin())) >= 0 and away[least] < 1:
            near[int(rows.track[mine[least]])] += 1
    track, times = near.most_common(1)[0] if near else (-1, 0)
    return track if 2 * times > len(find.places) else -1


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
