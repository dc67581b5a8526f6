"""How often and at which scales to detect, given how long a run of the detector takes on this machine.

Under load the rate falls first, by itself: a run starts when the previous one is done. A frame that arrives right after
a run has started is bracketed by the next one, so two runs must fit into the lookahead. If they do not, the smallest
size searched for grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anonymize.detect import GROUPS, ORDINARY
from anonymize.settings import Detect, Settings


@dataclass(frozen=True, slots=True)
class Effort:
    """Scales and smallest size of one run.

    Args:
        thorough: at every scale that small faces need.
        coarser: factor on the smallest face and plate searched for.
    """

    thorough: bool
    coarser: float = 1.0

    @property
    def label(self) -> str:
        """The effort in the metrics: "thorough", "ordinary" or "coarser"."""
        return "thorough" if self.thorough else "ordinary" if self.coarser == 1 else "coarser"

    @property
    def groups(self) -> frozenset[int]:
        """Groups of scales (`anonymize.detect.multiscale.of_groups`)."""
        return GROUPS if self.thorough else ORDINARY

    def of(self, detect: Detect) -> Detect:
        """`detect` at this effort."""
        return replace(detect, min_face=detect.min_face * self.coarser, min_plate=detect.min_plate * self.coarser)


EFFORTS = (Effort(True), Effort(False), *(Effort(False, 2 ** (step / 2)) for step in range(1, 5)))
"""From the most expensive to the cheapest."""
MARGIN = 0.05
"""Seconds of the lookahead spent outside the detector: receiving, fetching the result, drawing."""
_WEIGHT = 0.2
"""Weight of a new measurement in the running mean."""
_WHOLE = 0.9
"""Share of the picture from which a run counts as one on all of it."""
_CAUTION = 2.0
"""Mean absolute deviations added to the mean in `Pace.expected`."""


class Pace:
    """Measures how long runs take; says when the next is due and at what effort.

    Args:
        settings: intervals, lookahead and gap.
        megapixels: processed by a run at each of `EFFORTS`.
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
        """Record a run.

        Args:
            effort: at which it ran.
            seconds: that it took.
            share: of the picture that it covered; a small one says nothing about runs on all of it.
        """
        if not share >= _WHOLE:
            return
        each = seconds / max(self._megapixels[EFFORTS.index(effort)], 1e-6)
        if self._mean == 0.0:
            self._mean = each
            return
        self._spread += _WEIGHT * (abs(each - self._mean) - self._spread)
        self._mean += _WEIGHT * (each - self._mean)

    def expected(self, effort: Effort) -> float:
        """Seconds that a run at `effort` will take, cautiously estimated."""
        return self._megapixels[EFFORTS.index(effort)] * (self._mean + _CAUTION * self._spread)

    def effort(self, now: float, needed: Effort | None = None) -> Effort:
        """The effort of a run that begins at `now` (seconds of any clock).

        Args:
            now: when it begins.
            needed: what it must be, however long it takes. By default it is the most thorough one due that fits, or
                the cheapest if none does.
        """
        if needed is not None:
            if needed.thorough:
                self._thorough_at = now
            return needed
        # What only thorough runs find must be found while its first frame still waits.
        every = min(self._detect.thorough_every, max(0.0, self._wait - self.expected(EFFORTS[0])))
        due = now - self._thorough_at >= every
        for effort in self._efforts if due else self._efforts[1:]:
            if self.expected(effort) <= self._longest:
                break
        if effort.thorough:
            self._thorough_at = now
        return effort

    def interval(self) -> float:
        """Minimum seconds from one scanned frame to the next."""
        return max(0.0, min(self._detect.every, self._most_gap, self._wait - self.expected(EFFORTS[1])))
