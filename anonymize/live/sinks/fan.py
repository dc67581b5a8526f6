"""One encoder for every sink that takes packets; and frames as they are for those that do not."""

from __future__ import annotations

import threading
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
"""Uncoded frames that may wait: a third of a second, 11 MB at 720p."""
_MOST_WAITING = 500
"""Frames and packets of sound that may wait."""
Outlets = Callable[[Sequence[Any]], Sequence[Feeder[LivePacket]]]


class Fan:
    """`LiveSink` that encodes once, in a thread, and hands the packets to every peer's outlet.

    Args:
        picture: what will come.
        quality: x264's constant rate factor.
        metrics: told what is dropped.
        outlets: makes the outlets, given the streams that their packets will belong to.
    """

    def __init__(self, picture: Picture, quality: int, metrics: Metrics, outlets: Outlets) -> None:
        self._metrics = metrics
        self._encoder = LiveEncoder(picture, quality, sound=picture.sound is not None)
        self._waiting: deque[Frame | Packet[Any]] = deque()
        self._frames = 0
        self._change = threading.Condition()
        self._closed = False
        self._outlets = outlets(self._encoder.streams)
        self.name = ", ".join(outlet.name for outlet in self._outlets)
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    def write(self, frame: Frame) -> None:
        """See `LiveSink.write`. When the encoder does not keep up the oldest frame is dropped."""
        with self._change:
            self._waiting.append(frame)
            self._frames += 1
            late = self._frames > FRAMES
            if late:
                self._drop_oldest_frame()
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
        closers = [threading.Thread(target=outlet.close, args=(within / 2,)) for outlet in self._outlets]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        if not self._thread.is_alive():
            self._encoder.close()

    def _run(self) -> None:
        going_on = True
        while going_on:
            item = self._next()
            going_on = item is not None
            try:
                coded = self._coded(item)
            except Exception as error:  # noqa: BLE001 - an encoder that fails is replaced, and it is said
                self._metrics.stage("encoder", "failed", str(error))
                logger.error("encoder failed", error=str(error))
                continue
            for each in coded:
                for outlet in self._outlets:
                    outlet.offer(each)

    def _coded(self, item: Frame | Packet[Any] | None) -> list[LivePacket]:
        if item is None:
            return self._encoder.rest()
        return self._encoder.sound(item) if isinstance(item, Packet) else self._encoder.picture(item)

    def _next(self) -> Frame | Packet[Any] | None:
        """The next frame or packet of sound, waited for; None at the end."""
        with self._change:
            while not self._waiting and not self._closed:
                self._change.wait()
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            self._frames -= not isinstance(item, Packet)
            return item

    def _drop_oldest_frame(self) -> None:
        for index, item in enumerate(self._waiting):
            if not isinstance(item, Packet):
                del self._waiting[index]
                self._frames -= 1
                return


class Uncoded:
    """`LiveSink` for a peer that takes frames as they are. Sound is left out."""

    def __init__(self, outlet: Feeder[Frame]) -> None:
        self._outlet = outlet
        self.name = outlet.name

    def write(self, frame: Frame) -> None:
        """See `LiveSink.write`."""
        self._outlet.offer(frame)

    def sound(self, packet: Packet[Any]) -> None:
        """See `LiveSink.sound`: there is no place for sound here."""

    def close(self, within: float) -> None:
        """See `LiveSink.close`."""
        self._outlet.close(within)
