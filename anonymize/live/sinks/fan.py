"""One shared encoder for all sinks that take packets; raw frames for the others."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from av.packet import Packet

from anonymize.data import Frame
from anonymize.live.log import logger
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import Picture
from anonymize.live.sinks.encode import LiveEncoder, LivePacket
from anonymize.live.sinks.feeder import Feeder

FRAMES = 8
"""Maximum raw frames waiting: a third of a second, 11 MB at 720p."""
_MOST_WAITING = 500
"""Maximum frames and packets of sound waiting."""
_KEY_APART = 1.0
"""Seconds at least between two key pictures that peers ask for: they are large, and all peers get them."""
MakeFeeders = Callable[[Sequence[Any], Callable[[], None]], Sequence[Feeder[LivePacket]]]


class Fan:
    """`LiveSink` that encodes once, in a thread, and passes the packets to the feeder of every peer.

    Args:
        picture: format of the frames.
        quality: x264's constant rate factor.
        metrics: counts dropped frames.
        feeders: makes the feeders, given the streams of the packets, and what asks for a key picture.
        plain: see `LiveEncoder`.
    """

    def __init__(
        self, picture: Picture, quality: int, metrics: Metrics, feeders: MakeFeeders, *, plain: bool = False
    ) -> None:
        self._metrics = metrics
        self._encoder = LiveEncoder(picture, quality, sound=picture.sound is not None, plain=plain)
        self._wants_key = False
        self._key_due = 0.0
        self._waiting: deque[Frame | Packet[Any]] = deque()
        self._frames = 0
        self._change = threading.Condition()
        self._closed = False
        self._feeders = feeders(self._encoder.streams, self._want_key)
        self.name = ", ".join(feeder.name for feeder in self._feeders)
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    def write(self, frame: Frame) -> None:
        """See `LiveSink.write`. If the encoder cannot keep up, the oldest frame is dropped."""
        with self._change:
            self._waiting.append(frame)
            self._frames += 1
            late = self._frames > FRAMES
            if late:  # drop the oldest frame
                del self._waiting[next(i for i, item in enumerate(self._waiting) if not isinstance(item, Packet))]
                self._frames -= 1
            self._change.notify()
        if late:
            self._metrics.sink_dropped("encoder")

    def sound(self, packet: Packet[Any]) -> None:
        """See `LiveSink.sound`."""
        with self._change:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.append(packet)
                self._change.notify()

    def close(self, within: float) -> None:
        """See `LiveSink.close`: all peers drain at the same time."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join(within / 2)
        closers = [threading.Thread(target=feeder.close, args=(within / 2,)) for feeder in self._feeders]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        if not self._thread.is_alive():
            self._encoder.close()

    def _want_key(self) -> None:
        """Ask for a key picture: the next one, or the first after `_KEY_APART`. From any thread."""
        self._wants_key = True

    def _run(self) -> None:
        going_on = True
        while going_on:
            item = self._next()
            going_on = item is not None
            if self._wants_key and time.monotonic() >= self._key_due:
                self._wants_key, self._key_due = False, time.monotonic() + _KEY_APART
                self._encoder.want_key()
            try:
                if item is None:
                    coded = self._encoder.flush()
                else:
                    coded = self._encoder.sound(item) if isinstance(item, Packet) else self._encoder.picture(item)
            except Exception as error:  # noqa: BLE001 - the frame is lost, the encoder goes on, and the failure is reported
                self._metrics.stage("encoder", "failed", str(error))
                logger.error("encoder failed", error=str(error))
                continue
            for each in coded:
                for feeder in self._feeders:
                    feeder.offer(each)

    def _next(self) -> Frame | Packet[Any] | None:
        """Wait for the next frame or packet of sound; None at the end."""
        with self._change:
            while not self._waiting and not self._closed:
                self._change.wait()
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            self._frames -= not isinstance(item, Packet)
            return item


class Uncoded:
    """`LiveSink` for a peer that takes raw frames. Sound is dropped."""

    def __init__(self, feeder: Feeder[Frame]) -> None:
        self._feeder = feeder
        self.name = feeder.name

    def write(self, frame: Frame) -> None:
        """See `LiveSink.write`."""
        self._feeder.offer(frame)

    def sound(self, packet: Packet[Any]) -> None:
        """See `LiveSink.sound`: dropped."""

    def close(self, within: float) -> None:
        """See `LiveSink.close`."""
        self._feeder.close(within)
