"""Finds as they are reported: one person over time as one find, with the plan lines that hide it."""

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
"""Frames per second, where a file does not state them."""
APART = 3.0
"""Maximum seconds between two finds that are merged."""
SPEED, FARTHEST = 2.0, 4.0
"""Maximum distance between them, in multiples of their size: 1 or `SPEED` a second, and at most `FARTHEST`."""
ALIKE = 2.0
"""Maximum ratio of their sizes."""
ON, SOON = 0.5, 1.0
"""A find is of a subject whose middle lies within `ON` times their size of its own on that frame, or could have come
from there within `SOON` seconds."""


def hiding(finds: Iterable[Find], info: MediaInfo, frames: int, settings: Settings) -> list[Find]:
    """`finds`, each with plan lines that hide it.

    Args:
        finds: what was found.
        info: of the output.
        frames: in the output.
        settings: how far regions extend beyond a find, in space and time.
    """
    hold = math.ceil(settings.follow.hold * (info.average_rate or RATE))
    return [replace(find, lines=(_line(find, info, frames, hold, settings),)) for find in finds]


def _line(find: Find, info: MediaInfo, frames: int, hold: int, settings: Settings) -> str:
    """One box around all places of `find`, held before and after: scanned frames are samples, it is there between."""
    places = find.places or ((find.frame, find.box),)
    shown = [frame for frame, _ in places]
    kind = Kind.AREA if find.by is By.PLAN else find.kind  # the appearance of its kind did not hide it
    appearance = replace(settings.redact.of(find.kind), shape=Shape.BOX)
    left, top, right, bottom = zip(*(box for _, box in places), strict=True)
    around = (min(left), min(top), max(right), max(bottom))
    x0, y0, x1, y1 = outline(around, appearance, info.width, info.height)
    return json.dumps(
        {
            "frames": [max(0, min(shown) - hold), min(frames, max(shown) + 1 + hold)],
            "kind": kind.label,
            "xyxy": [math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)],
        }
    )


def gathered(finds: Iterable[Find], subject: Callable[[Find], int] = lambda _: -1) -> list[Find]:
    """`finds` by time, merged where they are of one kind and follow in time and place, or are of one subject.

    They are numbered anew, from 0.

    Args:
        finds: in any order.
        subject: gives the track of the plan that a find is of; -1 for none or unknown.
    """
    merged: list[Find] = []
    recent: list[int] = []
    of: dict[tuple[Kind, int], int] = {}
    for find in sorted(finds, key=lambda find: find.start):
        recent = [at for at in recent if find.start - merged[at].end <= APART]
        far, at = min(((_far(merged[at], find), at) for at in recent), default=(1.0, 0))
        track = subject(find)
        if far >= 1 and track >= 0 and (find.kind, track) in of:
            at = of[find.kind, track]
            far = 1.0 if find.start <= merged[at].end else 0.0
        if far < 1:
            merged[at] = _joined(merged[at], find)
            if at not in recent:
                recent.append(at)
        else:
            at = len(merged)
            recent.append(at)
            merged.append(replace(find, track=at))
        if track >= 0:
            of[find.kind, track] = at
    return merged


def subject_of(find: Find, rows: Columns, appearances: Redact, rate: float) -> int:
    """The track of a plan that `find` is of, by time and place; -1 for none.

    Args:
        find: found outside the plan's regions.
        rows: of the plan.
        appearances: how its regions are drawn.
        rate: frames per second.
    """
    mine = np.flatnonzero(rows.found & (rows.kind == find.kind) & (rows.track >= 0))
    boxes = undrawn(rows.xyxy[mine], appearances.of(find.kind))
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
    """Distance from the end of `one` to the start of `other`, relative to the maximum; 1 or more is too far."""
    gap = other.start - one.end
    (_, last), (_, first) = (one.places or ((0, one.box),))[-1], (other.places or ((0, other.box),))[0]
    size, next_size = (max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (last, first))
    unlike = max(size, next_size) > ALIKE * min(size, next_size)
    if one.kind is not other.kind or unlike or not 0 < gap <= APART:
        return 1.0
    away = math.hypot(last[0] + last[2] - first[0] - first[2], last[1] + last[3] - first[1] - first[3]) / 2
    return away / (max(size, next_size) * min(max(1.0, SPEED * gap), FARTHEST))


def _joined(one: Find, other: Find) -> Find:
    """Both as one find, with the box and score of the better one."""
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
