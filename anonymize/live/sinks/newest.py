"""The newest frame that was released, as a picture for pages."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import cv2
from av.packet import Packet

from anonymize.data import Frame


@dataclass(frozen=True, slots=True)
class Shown:
    """A released frame, for a page.

    Args:
        number: of the frame, from 1.
        jpeg: the picture, made smaller.
        size: of the frame itself.
    """

    number: int
    jpeg: bytes
    size: tuple[int, int]


class Newest:
    """`LiveSink` that keeps the newest frame. As a sink, it gets anonymised frames only."""

    name = "newest"

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._number = 0
        self.forgotten = 0
        """How often it was told to `forget`."""
        self._lock = threading.Lock()

    def write(self, frame: Frame) -> None:
        """See `LiveSink.write`."""
        with self._lock:
            self._frame = frame
            self._number += 1

    def sound(self, packet: Packet[Any]) -> None:
        """See `LiveSink.sound`: a picture has no sound."""

    def close(self, within: float) -> None:  # noqa: ARG002 - it takes no time
        """See `LiveSink.close`."""
        self.forget()

    def forget(self) -> None:
        """Show it to nobody any more."""
        with self._lock:
            self._frame = None
            self.forgotten += 1

    def shown(self, width: int) -> Shown | None:
        """The newest frame, at most `width` pixels wide; None if there is none."""
        with self._lock:
            frame, number = self._frame, self._number
        if frame is None:
            return None
        return Shown(number, jpeg(frame, width), (frame.width, frame.height))


def jpeg(frame: Frame, width: int) -> bytes:
    """`frame` as JPEG, at most `width` pixels wide."""
    scale = min(1.0, width / frame.width)
    picture = frame.bgr(round(frame.width * scale), max(1, round(frame.height * scale)))
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return data.tobytes()
