"""Finds of the second look become doubts in the plan, for a person to answer: each with a track of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from anonymize.data import Kind, Track, Why
from anonymize.kinds import Raised
from anonymize.plan import Plan, Regions
from anonymize.plan.compose import compose
from anonymize.plan.doubts import Doubt
from anonymize.settings import Settings
from anonymize.verify.hiding import APART, RATE, gathered, subject_of
from anonymize.verify.verdict import By, Find, Verified


def doubted(plan: Plan, verified: Verified, rate: float | None, settings: Settings) -> Plan:
    """`plan` with what `verified` found still visible as open doubts, in place of those of an earlier check.

    Finds of one track of the plan, or that follow in time and place, are one doubt.

    Args:
        plan: as it was drawn.
        verified: the examination of the output.
        rate: frames per second, if known.
        settings: how long a subject is held before its first and after its last find.
    """
    if not verified.looked_frames:
        return plan
    rate = rate or RATE
    over = {one.track for one in plan.doubts if one.raised is Raised.CHECK and one.answer is None}
    rows = [row for row in plan.regions.rows() if row[2].track not in over]
    first = 1 + max((region.track for _, _, region in rows), default=-1)
    subject = partial(subject_of, rows=plan.covered().columns(), appearances=plan.about.redact, rate=rate)
    finds = [find for find in (*verified.leaks, *verified.doubts) if find.by is By.LOOK]
    size = (plan.about.width, plan.about.height)
    kinds = (frozenset(Kind) - {Kind.AREA}) | {find.kind for find in finds}  # a user's own are no members of `Kind`
    drawing = replace(settings, zones=(), obscured=(), targets=kinds, redact=plan.about.redact)
    doubts = [one for one in plan.doubts if one.track not in over]
    for find in gathered(finds, subject):
        number, hold = first + find.track, math.ceil(settings.follow.hold * rate)
        tracks = list(_tracks(find, number, round(APART * rate), hold, plan.about.frames))
        its = list(compose(tracks, (), (), (), size, drawing))
        if its:
            rows += its
            seconds = (round(find.start, 3), round(find.end, 3))
            doubts.append(Doubt(number, its[0][0], its[-1][1], Raised.CHECK, seconds))
    return replace(plan, regions=Regions(rows), doubts=tuple(doubts))


def _tracks(find: Find, number: int, apart: int, hold: int, frames: int) -> Iterator[Track]:
    """`find` on all frames: interpolated between its places, held before and after, and none where it was gone.

    However long it is held, where it is found again it is where it was found.

    Args:
        find: with its places.
        number: of the track.
        apart: maximum frames from one place to the next; beyond that it was gone.
        hold: frames to hold it.
        frames: of the video.
    """
    places = dict(sorted(find.places or ((find.frame, find.box),)))
    parts: list[list[int]] = [[min(places)]]
    for before, frame in pairwise(places):
        if frame - before > apart:
            parts.append([])
        parts[-1].append(frame)
    after = 0
    for part, limit in zip(parts, (*(part[0] for part in parts[1:]), frames), strict=True):
        first, end = max(after, part[0] - hold), min(limit, part[-1] + 1 + hold)
        after = end
        index = np.arange(first, end)
        corners = np.array([places[frame] for frame in part])
        xyxy = np.stack([np.interp(index, part, corner) for corner in corners.T], axis=1)
        why = tuple(
            Why.DETECTED if frame in places else Why.INTERPOLATED if part[0] < frame < part[-1] else Why.HELD
            for frame in index.tolist()
        )
        score = np.full(len(index), find.score, np.float32)
        yield Track(number, find.kind, first, xyxy.astype(np.float32), score, why)
