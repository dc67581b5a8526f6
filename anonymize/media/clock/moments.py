"""Which moment a decoded picture belongs to, where the file leaves it open."""

from __future__ import annotations

import av


class Timestamper:
    """Gives every picture of one pass a timestamp, later than the one before.

    Files without presentation times (AVI) or with broken ones are read as players read them: presentation times as long
    as they rise more often than decoding times do, else those.
    """

    def __init__(self) -> None:
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._faulty_pts = 0
        self._faulty_dts = 0
        self._last: int | None = None
        self._step = 1
        self.repaired = 0
        """How many pictures got a timestamp that the file does not give."""

    def stamp(self, frame: av.VideoFrame) -> int:
        """The timestamp of `frame` in its time base; greater than the previous one."""
        pts = self._guess(frame.pts, frame.dts)
        last = self._last
        if pts is None or (last is not None and pts <= last):
            pts = 0 if last is None else last + self._step
            self.repaired += 1
        self._step = frame.duration or (self._step if last is None else pts - last)
        self._last = pts
        return pts

    def _guess(self, pts: int | None, dts: int | None) -> int | None:
        """FFmpeg's own rule (`guess_correct_pts`), which PyAV does not show."""
        if dts is not None:
            self._faulty_dts += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        elif pts is not None:
            self._last_dts = pts
        if pts is not None:
            self._faulty_pts += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        elif dts is not None:
            self._last_pts = dts
        if pts is not None and (self._faulty_pts <= self._faulty_dts or dts is None):
            return pts
        return dts
