"""Read a source forever in a thread, reconnecting when it is lost, so that nothing else waits for it."""

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
from anonymize.live.log import logger
from anonymize.live.protocols import Picture, SoundInfo
from anonymize.live.secrets import mask, resolve
from anonymize.live.source.connection import Stream, way_to
from anonymize.live.wakeup import Wakeup
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.tone import shown_as
from anonymize.settings import Live, Transport

if TYPE_CHECKING:
    from anonymize.live.metrics import Metrics

_MOST_SOUND = 500
"""Maximum packets of sound waiting to be taken."""
STAGE = "source"


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A decoded picture and when it arrived.

    Args:
        picture: owned by the decoder, never drawn on.
        orientation: how it must be turned.
        at: time of arrival on the monotonic clock.
        captured: when it was captured, on the same clock, as far as its source lets know.
        connection: number of its connection, from 1.
        aspects: of its upright pixels, see `anonymize.data.Frame`.
    """

    picture: av.VideoFrame
    orientation: Orientation
    at: float
    captured: float
    connection: int
    aspects: tuple[Fraction, ...]

    @property
    def time(self) -> Fraction | None:
        """Presentation time in seconds; None if unknown."""
        if self.picture.pts is None or self.picture.time_base is None:
            return None
        return self.picture.pts * self.picture.time_base


class Reader:
    """Reads a source in its own thread.

    Pictures wait in a bounded buffer; when it is full the oldest is dropped and counted. Faults of the source (it ends,
    breaks, stalls or sends invalid data) show as missing pictures and in `metrics`; `take` raises permanent errors.

    Args:
        address: see `anonymize.live.source.connection.way_to`; may contain references for `secrets.resolve`.
        live: size of the buffer, timeout and backoff.
        metrics: counts frames and reconnects.
        loop: play a file repeatedly.
        pixel_aspect: of an upright pixel, overriding the source.
        transport: of an RTSP source.
        poll: seconds between pictures that are fetched one by one; 0 for a stream.
        held: a file stands at its first picture until `begin` is called. Streams do not wait.

    Raises:
        UsageError: the address is not supported, or has no transport to choose.
    """

    def __init__(
        self,
        address: str,
        live: Live,
        metrics: Metrics,
        *,
        loop: bool = False,
        pixel_aspect: Fraction | None = None,
        transport: Transport = Transport.AUTO,
        poll: float = 0.0,
        held: bool = False,
    ) -> None:
        self._pixel_aspect = pixel_aspect
        address = resolve(address)
        self._way = way_to(address, transport, poll)
        self._live = live
        self._metrics = metrics
        self._loop = loop and self._way.file is not None
        self.name = self._way.file.name if self._way.file is not None else mask(address)
        self.picture: Picture | None = None
        """Format of the first connection; None until it is known."""
        self._lock = threading.Lock()
        self._pictures: deque[Arrived] = deque()
        self._sound: deque[Packet[Any]] = deque(maxlen=_MOST_SOUND)
        self._connections = 0
        self._begun = 0.0
        """When the last connection was asked for, on the monotonic clock."""
        self._fetched = False
        """Whether the last connection gave the picture that was to be fetched: the next one continues it."""
        self._stopping = threading.Event()
        self._begin = threading.Event()
        if not held or self._way.file is None:
            self._begin.set()
        self._over = False
        self._error: BaseException | None = None
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Descriptor, readable when `take` returns a picture or raises."""
        return self._wakeup.fileno()

    @property
    def failed(self) -> bool:
        """Whether `take` has an error to raise."""
        return self._error is not None

    @property
    def over(self) -> bool:
        """Whether the source has ended and every picture was taken."""
        with self._lock:
            return self._over and not self._pictures

    def take(self) -> Arrived | None:
        """The oldest waiting picture; None if there is none.

        Raises:
            AnonymizeError: the source cannot be used, and retrying would not help.
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
        """The packets of sound since the last call."""
        with self._lock:
            packets = list(self._sound)
            self._sound.clear()
        return packets

    @property
    def waits(self) -> bool:
        """Whether a film stands at its first picture until `begin`."""
        return not self._begin.is_set()

    def begin(self) -> None:
        """Let a file that is held play. May be called again."""
        self._begin.set()

    def close(self) -> None:
        """Stop reading. A thread blocked on a dead peer ends at its timeout."""
        self._stopping.set()
        self._begin.set()
        self._thread.join(timeout=0.5)
        self._metrics.stage(STAGE, "stopped")

    # In the thread:

    def _run(self) -> None:
        try:
            self._read_forever()
        except BaseException as error:  # noqa: BLE001 - raised by `take` in the thread that waits
            self._error = error
        self._over = True
        self._wakeup.wake()

    def _read_forever(self) -> None:
        failures, backoff = 0, Backoff(self._live.backoff, self._live.longest_backoff)
        self._metrics.stage(STAGE, "starting", self.name)
        while not self._stopping.is_set():
            before, reason, self._begun = self._connections, "it ended", time.monotonic()
            try:
                self._read_once()
                if self._fetched:
                    failures = 0
                    self._stopping.wait(self._begun + self._way.poll - time.monotonic())
                    continue
            except InputError as error:
                if self.picture is None and not self._way.endless:
                    raise
                reason = str(error)
            if self._stopping.is_set() or not (self._way.endless or self._loop):
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
        """Read one connection to its end."""
        damaged, continues, self._fetched = 0, self._fetched, False
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
                    if self.picture is not None and self.picture.sound == _sound_of(stream):
                        with self._lock:
                            self._sound.append(item)
                    continue
                if not connected:
                    connected = True
                    self._connected(stream, item, continues=continues)
                    self._fetched = self._way.poll > 0
                if pace is not None:
                    self._begin.wait()
                    if self._stopping.is_set():
                        return
                    self._stopping.wait(pace.wait(item))
                captured = stream.captured(item) if pace is None else pace.due
                orientation, aspects = stream.orientation(item), stream.aspects(item)
                self._enqueue(Arrived(item, orientation, time.monotonic(), captured, self._connections, aspects))
                if self._fetched:
                    return

    def _connected(self, stream: Stream, first: av.VideoFrame, *, continues: bool) -> None:
        self._connections += not continues
        if self.picture is None:
            upright = stream.orientation(first).pair(first.width, first.height)
            canvas = canvas_for(*upright, self._live.longest_side)
            sound, aspect, colour = _sound_of(stream), stream.pixel_aspect, shown_as(first)
            begun = time.monotonic() if stream.paced else stream.captured(first)
            self.picture = Picture(canvas.width, canvas.height, stream.rate, sound, aspect, colour, begun)
        self._metrics.stage(STAGE, "ok", self.name + self._scaled(stream, first))

    def _scaled(self, stream: Stream, first: av.VideoFrame) -> str:
        """Words about a picture that is made smaller; empty for others. The log has them once a connection."""
        assert self.picture is not None
        width, height = stream.orientation(first).pair(first.width, first.height)
        if max(width, height) <= self._live.longest_side:
            return ""
        to = f"{self.picture.width} x {self.picture.height}"
        logger.warning(
            "the picture is made smaller", width=width, height=height, to=to, why="settings.live.longest_side"
        )
        return f", {width} x {height} made smaller to {to} (live.longest_side)"

    def _enqueue(self, arrived: Arrived) -> None:
        self._metrics.frames_in()
        with self._lock:
            dropped = len(self._pictures) >= self._live.buffer
            if dropped:
                self._pictures.popleft()
            self._pictures.append(arrived)
        if dropped:
            self._metrics.dropped("overload")
        self._wakeup.wake()


class _Pace:
    """Delays the pictures of a file to real time."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._last: float | None = None
        self.due = 0.0
        """When the picture of the last `wait` is due, on the monotonic clock."""

    def wait(self, picture: av.VideoFrame) -> float:
        """Seconds until `picture` is due; a jump in the timestamps restarts the clock."""
        now = self.due = time.monotonic()
        shown = float(picture.pts * picture.time_base) if picture.pts is not None and picture.time_base else None
        if shown is None:
            return 0.0
        jumped = self._last is None or not 0 <= shown - self._last <= 5
        late = self._start is not None and now - (self._start + shown) > 1
        if self._start is None or jumped or late:
            self._start = now - shown
        self._last = shown
        self.due = self._start + shown
        return max(0.0, self.due - now)


def _sound_of(stream: Stream) -> SoundInfo | None:
    context = stream.sound
    if context is None:
        return None
    return SoundInfo(
        context.codec.canonical_name, context.sample_rate, context.layout.name, bytes(context.extradata or b"")
    )
