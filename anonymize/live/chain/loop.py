"""The live loop: source -> delay line -> gate -> sinks, on one thread that never waits for any of them.

The source is read by a thread, the detector is a process, and each sink has its own thread. This one receives frames,
requests detections, and releases frames when they are due.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import wait
from statistics import median
from typing import TYPE_CHECKING, Any

import cv2

from anonymize.errors import AnonymizeError, InputError, ProcessError
from anonymize.live.chain.background import KNOWN
from anonymize.live.chain.canvas import TICK, Canvas
from anonymize.live.chain.control import Control
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.gate import NOT_CHECKED, Cleared, again
from anonymize.live.chain.release import Release
from anonymize.live.chain.timeline import TICKS, Timeline
from anonymize.live.detector.client import DetectorClient
from anonymize.live.detector.pace import ORDINARY
from anonymize.live.detector.process import MakeDetectors, detectors
from anonymize.live.protocols import LiveSink, Picture
from anonymize.live.source.clock import SLACK
from anonymize.live.source.reader import Reader
from anonymize.media.core_dumps import no_core_dumps
from anonymize.settings import Audio, Settings, Transport, Unbracketed

if TYPE_CHECKING:
    from anonymize.live.metrics import Metrics

NO_SIGNAL = "No signal"
STARTING = "Starting"
_DEATHS = 3
"""So often may the detectors' process be lost before a film, which waits for it, is given up; a camera never is."""
_INTERVALS = 5
"""Pictures over which the interval of a slow camera is measured: their median, so that one gap does not count."""
_SILENT = 2.5
"""Such intervals without a picture that count as a pause."""
_SLOW = 0.5
"""Seconds from one picture to the next from which on a camera is slow: its last one goes out again until the next."""
IDLE = 0.05
"""Maximum seconds between two iterations."""

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
    transport: Transport = Transport.AUTO,
    poll: float = 0.0,
    make: MakeDetectors = detectors,
) -> None:
    """Anonymise `source` until it ends or `control` stops it; then release the waiting frames and close the sinks.

    Args:
        source: see `anonymize.live.source.connection.way_to`.
        sinks: opens the sinks once the format of the source is known. They get only frames that
            `anonymize.live.chain.gate` cleared.
        settings: targets, appearance and lookahead.
        metrics: updated throughout.
        control: stops the run and changes settings.
        loop: play a file repeatedly.
        audio: `keep` passes the sound, in sync with the picture.
        transport: of an RTSP source.
        poll: seconds between pictures that are fetched one by one; 0 for a stream.
        make: makes the detectors, in the detector process.

    Raises:
        UsageError: the address is not supported, or has no transport to choose.
        InputError: a file cannot be read. An unreachable stream is waited for.
        ModelError: a model is missing or altered.
    """
    no_core_dumps()
    with ExitStack() as stack:
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)  # the other core is the detector's
        how: Any = {"loop": loop, "pixel_aspect": settings.shape_of_pixels, "transport": transport, "poll": poll}
        # Held: a film shorter than the start of the detectors would be over before.
        reader = Reader(source, settings.live, metrics, **how, held=True)
        stack.callback(reader.close)
        picture = _first_picture(reader, control)
        if picture is None:
            return
        if audio is Audio.MUTE:
            picture = replace(picture, sound=None)
        release = Release(sinks(picture), picture, metrics)
        stack.callback(release.close)
        chain = Chain(picture, settings, release, metrics, make, poll)
        stack.callback(chain.close)
        chain.go(reader, control)


def _first_picture(reader: Reader, control: Control) -> Picture | None:
    """The format of the source, once known; None if it ends or is stopped before."""
    while reader.picture is None and not control.stopped:
        if reader.over:
            reader.take()  # raises the error of the source, if any
            return None
        wait([reader.fileno(), control.fileno()], IDLE)
    return reader.picture


class Chain:
    """Process one camera's frames from arrival to `Release`.

    Args:
        picture: format of the frames.
        settings: in force until `Control` has others.
        release: takes cleared frames.
        metrics: updated throughout.
        make: makes the detectors, in the detector process.
        poll: seconds between pictures that are fetched one by one; 0 for a stream.
    """

    def __init__(
        self,
        picture: Picture,
        settings: Settings,
        release: Release,
        metrics: Metrics,
        make: MakeDetectors,
        poll: float = 0.0,
    ) -> None:
        self._picture = picture
        self._settings = settings
        self._release = release
        self._metrics = metrics
        self._make = make
        self._canvas = Canvas(picture.width, picture.height, picture.pixel_aspect)
        self._timeline = Timeline(picture.rate)
        self._line = DelayLine(settings)
        self._client = self._opened(settings)
        self._next_client: DetectorClient | None = None
        self._begun = picture.begun
        self._started = self._client is None
        self._came_due = False
        """Whether a frame has come due, so that one is missed."""
        self._arrived = self._begun
        self._intervals: deque[float] = deque(maxlen=_INTERVALS)
        self._expected = poll or float(1 / picture.rate)
        """Seconds from one picture to the next, before any was measured."""
        self._shown: Cleared | None = None
        """The last frame released by the settings in force."""
        self._connection = 1
        self._shape: tuple[object, ...] = ()
        """Of the last picture: what decides where on the canvas things stand."""

    def go(self, reader: Reader, control: Control) -> None:
        """Run until the source ends or `control` stops it, and every waiting frame is released."""
        while True:
            ending = control.stopped or reader.over
            if ending and not len(self._line):
                return
            waitable = [
                c for client in (self._client, self._next_client) if client is not None for c in client.waitable()
            ]
            due = self._line.next_due
            until = IDLE if due is None else min(IDLE, max(0.0, due - time.monotonic()))
            wait([*([] if ending else [reader.fileno()]), control.fileno(), *waitable], until)
            before = self._settings
            self._apply(control.take())
            if self._settings is not before:
                control.applied(self._settings)
            self._collect()
            self._release_due()
            if self._started:
                reader.begin()
            elif reader.waits and self._client is not None and self._client.deaths >= _DEATHS:
                raise ProcessError(f"the detectors' process was lost {_DEATHS} times as it began: nothing was shown")
            if not ending:
                self._receive(reader)
                self._fill()
            self._request()

    def close(self) -> None:
        """End the detector processes."""
        for client in (self._client, self._next_client):
            if client is not None:
                client.close()

    def _receive(self, reader: Reader) -> None:
        """Pass the next picture to the delay line, and its sound to `Release`."""
        for packet in reader.sound() if self._picture.sound is not None else ():
            sound_at = self._timeline.of_sound((packet.pts or 0) * packet.time_base)
            if sound_at is not None:
                packet.pts = packet.dts = sound_at
                packet.time_base = TICK
                self._release.keep(packet)
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
        shape = (arrived.picture.width, arrived.picture.height, arrived.orientation, arrived.aspects[0])
        if shape != self._shape:
            self._shape = shape
            self._line.break_off()  # all things are elsewhere now, however alike the pictures are
        if self._line.index:
            self._intervals.append(arrived.at - self._arrived)
        self._arrived = arrived.at
        captured = arrived.captured - self._begun
        if self._release.is_over(captured):
            self._metrics.dropped("stale")
            return
        stamp = self._timeline.stamp(arrived.time, captured)
        try:
            frame = self._canvas.frame(arrived.picture, arrived.orientation, self._line.index, stamp, arrived.aspects)
        except InputError:
            self._metrics.dropped("unusable")
            return
        self._line.take(frame, arrived.at)

    def _collect(self) -> None:
        """Pass results of the detector to the delay line."""
        if self._client is not None:
            results = self._client.results()
            if results and self._line.needed is None:
                self._request()  # the detector need not wait while its finds are tracked
            for result in results:
                if not self._line.learn(result.index, result.finds):
                    self._metrics.late_detections()
        self._started = self._started or self._client is None or self._client.ready

    def _request(self) -> None:
        """Start a detection if the detector is free and a frame is due for one."""
        if self._client is None or self._client.pace is None or not self._client.free:
            return
        now, pace = time.monotonic(), self._client.pace
        held = self._line.wanted(now, pace.interval(self._line.interval), pace.expected(ORDINARY))
        if held is not None:
            effort = self._line.needed or pace.effort(self._line.turn)
            self._line.asked(held, effort)
            self._client.detect(held.frame, effort)

    def _release_due(self) -> None:
        """Release the frames that are due."""
        for held, cleared in self._line.due(time.monotonic()):
            self._came_due = True
            if cleared.obscured and held.settings.live.unbracketed is Unbracketed.DROP:
                self._metrics.dropped("unbracketed")
                continue
            self._release.show(cleared, held.arrived, held.due)
            self._shown = cleared
            self._metrics.things(0 if cleared.obscured else self._line.things)
        if self._line.place is not None:
            known = self._line.place.share
            self._metrics.background(known, known >= KNOWN, self._line.place.obstacle)
        for words in self._line.faults:
            self._metrics.stage("tracking", "lost", words)
        self._line.faults.clear()

    def _fill(self) -> None:
        """Show a notice when nothing was shown for too long, so that players do not freeze on the last picture.

        The last picture of a slow camera goes out again and again until the next one comes.
        """
        now, usual = time.monotonic(), median(self._intervals or [self._expected])
        stall = max(self._settings.live.stall, _SILENT * usual)
        stamp = round((now - self._begun - self._settings.live.lookahead - SLACK) * TICKS)
        if self._line.oldest is not None:  # it goes out after this one
            stamp = min(stamp, self._line.oldest - self._release.least)
        if self._release.wants_notice(now, stall):
            silent = now - self._arrived > stall
            words = NO_SIGNAL if silent and self._started else NOT_CHECKED if self._came_due else STARTING
            self._release.fill(self._line.notice(self._canvas.black(-1, stamp), words), missing=words != NOT_CHECKED)
        elif usual >= _SLOW and self._shown is not None and self._release.wants_again(now):
            self._release.again(again(self._shown, self._canvas.black(-1, stamp)))

    def _apply(self, settings: Settings | None) -> None:
        """Switch to other settings: at once, or when the detectors that they need are ready."""
        if settings is not None:
            self._change(settings)
        if self._next_client is None:
            return
        try:
            self._next_client.results()
        except AnonymizeError as error:
            self._metrics.stage("settings", "failed", f"kept the previous settings: {error}")
            self._next_client.close()
            self._next_client = None
            return
        if self._next_client.ready:
            self._settle_on(self._next_client.settings, self._next_client)
            self._next_client = None

    def _change(self, settings: Settings) -> None:
        if self._next_client is not None:
            self._next_client.close()
            self._next_client = None
        parts = ("targets", "detect", "text", "live")
        if all(getattr(settings, part) == getattr(self._settings, part) for part in parts):
            self._settle_on(settings, self._client)
            return
        self._next_client = self._opened(settings)
        if self._next_client is None:
            self._settle_on(settings, None)

    def _settle_on(self, settings: Settings, client: DetectorClient | None) -> None:
        """Use `settings` and `client` from the next frame on."""
        if self._client is not None and self._client is not client:
            self._client.close()
        self._client, self._settings = client, settings
        self._shown = None  # these may hide more
        self._line.change(settings)
        if self._line.place is None:
            self._metrics.no_background()
        self._metrics.stage("settings", "ok")

    def _opened(self, settings: Settings) -> DetectorClient | None:
        """A detector for `settings`; None if there are no targets."""
        if not settings.targets:
            return None
        size = (self._picture.width, self._picture.height)
        return DetectorClient(size, settings, self._metrics, self._make, self._picture.pixel_aspect)
