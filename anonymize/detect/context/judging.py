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

LARGE = {Kind.FACE: 0.05, Kind.PLATE: 0.02}
"""From this share of the picture on finds need support, as they were found at one scale alone: faces whatever their
score, and weak plates, which are shop signs and bumpers."""
WEAK_PLATE = 0.6
"""A plate with a find of this score is not weak."""
MEAN = 0.6
"""The share of the score enough for one look that is enough in the mean of all looks at a subject."""
SAME = 0.3
"""Overlap (IoU) from which two boxes are of one place."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a find is alone.

    Args:
        below: a find with less than this score is weak; with 0 none is.
        enough: the score of the other network that shows that somebody is there; `MEAN` of it does in the mean of all
            looks.
        plates: the score of the other network, in the mean of all looks, that shows that there is a large plate.
    """

    below: float
    enough: float
    plates: float

    def fails(self, kind: int, scores: Sequence[float], *, strong: bool) -> bool:
        """Whether nobody was seen around a subject, or no plate at its place.

        Args:
            kind: of the subject.
            scores: of what supports each of its finds.
            strong: one of its finds is not weak, but large.
        """
        if kind == Kind.PLATE:
            return sum(scores) / len(scores) < self.plates
        least = MEAN * self.enough
        return max(scores) < (least if strong else self.enough) and sum(scores) / len(scores) < least

    def weak(self, found: Detections) -> NDArray[np.bool_]:
        """(N,) which of the faces and plates found are weak."""
        return np.asarray(found.score < np.where(found.kind == Kind.PLATE, WEAK_PLATE, self.below))

    def needs(self, found: Detections, size: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(N,) which of `found` in a picture of this width and height need support, and (N,) which are large."""
        share = area(found.xyxy) / (size[0] * size[1])
        faces, plates = found.kind == Kind.FACE, found.kind == Kind.PLATE
        large = faces & (share >= LARGE[Kind.FACE]) | plates & (share >= LARGE[Kind.PLATE])
        return np.where(faces, large | self.weak(found), large & self.weak(found)), large


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
        if track.kind in LARGE:
            pieces[track.id].append(track)
    return {number for number, some in pieces.items() if _is_alone(some, around, rule, size)}


def _is_alone(pieces: Sequence[Track], around: Mapping[int, Detections], rule: Rule, size: tuple[int, int]) -> bool:
    scores: list[float] = []
    finds, strong = 0, False
    for track in pieces:
        rows = np.array([row for row, why in enumerate(track.why) if why is Why.DETECTED], np.intp)
        found = Detections(track.xyxy[rows], track.score[rows], np.full(len(rows), track.kind))
        needs, _ = rule.needs(found, size)
        if not needs.all():
            return False
        for row in rows.tolist():
            known = around.get(track.first + row, Detections.empty())
            here = known.score[(known.kind == track.kind) & (iou(known.xyxy, track.xyxy[row]) >= SAME)]
            scores += [float(here.max())] if len(here) else []
        finds += len(rows)
        strong |= not rule.weak(found).all()
    return bool(scores) and 2 * len(scores) >= finds and rule.fails(pieces[0].kind, scores, strong=strong)
