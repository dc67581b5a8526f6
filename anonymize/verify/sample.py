"""Which frames a second look takes, and what a look at some of them says about all."""

from __future__ import annotations

import math
import random
from fractions import Fraction

from anonymize.settings import Verify
from anonymize.verify.verdict import Bound

CONFIDENCE = 0.95


class Sample:
    """One frame at random out of every `stride`.

    Drawn at random within each stretch, the frames support a statement about all of them, and neither a rhythm in the
    video nor that of the first looks can hide anything from them. The same seed gives the same frames.

    Args:
        stride: frames in a stretch; 1 takes every frame.
        seed: anything; another one gives other frames.
    """

    def __init__(self, stride: int, seed: str) -> None:
        self.stride = max(1, stride)
        self._seed = seed

    def __contains__(self, index: int) -> bool:
        stretch, place = divmod(index, self.stride)
        return self.stride == 1 or random.Random(f"{self._seed}:{stretch}").randrange(self.stride) == place


def stride(verify: Verify, rate: Fraction | None, frames: int | None) -> int:
    """Frames in a stretch of which one is looked at.

    Args:
        verify: gives the seconds of a stretch, and how many frames are looked at, at most.
        rate: frames a second; 25 where nobody knows.
        frames: in the whole file, if it is known.
    """
    wanted = max(1, round(verify.look_every * float(rate or 25)))
    return max(wanted, math.ceil(frames / verify.most_looks)) if verify.most_looks and frames else wanted


def bound(looked: int, showing: int, frames: int) -> Bound | None:
    """What the sample supports; None where every frame was looked at, or none was.

    The exact (Clopper-Pearson) upper bound of the share. Frames drawn one from every stretch keep it on the safe side:
    they miss what a draw from all frames at once misses, or less.

    Args:
        looked: frames that were looked at.
        showing: those of them on which something was found.
        frames: in the whole file.
    """
    if not 0 < looked < frames:
        return None
    share = upper_bound(showing, looked)
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
