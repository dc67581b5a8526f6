"""YuNet: a tiny anchor-free face detector (Wu, Peng, Yu: doi 10.1007/s11633-023-1423-y, 2023).

The 2023mar weights of OpenCV Zoo, which a user imports or fetches. At strides 8, 16 and 32 the network outputs a class
and an object probability and a box per cell.
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

STRIDES = (8, 16, 32)
"""Pixels per cell of its three outputs."""
EXPONENT = 0.75
"""A score is the product of class and object probability to this power. OpenCV takes the root (0.5); at 0.75 a score
comes with about as many false boxes as the same score of CenterFace, so that one threshold fits both (at 720p)."""
OVERLAP = 0.3
"""Overlap (IoU) for non-maximum suppression, from OpenCV."""


class YuNet:
    """Faces by YuNet."""

    name = "yunet"
    kinds = frozenset({Kind.FACE})
    min_size: ClassVar = {Kind.FACE: 16.0}  # 60-80% of these; larger scales find more, and more false ones
    max_reliable_size: ClassVar[dict[Kind, float]] = {}
    max_input_side = 1280

    def __init__(self, threads: int = 0, device: Device = Device.CPU) -> None:
        self._session = session("yunet", threads, device)
        self.device, self.sha256 = self._session.device_report, self._session.sha256

    def detect(self, picture: Picture) -> Detections:
        """Faces in `picture`. See `anonymize.detect.Detector.detect`."""
        blob = padded(picture, STRIDES[-1], np.float32)
        names = [f"{part}_{stride}" for stride in STRIDES for part in ("cls", "obj", "bbox")]
        outputs = dict(zip(names, self._session.run(names, {"input": blob}), strict=True))
        found = [
            decode(outputs[f"cls_{s}"], outputs[f"obj_{s}"], outputs[f"bbox_{s}"], s, blob.shape[3] // s)
            for s in STRIDES
        ]
        return suppress(Detections.concatenate(found), OVERLAP)

    def release_memory(self) -> None:
        """Release the network's memory."""
        self._session.release_memory()


def decode(
    cls: NDArray[np.float32], obj: NDArray[np.float32], bbox: NDArray[np.float32], stride: int, columns: int
) -> Detections:
    """Boxes from one stride's outputs, overlapping ones included.

    Args:
        cls: (1, N, 1) class probabilities of N cells, row by row.
        obj: (1, N, 1) object probabilities of the same.
        bbox: (1, N, 4) offset (x, y) of the centre in cells, logarithm of width and height in cells.
        stride: pixels per cell.
        columns: cells per row.
    """
    score = (cls[0, :, 0] * obj[0, :, 0]) ** EXPONENT
    cells = np.nonzero(score >= FLOOR)[0]
    centre = (np.stack([cells % columns, cells // columns], axis=1) + bbox[0, cells, :2]) * stride
    with np.errstate(over="ignore"):  # `finds` drops absurd, infinite sizes
        half = np.exp(bbox[0, cells, 2:]) * (stride / 2)
    boxes = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return finds(boxes, score[cells], Kind.FACE)
