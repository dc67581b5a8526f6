"""Places where somebody may be seen, too faintly for a doubt: named for a person to look at, covered by nothing.

They are those about which the plan asks (`anonymize.plan.faint`), unless something covers them by now. Those at which
the second look finds something, too, come first, however faint it is: of places that only one of two detectors sees,
hardly any shows somebody. A third network is asked about each on some of its frames: what it sees counts as much, and
where it hardly sees the plate, the place comes last, and is counted apart.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anonymize.aspect import display_size
from anonymize.data import Box, Frame, Kind, Timed, seconds
from anonymize.detect import ASKED_ABOUT, Witness, least_of_plates
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
_AT_ONCE = 40
"""The most places of one frame about which the third network is asked, those of the best scores."""

Place = tuple[int, Kind, Box]
"""The number of a place in its plan, its kind, and where it is on a frame."""
Opinions = tuple[tuple[int, float], ...]
"""What the third network says about places of a frame: the number of each, and a score."""


@dataclass(frozen=True, slots=True)
class ThirdLook:
    """Asks `witness` about faint places.

    Args:
        witness: is asked.
        places: about which, by frame.
    """

    witness: Witness
    places: Mapping[int, Sequence[Place]]

    def see(self, frame: Frame) -> Opinions:
        """What it sees at the places of `frame`."""
        if not (places := self.places.get(frame.index)):
            return ()
        width, height = display_size(frame.width, frame.height, frame.aspects[0])
        scale = np.array([width / frame.width, height / frame.height] * 2)
        boxes = np.array([box for _, _, box in places]) * scale
        said = self.witness.sees(frame.bgr(width, height), [kind for _, kind, _ in places], boxes.astype(np.float32))
        return tuple((number, float(score)) for (number, _, _), score in zip(places, said, strict=True))


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
        self._opinions: dict[int, list[float]] = defaultdict(list)
        """What the third network said about each, by its number."""
        self._wanted = {index for one in asked for index in (one.first, one.end - 1)}

    def questions(self) -> dict[int, list[Place]]:
        """About which of them the third network is to be asked, by frame."""
        by_frame: dict[int, list[Place]] = defaultdict(list)
        for one in sorted(self._asked, key=lambda one: -one.score):
            if one.kind in ASKED_ABOUT:
                for index in _some_frames(one):
                    by_frame[index].append((one.number, one.kind, one.boxes[index - one.first]))
        return {index: places[:_AT_ONCE] for index, places in by_frame.items()}

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

    def hear(self, opinions: Opinions) -> None:
        """Take what the third network saw on the next frame."""
        for number, score in opinions:
            self._opinions[number].append(score)

    def finds(self) -> tuple[list[Find], int]:
        """All places, the likeliest first, numbered from 0, and how many of them, the last, hardly show a plate.

        To be called after the last frame.
        """
        ordered = sorted(self._asked, key=lambda one: (self._is_hardly_a_plate(one), -self._likely(one), one.first))
        finds = [replace(self._find(one), track=number) for number, one in enumerate(ordered)]
        return finds, sum(map(self._is_hardly_a_plate, ordered))

    def _is_hardly_a_plate(self, one: Faint) -> bool:
        said = self._opinions[one.number]
        return one.kind is Kind.PLATE and bool(said) and _mean(said) < least_of_plates()

    def _likely(self, one: Faint) -> float:
        """The scores of both looks, and what the third network saw; signs and clothes look like plates."""
        scores = one.score + self._again.get(one.number, 0.0)
        if not (said := self._opinions[one.number]):
            return scores - (0.0 if one.kind in PEOPLE else UNSURE)
        return scores + (max(said) if one.kind in PEOPLE else _mean(said) - UNSURE)

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


def _some_frames(one: Faint) -> set[int]:
    """Its best frame, and one in each half."""
    length = len(one.boxes)
    return {one.best, one.first + length // 4, one.first + 3 * length // 4}


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores)


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
