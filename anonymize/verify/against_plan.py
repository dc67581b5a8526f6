"""Whether every region of a plan lost its detail in the encoded output: all regions, all frames, every plane.

What a style leaves behind is known: black, or the cell colours of a mosaic, which plan and source determine. So the
output is compared with what was drawn, in small windows; coding changes far less than a visible face does. Only the
core of a region is compared, where its subject is: at its edge, encoders smear the surroundings into it.

Without the source, mosaics are drawn again on the output itself. That changes almost nothing on a faithful output (the
first frame of a track gives back the colours that the others hold), but much on a face.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Frame, Plane, Region, Shape, seconds
from anonymize.plan import Plan
from anonymize.redact import MANY, Memory, layers, outline, redact, sorted_by_style
from anonymize.verify.verdict import By, Find

WINDOW = 8
"""Side, in samples, of the window over which differences are averaged; at most a third of the core's shorter side."""
SHARE = 0.25
"""A region leaks when at least this share of its core differs from what was drawn."""
REACH = {Shape.ELLIPSE: 0.65, Shape.BOX: 0.85}
"""Size of a region's core, as a share of the region's size."""
RING = 6
"""Pixels by which a polygon is eroded to get its core."""
COARSE = 23
"""Quality, on x264's scale, above which the threshold rises from `LEAST` by `LEAST_PER_STEP` a step (see `least`)."""
LEAST, LEAST_PER_STEP = 14.0, 2.0
UNSURE = 1.5
"""Factor on the threshold where what was drawn had to be estimated from the output."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BareRegion:
    """A region whose subject is still visible on one frame.

    Args:
        frame: index.
        time: of the frame, in seconds.
        region: as in the plan.
        share: of its core that differs from what was drawn, 0 to 1.
        guessed: whether what was drawn had to be estimated from the output.
    """

    frame: int
    time: float
    region: Region
    share: float
    guessed: bool


@dataclass(frozen=True, slots=True)
class _Core:
    """Pixel bounds, half-open, in which a region must hide its subject, and a mask within them (None: all)."""

    x0: int
    y0: int
    x1: int
    y1: int
    inside: Mask | None = None


@dataclass(slots=True)
class _Trail:
    """The leaks of one track."""

    first: BareRegion
    best: BareRegion
    last: BareRegion
    frames: int = 0

    def find(self) -> Find:
        x0, y0, x1, y1 = self.best.region.xyxy
        kind = self.best.region.kind
        return Find(
            track=self.best.region.track,
            kind=kind,
            start=self.first.time,
            end=self.last.time,
            box=(x0, y0, x1, y1),
            size=x1 - x0 if kind.wide else y1 - y0,
            score=self.best.share,
            by=By.PLAN,
            frame=self.best.frame,
            frames=self.frames,
            places=tuple((leak.frame, leak.region.xyxy) for leak in (self.first, self.best, self.last)),
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """The result of comparing one frame with the plan.

    Args:
        leaks: regions whose subject is still visible.
        count: regions compared.
        skipped: mosaics not compared: they overlap, and without the source it is unknown what was drawn.
    """

    leaks: tuple[BareRegion, ...] = ()
    count: int = 0
    skipped: int = 0


class Comparer:
    """Compares the frames of an output, or of a segment of it, with a plan, in order.

    Args:
        plan: what was drawn.
        quality: that the output was encoded with, 0 to 51 on x264's scale; None if unknown.
        memory: the colours of mosaics at the first of these frames.
    """

    def __init__(self, plan: Plan, quality: int | None, memory: Memory | None = None) -> None:
        self._plan = plan
        self._least = least(quality)
        self._memory = memory or Memory()

    def see(self, frame: Frame, source: Frame | None = None) -> Compared:
        """Compare the next frame of the output.

        Args:
            frame: of the output.
            source: the same frame of the source, if available.
        """
        regions = self._plan.at(frame.index)
        appearances = self._plan.about.redact
        black, others = sorted_by_style(regions, appearances, frame.width, frame.height)
        count = skipped = 0
        if len(black) > MANY:
            count, black = _sifted(black, frame, self._least)
        leaks: list[BareRegion] = []

        def compare(region: Region, core: _Core, drawn: tuple[Plane, ...] | None, *, guessed: bool = False) -> None:
            share = _difference(frame, drawn, core, self._least * (UNSURE if guessed else 1.0))
            if share >= SHARE:
                leaks.append(BareRegion(frame.index, float(seconds(frame)), region, share, guessed))

        for region in black:
            if core := _core(region, frame.width, frame.height):
                count += 1
                compare(region, core, None)
        if others:
            expected = (source or frame).writable().planes
            redact(expected, regions, appearances, self._memory)
            alone = layers(regions, frame.width, frame.height) < 2 if source is None else None
            for region in others:
                core = _core(region, frame.width, frame.height)
                if core is None:
                    continue
                if alone is not None and not alone[core.y0 : core.y1, core.x0 : core.x1].all():
                    skipped += 1
                    continue
                count += 1
                compare(region, core, expected, guessed=alone is not None)
        return Compared(tuple(leaks), count, skipped)


class Comparison:
    """Gathers the comparisons of an output's frames, in order, into finds over time."""

    def __init__(self) -> None:
        self._trails: dict[object, _Trail] = {}
        self.compared = 0
        """Regions compared so far."""
        self.skipped = 0
        """Mosaics that could not be compared."""

    def take(self, compared: Compared) -> None:
        """Add the comparison of the next frame; memory does not grow with the number of leaks of a track."""
        self.compared += compared.count
        self.skipped += compared.skipped
        for leak in compared.leaks:
            region = leak.region
            place = None if region.track >= 0 else tuple(round(value / 16) for value in region.xyxy)
            trail = self._trails.setdefault((region.track, region.kind, place), _Trail(leak, leak, leak))
            trail.frames += 1
            trail.last = leak
            if leak.share > trail.best.share:
                trail.best = leak

    def finds(self) -> tuple[list[Find], list[Find]]:
        """Finds that fail the file, by track; and doubtful ones, for which what was drawn had to be estimated."""
        found = sorted(self._trails.values(), key=lambda trail: (trail.first.time, trail.best.region.track))
        return [t.find() for t in found if not t.best.guessed], [t.find() for t in found if t.best.guessed]


def least(quality: int | None) -> float:
    """The mean difference in a window, in 8-bit steps, below which coding at `quality` stays in a region's core."""
    return LEAST + LEAST_PER_STEP * max(0, min(COARSE if quality is None else quality, 45) - COARSE)


def _sifted(regions: Sequence[Region], frame: Frame, threshold: float) -> tuple[int, list[Region]]:
    """How many black `regions` are black in every sample of their cores, within `threshold`; and the others."""
    unclear = [region for region in regions if region.shape is Shape.POLYGON]
    plain = [region for region in regions if region.shape is not Shape.POLYGON]
    boxes = np.array([region.xyxy for region in plain], np.float64).reshape(-1, 4)
    reach = np.array([REACH[region.shape] for region in plain])[:, None]
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, reach * (boxes[:, 2:] - boxes[:, :2]) / 2
    size = [frame.width, frame.height]
    low = np.clip(np.ceil(middle - half), 0, size).astype(np.intp)
    high = np.clip(np.floor(middle + half), 0, size).astype(np.intp)
    there = (high - low >= 2).all(axis=1)
    differs = np.zeros(len(plain), bool)
    for plane in frame.planes:
        apart = np.abs(plane.pixels.astype(np.float32) - plane.black) >= threshold * (1 << (frame.depth - 8))
        sums = cv2.integral(apart.astype(np.uint8))
        x0, y0 = (-(-(low + plane.offset) // plane.step)).T
        x1, y1 = np.maximum((high + plane.offset) // plane.step, np.stack([x0, y0], axis=1)).T
        differs |= sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0] > 0
    unclear += [plain[row] for row in np.flatnonzero(there & differs).tolist()]
    return int((there & ~differs).sum()), unclear


def _difference(frame: Frame, drawn: tuple[Plane, ...] | None, core: _Core, threshold: float) -> float:
    """The share of `core` that differs by more than `threshold` from `drawn` (None: from black), in any plane."""
    shares = []
    for number, plane in enumerate(frame.planes):
        rows, columns = _samples(core, plane)
        part = plane.pixels[rows, columns]
        if not part.size:
            continue
        wanted = plane.black if drawn is None else drawn[number].pixels[rows, columns]
        apart = np.abs(part.astype(np.float32) - np.asarray(wanted, np.float32))
        side = max(1, min(WINDOW, min(part.shape) // 3))
        high = cv2.blur(apart, (side, side)) > threshold * (1 << (frame.depth - 8))
        shares.append(float(high.mean() if core.inside is None else _mean_inside(high, core.inside, plane.step)))
    return max(shares, default=0.0)


def _samples(core: _Core, plane: Plane) -> tuple[slice, slice]:
    """Rows and columns of `plane` that lie wholly inside `core`."""
    (step_x, step_y), (offset_x, offset_y) = plane.step, plane.offset
    return (
        slice(-(-(core.y0 + offset_y) // step_y), (core.y1 + offset_y) // step_y),
        slice(-(-(core.x0 + offset_x) // step_x), (core.x1 + offset_x) // step_x),
    )


def _mean_inside(high: Any, inside: Mask, step: tuple[int, int]) -> float:
    """The mean of `high` over the samples inside a polygon."""
    size = (high.shape[1], high.shape[0])
    mask = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 if step != (1, 1) else inside
    return float(high[mask].mean()) if mask.any() else 0.0


def _core(region: Region, width: int, height: int) -> _Core | None:
    """The core of `region` in a picture of `width` x `height`; None where less than two pixels of it are visible."""
    if region.shape is Shape.POLYGON:
        return _core_of_polygon(region, width, height)
    (x0, y0, x1, y1), reach = region.xyxy, REACH[region.shape]
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    half_x, half_y = reach * (x1 - x0) / 2, reach * (y1 - y0) / 2
    core = _Core(
        max(math.ceil(middle_x - half_x), 0),
        max(math.ceil(middle_y - half_y), 0),
        min(math.floor(middle_x + half_x), width),
        min(math.floor(middle_y + half_y), height),
    )
    return core if min(core.x1 - core.x0, core.y1 - core.y0) >= 2 else None


def _core_of_polygon(region: Region, width: int, height: int) -> _Core | None:
    found = outline(region, width, height)
    if found is None:
        return None
    window = found.window
    covered = np.pad(np.asarray(found.covered, np.uint8), 1)
    inside = cv2.erode(covered, np.ones((2 * RING + 1, 2 * RING + 1), np.uint8))[1:-1, 1:-1] > 0
    return _Core(window.x0, window.y0, window.x1, window.y1, inside) if inside.any() else None
