"""Which subjects nothing supports, and which heads are seen from behind: judged as a whole, after the last frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind, Track, Why
from anonymize.kinds import PEOPLE
from anonymize.track.pairs import area, iou

Floats = NDArray[np.float32]

LARGE = 0.05
"""From this share of the picture on a find needs support whatever its score: it was found at one scale alone."""
MEAN = 0.6
"""The share of the score enough for one look that is enough in the mean of all looks at a subject ..."""
LOOKS = 3
"""... that was looked at so often; of fewer looks less is, as one look that sees little proves little."""
TOGETHER = 0.37
"""In a picture, which is looked at once: the mean of a find's score, counted twice, and of what the network says, that
is enough. Chosen on 95 photos with every head labelled (`benchmarks.photos`): more faces and heads are covered than by
the rule for videos, and half as much for nothing."""
PLATES = 1.3
"""Of plates half as many found with .5 to .65 are right as of faces, and those with less are not covered at all."""
SAME = 0.3
"""Overlap (IoU) from which two boxes are of one place."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the network says of finds on one frame.

    Args:
        there: weak and large finds, each with how surely something of its kind is there.
        facing: heads, each with how surely something of a face shows.
    """

    there: Detections = field(default_factory=Detections.empty)
    facing: Detections = field(default_factory=Detections.empty)

    def __bool__(self) -> bool:
        return bool(len(self.there) or len(self.facing))


@dataclass(frozen=True, slots=True)
class Rule:
    """When a find is alone, and when a head is seen from behind.

    Args:
        below: a find with less than this score is weak, a plate with less than `PLATES` times as much; with 0 none is.
        enough: by kind, the score of the other network that shows that something is there; `MEAN` of it does in the
            mean of `LOOKS` looks. Finds of other kinds need no support.
        behind: the same of a face in a head: with less it is seen from behind; with 0 nobody is asked.
        once: this is a picture, not a video: nothing but the network can confirm a find, and weak ones of people are
            judged by `together`.
    """

    below: float
    enough: Mapping[Kind, float]
    behind: float = 0.0
    once: bool = False

    def fails(self, kind: Kind, scores: Sequence[float], *, strong: bool) -> bool:
        """Whether nothing was seen at a subject.

        Args:
            kind: of the subject.
            scores: that the other network gave each of its finds.
            strong: one of its finds is not weak, but large.
        """
        return unseen(scores, self.enough[kind], strong=strong)

    def least(self, kinds: NDArray[np.int64]) -> Floats:
        """(N,) `enough` of each of `kinds`, all of which it has."""
        return np.array([self.enough[Kind(kind)] for kind in kinds.tolist()], np.float32)

    def large(self, kinds: NDArray[np.int64], share: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """(N,) which finds are large, by their kinds and the shares of the picture that they take.

        No plate is: one that was found surely would be found again by the check.
        """
        return np.asarray((share >= LARGE) & (kinds != Kind.PLATE))

    def weak(self, kinds: NDArray[np.int64], score: Floats) -> NDArray[np.bool_]:
        """(N,) which finds are weak, by their kinds and scores."""
        return np.asarray(score < self.below * np.where(kinds == Kind.PLATE, PLATES, 1.0).astype(np.float32))


def together(score: Floats, said: Floats) -> Floats:
    """(N,) how surely finds of a picture count, by their scores and what the network says of them; see `TOGETHER`."""
    return np.asarray((2 * score + said) / 3, np.float32)


def unseen(scores: Sequence[float], enough: float, *, strong: bool = False) -> bool:
    """Whether `scores`, of all looks at a subject, say that what was asked about is not there; see `Rule`."""
    looks = len(scores)
    least = (MEAN if strong else MEAN * min(1.0, (looks + 1) / (LOOKS + 1))) * enough
    return max(scores) < (least if strong else enough) and sum(scores) / looks < least


def alone(tracks: Iterable[Track], around: Mapping[int, Said], rule: Rule, size: tuple[int, int]) -> set[int]:
    """The numbers of the subjects that nothing supports, though they need it.

    A subject is judged as a whole: one strong find, or one look that surely saw somebody, is enough for all of its
    frames. It is left as it is if the network was asked about less than half of its finds.

    Args:
        tracks: all pieces of all of them.
        around: what `Context.around` gave, by frame.
        rule: the same.
        size: width and height of the picture.
    """
    pieces = _pieces(tracks, rule.enough)
    return {number for number, some in pieces.items() if _is_alone(some, around, rule, size)}


def from_behind(tracks: Iterable[Track], around: Mapping[int, Said], rule: Rule) -> set[int]:
    """The numbers of the heads that are seen from behind on all of their frames.

    A head that once shows something of a face is hidden on all frames, as it may turn, and so is one about which the
    network was asked on less than half of its finds.

    Args:
        tracks, around, rule: as `alone` has them.
    """
    behind = set[int]()
    for number, some in _pieces(tracks, (Kind.HEAD,)).items():
        said = [_at(track, row, around, "facing") for track in some for row in _detected(track)]
        scores = [one for one in said if one is not None]
        if scores and 2 * len(scores) >= len(said) and unseen(scores, rule.behind):
            behind.add(number)
    return behind


def _pieces(tracks: Iterable[Track], kinds: Container[Kind]) -> dict[int, list[Track]]:
    """The pieces of each subject of one of `kinds`, by its number."""
    pieces: dict[int, list[Track]] = defaultdict(list)
    for track in tracks:
        if track.kind in kinds:
            pieces[track.id].append(track)
    return pieces


def _detected(track: Track) -> list[int]:
    """The rows of `track` on which it was found."""
    return [row for row, why in enumerate(track.why) if why is Why.DETECTED]


def _at(track: Track, row: int, around: Mapping[int, Said], about: Literal["there", "facing"]) -> float | None:
    """What the network says of a find of `track`; None if it was not asked."""
    known: Detections = getattr(around.get(track.first + row, Said()), about)
    here = known.score[(known.kind == track.kind) & (iou(known.xyxy, track.xyxy[row]) >= SAME)]
    return float(here.max()) if len(here) else None


def _is_alone(pieces: Sequence[Track], around: Mapping[int, Said], rule: Rule, size: tuple[int, int]) -> bool:
    scores: list[float] = []
    own: list[float] = []
    finds, strong = 0, False
    for track in pieces:
        rows = np.array(_detected(track), np.intp)
        kinds = np.full(len(rows), track.kind)
        weak = rule.weak(kinds, track.score[rows])
        large = rule.large(kinds, area(track.xyxy[rows]) / (size[0] * size[1]))
        if not (weak | large).all():
            return False
        said = [_at(track, row, around, "there") for row in rows.tolist()]
        scores += [one for one in said if one is not None]
        own += track.score[rows].tolist()
        finds += len(rows)
        strong |= not weak.all()
    if rule.once and scores and not strong and pieces[0].kind in PEOPLE:
        both = together(np.array([max(own)], np.float32), np.array([max(scores)], np.float32))
        return bool((both < TOGETHER).all())
    return bool(scores) and 2 * len(scores) >= finds and rule.fails(pieces[0].kind, scores, strong=strong)
