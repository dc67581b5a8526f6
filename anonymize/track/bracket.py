"""The bracketing rule: when a frame may be shown. Files and live obey this one function."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction


def bracketed(
    time: Fraction, looks: Sequence[Fraction], max_gap: Fraction | float, cuts: Sequence[Fraction] = ()
) -> bool:
    """Whether a frame shown at `time` lies between two looks of its own scene that are close enough together.

    Args:
        time: when the frame is shown, seconds.
        looks: when a detector looked (and its finds were tracked), seconds, ascending.
        max_gap: seconds between the two looks, at most; a float means the decimal it is written as. A look at `time`
            itself brackets the frame alone.
        cuts: when new scenes begin (the time of each scene's first frame), seconds, ascending. Two looks on different
            sides of a cut bracket nothing: what was seen before it says nothing about what stands behind it.

    Returns:
        True only if there are looks ``a <= time <= b`` with ``b - a <= max_gap`` and no cut in ``a < cut <= b``.
        Any other pair around `time` is wider than the nearest one and spans no fewer cuts, so the nearest decides.
    """
    before, after = bisect_right(looks, time) - 1, bisect_left(looks, time)
    if before < 0 or after == len(looks):
        return False
    start, end = looks[before], looks[after]
    widest = Fraction(str(max_gap)) if isinstance(max_gap, float) else max_gap
    return end - start <= widest and bisect_right(cuts, start) == bisect_right(cuts, end)
