"""Which frames the second look scans, and what a sample of the frames says about all of them."""

from __future__ import annotations

import math
import random
from fractions import Fraction

from anonymize.settings import Verify
from anonymize.verify.verdict import Bound

CONFIDENCE = 0.95
LEAST = 8
"""Minimum number of frames scanned, if the file has that many."""


class Sample:
    """One random frame out of every stretch of a file; all stretches are equally long, to a frame.

    Drawn at random within each stretch, the frames support a statement about all of them, and nothing can hide in a
    rhythm of the video or of the first look. The same seed gives the same frames.

    Args:
        size: number of stretches, and so of frames drawn; all frames are, if it is not below `frames`.
        frames: in the whole file; any that turn up beyond them are all drawn.
        seed: another seed gives other frames.
    """

    def __init__(self, size: int, frames: int, seed: str) -> None:
        self._size = size
        self._frames = frames
        self._seed = seed

    def __contains__(self, index: int) -> bool:
        if self._size >= self._frames or index >= self._frames:
            return True
        stretch = index * self._size // self._frames
        first, end = (-(-number * self._frames // self._size) for number in (stretch, stretch + 1))
        return random.Random(f"{self._seed}:{stretch}").randrange(first, end) == index


def sample_size(verify: Verify, rate: Fraction | None, frames: int) -> int:
    """How many frames of a file are scanned: at least one, if it has any.

    Args:
        verify: gives the seconds per scanned frame, and their maximum number.
        rate: frames per second; None if unknown (then 25 is assumed).
        frames: in the whole file.
    """
    stretch = max(1, round(verify.look_every * float(rate or 25)))
    wanted = max(math.ceil(frames / stretch), min(frames, LEAST))
    return min(wanted, verify.most_looks) if verify.most_looks else wanted


def bound(scanned: int, showing: int, frames: int) -> Bound | None:
    """What the sample supports; None if every frame was scanned, or none.

    The exact (Clopper-Pearson) upper bound of the share. Drawing one frame from every stretch is on the safe side: it
    misses no more than a draw from all frames at once. The bound holds for stretches as long as the longest; as some
    are a frame shorter, it is scaled up by what the whole file lacks to that.

    Args:
        scanned: frames scanned.
        showing: those of them on which something was found.
        frames: in the whole file.
    """
    if not 0 < scanned < frames:
        return None
    share = min(1.0, upper_bound(showing, scanned) * scanned * math.ceil(frames / scanned) / frames)
    found = "nothing was found" if not showing else f"something was found on {showing}"
    text = (
        f"{scanned} of {frames} frames were scanned, drawn at random, and {found}: with {CONFIDENCE:.0%} confidence, "
        f"no more than {share:.1%} of the frames show anything that these detectors find"
    )
    return Bound(share, CONFIDENCE, text)


def upper_bound(hits: int, drawn: int, confidence: float = CONFIDENCE) -> float:
    """The largest share for which `hits` or fewer of `drawn` still have a probability of 1 - `confidence`."""
    if hits >= drawn:
        return 1.0
    if hits == 0:
        return float(1 - (1 - confidence) ** (1 / drawn))
    from scipy.special import betaincinv  # 0.1 s: only where something was found

    return float(betaincinv(hits + 1, drawn - hits, confidence))
