"""How often and at which scales to detect, given how long a run of the detector takes on this machine.

A frame leaves if runs before and after it took all scales between them. The scale for the smallest faces costs as much
as all others together, so the two take turns: that each comes round within the lookahead asks for one and a half times
what all scales cost, where runs at all scales would ask for twice as much. Under load the rate falls by itself, since a
run starts when the one before is done. If turns no longer come round in time, the smallest size searched for grows as
far as the settings allow; what is not looked for in time does not leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anonymize.detect import GROUPS
from anonymize.settings import Detect, Settings


@dataclass(frozen=True, slots=True)
class Effort:
    """Scales and smallest size of one run.

    Args:
        groups: of scales (`anonymize.detect.multiscale.of_groups`).
        coarser: factor on the smallest face and plate searched for.
    """

    groups: frozenset[int]
    coarser: float = 1.0

    @property
    def label(self) -> str:
        """The effort in the metrics: "thorough", "ordinary", "small" or "coarser"."""
        if self.coarser != 1:
            return "coarser"
        return "thorough" if self.groups == GROUPS else "small" if self.groups == _SMALLEST else "ordinary"

    def of(self, detect: Detect) -> Detect:
        """`detect` at this effort."""
        return detect.coarser(self.coarser)


_SMALLEST = frozenset({0})
THOROUGH, ORDINARY, SMALL = Effort(GROUPS), Effort(GROUPS - _SMALLEST), Effort(_SMALLEST)
"""All scales; all but the largest; the largest, for the smallest faces and plates."""
_COARSER = tuple(2 ** (step / 2) for step in range(5))
EFFORTS = (THOROUGH, *(replace(turn, coarser=factor) for factor in _COARSER for turn in (ORDINARY, SMALL)))
"""All that are ever asked for."""
MARGIN = 0.05
"""Seconds of the lookahead spent outside the detector: receiving, fetching the result, drawing."""
_WEIGHT = 0.2
"""Weight of a new measurement in the running mean."""
_WHOLE = 0.9
"""Share of the picture from which a run counts as one on all of it."""
_CAUTION = 2.0
"""Mean absolute deviations added to the mean in `Pace.expected`."""


class Pace:
    """Measures how long runs take; says when the next is due and for which sizes.

    Args:
        settings: intervals, lookahead and gap.
        megapixels: processed by a run at each of `EFFORTS`.
    """

    def __init__(self, settings: Settings, megapixels: Sequence[float]) -> None:
        self._every = settings.detect.every
        self._wait = settings.live.lookahead - MARGIN
        self._most_gap = settings.follow.max_gap
        self._factors = [factor for factor in _COARSER if factor <= settings.live.coarsest]
        self._megapixels = dict(zip(EFFORTS, megapixels, strict=True))
        self._mean = 0.0
        self._spread = 0.0

    def took(self, effort: Effort, seconds: float, share: float = 1.0) -> None:
        """Record a run.

        Args:
            effort: at which it ran.
            seconds: that it took.
            share: of the picture that it covered; a small one says nothing about runs on all of it.
        """
        if not share >= _WHOLE:
            return
        each = seconds / max(self._megapixels[effort], 1e-6)
        if self._mean == 0.0:
            self._mean = each
            return
        self._spread += _WEIGHT * (abs(each - self._mean) - self._spread)
        self._mean += _WEIGHT * (each - self._mean)

    def expected(self, effort: Effort) -> float:
        """Seconds that a run at `effort` will take on all of the picture, cautiously estimated."""
        return self._megapixels[effort] * (self._mean + _CAUTION * self._spread)

    def effort(self, turn: Effort) -> Effort:
        """`turn`, `ORDINARY` or `SMALL`, as little coarser as fits into the time, or as much as is allowed."""
        return replace(turn, coarser=next(filter(self._fits, self._factors), self._factors[-1]))

    def interval(self, frame: float = 0.0) -> float:
        """Minimum seconds from one scanned frame to the next, which may come a `frame` interval later."""
        in_time = (self._wait - max(map(self.expected, (ORDINARY, SMALL)))) / 2
        return max(0.0, min(self._every, min(in_time, self._most_gap / 2) - frame))

    def _fits(self, factor: float) -> bool:
        """Whether both turns come round, and the first once more, while a frame waits."""
        times = [self.expected(replace(turn, coarser=factor)) for turn in (ORDINARY, SMALL)]
        return sum(times) <= self._most_gap and sum(times) + max(times) <= self._wait
