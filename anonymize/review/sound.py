"""The sound of a source for a page: parts of it to play, and how loud it is over time. In memory only."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Silence
from anonymize.errors import AnonymizeError
from anonymize.media import VideoSource
from anonymize.media.audio.heard import RATE, Heard, blocks
from anonymize.media.audio.silence import silenced

PART = 1
"""Seconds of a part."""
PEAKS = 50
"""Peaks a second."""
_PEAK = RATE // PEAKS


class Sound:
    """The sound of `source`, all tracks together.

    Args:
        source: the video.
        seconds: how long it is.
    """

    def __init__(self, source: VideoSource, seconds: float) -> None:
        self._source = source
        self._heard = Heard(source)
        self._parts = int(seconds // PART) + 1
        self._peaks: NDArray[np.uint8] = np.zeros(int(seconds * PEAKS) + 1, np.uint8)
        self._known = 0
        """Number of peaks that are known."""
        self._listening: threading.Thread | None = None
        self._closed = False

    def about(self) -> dict[str, Any]:
        """What a page has to know to play it."""
        return {"rate": RATE, "part": PART, "parts": self._parts, "peaks": PEAKS}

    def part(self, number: int, silences: Sequence[Silence]) -> bytes:
        """Part `number`, with `silences` in it: signed 16-bit samples, little endian; empty after the last part."""
        if number >= self._parts:
            return b""
        first, count = number * PART * RATE, PART * RATE
        heard = np.clip(self._heard.samples(first, count), -(1 << 15), (1 << 15) - 1).astype("<i2")
        return silenced(heard, first, RATE, silences).tobytes()

    def peaks(self, first: int) -> dict[str, Any]:
        """The peaks known so far from number `first` on, 0 to 255 each, and whether these are all."""
        if self._listening is None:
            self._listening = threading.Thread(target=self._listen, name="peaks", daemon=True)
            self._listening.start()
        known = self._known
        return {"peaks": self._peaks[first:known].tolist(), "done": known == len(self._peaks)}

    def close(self) -> None:
        """Close the file."""
        self._closed = True
        if self._listening:
            self._listening.join()
        self._heard.close()

    def _listen(self) -> None:
        """Fill `_peaks`, as long as it is open."""
        with suppress(AnonymizeError):  # whoever plays it is told that it cannot be read any more
            for at, block in blocks(self._source):
                if self._closed:
                    return
                place = np.arange(at, at + len(block)) // _PEAK
                inside = (place >= 0) & (place < len(self._peaks))
                loud = np.minimum(np.abs(block[inside].astype(np.int32)) >> 7, 255)
                np.maximum.at(self._peaks, place[inside], loud.astype(np.uint8))
                self._known = max(self._known, min(at // _PEAK, len(self._peaks) - 1))
        self._known = len(self._peaks)
