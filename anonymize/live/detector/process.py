"""Main function of the detector process: detects on pictures in shared memory, one at a time.

The process may hang, die or return invalid results; `anonymize.live.detector.client` handles that.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from anonymize.aspect import display_size
from anonymize.data import SQUARE, Detections, Frame, seconds
from anonymize.detect import DetectionResult, Detector, ScaleScheduler, detect, executor_for, first_detectors
from anonymize.detect.multiscale import of_groups, scales
from anonymize.detect.wrappers import checked
from anonymize.errors import AnonymizeError
from anonymize.live.chain.canvas import TICK, Canvas
from anonymize.live.detector.pace import EFFORTS, ORDINARY, Effort
from anonymize.media.core_dumps import no_core_dumps
from anonymize.parallel.process import end_with_parent
from anonymize.settings import Settings

WHOLE_EVERY = 1.0
"""Seconds within which the whole picture is looked at once more, at one of the scales, though nothing changed: twice as
long as in files, since such looks take longest, and frames wait for them."""
NICER = 5
"""By so much this process is less urgent (nice) than the one that sends frames: it uses a processor for as long as a
look takes, and that other one, which needs one for moments, would wait for it, and begin the next look late."""
MakeDetectors = Callable[[Settings], Sequence[Detector]]
"""Makes the detectors in the detector process, which is spawned: it must be importable by name."""


@dataclass(frozen=True, slots=True)
class DetectionRequest:
    """Ask for detections on the picture in shared memory.

    Args:
        index: of the frame, returned with the answer.
        effort: at which to detect.
        aspects: of its pixels, see `anonymize.data.Frame`.
    """

    index: int
    effort: Effort
    aspects: tuple[Fraction, ...] = (SQUARE,)


@dataclass(frozen=True, slots=True)
class Ready:
    """The detectors are loaded and warm.

    Args:
        megapixels: processed by a run at each of `EFFORTS`.
        seconds: that a run at `ORDINARY` took.
        names: of the detectors and their devices.
    """

    megapixels: tuple[float, ...]
    seconds: float
    names: str


@dataclass(frozen=True, slots=True)
class Unable:
    """The detectors cannot be made."""

    error: AnonymizeError


@dataclass(frozen=True, slots=True)
class Failed:
    """Detection on frame `index` failed, for `reason`."""

    index: int
    reason: str


Answer = Ready | Unable | DetectionResult | Failed
"""The content of a `DetectionResult` is still unchecked."""


def detectors(settings: Settings) -> Sequence[Detector]:
    """The detectors that `settings` select, on one thread each: the other core is for the encoder."""
    return first_detectors(settings, threads=1)


def serve(
    connection: Connection,
    picture: NDArray[np.uint8],
    size: tuple[int, int],
    settings: Settings,
    make: MakeDetectors,
    aspect: Fraction = SQUARE,
) -> None:
    """Answer requests until the other end is closed.

    Args:
        connection: receives `DetectionRequest`, sends `Answer`.
        picture: shared memory that `anonymize.live.chain.canvas.store` writes to.
        size: width and height in pixels.
        settings: targets and sizes.
        make: makes the detectors.
        aspect: pixel aspect ratio, width over height.
    """
    no_core_dumps()
    os.nice(NICER)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent drains first, then ends this process
    import cv2

    cv2.setNumThreads(1)
    end_with_parent(grace=0)
    canvas = Canvas(*size, aspect)
    try:
        detecting = [checked(detector) for detector in make(settings)]
        scheduler = ScaleScheduler(detecting, settings, executor_for(), max(WHOLE_EVERY, settings.follow.max_gap))
        took = _warmed_up(partial(_detected, canvas.load(np.zeros_like(picture), 0, 0), detecting, settings))
    except AnonymizeError as error:
        connection.send(Unable(error))
        return
    names = "; ".join(f"{detector.name} on {detector.device}" for detector in detecting)
    across = display_size(*size, canvas.aspects[0])
    connection.send(Ready(tuple(_megapixels(detecting, settings, effort, across) for effort in EFFORTS), took, names))
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        frame = canvas.load(picture, request.index, int(time.monotonic() / TICK), request.aspects)
        connection.send(_answer(request, frame, detecting, settings, scheduler))


def _warmed_up(detect_black: Callable[[Effort], Detections]) -> float:
    """Run on a black picture: once to set the networks up, once to measure the time in seconds.

    Errors are ignored here: they will show on the first frame.
    """
    with suppress(Exception):
        detect_black(ORDINARY)
    start = time.monotonic()
    with suppress(Exception):
        detect_black(ORDINARY)
    return time.monotonic() - start


def _answer(
    request: DetectionRequest,
    frame: Frame,
    detecting: Sequence[Detector],
    settings: Settings,
    scheduler: ScaleScheduler,
) -> Answer:
    """Detections on `frame`. At full resolution `scheduler` runs the detectors only where the picture changed."""
    effort = request.effort
    try:
        if effort.coarser == 1:
            return scheduler.detect(frame, effort.groups).result()
        found = scheduler.meant(frame, _detected(frame, detecting, settings, effort))
        return DetectionResult(request.index, seconds(frame), found)
    except Exception as error:  # noqa: BLE001 - detectors may raise anything
        return Failed(request.index, f"{type(error).__name__}: {error}"[:200])


def _detected(frame: Frame, detecting: Sequence[Detector], settings: Settings, effort: Effort) -> Detections:
    return detect(frame, detecting, effort.of(settings.detect), settings.targets, groups=effort.groups).result()


def _megapixels(detecting: Sequence[Detector], settings: Settings, effort: Effort, size: tuple[int, int]) -> float:
    wanted = effort.of(settings.detect)
    squares = (
        scale * scale
        for detector in detecting
        for scale in of_groups(scales(detector, wanted, settings.targets, size), effort.groups)
    )
    return sum(squares) * size[0] * size[1] / 1e6
