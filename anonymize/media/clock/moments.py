"""Timestamps for decoded frames where the file has none or invalid ones."""

from __future__ import annotations

import av


class Timestamper:
    """Gives every frame of one pass a timestamp, strictly increasing.

    Files without presentation timestamps (AVI) or with invalid ones are handled as players do: presentation timestamps
    are used unless they fail to increase more often than decoding timestamps do.
    """

    def __init__(self) -> None:
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._faulty_pts = 0
        self._faulty_dts = 0
        self._last: int | None = None
        self._step = 1
        self.repaired = 0
        """Number of frames whose timestamp was made up."""

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
        """FFmpeg's `guess_correct_pts`, which PyAV does not expose."""
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
