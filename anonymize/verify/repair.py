"""Redact what the second look found: its finds are followed through the source and join the plan."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from anonymize.data import Box, Detections, Timestamps
from anonymize.media import Source
from anonymize.plan import Plan, Regions
from anonymize.plan.compose import compose
from anonymize.plan.consent import still_visible
from anonymize.progress import OnProgress, Progress, ignore
from anonymize.settings import Settings
from anonymize.track import Tracker
from anonymize.verify.verdict import By, Find, Verified


def repairable(verified: Verified) -> bool:
    """Whether finds of the second look, doubts included, are all that is wrong with an output."""
    others_pass = all(find.by is By.LOOK for find in verified.leaks)
    failed = [check for check in verified.checks if not check.passed]
    return bool(_second_finds(verified)) and others_pass and all(check.name == "second look" for check in failed)


def repaired(
    plan: Plan, source: Source, verified: Verified, settings: Settings, on_progress: OnProgress = ignore
) -> Plan:
    """`plan` with everything that `verified` found still visible, followed both ways from where it was found.

    Args:
        plan: as it was drawn.
        source: read once more, to follow motion in its pictures.
        verified: what the second look found.
        settings: how long to hold, how to draw, and what stays visible.
        on_progress: called after every frame.

    Raises:
        InputError: the source cannot be read to its end.
    """
    at_frame: dict[int, list[tuple[Find, Box]]] = defaultdict(list)
    for find in _second_finds(verified):
        for frame, box in find.places:
            at_frame[frame].append((find, box))
    tracker = Tracker(replace(settings.follow, min_finds=1), high=0.0)  # one find was enough for a doubt
    times = Timestamps()
    for picture in source.frames():
        times.append(picture)
        tracker.see(picture)
        if found := at_frame.get(picture.index):
            boxes = np.array([box for _, box in found], np.float32)
            scores = np.array([find.score for find, _ in found], np.float32)
            kinds = np.array([int(find.kind) for find, _ in found], np.int64)
            tracker.find(picture.index, Detections(boxes, scores, kinds))
        on_progress(Progress("repair", len(times), plan.about.frames))
    first = 1 + max((region.track for _, _, region in plan.regions.rows()), default=-1)
    tracks = [replace(track, id=track.id + first) for track in tracker.finish()]
    size = (plan.about.width, plan.about.height)
    # Zones and hidden spans are in the plan already; every frame counts as scanned, or it would be hidden whole.
    rows = compose(tracks, times, times, (), size, replace(settings, zones=(), obscured=(), redact=plan.about.redact))
    grown = replace(plan, regions=Regions([*plan.regions.rows(), *rows]))
    return still_visible(plan, grown, times, settings)


def _second_finds(verified: Verified) -> list[Find]:
    return [find for find in (*verified.leaks, *verified.doubts) if find.by is By.LOOK]
