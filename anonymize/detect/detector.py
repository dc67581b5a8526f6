"""The detector protocol, and what all detectors need around their network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind

Picture = NDArray[np.uint8]
"""(height, width, 3) BGR, 8 bit, each side at least 1."""

Sample = TypeVar("Sample", np.uint8, np.float32)

FLOOR = 0.05
"""Detectors return every find with at least this score; their callers apply higher thresholds."""


class Detector(Protocol):
    """Finds objects in one picture. Each has its own file; `anonymize.detect.build` makes them by name.

    An instance keeps no state between pictures: the same picture gives the same finds. It is thread-safe.
    """

    @property
    def name(self) -> str:
        """Its name in settings."""

    @property
    def sha256(self) -> str:
        """The hash of its weights, for plans."""

    @property
    def device(self) -> str:
        """The device it runs on, and how much of it runs elsewhere, for reports."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it finds."""

    @property
    def min_size(self) -> Mapping[Kind, float]:
        """For each of `kinds` the size in pixels (its width if `Kind.wide`, else its height) of the smallest one that
        it finds reliably."""

    @property
    def max_input_side(self) -> int:
        """The longest side in pixels of a picture to pass it at once; larger ones are tiled."""

    @property
    def max_reliable_size(self) -> Mapping[Kind, float]:
        """The size in pixels, measured as `min_size`, beyond which its boxes of a kind are poor: such finds are left to
        a smaller scale, if there is one. Kinds without a limit are missing."""

    def detect(self, picture: Picture) -> Detections:
        """Everything in `picture` ((height, width, 3) uint8 BGR) with a score of `FLOOR` or more.

        Boxes are in pixels of `picture`, half-open, and may reach past its border. The picture is not changed.
        """

    def release_memory(self) -> None:
        """Release memory kept for the next picture, when there will be none for a while."""


def padded(picture: Picture, multiple: int, dtype: type[Sample]) -> NDArray[Sample]:
    """`picture` as input of a network: (1, 3, h, w) of `dtype` in 0-255, BGR, contiguous.

    It is padded with black at the right and at the bottom to sides that are multiples of `multiple`, so that pixels
    keep their position and size.

    Args:
        picture: (height, width, 3).
        multiple: in pixels.
        dtype: of the result.
    """
    height, width = picture.shape[:2]
    blob = np.zeros((1, 3, up(height, multiple), up(width, multiple)), dtype)
    blob[0, :, :height, :width] = picture.transpose(2, 0, 1)
    return blob


def up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `value`."""
    return -(-value // multiple) * multiple


def finds(xyxy: NDArray[np.float32], score: NDArray[np.float32], kind: Kind) -> Detections:
    """Detections of one `kind`, without boxes that are not finite or have no area.

    Args:
        xyxy: (N, 4).
        score: (N,), clipped to [0, 1], since a network's arithmetic may slightly exceed it.
        kind: of all.
    """
    sound = np.isfinite(xyxy).all(axis=1) & (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    xyxy, score = xyxy[sound], np.clip(score[sound], 0.0, 1.0)
    return Detections(xyxy, score, np.full(len(xyxy), int(kind), np.int64))
