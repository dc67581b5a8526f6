"""95% confidence intervals of rates, over subjects.

The frames of one person are not independent trials: someone who leaks on one mostly leaks on the next. So the unit is
the subject. The share of exposed subjects gets Wilson's interval. The leak rate gets a cluster bootstrap: subjects are
resampled with replacement, each with all its frames. If no subject leaked (or each did, on every frame), resampling
shows no spread; then the exact binomial bound over subjects is used instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

Interval = tuple[float, float]

DRAWS = 4000
SEED = 20_231
Z = 1.959964
"""Standard deviations on either side that contain 95% of a normal distribution."""
TAIL = 0.025
"""Probability beyond each end of an interval."""


def share_interval(hits: int, total: int) -> Interval | None:
    """Wilson's interval for `hits` of `total` independent trials; None for no trials."""
    if not total:
        return None
    share = hits / total
    middle = (share + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z * sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)) / (1 + Z * Z / total)
    return (max(0.0, middle - half), min(1.0, middle + half))


def leak_interval(subjects: Sequence[tuple[float, float]]) -> Interval | None:
    """The interval of the rate leaked box-frames / box-frames; None without box-frames.

    Args:
        subjects: (box-frames, leaked box-frames) of each subject; those without box-frames do not count.
    """
    counts = np.array([pair for pair in subjects if pair[0]], np.float64).reshape(-1, 2)
    n = len(counts)
    if not n:
        return None
    beyond = float(TAIL ** (1 / n))
    if not counts[:, 1].any():
        return (0.0, 1.0 - beyond)
    if (counts[:, 0] == counts[:, 1]).all():
        return (beyond, 1.0)
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), DRAWS) @ counts
    low, high = np.quantile(drawn[:, 1] / drawn[:, 0], [TAIL, 1 - TAIL])
    return (float(low), float(high))
