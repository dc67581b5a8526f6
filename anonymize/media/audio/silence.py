"""Spans of a sound track in which nothing is heard, or a tone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Silence, Silencing

TONE = 1000
"""Hertz."""
_LOUD = 0.1
"""Of full scale."""


def silenced(samples: NDArray[Any], at: int, rate: int, silences: Sequence[Silence]) -> NDArray[Any]:
    """`samples` with silence, or a tone, within `silences`: a copy if anything changes.

    Args:
        samples: (N, ...) signed integers, N at a time.
        at: position of the first one since the presentation's beginning, in samples.
        rate: samples a second.
        silences: what is not heard; a sample that lies partly within counts.
    """
    made = samples
    for one in silences:
        low = max(math.floor(_exact(one.first) * rate) - at, 0)
        high = min(math.ceil(_exact(one.end) * rate) - at, len(samples))
        if low >= high:
            continue
        made = samples.copy() if made is samples else made
        made[low:high] = 0
        if one.how is Silencing.BLEEP:
            made[low:high] += tone(at + low, high - low, rate, made.dtype).reshape(-1, *[1] * (made.ndim - 1))
    return made


def tone(at: int, count: int, rate: int, form: np.dtype[Any]) -> NDArray[Any]:
    """`count` samples of the tone from position `at` on, as integers of `form`."""
    turns = 2 * np.pi * TONE / rate * np.arange(at, at + count)
    return np.asarray(np.round(_LOUD * np.iinfo(form).max * np.sin(turns))).astype(form)


def _exact(seconds: float) -> Fraction:
    """The decimal fraction that is meant."""
    return Fraction(str(seconds))
