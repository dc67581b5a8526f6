"""A late frame of a camera that stands still: the last picture released again, with what has changed covered.

    last = LastReleased()
    last.made_from(frame, time, settings)             # every frame that the gate lets out, before it is redacted
    last.released(frame)                              # once it has gone out
    last.repeat(late, time, settings, level)          # the late frame's pixels become those of the last one

No pixel of the late frame is shown, only where it differs: what nobody looked at is compared with what the last
released picture was made from, so that nothing creeps in, however many late frames follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.media.frames.frame import VideoPicture
from anonymize.settings import Settings

LATE_FOR = 2
"""Seconds after the last released picture for which it is repeated."""
MOST_CHANGED = 0.5
"""Share of the picture that may have changed; beyond it the camera moves, or the scene is another."""
_BLOCK = 16
"""About how many pixels a block is wide and high."""
_NOISE = (2.0, 3.0)
"""A block has changed if it differs by more levels of 8 bits than this, and so many times the camera's noise."""
_LEARN = 0.1
"""Weight of a new measurement of the noise."""
_MARGIN = np.ones((3, 3), np.uint8)
"""Blocks around a changed one that are covered with it."""
_MARK = "late"

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Source:
    """What a picture was made from.

    Args:
        luma: of the raw frame, at half its size.
        time: presentation time in seconds.
        settings: by which it was redacted.
    """

    luma: Grey
    time: Fraction
    settings: Settings


class LastReleased:
    """The last picture released, what it was made from, and the camera's noise. Raw luma is kept in memory alone."""

    def __init__(self) -> None:
        self._planes: tuple[Grey, ...] = ()
        self._next: _Source | None = None
        self._source: _Source | None = None
        self._noise = 0.0

    def made_from(self, frame: VideoPicture, time: Fraction, settings: Settings) -> None:
        """Take a frame that may be released, before it is redacted.

        Args:
            frame: raw.
            time: presentation time in seconds.
            settings: by which it will be redacted.
        """
        self._next = _Source(_shrunk(frame), time, settings)

    def released(self, frame: VideoPicture) -> None:
        """Take the redacted picture of the last `made_from`, which was released."""
        assert self._next is not None, "a picture was released that nobody vouched for"
        if self._source is not None and self._source.luma.shape == self._next.luma.shape:
            found = float(np.median(_differences(self._source.luma, self._next.luma)))
            self._noise += _LEARN * (found - self._noise)
        self._planes = tuple(plane.pixels.copy() for plane in frame.planes)
        self._source, self._next = self._next, None

    def repeat(self, frame: VideoPicture, time: Fraction, settings: Settings, level: int) -> float | None:
        """Overwrite a late `frame` with the last picture released, what has changed covered and marked as late.

        Args:
            frame: writable.
            time: presentation time in seconds.
            settings: by which it would be redacted. Others than the last picture's may hide more.
            level: luma of what is covered.

        Returns:
            Share of the picture that is covered; None if it cannot be repeated, and nothing was written.
        """
        last = self._source
        if last is None or last.settings is not settings or not 0 <= time - last.time <= LATE_FOR:
            return None
        source = _shrunk(frame)
        if source.shape != last.luma.shape:
            return None
        least, times = _NOISE
        changed = np.asarray(_differences(last.luma, source) > least + times * self._noise, np.uint8)
        covered = np.asarray(cv2.dilate(changed, _MARGIN), np.uint8)
        share = float(covered.mean())
        if share > MOST_CHANGED:
            return None
        for plane, kept in zip(frame.planes, self._planes, strict=True):
            rows, columns = kept.shape
            mask = cv2.resize(covered, (columns, rows), interpolation=cv2.INTER_NEAREST)
            np.copyto(plane.pixels, np.where(mask, level if plane is frame.planes[0] else plane.black, kept))
        _mark(frame.planes[0].pixels)
        return share


def _shrunk(frame: VideoPicture) -> Grey:
    """The luma of `frame` at half its size, uint8."""
    size = (max(frame.width // 2, 1), max(frame.height // 2, 1))
    return np.asarray(cv2.resize(frame.planes[0].pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _differences(one: Grey, other: Grey) -> NDArray[np.float32]:
    """(rows, columns) mean absolute difference of two pictures ((h, w), at half size) in each block."""
    height, width = one.shape
    blocks = (max(round(2 * width / _BLOCK), 1), max(round(2 * height / _BLOCK), 1))
    different = cv2.absdiff(one, other).astype(np.float32)
    return np.asarray(cv2.resize(different, blocks, interpolation=cv2.INTER_AREA), np.float32)


def _mark(luma: Grey) -> None:
    """Write `_MARK` on black into the lower left corner of `luma` (h, w)."""
    scale = max(luma.shape[0] / 900, 0.3)
    (wide, high), below = cv2.getTextSize(_MARK, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    bottom = luma.shape[0]
    cv2.rectangle(luma, (0, bottom - high - below - 4), (wide + 6, bottom), (16,), cv2.FILLED)
    at = (3, bottom - below - 1)
    cv2.putText(luma, _MARK, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (160,), 1, cv2.LINE_AA)
