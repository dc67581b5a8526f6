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
    tracks = [
        (number, float(track.begin), float(track.end))
        for number, track in enumerate(result.info.audio)
        if track.begin is not None and track.end is not None
    ]
    if not tracks or not silences:
        return
    own = np.repeat(np.arange(len(result.info.audio)), [track.channels for track in result.info.audio])
    sound = Heard(result, apart=True)
    for one in silences:
        spans = {number: _within(one, begin, end) for number, begin, end in tracks}
        first, end = min(low for low, _ in spans.values()), max(high for _, high in spans.values())
        for at in range(first, end, _AT_ONCE):
            part = sound.samples(at, min(_AT_ONCE, end - at))
            ranges = ((number, max(low - at, 0), max(high - at, 0)) for number, (low, high) in spans.items())
            if any(_heard(part[low:high, own == number], at + low, one.how) for number, low, high in ranges):
                yield f"the sound from {clock(one.first)} to {clock(one.end)} can still be heard"
                break


def _within(one: Silence, begin: float, end: float) -> tuple[int, int]:
    """The samples of `one` in a track from `begin` to `end`, in seconds, but for those at its ends."""
    low, high = math.ceil(max(one.first, begin) * RATE), math.floor(min(one.end, end) * RATE)
    edge = min(_EDGE, max(high - low, 0) // 4)
    return low + edge, high - edge


def _heard(part: NDArray[np.int32], at: int, how: Silencing) -> bool:
    """Whether any channel of `part` (N, C), at position `at`, holds more than silence or the tone."""
    if how is Silencing.MUTE:
        return bool(part.any())
    turns = 2 * np.pi * TONE / RATE * np.arange(at, at + len(part))
    waves = np.stack([np.sin(turns), np.cos(turns)], axis=1)
    for low in range(0, len(part), _WINDOW):
        sound, wave = part[low : low + _WINDOW].astype(np.float64), waves[low : low + _WINDOW]
        fitted = wave @ np.linalg.lstsq(wave, sound, rcond=None)[0]
        left, kept = (np.sqrt((signal**2).mean(axis=0)) for signal in (sound - fitted, fitted))
        if (left > 2 + _FAINT * kept).any():
            return True
    return False
