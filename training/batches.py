"""Batches of augmented crops, each a function of the seed, the step and the process that asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training import degrade
from training.geometry import Picture
from training.rendered import draw_bank
from training.sources import BY_NAME, KINDS, Example
from training.targets import Labels, TargetMaps, make_targets
from training.views import Load, ViewSettings, draw, join

FACE = KINDS.index("face")


@dataclass(frozen=True, slots=True)
class Batch:
    """`pictures` `(n, h, w, 3)` uint8 BGR; the others as in `TargetMaps`, stacked."""

    pictures: npt.NDArray[np.uint8]
    heat: npt.NDArray[np.float32]
    counts: npt.NDArray[np.float32]
    edges: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]


class Batches:
    """Draws crops of labelled pictures; pictures of a set are drawn in proportion to its weight."""

    def __init__(self, examples: list[Example], load: Load, how: ViewSettings | None = None) -> None:
        self._examples = examples
        self._load = load
        self._how = how or ViewSettings()
        self._bank = draw_bank(600) if self._how.drawn else None
        weights = np.array([BY_NAME[e.source].weight for e in examples])
        self._chances = np.cumsum(weights / weights.sum())

    def _pick(self, rng: np.random.Generator) -> Example:
        at = int(np.searchsorted(self._chances, rng.random()))
        return self._examples[min(at, len(self._examples) - 1)]

    def crop(self, rng: np.random.Generator, side: int) -> tuple[Picture, Labels]:
        """One square crop of `side` pixels, augmented."""
        if rng.random() < self._how.mosaic:
            x, y = (int(v) for v in rng.integers(side // 4, side * 3 // 4, 2))
            sizes = [(x, y), (side - x, y), (x, side - y), (side - x, side - y)]
            parts = [draw(self._pick(rng), self._load, size, rng, self._how, self._bank) for size in sizes]
            picture, labels = join(parts, (x, y), (side, side))
        else:
            picture, labels = draw(self._pick(rng), self._load, (side, side), rng, self._how, self._bank)
        picture = degrade.mask(picture, labels.boxes[labels.kinds == FACE], rng, 0.15)
        if len(labels.boxes) and rng.random() < 0.12:
            picture = degrade.hide(picture, labels.boxes, rng)
        return degrade.degrade(picture, rng), labels

    def batch(self, seed: tuple[int, ...], count: int, side: int) -> Batch:
        """`count` crops; equal seeds give equal batches."""
        rng = np.random.default_rng(seed)
        crops = [self.crop(rng, side) for _ in range(count)]
        targets: list[TargetMaps] = [make_targets(labels, len(KINDS), side, side) for _, labels in crops]
        return Batch(
            np.stack([picture for picture, _ in crops]),
            np.stack([t.heat for t in targets]),
            np.stack([t.counts for t in targets]),
            np.stack([t.edges for t in targets]),
            np.stack([t.weight for t in targets]),
        )
