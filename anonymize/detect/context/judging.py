"""Which subjects nothing supports: judged as a whole, after the last frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind, Track, Why
from anonymize.track.pairs import area, iou

Floats = NDArray[np.float32]

LARGE = 0.05
"""From this share of the picture on a find needs support whatever its score: it was found at one scale alone."""
MEAN = 0.6
"""The share of the score enough for one look that is enough in the mean of all looks at a subject ..."""
LOOKS = 3
"""... that was looked at so often; of fewer looks less is, as one look that sees little proves little."""
PLATES = 1.3
"""Of plates half as many found with .5 to .65 are right as of faces, and those with less are not covered at all."""
SAME = 0.3
"""Overlap (IoU) from which two boxes are of one place."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a find is alone.

    Args:
        below: a find with less than this score is weak, a plate with less than `PLATES` times as much; with 0 none is.
        enough: by kind, the score of the other network that shows that something is there; `MEAN` of it does in the
            mean of `LOOKS` looks. Finds of other kinds need no support.
    """

    below: float
    enough: Mapping[Kind, float]

    def fails(self, kind: Kind, scores: Sequence[float], *, strong: bool) -> bool:
        """Whether nothing was seen at a subject.

        Args:
            kind: of the subject.
            scores: that the other network gave each of its finds.
            strong: one of its finds is not weak, but large.
        """
        looks = len(scores)
        sure = MEAN if strong else MEAN * min(1.0, (looks + 1) / (LOOKS + 1))
        least = sure * self.enough[kind]
        return max(scores) < (least if strong else self.enough[kind]) and sum(scores) / looks < least

    def least(self, kinds: NDArray[np.int64]) -> Floats:
        """(N,) `enough` of each of `kinds`, all of which it has."""
        return np.array([self.enough[Kind(kind)] for kind in kinds.tolist()], np.float32)

    def weak(self, kinds: NDArray[np.int64], score: Floats) -> NDArray[np.bool_]:
        """(N,) which finds are weak, by their kinds and scores."""
        return np.asarray(score < self.below * np.where(kinds == Kind.PLATE, PLATES, 1.0).astype(np.float32))


def alone(tracks: Iterable[Track], around: Mapping[int, Detections], rule: Rule, size: tuple[int, int]) -> set[int]:
    """The numbers of the subjects that nothing supports, though they need it.

    A subject is judged as a whole: one strong find, or one look that surely saw somebody, is enough for all of its
    frames. It is left as it is if the network was asked about less than half of its finds.

    Args:
        tracks: all pieces of all of them.
        around: what `Context.around` gave, by frame.
        rule: the same.
        size: width and height of the picture.
    """
    pieces: dict[int, list[Track]] = defaultdict(list)
    for track in tracks:
        if track.kind in rule.enough:
            pieces[track.id].append(track)
    return {number for number, some in pieces.items() if _is_alone(some, around, rule, size)}


def _is_alone(pieces: Sequence[Track], around: Mapping[int, Detections], rule: Rule, size: tuple[int, int]) -> bool:
    scores: list[float] = []
    finds, strong = 0, False
    for track in pieces:
        rows = np.array([row for row, why in enumerate(track.why) if why is Why.DETECTED], np.intp)
        weak = rule.weak(np.full(len(rows), track.kind), track.score[rows])
        large = area(track.xyxy[rows]) >= LARGE * size[0] * size[1]
        if not (weak | large).all():
            return False
        for row in rows.tolist():
            known = around.get(track.first + row, Detections.empty())
            here = known.score[(known.kind == track.kind) & (iou(known.xyxy, track.xyxy[row]) >= SAME)]
            scores += [float(here.max())] if len(here) else []
        finds += len(rows)
        strong |= not weak.all()
    return bool(scores) and 2 * len(scores) >= finds and rule.fails(pieces[0].kind, scores, strong=strong)
