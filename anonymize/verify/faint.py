"""Places where somebody may be seen, too faintly for a doubt: named for a person to look at, covered by nothing.

They are those about which the plan asks (`anonymize.plan.faint`), unless something covers them by now. Those at which
the second look finds something, too, come first, however faint it is: of places that only one of two detectors sees,
hardly any shows somebody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from anonymize.data import Kind, Timed, seconds
from anonymize.kinds import PEOPLE
from anonymize.plan import Plan
from anonymize.plan.faint import Faint, is_covered
from anonymize.track.pairs import iou
from anonymize.verify.second_look import UNSURE, SecondFinds
from anonymize.verify.verdict import By, Find

LISTED = 300
"""The most places that a result lists, the likeliest ones; all are counted."""
_SAME = 0.2
"""Overlap (IoU) from which a find of the second look is at a place of the plan."""


class FaintPlaces:
    """Gathers what is known of these places while the frames of an output go by.

    Args:
        plan: what was drawn.
        targets: the kinds wanted.
    """

    def __init__(self, plan: Plan, targets: Collection[Kind]) -> None:
        asked = [one for one in plan.faint if one.kind in targets and _is_bare(one, plan)]
        self._asked = sorted(asked, key=lambda one: one.first)
        self._coming, self._here = deque(self._asked), list[Faint]()
        self._again: dict[int, float] = {}
        """The best score of the second look at each place, by its number."""
        self._times: dict[int, float] = {}
        self._wanted = {index for one in asked for index in (one.first, one.end - 1)}

    def see(self, index: int, frame: Timed) -> None:
        """Take note of the time of frame `index`."""
        if index in self._wanted:
            self._times[index] = float(seconds(frame))

    def take(self, seen: SecondFinds) -> None:
        """Take what the second look found on the next frame that it scanned."""
        while self._coming and self._coming[0].first <= seen.frame:
            self._here.append(self._coming.popleft())
        self._here = [one for one in self._here if one.end > seen.frame]
        for one in self._here:
            score = max(_best_at(one, seen), self._again.get(one.number, 0.0))
            self._again[one.number] = score

    def finds(self) -> list[Find]:
        """All places, the likeliest first, numbered from 0; after the last frame."""
        ordered = sorted(self._asked, key=lambda one: (-self._likely(one), one.first))
        return [replace(self._find(one), track=number) for number, one in enumerate(ordered)]

    def _likely(self, one: Faint) -> float:
        """The scores of both looks; signs and clothes look like plates."""
        return one.score + self._again.get(one.number, 0.0) - (0.0 if one.kind in PEOPLE else UNSURE)

    def _find(self, one: Faint) -> Find:
        box = one.boxes[one.best - one.first]
        start, end = (self._times.get(index, 0.0) for index in (one.first, one.end - 1))
        return Find(
            track=0,
            kind=one.kind,
            start=start,
            end=end,
            box=box,
            size=box[2] - box[0] if one.kind.wide else box[3] - box[1],
            score=one.score,
            by=By.FIRST,
            frame=one.best,
            frames=one.finds,
            places=tuple(enumerate(one.boxes, one.first)),
        )


def _best_at(one: Faint, seen: SecondFinds) -> float:
    """The best score of the second look at a place on a frame on which it is; 0 where it found nothing."""
    here = np.array(one.boxes[seen.frame - one.first], np.float32)
    near = (seen.faint.kind == int(one.kind)) & (iou(seen.faint.xyxy, here) >= _SAME)
    return float(seen.faint.score[near].max(initial=0.0))


def _is_bare(one: Faint, plan: Plan) -> bool:
    """Whether a place is not covered: repairs, and people, may have covered it since it was found."""
    return any(
        not is_covered(box, [region.xyxy for region in plan.at(index)])
        for index, box in enumerate(one.boxes, one.first)
    )
