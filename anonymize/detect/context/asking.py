"""Another network is asked about weak finds and heads (`anonymize.detect.context.witness`): what it says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from anonymize.aspect import display_size
from anonymize.data import Detections, Frame, Kind
from anonymize.detect.context.judging import SAME, TOGETHER, Floats, Rule, Said, together, unseen
from anonymize.detect.context.witness import Witness
from anonymize.kinds import PEOPLE
from anonymize.track.pairs import area, iou

ASKED = 24
"""The most finds of a frame about which the network is asked for one reason, the best ones."""
ASKED_ONCE = 100
"""The same of a picture, of which there is one."""
KNOWN_FOR = Fraction(1)
"""Seconds for which nothing is asked about a place where somebody is."""

Rows = NDArray[np.intp]


@dataclass(slots=True)
class _Known:
    """Places of which something is known for `KNOWN_FOR`, with a score."""

    places: list[tuple[Fraction, Detections]] = field(default_factory=list)

    def of(self, time: Fraction, found: Detections, rows: Rows) -> Floats:
        """(N,) what is known of the places of `rows` of `found`; -1 where nothing is."""
        self.places = [one for one in self.places if time - one[0] < KNOWN_FOR]
        known = [
            max((float(_here(some, found.xyxy[row], int(found.kind[row]))) for _, some in self.places), default=-1.0)
            for row in rows.tolist()
        ]
        return np.array(known, np.float32)

    def note(self, time: Fraction, found: Detections) -> None:
        """From now on it is known of `found`, with its scores."""
        self.places.append((time, found))


@dataclass(slots=True)
class Context:
    """Asks `witness` about weak finds, and about heads.

    Args:
        witness: is asked.
        rule: which finds are weak, and whether it matters which heads are seen from behind.
    """

    witness: Witness
    rule: Rule
    _there: _Known = field(default_factory=_Known)
    """Where somebody was, and how surely."""
    _facing: _Known = field(default_factory=_Known)
    """Where a head showed something of a face, and how surely."""

    def confirmed(
        self, frame: Frame, time: Fraction, found: Detections, quiet: Detections
    ) -> tuple[Detections, NDArray[np.bool_]]:
        """`found`, and of a picture those of the `quiet` finds of faces and heads that the network confirms as well.

        With them, (N,) which ones it confirms; none of a video's, which others confirm.
        """
        if not self.rule.once:
            return found, np.zeros(len(found), bool)
        known = [_here(found, quiet.xyxy[row], int(quiet.kind[row])) >= 0 for row in range(len(quiet))]
        every = Detections.concatenate([found, quiet.select(~np.array(known, bool))])
        people = np.isin(every.kind, list(PEOPLE & self.rule.enough.keys()))
        rows = _best(every, people & self.rule.weak(every.kind, every.score), ASKED_ONCE)
        some = every.select(rows)
        said = _asked(self.witness, frame, some) if len(some) else {}
        of_kind = np.array([said[Kind(number)][row] for row, number in enumerate(some.kind)], np.float32)
        self._there.note(time, replace(some, score=of_kind))
        confirmed = np.zeros(len(every), bool)
        confirmed[rows] = together(some.score, of_kind) >= TOGETHER
        kept = np.flatnonzero(confirmed | (np.arange(len(every)) < len(found)))
        return every.select(kept), confirmed[kept]

    def around(self, frame: Frame, time: Fraction, found: Detections) -> Said:
        """What is said of those of `found` that need support, and of heads.

        Frames come in order. What was found less than `KNOWN_FOR` ago and needed no support, or had it, is the answer,
        and so is what showed a face then.
        """
        share = area(found.xyxy) / (frame.width * frame.height)
        of_them = np.isin(found.kind, list(self.rule.enough))
        unsure = self.rule.weak(found.kind, found.score) | self.rule.large(found.kind, share)
        most = ASKED_ONCE if self.rule.once else ASKED
        weak = _best(found, of_them & unsure, most)
        heads = _best(found, (found.kind == Kind.HEAD) & (self.rule.behind > 0), most)
        there, facing = self._there.of(time, found, weak), self._facing.of(time, found, heads)
        not_there, not_facing = there < 0, facing < 0
        new = np.union1d(weak[not_there], heads[not_facing])
        if len(new):
            said = _asked(self.witness, frame, found.select(new))
            of_kind = np.array([said[Kind(number)][row] for row, number in enumerate(found.kind[new])], np.float32)
            there[not_there] = of_kind[np.searchsorted(new, weak[not_there])]
            facing[not_facing] = said[Kind.FACE][np.searchsorted(new, heads[not_facing])]
        seen = replace(found.select(weak), score=there)
        faced = replace(found.select(heads), score=facing)
        self._there.note(time, found.select(of_them & ~unsure))
        self._there.note(time, seen.select(not_there & (there >= self.rule.least(seen.kind))))
        self._facing.note(time, faced.select(not_facing & (facing >= self.rule.behind)))
        return Said(seen, faced)


@dataclass(frozen=True, slots=True)
class Facing:
    """Says which heads are seen from behind, where no plan does.

    Args:
        witness: is asked.
        least: of a face in a head, as in `Rule.behind`.
    """

    witness: Witness
    least: float

    def of(self, frame: Frame, found: Detections) -> Floats:
        """(N,) how surely a face shows in each of `found` that is a head; 1 for others."""
        face = np.ones(len(found), np.float32)
        heads = np.flatnonzero(found.kind == Kind.HEAD)
        if len(heads):
            face[heads] = _asked(self.witness, frame, found.select(heads))[Kind.FACE]
        return face

    def behind(self, faces: Sequence[float]) -> bool:
        """Whether all looks at a head, each with what `of` gave, say that it is seen from behind."""
        return unseen(faces, self.least)


def _asked(witness: Witness, frame: Frame, found: Detections) -> Mapping[Kind, Floats]:
    """By kind, how surely one is at the place of each of `found` in `frame`."""
    width, height = display_size(frame.width, frame.height, frame.aspects[0])
    shown = found.moved((width / frame.width, height / frame.height), (0.0, 0.0)).xyxy
    return witness.says(frame.bgr(width, height), [Kind(number) for number in found.kind.tolist()], shown)


def _here(known: Detections, box: Floats, kind: int) -> float:
    """The best score that is known of a place of something of this kind; -1 if none is."""
    return float(known.score[(known.kind == kind) & (iou(known.xyxy, box) >= SAME)].max(initial=-1.0))


def _best(found: Detections, wanted: NDArray[np.bool_], most: int) -> Rows:
    """The rows of those `wanted`, the best first, and no more than `most`."""
    rows = np.flatnonzero(wanted)
    return rows[np.argsort(-found.score[rows], kind="stable")][:most]
