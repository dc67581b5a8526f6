"""The live loop: source -> delay line -> gate -> sinks, on one thread that never waits for any of them.

Threads and processes beside it: the source is read by a thread, the detector is a process, sinks have threads of their
own. This one takes frames in, asks for looks, and lets frames out when their time is up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

import cv2
from av.packet import Packet

from anonymize.errors import AnonymizeError, InputError
from anonymize.live.chain.canvas import TICK, Canvas
from anonymize.live.chain.control import Control
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.gate import NOT_CHECKED, notice
from anonymize.live.chain.release import Release
from anonymize.live.chain.timeline import TICKS, Timeline
from anonymize.live.detector.client import DetectorClient
from anonymize.live.detector.pace import EFFORTS
from anonymize.live.detector.process import MakeDetectors, detectors
from anonymize.live.protocols import LiveSink, Picture
from anonymize.live.source.reader import Reader
from anonymize.media.core_dumps import no_core_dumps
from anonymize.settings import Audio, Settings, Unbracketed

if TYPE_CHECKING:
    from anonymize.live.metrics import Metrics

NO_SIGNAL = "No signal"
STARTING = "Starting"
IDLE = 0.05
"""Seconds between two turns in which nothing happens."""

OpenSinks = Callable[[Picture], Sequence[LiveSink]]


def run(
    source: str,
    sinks: OpenSinks,
    settings: Settings,
    metrics: Metrics,
    control: Control,
    *,
    loop: bool = False,
    audio: Audio = Audio.MUTE,
    make: MakeDetectors = detectors,
) -> None:
    """Anonymise `source` until it ends or `control` says stop; then let out what still waits, and close the sinks.

    Args:
        source: see `anonymize.live.source.connection.way_to`.
        sinks: opens the sinks, once the source has shown what it is. They get only what `anonymize.live.chain.gate`
            cleared.
        settings: what to look for, how to draw it, and how long to wait for it.
        metrics: told everything that is counted.
        control: stops, and changes settings.
        loop: play a file again and again.
        audio: `keep` passes the sound, in step with the picture.
        make: makes the detectors, in their process.

    Raises:
        UsageError: nobody knows such an address.
        InputError: a file that cannot be read. A stream that cannot be had is waited for.
        ModelError: a model is missing or altered.
    """
    no_core_dumps()
    with ExitStack() as stack:
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)  # the other core is the detector's
        reader = Reader(source, settings.live, metrics, loop=loop, pixel_aspect=settings.shape_of_pixels)
        stack.callback(reader.close)
        picture = _first_picture(reader, control)
        if picture is None:
            return
        if audio is Audio.MUTE:
            picture = replace(picture, sound=None)
        outlet = Release(sinks(picture), picture, metrics)
        stack.callback(outlet.close)
        chain = Chain(picture, settings, outlet, metrics, make)
        stack.callback(chain.close)
        chain.go(reader, control)


def _first_picture(reader: Reader, control: Control) -> Picture | None:
    """What the source shows, as soon as it does; None if it ends or is stopped before."""
    while reader.picture is None and not control.stopped:
        if reader.over:
            reader.take()  # raises what went wrong, if anything did
            return None
        wait([reader.fileno(), control.fileno()], IDLE)
    return reader.picture


class Chain:
    """One camera's frames on their way from arrival to `Release`.

    Args:
        picture: what the sinks were told.
        settings: in force until `Control` has others.
        outlet: where frames leave.
        metrics: told everything that is counted.
        make: makes the detectors, in their process.
    """

    def __init__(
        self, picture: Picture, settings: Settings, outlet: Release, metrics: Metrics, make: MakeDetectors
    ) -> None:
        self._picture = picture
        self._settings = settings
        self._outlet = outlet
        self._metrics = metrics
        self._make = make
        self._canvas = Canvas(picture.width, picture.height, picture.pixel_aspect)
        self._timeline = Timeline(picture.rate)
        self._line = DelayLine(settings)
        self._client = self._opened(settings)
        self._coming: DetectorClient | None = None
        self._begun = time.monotonic()
        self._started = self._client is None
        self._arrived = self._begun
        self._connection = 1

    def go(self, reader: Reader, control: Control) -> None:
        """Run until the source ends or `control` says stop, and all that waits is out."""
        while True:
            ending = control.stopped or reader.over
            if ending and not len(self._line):
                return
            wait([*([] if ending else [reader.fileno()]), control.fileno(), *self._waitable()], self._patience())
            self._obey(control.take())
            self._learn()
            self._let_out()
            if not ending:
                self._take_in(reader)
                self._fill()
            self._ask()

    def close(self) -> None:
        """End the detectors."""
        for client in (self._client, self._coming):
            if client is not None:
                client.close()

    def _take_in(self, reader: Reader) -> None:
        """Let the next picture into the delay line, and sound wait for its own."""
        for packet in reader.sound() if self._picture.sound is not None else ():
            self._hear(packet)
        arrived = reader.take()
        if arrived is None:
            return
        if not self._started:
            self._metrics.dropped("starting")
            return
        if arrived.connection != self._connection:
            self._connection = arrived.connection
            self._line.break_off()
            self._timeline.begin_anew()
        self._arrived = arrived.at
        stamp = self._timeline.stamp(arrived.time, arrived.at - self._begun)
        try:
            frame = self._canvas.frame(arrived.picture, arrived.orientation, self._line.index, stamp, arrived.aspects)
        except InputError:
            self._metrics.dropped("unusable")
            return
        self._line.take(frame, arrived.at)

    def _hear(self, packet: Packet[Any]) -> None:
        stamp = self._timeline.of_sound((packet.pts or 0) * packet.time_base)
        if stamp is not None:
            packet.pts = packet.dts = stamp
            packet.time_base = TICK
            self._outlet.keep(packet)

    def _learn(self) -> None:
        """Take in what the detector found."""
        if self._client is not None:
            for result in self._client.results():
                if not self._line.learn(result.index, result.finds):
                    self._metrics.late_looks()
            self._started = self._started or self._client.ready

    def _ask(self) -> None:
        """Have the detector look, if it is free and a frame is worth it."""
        if self._client is None or self._client.pace is None or not self._client.free:
            return
        now, pace = time.monotonic(), self._client.pace
        held = self._line.wanted(now, pace.interval(), pace.expected(EFFORTS[1]))
        if held is not None:
            self._line.asked(held)
            self._client.detect(held.frame, pace.effort(now))

    def _let_out(self) -> None:
        """Show the frames whose time is up."""
        for held, cleared in self._line.due(time.monotonic()):
            if cleared.obscured and held.settings.live.unbracketed is Unbracketed.DROP:
                self._metrics.dropped("unbracketed")
                continue
            self._outlet.show(cleared, held.arrived)
            self._metrics.things(0 if cleared.obscured else self._line.things)
        for words in self._line.faults:
            self._metrics.stage("tracking", "lost", words)
        self._line.faults.clear()

    def _fill(self) -> None:
        """Show a notice where nothing was shown for too long: a player shall not keep the last picture for ever."""
        now = time.monotonic()
        if not self._outlet.wants_notice(now, self._settings.live.stall):
            return
        silent = now - self._arrived > self._settings.live.stall
        words = STARTING if not self._started else NO_SIGNAL if silent else NOT_CHECKED
        stamp = round((now - self._begun - self._settings.live.lookahead) * TICKS)
        self._outlet.fill(notice(self._canvas.black(-1, stamp), words))

    def _obey(self, settings: Settings | None) -> None:
        """Go over to other settings: at once, or when the detectors that they need are ready."""
        if settings is not None:
            self._change(settings)
        if self._coming is None:
            return
        try:
            self._coming.results()
        except AnonymizeError as error:
            self._metrics.stage("settings", "failed", f"the old ones hold on: {error}")
            self._coming.close()
            self._coming = None
            return
        if self._coming.ready:
            self._settle_on(self._coming.settings, self._coming)
            self._coming = None

    def _change(self, settings: Settings) -> None:
        if self._coming is not None:
            self._coming.close()
            self._coming = None
        same = all(getattr(settings, part) == getattr(self._settings, part) for part in ("targets", "detect", "live"))
        if same:
            self._settle_on(settings, self._client)
            return
        self._coming = self._opened(settings)
        if self._coming is None:
            self._settle_on(settings, None)

    def _settle_on(self, settings: Settings, client: DetectorClient | None) -> None:
        """Let `settings` and `client` serve from the next frame on."""
        if self._client is not None and self._client is not client:
            self._client.close()
        self._client, self._settings = client, settings
        self._line.change(settings)
        self._metrics.stage("settings", "ok")

    def _opened(self, settings: Settings) -> DetectorClient | None:
        """A detector for `settings`; None where there is nothing to look for."""
        if not settings.targets:
            return None
        size = (self._picture.width, self._picture.height)
        return DetectorClient(size, settings, self._metrics, self._make, self._picture.pixel_aspect)

    def _waitable(self) -> list[Connection]:
        return [c for client in (self._client, self._coming) if client is not None for c in client.waitable()]

    def _patience(self) -> float:
        """Seconds until there is something to do, whoever comes."""
        due = self._line.next_due
        return IDLE if due is None else min(IDLE, max(0.0, due - time.monotonic()))
