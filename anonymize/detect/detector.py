"""What a detector is, and what all of them need around their network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind

Picture = NDArray[np.uint8]
"""(height, width, 3) BGR, 8 bit, either side at least 1."""

Sample = TypeVar("Sample", np.uint8, np.float32)

FLOOR = 0.05
"""Detectors report every find with at least this score; who calls them decides what is enough."""


class Detector(Protocol):
    """Finds objects in one picture. One file each; `anonymize.detect.build` makes them by name.

    An instance keeps no state between pictures: the same picture gives the same finds. Several threads may use
    it at once.
    """

    @property
    def name(self) -> str:
        """The name it is asked for by."""

    @property
    def sha256(self) -> str:
        """Of its weights, so that a plan can say what it was made with."""

    @property
    def device(self) -> str:
        """On what it runs, and how much of it elsewhere, so that a report can say so."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it finds."""

    @property
    def min_size(self) -> Mapping[Kind, float]:
        """For each of `kinds` the height in pixels of the smallest face, or width of the smallest plate, that is found
        reliably in a picture."""

    @property
    def max_input_side(self) -> int:
        """The longest side in pixels of a picture that is worth giving it at once; beyond, use tiles."""

    @property
    def max_reliable_size(self) -> Mapping[Kind, float]:
        """The size in pixels, measured as `min_size` is, beyond which its boxes of a kind are poor: the same thing is
        then left to a smaller scale, where there is one. Empty if there is no such limit."""

    def detect(self, picture: Picture) -> Detections:
        """Everything in `picture` ((height, width, 3) uint8 BGR) with a score of `FLOOR` or more.

        Boxes are in that picture's pixels, half-open, and may reach past its border. The picture is not changed.
        """

    def release_memory(self) -> None:
        """Give back memory that is kept for the next picture: there will be none for a while."""


def padded(picture: Picture, multiple: int, dtype: type[Sample]) -> NDArray[Sample]:
    """`picture` as a network takes it: (1, 3, h, w) of `dtype` in 0-255, BGR, contiguous.

    It is set at the top left of the smallest picture whose sides are multiples of `multiple`; the rest is black, so
    that pixels keep their place and their size.
    """
    height, width = picture.shape[:2]
    blob = np.zeros((1, 3, _up(height, multiple), _up(width, multiple)), dtype)
    blob[0, :, :height, :width] = picture.transpose(2, 0, 1)
    return blob


def _up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `value`."""
    return -(-value // multiple) * multiple


def finds(xyxy: NDArray[np.float32], score: NDArray[np.float32], kind: Kind) -> Detections:
    """Detections of one `kind`, without boxes that are not finite or have no area.

    Args:
        xyxy: (N, 4).
        score: (N,), clipped to [0, 1] (a network's arithmetic may reach a hair above).
    """
    sound = np.isfinite(xyxy).all(axis=1) & (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    xyxy, score = xyxy[sound], np.clip(score[sound], 0.0, 1.0)
    return Detections(xyxy, score, np.full(len(xyxy), int(kind), np.int8))
