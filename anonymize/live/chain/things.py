"""Decide which live tracks are things in a zone of `--show-zone`, left visible; all others are covered.

    things = Things()
    covered = things.others(tracks, time, settings)    # every frame, as it leaves

For files the whole track decides (`anonymize.plan.consent`); live knows only its past. A track that was there when the
scene began, and has stood still in the zone for `AFTER` seconds with no other near it, is a thing until it moves. A
track that starts later never is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Track, Why
from anonymize.plan.consent import inside, measures, still
from anonymize.plan.paths import NEAR, REACH
from anonymize.settings import Settings
from anonymize.track.associate import grown, overlapping

AFTER = 60
"""Seconds for which a thing must have stood still before it is left visible."""
FROM_THE_FIRST = 2
"""Seconds from the start of a scene within which the track must start."""
UNSEEN = 1
"""Seconds without a detection after which somebody else may be in its place."""

Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Candidate:
    """A track that has been in a zone since the scene began.

    Args:
        low, high: (4,) minimum and maximum so far of centre x, centre y, width and height, in pixels.
        since: time since when it has stood still, been detected and alone, in seconds.
        seen: time of its last detection, in seconds.
    """

    low: Floats
    high: Floats
    since: Fraction
    seen: Fraction


class Things:
    """State of the tracks in zones of `--show-zone`. Memory is bounded by the tracks at the start of a scene."""

    def __init__(self) -> None:
        self._began: Fraction | None = None
        self._candidates: dict[int, _Candidate] = {}
        self.visible = 0
        """Tracks left visible on the last frame."""

    def begin_anew(self) -> None:
        """Forget everything: a new scene begins at the next frame."""
        self._began = None
        self._candidates = {}

    def others(self, tracks: Sequence[Track], time: Fraction, settings: Settings) -> list[Track]:
        """`tracks` without the things among them.

        Args:
            tracks: on the frame; row 0 of each is its box, in upright pixels.
            time: presentation time of the frame in seconds, increasing from call to call.
            settings: with the zones.
        """
        if self._began is None:
            self._began = time
        here = {track.id for track in tracks}
        self._candidates = {number: known for number, known in self._candidates.items() if number in here}
        zones = [zone.polygon for zone in settings.spared if time in zone.span]
        boxes = np.array([track.xyxy[0] for track in tracks], np.float64).reshape(-1, 4)
        things = set()
        for track, box, alone in zip(tracks, boxes, _alone(tracks, boxes).tolist(), strict=True):
            if self._is_thing(track, box, time, alone and any(inside(box[None], corners) for corners in zones)):
                things.add(track.id)
        self.visible = len(things)
        return [track for track in tracks if track.id not in things]

    def _is_thing(self, track: Track, box: Floats, time: Fraction, by_itself: bool) -> bool:
        assert self._began is not None
        known, now = self._candidates.get(track.id), measures(box[None])[0]
        if known is None:
            if time - self._began > FROM_THE_FIRST or track.why[0] is Why.HELD:
                return False
            known = self._candidates[track.id] = _Candidate(now, now, time, time)
        known.low, known.high = np.minimum(known.low, now), np.maximum(known.high, now)
        if track.why[0] is Why.DETECTED:
            known.seen = time
        if not by_itself or time - known.seen > UNSEEN or not still(known.low, known.high):
            known.since = time
        return track.why[0] is not Why.HELD and time - known.since >= AFTER


def _alone(tracks: Sequence[Track], boxes: Floats) -> NDArray[np.bool_]:
    """(N,) whether no other box of the same kind is near enough to each of `boxes` (N, 4) to be confused with it."""
    alone, wide = np.ones(len(tracks), bool), grown(boxes, REACH)
    for ones, others in overlapping(wide, wide, NEAR):
        for one, other in zip(ones.tolist(), others.tolist(), strict=True):
            alone[one] &= one == other or tracks[one].kind != tracks[other].kind
    return alone
