"""The detector, held at arm's length: in a process of its own, with a deadline, replaced when it fails.

client = DetectorClient((1280, 720), settings, metrics)
if client.free:
    client.detect(frame, pace.effort(now))
for result in client.results():          # found, checked, and tagged with its frame
    ...
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING

from anonymize.data import SQUARE
from anonymize.detect import DetectionResult
from anonymize.kinds import Kind
from anonymize.live.backoff import Backoff
from anonymize.live.chain.canvas import Canvas, store
from anonymize.live.detector.pace import EFFORTS, Effort, Pace
from anonymize.live.detector.process import DetectionRequest, Failed, MakeDetectors, Ready, Unable, detectors, serve
from anonymize.live.raw_memory import SharedPicture
from anonymize.media.frames.frame import VideoPicture
from anonymize.parallel.process import spawn
from anonymize.settings import Settings

if TYPE_CHECKING:
    from anonymize.live.metrics import Metrics

STAGE = "detector"
START_WITHIN = 60.0
"""Seconds that a detector may take to load and to warm up."""
_FAILURES = 3
"""Looks that may fail one after the other before the process is replaced."""


@dataclass(slots=True)
class _Look:
    """A look under way."""

    index: int
    effort: Effort
    since: float


class DetectorClient:
    """Looks at one frame at a time. Nothing here blocks; call `results` often.

    Args:
        size: width and height of the frames.
        settings: what to look for, how hard, and how long a look may take.
        metrics: told how looks go.
        make: makes the detectors, in their process.
        aspect: width over height of a pixel of the frames.
    """

    def __init__(
        self,
        size: tuple[int, int],
        settings: Settings,
        metrics: Metrics,
        make: MakeDetectors = detectors,
        aspect: Fraction = SQUARE,
    ) -> None:
        self.settings = settings
        self._aspect = aspect
        self._size = size
        self._metrics = metrics
        self._make = make
        self._live = settings.live
        self._backoff = Backoff(settings.live.backoff, settings.live.longest_backoff)
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._pace: Pace | None = None
        self._look: _Look | None = None
        self._started = 0.0
        self._failures = 0
        self._deaths = 0
        self._again_at = 0.0
        self._proven = False
        self._names = ""
        self._picture = SharedPicture(Canvas(*size).nbytes)
        self._start()

    @property
    def free(self) -> bool:
        """Whether a look can begin."""
        return self._pace is not None and self._look is None

    @property
    def ready(self) -> bool:
        """Whether the detectors are loaded."""
        return self._pace is not None

    @property
    def pace(self) -> Pace | None:
        """How long looks take; None while the detectors load."""
        return self._pace

    def waitable(self) -> list[Connection]:
        """What `multiprocessing.connection.wait` can wait for."""
        return [] if self._connection is None else [self._connection]

    def detect(self, frame: VideoPicture, effort: Effort) -> None:
        """Begin to detect on `frame`, which is copied. Only when `free`."""
        assert self.free
        assert self._connection is not None
        store(frame, self._picture.samples)
        self._look = _Look(frame.index, effort, time.monotonic())
        try:
            self._connection.send(DetectionRequest(frame.index, effort, frame.aspects))
        except OSError:
            self._fail("it is gone")

    def results(self) -> list[DetectionResult]:
        """What was found since; also sees to it that the detector is alive, or becomes so again.

        Raises:
            ModelError: the detector cannot be made at all.
        """
        if self._process is None:
            if time.monotonic() >= self._again_at:
                self._start()
            return []
        found = list(self._answers())
        now = time.monotonic()
        if self._process is None:
            return found
        if self._look is not None and now - self._look.since > self._live.deadline:
            self._fail(f"a look took more than {self._live.deadline:g} s")
        elif self._pace is None and now - self._started > START_WITHIN:
            self._fail(f"it did not start within {START_WITHIN:g} s")
        return found

    def close(self) -> None:
        """End the process."""
        self._end()
        self._picture.close()
        self._metrics.stage(STAGE, "stopped")

    def _start(self) -> None:
        arguments = (self._picture, self._size, self.settings, self._make, self._aspect)
        spawned = spawn(serve, *arguments, name="detector")
        self._process, self._connection = spawned.process, spawned.line
        self._started = time.monotonic()
        self._killer = Finalize(
            None, self._process.kill, exitpriority=100
        )  # it does not heed multiprocessing's SIGTERM
        self._metrics.stage(STAGE, "starting", ", ".join(self.settings.detect.detectors))

    def _end(self) -> None:
        """Kill the process: nothing in it is worth a goodbye, and it may be past hearing one."""
        if self._process is None or self._connection is None:
            return
        self._killer()
        self._process.join(1.0)
        if self._process.exitcode is not None:  # else it hangs in the kernel, and is gone when that lets go
            self._process.close()
        self._connection.close()
        self._process = self._connection = self._pace = self._look = None

    def _fail(self, reason: str) -> None:
        """Replace the process, after a while if it fails again and again."""
        self._end()
        self._failures = 0
        self._again_at = time.monotonic() + self._backoff.delay(self._deaths)  # the first time at once
        self._deaths += 1
        self._metrics.stage(STAGE, "lost", reason)
        self._metrics.reconnect(STAGE)

    def _stumble(self, reason: str) -> None:
        """A look failed; the process may go on unless that becomes a habit."""
        self._look = None
        self._failures += 1
        self._metrics.stage(STAGE, "lost", reason)
        if self._failures >= _FAILURES:
            self._fail(reason)

    def _answers(self) -> Iterator[DetectionResult]:
        try:
            while self._connection is not None and self._connection.poll():
                result = self._understood(self._connection.recv())
                if result is not None:
                    yield result
        except (EOFError, OSError):
            self._fail("its process died")

    def _understood(self, answer: object) -> DetectionResult | None:
        """What an answer says; None for no find, whatever the reason."""
        if isinstance(answer, Unable):
            if not self._proven:
                self._end()
                raise answer.error
            self._fail(str(answer.error))
        elif isinstance(answer, Ready):
            self._pace = Pace(self.settings, answer.megapixels)
            self._pace.took(EFFORTS[1], answer.seconds)
            self._proven, self._names = True, answer.names
            self._metrics.stage(STAGE, "ok", self._names)
        elif isinstance(answer, DetectionResult) and self._look is not None and answer.index == self._look.index:
            return self._checked(answer, self._look)
        elif isinstance(answer, Failed):
            self._stumble(answer.reason)
        else:
            self._fail("it answered what it was not asked")
        return None

    def _checked(self, answer: DetectionResult, look: _Look) -> DetectionResult | None:
        """What was found, if it is sound; an answer that holds nonsense counts as none."""
        try:
            checked = replace(answer, finds=replace(answer.finds))  # made anew, and so checked
        except (ValueError, TypeError) as error:
            self._stumble(f"it found nonsense: {error}")
            return None
        took = time.monotonic() - look.since
        self._look = None
        self._failures = self._deaths = 0
        assert self._pace is not None
        self._pace.took(look.effort, took, checked.share)
        self._metrics.looks(took)
        self._metrics.stage(STAGE, "ok", self._names)
        kinds = checked.finds.kind
        for kind in set(kinds.tolist()):
            self._metrics.detections(Kind(kind).label, int((kinds == kind).sum()))
        return checked
