"""The detector's process: looks at pictures in shared memory, one at a time, and says what it found.

It may hang, die or talk nonsense; `anonymize.live.detector.client` expects that of it.
"""

from __future__ import annotations

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
from anonymize.detect import DetectionResult, Detector, ScaleScheduler, detect, first_detectors
from anonymize.detect.multiscale import of_groups, scales
from anonymize.detect.wrappers import checked
from anonymize.errors import AnonymizeError
from anonymize.live.chain.canvas import TICK, Canvas
from anonymize.live.detector.pace import EFFORTS, Effort
from anonymize.media.core_dumps import no_core_dumps
from anonymize.parallel.process import end_with_parent
from anonymize.settings import Settings

MakeDetectors = Callable[[Settings], Sequence[Detector]]
"""Makes the detectors in the process that uses them; importable by its name, for that process is a fresh one."""


@dataclass(frozen=True, slots=True)
class DetectionRequest:
    """Look at the picture in memory.

    Args:
        index: of the frame, handed back with the answer.
        effort: how hard.
        aspects: of its pixels, see `anonymize.data.Frame`.
    """

    index: int
    effort: Effort
    aspects: tuple[Fraction, ...] = (SQUARE,)


@dataclass(frozen=True, slots=True)
class Ready:
    """The detectors are there and warm.

    Args:
        megapixels: what a look of each of `EFFORTS` must go through.
        seconds: what a look of the second effort took.
        names: who looks, and on what.
    """

    megapixels: tuple[float, ...]
    seconds: float
    names: str


@dataclass(frozen=True, slots=True)
class Unable:
    """The detectors cannot be made, now or ever."""

    error: AnonymizeError


@dataclass(frozen=True, slots=True)
class Failed:
    """The look at frame `index` failed; `reason` in words."""

    index: int
    reason: str


Answer = Ready | Unable | DetectionResult | Failed
"""What a `DetectionResult` holds is not to be believed yet."""


def detectors(settings: Settings) -> Sequence[Detector]:
    """The detectors that `settings` ask for, on one thread each: the other core is the encoder's."""
    return first_detectors(settings, threads=1)


def serve(
    connection: Connection,
    picture: NDArray[np.uint8],
    size: tuple[int, int],
    settings: Settings,
    make: MakeDetectors,
    aspect: Fraction = SQUARE,
) -> None:
    """Answer requests until the other end is closed. The main function of the process.

    Args:
        connection: `DetectionRequest`s come, `Answer`s go.
        picture: shared memory that holds what is to be looked at, as `anonymize.live.chain.canvas.store` writes it.
        size: its width and height.
        settings: what to look for.
        make: makes the detectors.
        aspect: width over height of its pixels.
    """
    _behave()
    canvas = Canvas(*size, aspect)
    try:
        found_by = [checked(detector) for detector in make(settings)]
        took = _warmed_up(partial(_detected, canvas.load(np.zeros_like(picture), 0, 0), found_by, settings))
    except AnonymizeError as error:
        connection.send(Unable(error))
        return
    names = "; ".join(f"{detector.name} on {detector.device}" for detector in found_by)
    across = display_size(*size, canvas.aspects[0])
    connection.send(Ready(tuple(_megapixels(found_by, settings, effort, across) for effort in EFFORTS), took, names))
    scheduler = ScaleScheduler(found_by, settings)
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        frame = canvas.load(picture, request.index, int(time.monotonic() / TICK), request.aspects)
        connection.send(_answer(request, frame, found_by, settings, scheduler))


def _warmed_up(looked: Callable[[Effort], Detections]) -> float:
    """Look at nothing: the first look sets the networks up, and the next tells how long one takes, in seconds.

    A detector that fails at nothing is no worse than one that fails later: the first look at a frame will show it.
    """
    with suppress(Exception):
        looked(EFFORTS[1])
    start = time.monotonic()
    with suppress(Exception):
        looked(EFFORTS[1])
    return time.monotonic() - start


def _answer(
    request: DetectionRequest, frame: Frame, found_by: Sequence[Detector], settings: Settings, scheduler: ScaleScheduler
) -> Answer:
    """What is found on `frame`: where nothing changed since `scheduler` saw it, without running the detectors."""
    effort = request.effort
    try:
        if effort.coarser == 1:
            return scheduler.detect(frame, effort.groups).result()
        return DetectionResult(request.index, seconds(frame), _detected(frame, found_by, settings, effort))
    except Exception as error:  # noqa: BLE001 - whatever a detector raises, it failed
        return Failed(request.index, f"{type(error).__name__}: {error}"[:200])


def _detected(frame: Frame, found_by: Sequence[Detector], settings: Settings, effort: Effort) -> Detections:
    return detect(frame, found_by, effort.of(settings.detect), settings.targets, groups=effort.groups).result()


def _megapixels(found_by: Sequence[Detector], settings: Settings, effort: Effort, size: tuple[int, int]) -> float:
    wanted = effort.of(settings.detect)
    squares = (
        scale * scale
        for detector in found_by
        for scale in of_groups(scales(detector, wanted, settings.targets, size), effort.groups)
    )
    return sum(squares) * size[0] * size[1] / 1e6


def _behave() -> None:
    """Leave no core, heed no signal meant for the camera's process, and end with it."""
    no_core_dumps()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent drains first, and then ends this process
    import cv2

    cv2.setNumThreads(1)
    end_with_parent(grace=0)
