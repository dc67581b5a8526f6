"""How often and how hard to look, given how long looks take here and now.

Under load first the rate of looks falls, by itself: the next one begins when the last one is done. A frame that comes
right after a look begins is bracketed by the next one, so two looks must fit into the time that frames wait. Where they
do not, the looks become coarser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anonymize.detect import GROUPS, ORDINARY
from anonymize.settings import Detect, Settings


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look.

    Args:
        thorough: at every scale that small faces need.
        coarser: factor by which the smallest face and plate wanted are larger than asked for.
    """

    thorough: bool
    coarser: float = 1.0

    @property
    def groups(self) -> frozenset[int]:
        """Which scales are looked at (`anonymize.detect.multiscale.of_groups`)."""
        return GROUPS if self.thorough else ORDINARY

    def of(self, detect: Detect) -> Detect:
        """`detect` at this effort."""
        return replace(detect, min_face=detect.min_face * self.coarser, min_plate=detect.min_plate * self.coarser)


EFFORTS = (Effort(True), Effort(False), *(Effort(False, 2 ** (step / 2)) for step in range(1, 5)))
"""From the hardest to the coarsest."""
MARGIN = 0.05
"""Seconds of a frame's wait that are not the detector's: taking it in, fetching the result, drawing."""
_LEARN = 0.2
"""Share of a new measurement in what is expected."""
_TELLING = 0.9
"""Share of the picture from which a look counts as one at all of it."""
_CAUTION = 2.0
"""Mean deviations above the mean that a look is expected to take."""


class Pace:
    """Knows how long looks take, and says when the next is due and at what effort.

    Args:
        settings: how often, how thoroughly, within which gap.
        megapixels: what a look of each of `EFFORTS` goes through.
    """

    def __init__(self, settings: Settings, megapixels: Sequence[float]) -> None:
        self._detect = settings.detect
        self._longest = min((settings.live.lookahead - MARGIN) / 2, settings.follow.max_gap)
        self._wait = settings.live.lookahead - MARGIN
        self._most_gap = settings.follow.max_gap
        self._efforts = [effort for effort in EFFORTS if effort.coarser <= settings.live.coarsest]
        self._megapixels = tuple(megapixels)
        self._mean = 0.0
        self._spread = 0.0
        self._thorough_at = float("-inf")

    def took(self, effort: Effort, seconds: float, share: float = 1.0) -> None:
        """Learn from a look at `share` of the picture; how long a look at all of it takes, a small one cannot tell."""
        if not share >= _TELLING:
            return
        each = seconds / max(self._megapixels[EFFORTS.index(effort)], 1e-6)
        if self._mean == 0.0:
            self._mean = each
            return
        self._spread += _LEARN * (abs(each - self._mean) - self._spread)
        self._mean += _LEARN * (each - self._mean)

    def expected(self, effort: Effort) -> float:
        """Seconds that a look will take, with some caution."""
        return self._megapixels[EFFORTS.index(effort)] * (self._mean + _CAUTION * self._spread)

    def effort(self, now: float) -> Effort:
        """The hardest look that is wanted at `now` (seconds on any clock) and fits; the coarsest if none does."""
        due = now - self._thorough_at >= self._thorough_every()
        for effort in self._efforts if due else self._efforts[1:]:
            if self.expected(effort) <= self._longest:
                break
        if effort.thorough:
            self._thorough_at = now
        return effort

    def _thorough_every(self) -> float:
        """Seconds between thorough looks: what only these find must be found while its first frame still waits."""
        return min(self._detect.thorough_every, max(0.0, self._wait - self.expected(EFFORTS[0])))

    def interval(self) -> float:
        """Seconds from one look's frame to the next one's, at least."""
        return max(0.0, min(self._detect.every, self._most_gap, self._wait - self.expected(EFFORTS[1])))
