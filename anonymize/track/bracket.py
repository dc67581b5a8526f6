"""The bracketing rule: when a frame may be shown. Files and live streams both use this function."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction


def bracketed(
    time: Fraction, detected: Sequence[Fraction], max_gap: Fraction | float, cuts: Sequence[Fraction] = ()
) -> bool:
    """Whether a frame lies between two detections of its own scene that are close enough to each other.

    Args:
        time: when the frame is shown, seconds.
        detected: when detectors ran (and their finds were tracked), seconds, ascending.
        max_gap: the most seconds between the two detections; a float means the decimal it is written as. A detection at
            `time` itself brackets the frame alone.
        cuts: when new scenes begin (the time of each scene's first frame), seconds, ascending. Two detections on
            different sides of a cut bracket nothing: finds before a cut say nothing about the scene after it.

    Returns:
        True only if there are detections ``a <= time <= b`` with ``b - a <= max_gap`` and no cut in ``a < cut <= b``.
        Any other pair around `time` is wider than the nearest one and spans no fewer cuts, so the nearest decides.
    """
    before, after = bisect_right(detected, time) - 1, bisect_left(detected, time)
    if before < 0 or after == len(detected):
        return False
    start, end = detected[before], detected[after]
    widest = Fraction(str(max_gap)) if isinstance(max_gap, float) else max_gap
    return end - start <= widest and bisect_right(cuts, start) == bisect_right(cuts, end)
