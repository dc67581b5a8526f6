"""BlazeFace through MediaPipe (Bazarevsky, Kartynnik, Vakunov, Raveendran, Grundmann: arXiv 1907.05047).

Two sets of weights from MediaPipe's wheel: *full range* (192 x 192 input) for tiles of a street or a room, *short
range* (128 x 128) for a face in front of a webcam. MediaPipe is an extra, pinned to 0.10.21: the last release that
opens no network socket.
"""

from __future__ import annotations

import os
import warnings
from threading import Lock
from typing import Any, ClassVar

import numpy as np

from anonymize.data import Detections, Kind
from anonymize.detect.detector import FLOOR, Picture, finds
from anonymize.errors import ModelError
from anonymize.models import find, locate
from anonymize.settings import Device

_VARIANTS = {"blazeface-short": (0, 128, 32.0), "blazeface": (1, 192, 32.0)}
"""Name -> MediaPipe's model number, side of the network's input, height of the smallest face found reliably in it."""


class BlazeFace:
    """Faces by BlazeFace.

    Args:
        name: `blazeface` (full range) or `blazeface-short`.
    """

    kinds = frozenset({Kind.FACE})
    max_reliable_size: ClassVar[dict[Kind, float]] = {}
    device = Device.CPU.value

    def __init__(self, name: str = "blazeface") -> None:
        self.name = name
        self.sha256 = find(name).sha256
        variant, self.max_input_side, min_size = _VARIANTS[name]
        self.min_size = {Kind.FACE: min_size}
        locate(name)  # MediaPipe opens the file itself: make sure that it is the registered one
        self._solution = _solution(variant)
        self._turn = Lock()

    def detect(self, picture: Picture) -> Detections:
        """Faces in `picture`. See `anonymize.detect.Detector.detect`.

        MediaPipe shrinks a picture larger than the network's input; use tiles to find small faces.
        """
        height, width = picture.shape[:2]
        side = np.array([max(width, self.max_input_side), max(height, self.max_input_side)] * 2, np.float32)
        canvas = np.zeros((int(side[1]), int(side[0]), 3), np.uint8)
        canvas[:height, :width] = picture[..., ::-1]
        with self._turn, _protobuf_quiet():
            faces = self._solution.process(canvas).detections or ()
        boxes = [face.location_data.relative_bounding_box for face in faces]
        low = np.array([(box.xmin, box.ymin) for box in boxes], np.float32).reshape(-1, 2)
        size = np.array([(box.width, box.height) for box in boxes], np.float32).reshape(-1, 2)
        score = np.array([face.score[0] for face in faces], np.float32)
        return finds(np.concatenate([low, low + size], axis=1) * side, score, Kind.FACE)

    def release_memory(self) -> None:
        """Do nothing: MediaPipe keeps only one picture of 192 pixels."""


def _solution(variant: int) -> Any:
    """MediaPipe's face detector with model number `variant`. Raises `ModelError` if MediaPipe cannot be used."""
    os.environ.setdefault("GLOG_minloglevel", "2")  # otherwise MediaPipe logs its threads to the terminal
    try:
        with _protobuf_quiet():
            from mediapipe.python.solutions.face_detection import FaceDetection

            return FaceDetection(min_detection_confidence=FLOOR, model_selection=variant)
    except (ImportError, AttributeError) as error:
        raise ModelError(f"MediaPipe cannot be used ({error}): {find('blazeface').install}") from error


def _protobuf_quiet() -> warnings.catch_warnings[None]:
    """Ignore the deprecation warning of protobuf 4 that MediaPipe 0.10.21 causes for every picture."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)
