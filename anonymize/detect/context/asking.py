"""Weak finds, about which another network is asked (`anonymize.detect.context.witness`): what it says of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from anonymize.aspect import display_size
from anonymize.data import Detections, Frame, Kind
from anonymize.detect.context.judging import LARGE, SAME, Floats, Rule
from anonymize.detect.context.witness import Witness
from anonymize.track.pairs import area, iou

ASKED = 24
"""The most finds of a frame about which the network is asked, the best ones."""
KNOWN_FOR = Fraction(1)
"""Seconds for which nothing is asked about a place where somebody is."""


@dataclass(slots=True)
class Context:
    """Asks `witness` about weak finds.

    Args:
        witness: is asked.
        rule: which finds are weak.
    """

    witness: Witness
    rule: Rule
    _known: list[tuple[Fraction, Detections]] = field(default_factory=list)
    """When and where somebody was, and how surely."""

    def around(self, frame: Frame, time: Fraction, found: Detections) -> Detections:
        """Those of `found` that need support, each with the score of what supports it.

        Frames come in order. What was found less than `KNOWN_FOR` ago and needed none, or had it, is the answer.
        """
        self._known = [one for one in self._known if time - one[0] < KNOWN_FOR]
        share = area(found.xyxy) / (frame.width * frame.height)
        of_them = np.isin(found.kind, list(self.rule.enough))
        unsure = self.rule.weak(found.kind, found.score) | (share >= LARGE)
        needs, strong = of_them & unsure, of_them & ~unsure
        weak = np.flatnonzero(needs)
        weak = weak[np.argsort(-found.score[weak], kind="stable")][:ASKED]
        some = found.select(weak)
        known = [self._answer(box, kind) for box, kind in zip(some.xyxy, some.kind, strict=True)]
        scores = np.array(known, np.float32)
        asked = scores < 0
        if asked.any():
            width, height = display_size(frame.width, frame.height, frame.aspects[0])
            shown = some.moved((width / frame.width, height / frame.height), (0.0, 0.0)).xyxy[asked]
            kinds = [Kind(number) for number in some.kind[asked].tolist()]
            scores[asked] = self.witness.sees(frame.bgr(width, height), kinds, shown)
        seen = replace(some, score=scores)
        self._known.append((time, found.select(strong)))
        self._known.append((time, seen.select(asked & (scores >= self.rule.least(seen.kind)))))
        return seen

    def _answer(self, box: Floats, kind: int) -> float:
        """What is known of a place of something of this kind; -1 if nothing is."""
        here = (there.score[(there.kind == kind) & (iou(there.xyxy, box) >= SAME)] for _, there in self._known)
        return max((float(scores.max(initial=-1.0)) for scores in here), default=-1.0)
