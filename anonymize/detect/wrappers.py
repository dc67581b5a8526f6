"""Wrappers of detectors: one limits the kinds, one checks the finds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from anonymize.data import Detections, Kind
from anonymize.detect.detector import Detector, Picture

BEYOND = 128
"""How many pixels past the border a valid box may begin: networks see padding there."""


class _Wrapper:
    """A detector with the properties of another one, limited to `kinds`."""

    def __init__(self, detector: Detector, kinds: Collection[Kind]) -> None:
        self._detector = detector
        self.name, self.sha256, self.device = detector.name, detector.sha256, detector.device
        self.kinds = detector.kinds & frozenset(kinds)
        self.min_size = self._of(detector.min_size)
        self.max_reliable_size = self._of(detector.max_reliable_size)
        self.max_input_side = detector.max_input_side

    def _of(self, sizes: Mapping[Kind, float]) -> dict[Kind, float]:
        return {kind: size for kind, size in sizes.items() if kind in self.kinds}

    def release_memory(self) -> None:
        """Release the network's memory."""
        self._detector.release_memory()


def only(detector: Detector, kinds: Collection[Kind]) -> Detector:
    """`detector` limited to `kinds`; itself if it finds no others."""
    return detector if detector.kinds <= set(kinds) else _Only(detector, kinds)


class _Only(_Wrapper):
    def detect(self, picture: Picture) -> Detections:
        """Finds of the wanted kinds in `picture`. See `anonymize.detect.Detector.detect`."""
        found = self._detector.detect(picture)
        return found.select(np.isin(found.kind, [int(kind) for kind in self.kinds]))


def checked(detector: Detector) -> Detector:
    """`detector` with its finds checked before they are filtered: invalid finds are an error, not an empty street."""
    return _Checked(detector, detector.kinds)


class _Checked(_Wrapper):
    def detect(self, picture: Picture) -> Detections:
        """See `Detector.detect`.

        Raises:
            TypeError, ValueError: its finds are invalid or outside `picture`.
        """
        found = self._detector.detect(picture)
        if not isinstance(found, Detections):
            raise TypeError(f"{self.name}: expected Detections, got {type(found).__name__}")
        found = replace(found)  # checks it again: arrays can be written to
        size = np.array([picture.shape[1], picture.shape[0]], np.float32)
        outside = (found.xyxy[:, :2] >= size + BEYOND).any(axis=1) | (found.xyxy[:, 2:] <= -BEYOND).any(axis=1)
        if outside.any():
            raise ValueError(f"{self.name}: {int(outside.sum())} boxes lie outside the picture")
        return found
