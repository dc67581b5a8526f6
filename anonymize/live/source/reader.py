"""A source that is read for ever, by a thread: connected again when lost, never waited for by anyone."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.packet import Packet

from anonymize.errors import InputError
from anonymize.live.backoff import Backoff
from anonymize.live.chain.canvas import canvas_for
from anonymize.live.protocols import Picture, SoundInfo
from anonymize.live.secrets import mask, resolve
from anonymize.live.source.connection import Stream, way_to
from anonymize.live.wakeup import Wakeup
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.tone import shown_as
from anonymize.settings import Live

if TYPE_CHECKING:
    from anonymize.live.metrics import Metrics

_MOST_SOUND = 500
"""Packets of sound that may wait to be taken in."""
STAGE = "source"


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A picture as it came.

    Args:
        picture: the decoder's own, never drawn on.
        orientation: how it must be turned.
        at: when it came, on the monotonic clock.
        connection: the number of the connection that it came by, from 1.
        aspects: of its upright pixels, see `anonymize.data.Frame`.
    """

    picture: av.VideoFrame
    orientation: Orientation
    at: float
    connection: int
    aspects: tuple[Fraction, ...]

    @property
    def time(self) -> Fraction | None:
        """Its timestamp in seconds."""
        if self.picture.pts is None or self.picture.time_base is None:
            return None
        return self.picture.pts * self.picture.time_base


class Reader:
    """Reads a source in a thread of its own.

    Pictures wait in a bounded buffer; when it is full the oldest is dropped and counted. What the source does (ends,
    breaks, stalls, sends rubbish) shows as silence and in `metrics`; only what no waiting can mend is raised by `take`.

    Args:
        address: see `anonymize.live.source.connection.way_to`; may hold references that `secrets.resolve` knows.
        live: buffer and times.
        metrics: told what comes and goes.
        loop: begin a file anew at its end.
        pixel_aspect: of an upright pixel, whatever the source says.

    Raises:
        UsageError: nobody knows such an address.
    """

    def __init__(
        self, address: str, live: Live, metrics: Metrics, *, loop: bool = False, pixel_aspect: Fraction | None = None
    ) -> None:
        self._pixel_aspect = pixel_aspect
        address = resolve(address)
        self._way = way_to(address)
        self._live = live
        self._metrics = metrics
        self._loop = loop and self._way.file is not None
        self.name = self._way.file.name if self._way.file is not None else mask(address)
        self.picture: Picture | None = None
        """What the first connection shows; None until then."""
        self._lock = threading.Lock()
        self._pictures: deque[Arrived] = deque()
        self._sound: deque[Packet[Any]] = deque(maxlen=_MOST_SOUND)
        self._connections = 0
        self._stopping = threading.Event()
        self._over = False
        self._error: BaseException | None = None
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable when `take` has something."""
        return self._wakeup.fileno()

    @property
    def failed(self) -> bool:
        """Whether `take` has an error to raise."""
        return self._error is not None

    @property
    def over(self) -> bool:
        """Whether nothing more will come and all was taken."""
        with self._lock:
            return self._over and not self._pictures

    def take(self) -> Arrived | None:
        """The oldest picture that waits; None if none does.

        Raises:
            AnonymizeError: the source cannot be used, and will not be by waiting.
        """
        with self._lock:
            self._wakeup.clear()
            taken = self._pictures.popleft() if self._pictures else None
            if self._pictures:
                self._wakeup.wake()
        if taken is None and self._error is not None:
            raise self._error
        return taken

    def sound(self) -> list[Packet[Any]]:
        """The packets of sound that came since."""
        with self._lock:
            packets = list(self._sound)
            self._sound.clear()
        return packets

    def close(self) -> None:
        """Stop reading. A thread that waits for a dead peer is left to its timeout."""
        self._stopping.set()
        self._thread.join(timeout=0.5)
        self._metrics.stage(STAGE, "stopped")

    # in the thread

    def _run(self) -> None:
        try:
            self._read_for_ever()
        except BaseException as error:  # noqa: BLE001 - raised by `take` in the thread that waits
            self._error = error
        self._over = True
        self._wakeup.wake()

    def _read_for_ever(self) -> None:
        failures, backoff = 0, Backoff(self._live.backoff, self._live.longest_backoff)
        self._metrics.stage(STAGE, "starting", self.name)
        while not self._stopping.is_set():
            before, reason = self._connections, "it ended"
            try:
                self._read_once()
            except InputError as error:
                if self.picture is None and not self._way.endless:
                    raise
                reason = str(error)
            if not (self._way.endless or self._loop):
                return
            if self._connections > before:
                failures = 0
                if self._loop:
                    continue
            self._metrics.stage(STAGE, "lost", reason)
            self._metrics.reconnect(STAGE)
            failures += 1
            self._stopping.wait(backoff.delay(failures) * random.uniform(0.5, 1.0))

    def _read_once(self) -> None:
        """Take all that one connection gives."""
        damaged = 0
        with Stream(self._way, self._live.timeout, self.name, self._pixel_aspect) as stream:
            pace = _Pace() if stream.paced else None
            connected = False
            for item in stream.items():
                if self._stopping.is_set():
                    return
                if stream.undecodable > damaged:
                    self._metrics.dropped("damaged", stream.undecodable - damaged)
                    damaged = stream.undecodable
                if isinstance(item, Packet):
                    self._hear(item, stream)
                    continue
                if not connected:
                    connected = True
                    self._connect(stream, item)
                if pace is not None:
                    self._stopping.wait(pace.wait(item))
                orientation, aspects = stream.orientation(item), stream.aspects(item)
                self._see(Arrived(item, orientation, time.monotonic(), self._connections, aspects))

    def _connect(self, stream: Stream, first: av.VideoFrame) -> None:
        self._connections += 1
        if self.picture is None:
            self.picture = self._described(stream, first)
        self._metrics.stage(STAGE, "ok", self.name)

    def _described(self, stream: Stream, first: av.VideoFrame) -> Picture:
        upright = stream.orientation(first).pair(first.width, first.height)
        canvas = canvas_for(*upright, self._live.longest_side)
        sound, aspect, colour = _sound_of(stream), stream.pixel_aspect, shown_as(first)
        return Picture(canvas.width, canvas.height, stream.rate, sound, aspect, colour)

    def _see(self, arrived: Arrived) -> None:
        self._metrics.frames_in()
        with self._lock:
            dropped = len(self._pictures) >= self._live.buffer
            if dropped:
                self._pictures.popleft()
            self._pictures.append(arrived)
        if dropped:
            self._metrics.dropped("overload")
        self._wakeup.wake()

    def _hear(self, packet: Packet[Any], stream: Stream) -> None:
        if self.picture is not None and self.picture.sound == _sound_of(stream):
            with self._lock:
                self._sound.append(packet)


class _Pace:
    """Holds pictures of a file back until it is their time."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._last: float | None = None

    def wait(self, picture: av.VideoFrame) -> float:
        """Seconds until `picture` is due."""
        now = time.monotonic()
        shown = float(picture.pts * picture.time_base) if picture.pts is not None and picture.time_base else None
        if shown is None:
            return 0.0
        jumped = self._last is None or not 0 <= shown - self._last <= 5
        late = self._start is not None and now - (self._start + shown) > 1
        if self._start is None or jumped or late:
            self._start = now - shown
        self._last = shown
        return max(0.0, self._start + shown - now)


def _sound_of(stream: Stream) -> SoundInfo | None:
    context = stream.sound
    if context is None:
        return None
    return SoundInfo(
        context.codec.canonical_name, context.sample_rate, context.layout.name, bytes(context.extradata or b"")
    )
