"""Finds too faint even for the tracker, put together over time: places about which a person may be asked.

A network that misses somebody often gives them a score all the same, below any at which a find can be believed, and
does so again and again where they go. One such find is noise; several in a row are worth a look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from anonymize.data import Box, Detections, Kind, Track, Why
from anonymize.track.pairs import iou, shares

_SAME = 0.3
"""Overlap (IoU) from which two finds in a row may be of one thing: cameras shake."""
_INSIDE = 0.5
"""Share of the smaller of two boxes within the other from which one question is enough."""
_WITHIN = Fraction(3, 5)
"""They come within so many seconds."""
_MOST = 80
"""Finds of one frame that are followed, the best ones."""
_CHAINS = 400
"""Chains that are remembered, the clearest ones."""
_LEAST = 3
"""Finds that make a chain worth a question."""


@dataclass(slots=True, eq=False)
class _Chain:
    """Finds in a row, of one thing as it seems."""

    kind: Kind
    frames: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    at: Fraction = Fraction(0)

    @property
    def clarity(self) -> float:
        """The sum of its scores."""
        return sum(self.scores)

    def track(self) -> Track:
        """Boxes for every frame from the first find to the last."""
        frames = np.arange(self.frames[0], self.frames[-1] + 1)
        boxes = np.array(self.boxes)
        found = {*self.frames}
        return Track(
            id=-1,
            kind=self.kind,
            first=self.frames[0],
            xyxy=np.stack([np.interp(frames, self.frames, boxes[:, side]) for side in range(4)], axis=1).astype(
                np.float32
            ),
            score=np.interp(frames, self.frames, self.scores).astype(np.float32),
            why=tuple(Why.DETECTED if index in found else Why.INTERPOLATED for index in frames.tolist()),
            weak=True,
        )


class Whispers:
    """Puts the faintest finds of a film together.

    Args:
        low: least score of what the tracker takes; together, finds never count for as much.
        high: score from which a find is believed, and needs no question.
    """

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._open: list[_Chain] = []
        self._over: list[_Chain] = []

    def take(self, index: int, time: Fraction, found: Detections) -> None:
        """Take the finds of a detection on frame `index`, those that the tracker takes among them."""
        still = [chain for chain in self._open if time - chain.at <= _WITHIN]
        self._end(chain for chain in self._open if time - chain.at > _WITHIN)
        self._open = still
        some = found.select(np.argsort(-found.score, kind="stable")[:_MOST])
        free = [chain for chain in self._open if chain.frames[-1] < index]
        last = np.array([chain.boxes[-1] for chain in free], np.float64).reshape(-1, 4)
        taken = np.zeros(len(free), bool)
        for box, score, kind in zip(some.xyxy.astype(np.float64), some.score.tolist(), some.kind.tolist(), strict=True):
            near = np.where(taken, 0.0, iou(box, last)) if len(free) else np.zeros(0)
            near = np.where([chain.kind == kind for chain in free], near, 0.0) if len(free) else near
            if len(near) and near.max() >= _SAME:
                chain = free[int(near.argmax())]
                taken[int(near.argmax())] = True
            elif score < self._high:
                chain = _Chain(Kind(kind))
                self._open.append(chain)
            else:
                continue
            x0, y0, x1, y1 = box.tolist()
            chain.frames.append(index)
            chain.boxes.append((x0, y0, x1, y1))
            chain.scores.append(min(score, 0.99 * self._low))
            chain.at = time

    def tracks(self, known: Sequence[Track]) -> list[Track]:
        """The clearest chains that are none of the `known` tracks, as tracks; after the last `take`."""
        self._end(self._open)
        self._open = []
        found: list[Track] = []
        for chain in sorted(self._over, key=lambda one: -one.clarity)[:_CHAINS]:
            made = chain.track()
            if not any(_meet(made, other) for other in (*known, *found)):
                found.append(made)
        return found

    def _end(self, chains: Iterable[_Chain]) -> None:
        self._over += [chain for chain in chains if len(chain.frames) >= _LEAST]
        if len(self._over) > 2 * _CHAINS:
            self._over = sorted(self._over, key=lambda one: -one.clarity)[:_CHAINS]


def _meet(one: Track, other: Track) -> bool:
    """Whether two tracks are at the same place on most of the frames that both have."""
    first, end = max(one.first, other.first), min(one.end, other.end)
    if first >= end or one.kind != other.kind:
        return False
    a, b = one.xyxy[first - one.first : end - one.first], other.xyxy[first - other.first : end - other.first]
    return bool(np.median(shares(a, b)[1]) >= _INSIDE)
