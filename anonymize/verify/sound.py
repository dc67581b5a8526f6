"""Whether what was to be silenced in the sound of an output can still be heard."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Silence, Silencing
from anonymize.media import VideoSource
from anonymize.media.audio.heard import RATE, Heard
from anonymize.media.audio.silence import TONE
from anonymize.text.words import clock

_EDGE = RATE // 200
"""Samples at the ends of a span that are left out: resampling smears them."""
_AT_ONCE = 10 * RATE
_WINDOW = RATE // 50
_FAINT = 0.05
"""The most that is left of a window (RMS, of the tone's) after the tone is taken out."""


def still_heard(result: VideoSource, silences: Sequence[Silence]) -> Iterator[str]:
    """What is wrong with the sound of `result`, which was read to its end: one line for each of `silences`."""
    tracks = result.info.audio
    begin = min((track.begin for track in tracks if track.begin is not None), default=None)
    end = max((track.end for track in tracks if track.end is not None), default=None)
    if begin is None or end is None:
        return
    sound = Heard(result)
    for one in silences:
        low, high = math.ceil(max(one.first, float(begin)) * RATE), math.floor(min(one.end, float(end)) * RATE)
        edge = min(_EDGE, max(high - low, 0) // 4)
        ranges = ((at, min(at + _AT_ONCE, high - edge)) for at in range(low + edge, high - edge, _AT_ONCE))
        parts = ((sound.samples(at, until - at), at) for at, until in ranges)
        if any(_heard(part, at, one.how, len(tracks)) for part, at in parts):
            yield f"the sound from {clock(one.first)} to {clock(one.end)} can still be heard"


def _heard(part: NDArray[np.int32], at: int, how: Silencing, tracks: int) -> bool:
    """Whether `part` (N,), at position `at`, holds more than silence or the tone."""
    if how is Silencing.MUTE:
        return bool(part.any())
    turns = 2 * np.pi * TONE / RATE * np.arange(at, at + len(part))
    waves = np.stack([np.sin(turns), np.cos(turns)], axis=1)
    failed = 0
    for low in range(0, len(part), _WINDOW):
        sound, wave = part[low : low + _WINDOW].astype(np.float64), waves[low : low + _WINDOW]
        fitted = wave @ np.linalg.lstsq(wave, sound, rcond=None)[0]
        left = sound - fitted
        failed += bool(np.sqrt((left**2).mean()) > 2 + _FAINT * np.sqrt((fitted**2).mean()))
    return failed > 2 * (tracks - 1)  # where one of several tracks begins or ends, the tone's loudness changes
