"""Which frames a second look takes, and what a look at some of them says about all."""

from __future__ import annotations

import math
import random
from fractions import Fraction

from anonymize.settings import Verify
from anonymize.verify.verdict import Bound

CONFIDENCE = 0.95
LEAST = 8
"""Frames that are looked at, of a file that has so many, however short it is."""


class Sample:
    """One frame at random out of every stretch of a file; the stretches are as long as one another, to a frame.

    Drawn at random within each stretch, the frames support a statement about all of them, and neither a rhythm in the
    video nor that of the first looks can hide anything from them. The same seed gives the same frames.

    Args:
        looks: stretches, and so frames that are taken; with as many as there are frames, or more, all are.
        frames: in the whole file; where there turn out to be more, those are taken.
        seed: anything; another one gives other frames.
    """

    def __init__(self, looks: int, frames: int, seed: str) -> None:
        self._looks = looks
        self._frames = frames
        self._seed = seed

    def __contains__(self, index: int) -> bool:
        if self._looks >= self._frames or index >= self._frames:
            return True
        stretch = index * self._looks // self._frames
        first, end = (-(-number * self._frames // self._looks) for number in (stretch, stretch + 1))
        return random.Random(f"{self._seed}:{stretch}").randrange(first, end) == index


def looks(verify: Verify, rate: Fraction | None, frames: int) -> int:
    """How many frames of a file are looked at: one at least, where it has any.

    Args:
        verify: gives the seconds for each of them, and how many there are, at most.
        rate: frames a second; 25 where nobody knows.
        frames: in the whole file.
    """
    stretch = max(1, round(verify.look_every * float(rate or 25)))
    wanted = max(math.ceil(frames / stretch), min(frames, LEAST))
    return min(wanted, verify.most_looks) if verify.most_looks else wanted


def bound(looked: int, showing: int, frames: int) -> Bound | None:
    """What the sample supports; None where every frame was looked at, or none was.

    The exact (Clopper-Pearson) upper bound of the share. Frames drawn one from every stretch keep it on the safe side:
    they miss what a draw from all frames at once misses, or less. It is that of as many stretches of the longest's
    length; where some are shorter, by a frame, the file's own share may be so much larger.

    Args:
        looked: frames that were looked at.
        showing: those of them on which something was found.
        frames: in the whole file.
    """
    if not 0 < looked < frames:
        return None
    share = min(1.0, upper_bound(showing, looked) * looked * math.ceil(frames / looked) / frames)
    found = "nothing was found" if not showing else f"something was found on {showing}"
    text = (
        f"{looked} of {frames} frames were looked at, drawn at random, and {found}: with {CONFIDENCE:.0%} confidence, "
        f"no more than {share:.1%} of the frames show anything that these detectors find"
    )
    return Bound(share, CONFIDENCE, text)


def upper_bound(hits: int, drawn: int, confidence: float = CONFIDENCE) -> float:
    """The largest share under which `hits` or fewer of `drawn` still come with a chance of 1 - `confidence`."""
    if hits >= drawn:
        return 1.0
    if hits == 0:
        return float(1 - (1 - confidence) ** (1 / drawn))
    from scipy.special import betaincinv  # 0.1 s: only where something was found

    return float(betaincinv(hits + 1, drawn - hits, confidence))
