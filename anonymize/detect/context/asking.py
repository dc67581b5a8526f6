"""What is around a weak find: another network looks at it alone, and at what surrounds it.

A network that knows faces alone takes a lantern for one, again and again, and no less surely than a face in the
distance. One that knows heads and persons, too, sees nobody there. It gets a picture of each weak find and its
surroundings, in which the find always has the same size: that costs a thirtieth of a look at a picture of 1280x720.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from anonymize.aspect import display_size
from anonymize.data import Detections, Frame, Kind
from anonymize.detect.context.judging import LARGE, SAME, Floats, Rule
from anonymize.detect.context.opinion import opinion
from anonymize.detect.detector import Detector
from anonymize.track.pairs import iou

ASKED = 12
"""The most finds of a frame about which the network is asked, the best ones."""
KNOWN_FOR = Fraction(1)
"""Seconds for which nothing is asked about a place where somebody is."""


@dataclass(slots=True)
class Context:
    """Asks `witness` about weak and large finds.

    Args:
        witness: knows faces, heads, persons and plates.
        rule: which finds are weak, and which large.
    """

    witness: Detector
    rule: Rule
    _known: list[tuple[Fraction, Detections]] = field(default_factory=list)
    """When and where somebody was, and how surely."""

    def around(self, frame: Frame, time: Fraction, found: Detections) -> Detections:
        """Those of `found` that need support, each with the score of what supports it.

        Frames come in order. What was found less than `KNOWN_FOR` ago and needed none, or had it, is the answer.
        """
        self._known = [one for one in self._known if time - one[0] < KNOWN_FOR]
        size = (frame.width, frame.height)
        needs, large = self.rule.needs(found, size)
        weak = np.flatnonzero(needs)
        weak = weak[np.argsort(-found.score[weak], kind="stable")][:ASKED]
        some = found.select(weak)
        known = [self._answer(box, kind) for box, kind in zip(some.xyxy, some.kind, strict=True)]
        scores = np.array(known, np.float32)
        asked = scores < 0
        if asked.any():
            width, height = display_size(frame.width, frame.height, frame.aspects[0])
            picture = frame.bgr(width, height)
            shown = some.moved((width / frame.width, height / frame.height), (0.0, 0.0)).xyxy
            for row in np.flatnonzero(asked).tolist():
                kind = Kind(int(some.kind[row]))
                scores[row] = opinion(self.witness, picture, kind, shown[row], large=bool(large[weak[row]]))
        seen = replace(some, score=scores)
        sure = np.isin(found.kind, list(LARGE)) & ~needs & ~self.rule.weak(found)
        self._known.append((time, found.select(sure)))
        self._known.append((time, seen.select(asked & (some.kind != Kind.PLATE) & (scores >= self.rule.enough))))
        return seen

    def _answer(self, box: Floats, kind: int) -> float:
        """What is known of a place of something of this kind; -1 if nothing is."""
        here = (there.score[(there.kind == kind) & (iou(there.xyxy, box) >= SAME)] for _, there in self._known)
        return max((float(scores.max(initial=-1.0)) for scores in here), default=-1.0)
