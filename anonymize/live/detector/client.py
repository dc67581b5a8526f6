"""Client of the detector process, which is waited for as long as it works, and replaced when it fails.

client = DetectorClient((1280, 720), settings, metrics)
if client.free:
    client.detect(frame, pace.effort(turn))
for result in client.results():          # checked, and tagged with the index of the frame
    ...
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING

from anonymize.data import SQUARE
from anonymize.detect import DetectionResult, sought
from anonymize.kinds import Kind
from anonymize.live.backoff import Backoff
from anonymize.live.chain.canvas import Canvas, store
from anonymize.live.detector.pace import ORDINARY, Effort, Pace
from anonymize.live.detector.process import DetectionRequest, Failed, MakeDetectors, Ready, Unable, detectors, serve
from anonymize.live.raw_memory import SharedPicture
from anonymize.media.frames.frame import VideoPicture
from anonymize.parallel.process import processor_seconds, spawn, waits_for_processor
from anonymize.settings import Settings

if TYPE_CHECKING:
    from anonymize.live.metrics import Metrics

STAGE = "detector"
START_WITHIN = 60.0
"""Seconds in which a detector that loads and warms up may use no processor time, or on a busy machine none is left."""
_STARTS = 600.0
"""Seconds of processor time it may use for that: it is in a loop."""
_FAILURES = 3
"""Consecutive failed detections after which the process is replaced."""
_HANGS = 30.0
"""Seconds of processor time for one detection after which the process is replaced: it is in a loop."""
_STARVED = 60.0
"""Seconds for which a process is waited for that gets no processor time, but would use it."""


@dataclass(slots=True)
class _Task:
    """What a process was asked for, and what it has done for it so far: on a busy machine it is slow, but works.

    Args:
        since: when it was asked, on the monotonic clock.
        quiet: seconds it may use no processor time for.
        most: seconds of processor time it may use.
        begun: seconds of processor time that the process had used before.
        used: the same when it was last seen to work.
        worked: when that was, on the monotonic clock.
    """

    since: float
    quiet: float
    most: float
    begun: float = 0.0
    used: float = field(init=False)
    worked: float = field(init=False)

    def __post_init__(self) -> None:
        self.used, self.worked = self.begun, self.since

    def stuck(self, pid: int, now: float) -> str:
        """Why the process `pid` must be replaced, as what follows "it"; empty if it need not be."""
        if now - self.worked <= self.quiet:
            return ""
        used = processor_seconds(pid)
        if used is None:
            return f"took more than {self.quiet:g} s"
        if used - self.begun > self.most:
            return f"took more than {self.most:g} s of processor time"
        if used > self.used:
            self.used, self.worked = used, now
        elif now - self.worked > max(self.quiet, _STARVED) or not waits_for_processor(pid):
            return f"took more than {self.quiet:g} s, and its process does nothing"
        return ""


@dataclass(frozen=True, slots=True)
class _Pending:
    """The detection under way.

    Args:
        index: of the frame.
        effort: at which it is detected.
        task: of the process.
    """

    index: int
    effort: Effort
    task: _Task


class DetectorClient:
    """Runs detectors on one frame at a time. Never blocks; call `results` often.

    Args:
        size: width and height of the frames in pixels.
        settings: targets, sizes and deadline.
        metrics: updated with results and failures.
        make: makes the detectors, in the detector process.
        aspect: pixel aspect ratio of the frames, width over height.
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
        self._sought = sought(settings)
        self._aspect = aspect
        self._size = size
        self._metrics = metrics
        self._make = make
        self._live = settings.live
        self._backoff = Backoff(settings.live.backoff, settings.live.longest_backoff)
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._pace: Pace | None = None
        self._pending: _Pending | None = None
        self._failures = 0
        self._deaths = 0
        self._retry_at = 0.0
        self._worked_once = False
        self._names = ""
        self._picture = SharedPicture(Canvas(*size).nbytes)
        self._start()

    @property
    def free(self) -> bool:
        """Whether a detection can start."""
        return self._pace is not None and self._pending is None

    @property
    def ready(self) -> bool:
        """Whether the detectors are loaded."""
        return self._pace is not None

    @property
    def pace(self) -> Pace | None:
        """Expected durations; None while the detectors load."""
        return self._pace

    @property
    def deaths(self) -> int:
        """How often its process was lost since it last worked."""
        return self._deaths

    def waitable(self) -> list[Connection]:
        """Connections for `multiprocessing.connection.wait`."""
        return [] if self._connection is None else [self._connection]

    def detect(self, frame: VideoPicture, effort: Effort) -> None:
        """Start to detect on `frame`, which is copied. Call only when `free`."""
        assert self.free
        assert self._connection is not None
        store(frame, self._picture.samples)
        assert self._process is not None
        deadline, begun = self._live.deadline, processor_seconds(self._process.pid or 0) or 0.0
        self._pending = _Pending(frame.index, effort, _Task(time.monotonic(), deadline, max(_HANGS, deadline), begun))
        try:
            self._connection.send(DetectionRequest(frame.index, effort, frame.aspects))
        except OSError:
            self._fail("its process has ended")

    def results(self) -> list[DetectionResult]:
        """Results since the last call. Also replaces a process that is lost or does not work any more.

        Raises:
            AnonymizeError: the detectors could not be made at the first start, such as for a missing model.
        """
        if self._process is None:
            if time.monotonic() >= self._retry_at:
                self._start()
            return []
        found = list(self._answers())
        now = time.monotonic()
        if self._process is None:
            return found
        pid = self._process.pid or 0
        if self._pending is not None:
            task = self._pending.task
            if stuck := task.stuck(pid, now):
                self._fail(f"detection {stuck}")
            elif now - task.since > self._live.deadline:
                self._metrics.stage(STAGE, "ok", f"slow: {now - task.since:.0f} s for a frame so far")
        elif self._pace is None and (stuck := self._loading.stuck(pid, now)):
            self._fail(f"loading {stuck}")
        return found

    def close(self) -> None:
        """End the process."""
        self._end()
        self._picture.close()
        self._metrics.stage(STAGE, "stopped")

    def _start(self) -> None:
        arguments = (self._picture, self._size, self._sought, self._make, self._aspect)
        spawned = spawn(serve, *arguments, name="detector")
        self._process, self._connection = spawned.process, spawned.line
        self._loading = _Task(time.monotonic(), START_WITHIN, _STARTS)
        # It ignores the SIGTERM that multiprocessing would send.
        self._killer = Finalize(None, self._process.kill, exitpriority=100)
        self._metrics.stage(STAGE, "starting", ", ".join(self.settings.detect.detectors))

    def _end(self) -> None:
        """Kill the process: it holds no state worth saving, and may not respond."""
        if self._process is None or self._connection is None:
            return
        self._killer()
        self._process.join(1.0)
        if self._process.exitcode is not None:  # otherwise it hangs in the kernel and ends later
            self._process.close()
        self._connection.close()
        self._process = self._connection = self._pace = self._pending = None

    def _fail(self, reason: str) -> None:
        """Replace the process; after repeated failures only with a delay."""
        self._end()
        self._failures = 0
        self._retry_at = time.monotonic() + self._backoff.delay(self._deaths)  # no delay the first time
        self._deaths += 1
        self._metrics.stage(STAGE, "lost", reason)
        self._metrics.reconnect(STAGE)

    def _detection_failed(self, reason: str) -> None:
        """Count a failed detection; replace the process after `_FAILURES` in a row."""
        self._pending = None
        self._failures += 1
        self._metrics.stage(STAGE, "lost", reason)
        if self._failures >= _FAILURES:
            self._fail(reason)

    def _answers(self) -> Iterator[DetectionResult]:
        try:
            while self._connection is not None and self._connection.poll():
                result = self._handle(self._connection.recv())
                if result is not None:
                    yield result
        except (EOFError, OSError):
            self._fail("its process died")

    def _handle(self, answer: object) -> DetectionResult | None:
        """Handle one answer: its checked result, or None."""
        if isinstance(answer, Unable):
            if not self._worked_once:
                self._end()
                raise answer.error
            self._fail(str(answer.error))
        elif isinstance(answer, Ready):
            self._pace = Pace(self.settings, answer.megapixels)
            self._pace.took(ORDINARY, answer.seconds)
            self._worked_once, self._names = True, answer.names
            self._metrics.stage(STAGE, "ok", self._names)
        elif isinstance(answer, DetectionResult) and self._pending is not None and answer.index == self._pending.index:
            return self._checked(answer, self._pending)
        elif isinstance(answer, Failed):
            self._detection_failed(answer.reason)
        else:
            self._fail("it sent an unexpected answer")
        return None

    def _checked(self, answer: DetectionResult, pending: _Pending) -> DetectionResult | None:
        """The result if it is valid; an invalid one counts as a failed detection."""
        try:
            checked = replace(answer, finds=replace(answer.finds))  # constructing it again checks it
        except (ValueError, TypeError) as error:
            self._detection_failed(f"it returned invalid detections: {error}")
            return None
        took = time.monotonic() - pending.task.since
        self._pending = None
        self._failures = self._deaths = 0
        assert self._pace is not None
        self._pace.took(pending.effort, took, checked.share)
        self._metrics.detected(took, pending.effort)
        self._metrics.stage(STAGE, "ok", self._names)
        kinds = checked.finds.kind
        for kind in set(kinds.tolist()):
            self._metrics.detections(Kind(kind).label, int((kinds == kind).sum()))
        return checked
