"""Argus: our own network for faces and licence plates in one pass (made in `training/`, described in docs/models.md).

At a quarter of the picture's size it outputs a heat map for each kind, zero except at its peaks, and the logarithm of
the distances from each cell's centre to the four edges of the box around it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind
from anonymize.detect.detector import FLOOR, Picture, finds, padded
from anonymize.detect.merge import suppress
from anonymize.models import session
from anonymize.settings import Device

STRIDE = 4
"""Pixels per cell of the outputs."""
MULTIPLE = 32
"""The network halves its input five times."""
OVERLAP = 0.45
"""Overlap (IoU) for non-maximum suppression."""
KINDS = (Kind.FACE, Kind.PLATE)
"""The kinds of the heat map's planes."""
POWER = {Kind.FACE: 1.0, Kind.PLATE: 0.75}
"""Raw scores are raised to these powers, so that one threshold means the same for both kinds and for other detectors:
on street pictures a score of 0.28 comes with about one false plate a picture, 0.48 with one in ten pictures."""


class Argus:
    """Faces and plates by the project's own network."""

    name = "argus"
    kinds = frozenset(KINDS)
    min_size: ClassVar = {Kind.FACE: 20.0, Kind.PLATE: 28.0}
    max_reliable_size: ClassVar = {Kind.PLATE: 128.0}  # wider ones get boxes up to four times too high
    max_input_side = 1280

    def __init__(self, threads: int = 0, device: Device = Device.CPU) -> None:
        self._session = session("argus", threads, device)
        self.device, self.sha256 = self._session.device_report, self._session.sha256

    def detect(self, picture: Picture) -> Detections:
        """Faces and plates in `picture`. See `anonymize.detect.Detector.detect`."""
        scores, distances = self._session.run(["scores", "distances"], {"image": padded(picture, MULTIPLE, np.uint8)})
        return decode(scores[0], distances[0])

    def release_memory(self) -> None:
        """Release the network's memory."""
        self._session.release_memory()


def decode(scores: NDArray[np.float32], distances: NDArray[np.float32]) -> Detections:
    """Boxes from the network's outputs, also used by training.

    Args:
        scores: (kinds, h, w), zero except at the peaks.
        distances: (4, h, w) logarithm of the distance in cells from a cell's centre to left, top, right and bottom.

    Returns:
        Boxes in pixels for all peaks of at least `FLOOR`, after non-maximum suppression, best first.
    """
    found = (_of_kind(plane, distances, kind) for plane, kind in zip(scores, KINDS, strict=True))
    return suppress(Detections.concatenate(found), OVERLAP)


def _of_kind(score: NDArray[np.float32], distances: NDArray[np.float32], kind: Kind) -> Detections:
    score = score ** np.float32(POWER[kind])
    rows, columns = np.nonzero(score >= FLOOR)
    with np.errstate(over="ignore"):  # `finds` drops absurd, infinite sizes
        left, top, right, bottom = np.exp(distances[:, rows, columns]) * STRIDE
    x, y = (columns + 0.5) * STRIDE, (rows + 0.5) * STRIDE
    xyxy = np.stack([x - left, y - top, x + right, y + bottom], axis=1).astype(np.float32)
    return finds(xyxy, score[rows, columns], kind)
