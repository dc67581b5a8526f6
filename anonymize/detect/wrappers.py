"""A detector of several kinds that is asked for some of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from anonymize.data import Detections, Kind
from anonymize.detect.detector import Detector, Picture


def only(detector: Detector, kinds: Collection[Kind]) -> Detector:
    """`detector`, which from now on knows nothing but `kinds`; itself if that is all it finds."""
    return detector if detector.kinds <= set(kinds) else _Only(detector, kinds)


class _Only:
    def __init__(self, detector: Detector, kinds: Collection[Kind]) -> None:
        self._detector = detector
        self.name = detector.name
        self.sha256 = detector.sha256
        self.device = detector.device
        self.kinds = detector.kinds & frozenset(kinds)
        self.min_size = self._of(detector.min_size)
        self.max_reliable_size = self._of(detector.max_reliable_size)
        self.max_input_side = detector.max_input_side

    def _of(self, sizes: Mapping[Kind, float]) -> dict[Kind, float]:
        return {kind: size for kind, size in sizes.items() if kind in self.kinds}

    def detect(self, picture: Picture) -> Detections:
        """What it finds of the wanted kinds in `picture`, as `anonymize.detect.Detector.detect` says."""
        found = self._detector.detect(picture)
        return found.select(np.isin(found.kind, [int(kind) for kind in self.kinds]))

    def release_memory(self) -> None:
        """Give back the network's memory."""
        self._detector.release_memory()
