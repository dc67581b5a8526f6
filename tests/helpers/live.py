"""A live chain for tests: a street with people and a clock, a camera that misbehaves on cue, a sink that keeps all.

`checked_numbers` compares every frame that a sink got with the picture that the camera sent: a visible face on any of
them fails the test, whatever faults came before.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from anonymize.data import Detections, Frame
from anonymize.detect import Detector
from anonymize.detect.centerface import CenterFace
from anonymize.evaluate.truth import FrameTruth
from anonymize.live.chain import gate
from anonymize.live.chain.control import Control
from anonymize.live.chain.loop import run
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import LiveSink, Picture
from anonymize.media.frames.frame import VideoPicture
from anonymize.samples.figures import BUST, person, street
from anonymize.samples.scene import Actor, Scene, SpritePlace, play
from anonymize.settings import Detect, Live, Settings
from benchmarks import clock
from tests.helpers.pace import Bound

SIZE, RATE = (640, 360), 25
FAST = Settings(detect=Detect(min_face=24.0), live=Live(lookahead=0.4))
"""Faces here are 45 pixels and more: a look takes a few hundredths of a second. On a busy machine frames are rather
hidden than looked at less closely."""
Luma = np.ndarray[Any, np.dtype[np.uint8]]
ALIKE = 0.5
"""From there on a quarter of a face shows: bare ones reach 0.9 after a camera's coding, those under a mosaic 0.35."""
SAME = 8
"""Levels by which a camera's coding changes a picture, at most."""
STRANGE = 0.02
"""Share of a frame. Beside covers 0.006 at most is unlike its own picture, 0.14 or more unlike one three frames off."""
VISIBLE = 0.5
"""Share of a face that must be in the picture and before all others for it to be judged."""
Step = bytes | float | None
"""What a camera does next: sends, waits (seconds), or hangs up."""


@cache
def street_scene() -> tuple[tuple[Luma, FrameTruth], ...]:
    """Four seconds, to be played round and round: BGR pictures with a clock, and where the faces are.

    Two people pace up and down, one of them in and out of the picture.
    """
    actors = [
        Actor(person(hue=60), partial(_way, 0.36, -160.0, 110.0)),
        Actor(person(hue=120, mirrored=True), partial(_way, 0.5, 400.0, -80.0)),
    ]
    frames = []
    for picture, truth in play(Scene(street((SIZE[0] + 32, SIZE[1] + 32)), actors), 4 * RATE, RATE):
        clock.draw(picture, truth.frame)
        picture.setflags(write=False)  # all tests of a process share it
        frames.append((picture, truth))
    return tuple(frames)


def _way(scale: float, start: float, speed: float, time: float) -> SpritePlace:
    return SpritePlace(start + speed * (2 - abs(time % 4 - 2)), 130 + 360 * scale - BUST * scale, scale)


@cache
def stream_of(frames: range, *, size: tuple[int, int] = SIZE, shift: int = 0) -> list[bytes]:
    """MPEG-TS of the scene's pictures `frames` (round and round), one piece a picture.

    Args:
        frames: the pictures' numbers, taken modulo the scene's length.
        size: of the coded picture.
        shift: frames by which the first timestamp is late.
    """
    pieces, target = [], io.BytesIO()
    with av.open(target, "w", format="mpegts", container_options={"flush_packets": "1"}) as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency", "g": "12"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for position, number in enumerate(frames):
            picture = street_scene()[number % len(street_scene())][0]
            small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
            frame = av.VideoFrame.from_ndarray(small, "bgr24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = shift + position, Fraction(1, RATE)
            for packet in stream.encode(frame):
                out.mux(packet)
            pieces.append(target.getvalue())
            target.seek(0)
            target.truncate()
    return pieces


def paced(pieces: Iterable[bytes]) -> Iterator[Step]:
    """Send `pieces` as a camera does, one a frame's time."""
    for piece in pieces:
        yield piece
        yield 1 / RATE


def until(cue: threading.Event, then: Callable[[int], Iterable[Step]]) -> Iterator[Step]:
    """Play the scene, on and on, until the cue is given after `n` pictures; then do `then(n)`."""
    for number, piece in enumerate(stream_of(range(400))):
        if cue.is_set():
            yield from then(number)
            return
        yield from paced([piece])


class Camera:
    """Serves MPEG-TS over TCP. A context manager. Waiting is by the clock, not by the sum of the waits.

    Args:
        scripts: what it does on each connection; on further ones what it did on the last.
    """

    def __init__(self, *scripts: Callable[[], Iterable[Step]]) -> None:
        self._scripts = scripts
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.connections = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            threading.Thread(target=self._play, args=(peer, script()), daemon=True).start()

    def _play(self, peer: socket.socket, script: Iterable[Step]) -> None:
        due = time.monotonic()
        try:
            with peer:
                for step in script:
                    if step is None:
                        return
                    if isinstance(step, bytes):
                        peer.sendall(step)
                    else:
                        due = max(due + step, time.monotonic() - 0.2)
                        time.sleep(max(0.0, due - time.monotonic()))
        except OSError:
            return  # the other end has hung up


def street_camera() -> Camera:
    """A camera that never fails."""
    return Camera(lambda: paced(stream_of(range(400))))


@dataclass
class MemorySink:
    """A live sink that keeps a copy of what it gets."""

    name: str = "memory"
    lumas: list[Luma] = field(default_factory=list)
    chromas: list[Luma] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """Presentation times, seconds."""
    came: list[float] = field(default_factory=list)
    """When frames came, on the monotonic clock."""
    numbers: list[int | None] = field(default_factory=list)
    """Which picture of the scene frames say they are."""
    marks: list[int] = field(default_factory=list)
    """How many frames had come when cues were given."""
    sounds: list[Packet[Any]] = field(default_factory=list)
    closed: bool = False

    def write(self, frame: Frame) -> None:
        assert isinstance(frame, VideoPicture)
        assert frame.picture.format.name == "yuv420p"
        self.times.append(float(frame.pts * frame.time_base))
        self.came.append(time.monotonic())
        self.lumas.append(frame.planes[0].pixels.copy())
        self.numbers.append(clock.read(self.lumas[-1]))
        self.chromas.append(np.concatenate([frame.planes[1].pixels, frame.planes[2].pixels]))

    def sound(self, packet: Packet[Any]) -> None:
        self.sounds.append(packet)

    def close(self, within: float) -> None:  # noqa: ARG002 - the protocol's name
        self.closed = True


@dataclass
class Outcome:
    """What a run left behind."""

    sink: MemorySink
    metrics: Metrics
    picture: Picture
    numbers: list[int | None]
    """Which picture of the scene each frame is; None: it shows none."""

    @property
    def counts(self) -> dict[str, Any]:
        return self.metrics.snapshot()

    def gap(self) -> float:
        """The longest time between two frames that show the scene, seconds."""
        shown = [at for at, number in zip(self.sink.came, self.numbers, strict=True) if number is not None]
        return float(max(np.diff(shown), default=0.0))


Enough = Callable[[MemorySink, Metrics], bool]


def live(
    source: str, settings: Settings = FAST, *, until: Enough, at_most: float = 60.0, sinks: Sequence[LiveSink] = (),
    control: Control | None = None, **options: Any,
) -> Outcome:  # fmt: skip
    """Run `source` through the whole chain into memory until `until` or the end of the source, and check the frames.

    How long that takes depends on the machine; after `at_most` seconds of a quiet one the test fails.
    """
    sink, metrics, control, pictures = MemorySink(), Metrics(), control or Control(), []
    bound = Bound(at_most)
    watch = threading.Thread(target=_watch, args=(partial(until, sink, metrics), control, bound), daemon=True)

    def open_sinks(picture: Picture) -> Sequence[LiveSink]:
        pictures.append(picture)
        watch.start()
        return [sink, *sinks]

    run(source, open_sinks, settings, metrics, control, **options)
    assert sink.closed
    numbers = checked_numbers(sink, faces=bool(settings.targets))
    assert not bound.over(), f"{metrics.snapshot()} after {at_most} s, and {numbers}"
    for thread in threading.enumerate():
        if thread.name == "source":
            thread.join(settings.live.timeout + 1)
            assert not thread.is_alive()
    return Outcome(sink, metrics, pictures[0], numbers)


def _watch(enough: Callable[[], bool], control: Control, bound: Bound) -> None:
    while not control.stopped and not enough() and not bound.over():
        time.sleep(0.02)
    control.stop()


def clear(frames: int, cue: threading.Event | None = None) -> Enough:
    """Enough once `frames` frames showed the scene; a `cue` is set then, and as many must follow."""

    def enough(sink: MemorySink, _: Metrics) -> bool:
        shown = sum(number is not None for number in sink.numbers)
        if cue is not None and not cue.is_set() and shown >= frames:
            sink.marks.append(len(sink.numbers))
            cue.set()
        since = sink.marks[0] if sink.marks else 0
        return (cue is None and shown >= frames) or recovered(sink.numbers[since:], frames)

    return enough


def recovered(numbers: Sequence[int | None], frames: int) -> bool:
    """Whether the scene went away, and came back for so many frames."""
    return None in numbers and sum(n is not None for n in numbers[numbers.index(None) :]) >= frames


def checked_numbers(sink: MemorySink, *, faces: bool) -> list[int | None]:
    """Number of the scene's picture that each frame of `sink` shows.

    Fails if times do not increase, a frame shows neither the scene nor what was shown before nor nothing, or, with
    `faces`, a visible face. Where a cover lies on the clock, which may look like a plate, the faces are judged by the
    picture that the frame is most like.
    """
    assert all(b > a for a, b in zip(sink.times, sink.times[1:], strict=False)), "timestamps must rise"
    assert len({luma.shape for luma in sink.lumas}) <= 1, "the picture's size must never change"
    numbers, last = list(sink.numbers), None
    for position, (luma, chroma, number) in enumerate(zip(sink.lumas, sink.chromas, numbers, strict=True)):
        if number is None and (blank(luma, chroma) or repeats(luma, chroma, last)):
            continue
        if number is None:
            number = None if marked_late(luma) else most_like(luma)
        assert number is not None, f"frame {position} shows unchecked content"
        last = luma, chroma
        if faces:
            seen = exposed(luma, number)
            assert not seen, f"frame {position}, the scene's {number}: faces {seen} can be seen"
    return numbers


def blank(luma: Luma, chroma: Luma) -> bool:
    """Whether a frame shows nothing but a notice."""
    plain = np.ptp(np.percentile(luma, (5, 85))) == 0 and np.ptp(luma) <= gate._CONTRAST
    return bool((chroma == 128).all() and plain)


def repeats(luma: Luma, chroma: Luma, last: tuple[Luma, Luma] | None) -> bool:
    """Whether a frame is the `last` one that showed the scene, but for covers of one grey or black, and a mark."""
    if last is None:
        return False
    different = luma != last[0]
    different[-24:, :48] = False
    values = np.unique(luma[different])
    return len({*values.tolist()} - {16}) <= 1 and bool(np.isin(chroma[chroma != last[1]], [128]).all())


def marked_late(luma: Luma) -> bool:
    """Whether a frame says that it repeats another: its mark has black around it, in the lower left corner."""
    return bool((luma[-1, :24] == 16).all())


def most_like(luma: Luma) -> int | None:
    """Which of the scene's pictures a frame shows; None if more than `STRANGE` of it is neither that nor black."""
    strange = [((np.abs(luma.astype(np.int16) - own) > SAME) & (luma != 16)).mean() for own in _lumas()]
    best = int(np.argmin(strange))
    return best if strange[best] < STRANGE else None


@cache
def _lumas() -> tuple[np.ndarray[Any, np.dtype[np.int16]], ...]:
    """The luma of the scene's pictures, as a camera codes it."""
    grey = (cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture, _ in street_scene())
    return tuple(np.rint(16 + 219 / 255 * picture.astype(np.float32)).astype(np.int16) for picture in grey)


def exposed(luma: Luma, number: int) -> list[int]:
    """The people whose faces can be seen in `luma`, which is the scene's picture `number`."""
    picture, truth = street_scene()[number]
    before = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    after = np.asarray(np.clip((luma.astype(np.float32) - 16) * 255 / 219, 0, 255), np.uint8)
    leaking = []
    for subject in truth.subjects:
        if subject.ignore or subject.visible < VISIBLE:
            continue
        if max(likeness(before, after, subject.xyxy)) > ALIKE:
            leaking.append(subject.id)
    return leaking


def likeness(before: Luma, after: Luma, box: tuple[float, float, float, float]) -> list[float]:
    """How alike the four quarters of `box` are in two pictures, -1 to 1: the correlation of their steps of brightness.

    A judge of its own, which shares nothing with what the product measures itself by.
    """
    x0, y0, x1, y1 = (round(value) for value in box)
    x, y = (x0 + x1) // 2, (y0 + y1) // 2
    alike = []
    for rows in (slice(max(y0, 0), y), slice(y, y1)):
        for columns in (slice(max(x0, 0), x), slice(x, x1)):
            a, b = (_steps(picture[rows, columns]) for picture in (before, after))
            alike.append(float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-9)))
    return alike


def _steps(part: Luma) -> np.ndarray[Any, np.dtype[np.float32]]:
    """From each sample's left and upper neighbour to it."""
    values = part.astype(np.float32)
    return np.stack([values[1:, 1:] - values[1:, :-1], values[1:, 1:] - values[:-1, 1:]])


class Faulty:
    """A real detector that fails at certain calls, each only once, in whichever process.

    Args:
        terrible: what it does at which call instead of looking.
        folder: where it notes what has happened, and when.
    """

    def __init__(self, terrible: Mapping[int, Callable[[], Detections]], folder: Path) -> None:
        self._real = CenterFace(1)
        self._terrible, self._folder = terrible, folder
        self.name, self.sha256, self.kinds = self._real.name, self._real.sha256, self._real.kinds
        self.min_size, self.max_reliable_size, self.max_input_side = (
            self._real.min_size,
            self._real.max_reliable_size,
            self._real.max_input_side,
        )
        self.device = self._real.device
        self._calls = 0

    def detect(self, picture: Luma) -> Detections:
        self._calls += 1
        terrible = self._terrible.get(self._calls)
        if terrible is not None and not (note := self._folder / terrible.__name__).exists():
            note.write_text(str(time.monotonic()))
            return terrible()
        return self._real.detect(picture)

    def release_memory(self) -> None:
        self._real.release_memory()


def raising() -> Detections:
    raise RuntimeError("the network is upset")


def hanging() -> Detections:
    time.sleep(5)
    return Detections.empty()


def working(seconds: float = 1.5) -> Detections:
    """Nothing found, by a process that needs so much processor time for it."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return Detections.empty()


def looping() -> Detections:
    return working(60)


def dying() -> Detections:
    os.kill(os.getpid(), signal.SIGKILL)
    return Detections.empty()


def _tampered(change: Callable[[Detections], None]) -> Detections:
    """Finds that were sound when they were made."""
    found = Detections(np.array([[10, 10, 50, 60]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int8))
    change(found)
    return found


def nonsense() -> Detections:
    return _tampered(lambda found: found.xyxy.fill(np.nan))


def outside() -> Detections:
    return _tampered(lambda found: np.copyto(found.xyxy, np.array([9000, 9000, 9050, 9060], np.float32)))


def shapeless() -> Detections:
    found = _tampered(lambda _: None)
    object.__setattr__(found, "xyxy", np.zeros((3, 7), np.float32))
    return found


def faulty(terrible: Mapping[int, Callable[[], Detections]], folder: Path, settings: Settings) -> list[Detector]:
    """Make a `Faulty`, in the process that uses it: bind all but `settings` with `functools.partial`."""
    return [Faulty(terrible, folder)]


class Slow(Faulty):
    """A real detector on a busy machine."""

    def __init__(self, seconds: float) -> None:
        super().__init__({}, Path())
        self._seconds = seconds

    def detect(self, picture: Luma) -> Detections:
        time.sleep(self._seconds)
        return super().detect(picture)


def slow(seconds: float, settings: Settings) -> list[Detector]:
    """Make a `Slow`, in the process that uses it."""
    return [Slow(seconds)]


class Blind(Faulty):
    """A detector that never gives an answer."""

    def detect(self, picture: Luma) -> Detections:  # noqa: ARG002
        raise RuntimeError("dark in here")


def blind(settings: Settings) -> list[Detector]:
    """Make a `Blind`, in the process that uses it."""
    return [Blind({}, Path())]
