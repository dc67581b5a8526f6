"""The detector's process: looks at pictures in shared memory, one at a time, and says what it found.

It may hang, die or talk nonsense; `anonymize.live.eyes` expects that of it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.aspect import display_size
from anonymize.core_dumps import no_core_dumps
from anonymize.data import SQUARE, Detections, Frame
from anonymize.detect import Detector, Eyesight, build, look
from anonymize.detect.detector import Picture
from anonymize.detect.multiscale import of_groups, scales
from anonymize.errors import AnonymizeError
from anonymize.live.pace import EFFORTS, Effort
from anonymize.media.canvas import TICK, Canvas
from anonymize.parallel.process import end_with_parent
from anonymize.settings import Settings

MakeDetectors = Callable[[Settings], Sequence[Detector]]
"""Makes the detectors in the process that uses them; importable by its name, for that process is a fresh one."""
BEYOND = 128
"""Pixels past a picture's border within which a sound detector's boxes begin: its network sees padding there."""


@dataclass(frozen=True, slots=True)
class Request:
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


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What was found on frame `index`, in the form of `Detections`, not to be believed yet.

    Args:
        share: of the picture that was looked at, because it had changed.
    """

    index: int
    xyxy: NDArray[Any]
    score: NDArray[Any]
    kind: NDArray[Any]
    share: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The look at frame `index` failed; `reason` in words."""

    index: int
    reason: str


Answer = Ready | Unable | Seen | Failed


def detectors(settings: Settings) -> Sequence[Detector]:
    """The detectors that `settings` ask for, on one thread each: the other core is the encoder's."""
    return build(settings.detect.detectors, settings.targets, 1, settings.detect.device)


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
        connection: `Request`s come, `Answer`s go.
        picture: shared memory that holds what is to be looked at, as `anonymize.media.canvas.store` writes it.
        size: its width and height.
        settings: what to look for.
        make: makes the detectors.
        aspect: width over height of its pixels.
    """
    _behave()
    canvas = Canvas(*size, aspect)
    try:
        found_by = [_Checked(detector) for detector in make(settings)]
        seconds = _warmed_up(partial(_look, canvas.load(np.zeros_like(picture), 0, 0), found_by, settings))
    except AnonymizeError as error:
        connection.send(Unable(error))
        return
    names = "; ".join(f"{detector.name} on {detector.device}" for detector in found_by)
    across = display_size(*size, canvas.aspects[0])
    connection.send(Ready(tuple(_megapixels(found_by, settings, effort, across) for effort in EFFORTS), seconds, names))
    eyesight = Eyesight(found_by, settings)
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        frame = canvas.load(picture, request.index, int(time.monotonic() / TICK), request.aspects)
        connection.send(_answer(request, frame, found_by, settings, eyesight))


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
    request: Request, frame: Frame, found_by: Sequence[Detector], settings: Settings, eyesight: Eyesight
) -> Answer:
    """What is found on `frame`: where nothing changed since `eyesight` looked, without looking."""
    effort, share = request.effort, 1.0
    try:
        if effort.coarser == 1:
            glance = eyesight.look(frame, effort.groups)()
            found, share = glance.finds, glance.share
        else:
            found = _look(frame, found_by, settings, effort)
    except Exception as error:  # noqa: BLE001 - whatever a detector raises, the look failed
        return Failed(request.index, f"{type(error).__name__}: {error}"[:200])
    return Seen(request.index, found.xyxy, found.score, found.kind, share)


def _look(frame: Frame, found_by: Sequence[Detector], settings: Settings, effort: Effort) -> Detections:
    return look(frame, found_by, effort.of(settings.detect), settings.targets, groups=effort.groups)


def _megapixels(found_by: Sequence[Detector], settings: Settings, effort: Effort, size: tuple[int, int]) -> float:
    detect = effort.of(settings.detect)
    squares = (
        scale * scale
        for detector in found_by
        for scale in of_groups(scales(detector, detect, settings.targets, size), effort.groups)
    )
    return sum(squares) * size[0] * size[1] / 1e6


class _Checked:
    """A detector whose finds are looked at before anyone filters them: rubbish is an error, not an empty street."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name, self.sha256, self.kinds = detector.name, detector.sha256, detector.kinds
        self.min_size, self.max_reliable_size, self.max_input_side = (
            detector.min_size,
            detector.max_reliable_size,
            detector.max_input_side,
        )
        self.device = detector.device

    def detect(self, picture: Picture) -> Detections:
        """See `Detector.detect`. Raises `ValueError` for what cannot be in `picture`."""
        found = self._detector.detect(picture)
        if not isinstance(found, Detections):
            raise TypeError(f"{self.name}: expected Detections, got {type(found).__name__}")
        found = replace(found)  # checked anew: arrays can be written to
        size = np.array([picture.shape[1], picture.shape[0]], np.float32)
        outside = (found.xyxy[:, :2] >= size + BEYOND).any(axis=1) | (found.xyxy[:, 2:] <= -BEYOND).any(axis=1)
        if outside.any():
            raise ValueError(f"{self.name}: {int(outside.sum())} boxes lie outside the picture")
        return found

    def release_memory(self) -> None:
        """See `Detector.release_memory`."""
        self._detector.release_memory()


def _behave() -> None:
    """Leave no core, heed no signal meant for the camera's process, and end with it."""
    no_core_dumps()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent drains first, and then ends this process
    import cv2

    cv2.setNumThreads(1)
    end_with_parent(grace=0)
