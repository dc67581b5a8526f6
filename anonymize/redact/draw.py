"""Redaction of regions: pure functions on planes, and a table from style to function.

    memory = Memory()                       # one for a whole video: it keeps the colours of mosaics
    for frame, regions in stream:
        copy = frame.writable()
        redact(copy.planes, regions, settings.redact, memory)

Covered are all pixels that lie at least partly inside a region's outline, and all subsampled chroma samples that touch
such a pixel. Nothing else changes. Outlines are those of the whole region, even if it reaches past the picture's
border: an ellipse is never squeezed into the visible part.

A mosaic reveals only means over at most 8 cells across, sampled once, on the first frame on which a track is drawn.
Later frames draw the same colours on a grid that moves and scales with the region's box, because several mosaics of one
moving face, sampled separately, together contain enough to reconstruct it ("Neural Alignment for Face De-pixelization",
arXiv 2009.13856). The price is that a mosaic does not follow changes of light. Blur is that mosaic, smoothed: a
function of the cell colours only. A region without a track has no identity over time, so it gets one mean colour.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Plane, Region
from anonymize.redact.outlines import MANY, Mask, Outline, outline, union
from anonymize.settings import Appearance, Redact, Style

LEAST_CELL = 8.0
"""The least side of a mosaic cell in pixels. A region too small for its cells gets fewer, down to one."""

SMOOTHING = 0.75
"""Standard deviation of the blur over the mosaic, in cells."""

MOST = 10_000
"""The most mosaics and blurs of a frame. If there are more, or they cover the picture more than `LAYERS` times over,
nothing would be recognisable, and all become solid."""

LAYERS = 100

Samples = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Patch:
    """The samples of one plane that a region covers.

    Args:
        samples: (rows, columns) view of the plane, to be written.
        covered: which of them are covered, or True for all.
        black: the plane's black.
        across: (columns,) position of each sample's centre in the region's box, 0 left to 1 right.
        down: (rows,) the same, 0 top to 1 bottom.
        size: (width, height) of the region's box in samples of this plane; what lies past the border counts.
    """

    samples: Samples
    covered: Mask | bool
    black: int
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    size: tuple[float, float]


class Memory:
    """The mosaic colours of each track, from the first frame on which it was drawn.

    One for each video and pass. Beyond `capacity`, the least recently drawn tracks are forgotten, but never one on the
    current frame.

    Args:
        capacity: tracks to remember; each takes about a kilobyte.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self.capacity = capacity
        self._held: OrderedDict[int, tuple[Samples, ...]] = OrderedDict()
        self._union: tuple[list[Region], tuple[int, int], Outline] | None = None

    def __len__(self) -> int:
        return len(self._held)

    def colours(self, track: int, sample: Callable[[], tuple[Samples, ...]]) -> tuple[Samples, ...]:
        """The cell colours of `track` in each plane; `sample` computes them the first time."""
        if track not in self._held:
            self._held[track] = sample()
        self._held.move_to_end(track)
        return self._held[track]

    def union(self, regions: list[Region], width: int, height: int) -> Outline:
        """`union` of `regions`, cached if they are the same as in the last call."""
        if self._union is None or self._union[1] != (width, height) or self._union[0] != regions:
            self._union = regions, (width, height), union(regions, width, height)
        return self._union[2]

    def trim(self, in_use: int) -> None:
        """Forget the tracks drawn longest ago beyond the capacity, but not the last `in_use`."""
        while len(self._held) > max(self.capacity, in_use):
            self._held.popitem(last=False)


def redact(planes: Sequence[Plane], regions: Sequence[Region], styles: Redact, memory: Memory) -> None:
    """Redact `regions` of a picture, in place.

    Solid regions are drawn on top of all others, and mosaics are sampled after the solid ones are drawn, so that
    nothing under a solid region affects the result. Each of the others is sampled with those before it drawn.

    Args:
        planes: of a writable frame; the first one has a sample for every pixel and so gives the picture's size.
        regions: drawn without further padding, in upright pixels.
        styles: style and cells of each kind of region.
        memory: the colours kept for this video.

    Raises:
        ValueError: a region has no area or is not finite; nothing was drawn yet.
    """
    height, width = planes[0].pixels.shape
    solid, rest = sorted_by_style(regions, styles, width, height)
    others = [(region, found) for region in rest if (found := outline(region, width, height))]
    if len(solid) > MANY:
        covers = [memory.union(solid, width, height)]
    else:
        covers = [found for region in solid if (found := outline(region, width, height))]
    _black_out(planes, covers)
    for region, found in others:
        appearance = styles.of(region.kind)
        patches = _patches(planes, found)
        fills = STYLES[appearance.style](patches, region.track, _grid(found.box, appearance), memory)
        for patch, fill in zip(patches, fills, strict=True):
            np.copyto(patch.samples, fill, where=patch.covered)
    if others:
        _black_out(planes, covers)
    memory.trim(len(others))


def sorted_by_style(
    regions: Sequence[Region], styles: Redact, width: int, height: int
) -> tuple[list[Region], list[Region]]:
    """The regions of one frame that are drawn black, and the others; see `MOST`.

    Args:
        regions: of the frame.
        styles: of each kind of region.
        width, height: of the picture in pixels.
    """
    black = {kind for kind in {region.kind for region in regions} if styles.of(kind).style is Style.SOLID}
    others = [region for region in regions if region.kind not in black]
    if not others:
        return list(regions), []
    if len(others) > MOST or (len(others) > LAYERS and _area(others, width, height) > LAYERS * width * height):
        return list(regions), []
    return [region for region in regions if region.kind in black], others


def _black_out(planes: Sequence[Plane], covers: Sequence[Outline]) -> None:
    """Make `covers` black, in place."""
    for found in covers:
        for patch in _patches(planes, found):
            np.copyto(patch.samples, np.asarray(patch.black, patch.samples.dtype), where=patch.covered)


def obscure(planes: Sequence[Plane]) -> None:
    """Make the whole picture black, in place."""
    for plane in planes:
        plane.pixels[...] = plane.black


def _area(regions: Sequence[Region], width: int, height: int) -> float:
    """Pixels of the boxes around `regions` within a picture, in sum."""
    boxes = np.clip([region.xyxy for region in regions], 0, [width, height] * 2)
    return float((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1).sum())


def _patches(planes: Sequence[Plane], found: Outline) -> list[_Patch]:
    """The samples of every plane that `found` covers, chroma rounded outward."""
    x0, y0, x1, y1 = found.box
    masks: dict[tuple[tuple[int, int], tuple[int, int]], Mask | bool] = {}
    patches = []
    for plane in planes:
        (step_x, step_y), (offset_x, offset_y) = plane.step, plane.offset
        columns = _span(found.window.x0, found.window.x1, step_x, offset_x)
        rows = _span(found.window.y0, found.window.y1, step_y, offset_y)
        geometry = plane.step, plane.offset
        if geometry not in masks:
            masks[geometry] = _coarse(found, plane, columns, rows)
        across = (np.arange(columns.start, columns.stop) + 0.5) * step_x - offset_x
        down = (np.arange(rows.start, rows.stop) + 0.5) * step_y - offset_y
        patches.append(
            _Patch(
                samples=plane.pixels[rows, columns],
                covered=masks[geometry],
                black=plane.black,
                across=np.clip((across - x0) / (x1 - x0), 0.0, 1.0),
                down=np.clip((down - y0) / (y1 - y0), 0.0, 1.0),
                size=((x1 - x0) / step_x, (y1 - y0) / step_y),
            )
        )
    return patches


def _span(start: int, end: int, step: int, offset: int) -> slice:
    """The samples of an axis that touch the pixels ``start <= i < end``."""
    return slice((start + offset) // step, (end - 1 + offset) // step + 1)


def _coarse(found: Outline, plane: Plane, columns: slice, rows: slice) -> Mask | bool:
    """Which samples of `plane` touch a covered pixel."""
    covered = found.covered
    if isinstance(covered, bool) or (plane.step == (1, 1) and plane.offset == (0, 0)):
        return covered
    (step_x, step_y), (offset_x, offset_y) = plane.step, plane.offset
    fine = np.zeros(((rows.stop - rows.start) * step_y, (columns.stop - columns.start) * step_x), np.bool_)
    left = found.window.x0 + offset_x - columns.start * step_x
    top = found.window.y0 + offset_y - rows.start * step_y
    fine[top : top + covered.shape[0], left : left + covered.shape[1]] = covered
    narrow = np.logical_or.reduce([fine[:, i::step_x] for i in range(step_x)])
    return np.asarray(np.logical_or.reduce([narrow[i::step_y] for i in range(step_y)]))


def _grid(box: Box, appearance: Appearance) -> tuple[int, int]:
    """Mosaic cells (across, down) for a region's unclipped box: nearly square, none smaller than `LEAST_CELL`."""
    width, height = box[2] - box[0], box[3] - box[1]
    longer = max(width, height)
    cells = max(1, min(appearance.cells, int(longer // LEAST_CELL)))
    return max(1, round(cells * width / longer)), max(1, round(cells * height / longer))


Fill = Callable[[Sequence[_Patch], int, tuple[int, int], Memory], list[Samples]]


def _mosaic(patches: Sequence[_Patch], track: int, grid: tuple[int, int], memory: Memory) -> list[Samples]:
    """The track's cell colours on its grid."""
    fills = []
    for patch, colours in zip(patches, _colours(patches, track, grid, memory), strict=True):
        rows, columns = colours.shape
        fills.append(colours.take(_cell(patch.across, columns), axis=1).take(_cell(patch.down, rows), axis=0))
    return fills


def _blur(patches: Sequence[_Patch], track: int, grid: tuple[int, int], memory: Memory) -> list[Samples]:
    """The track's cell colours, smoothed: a weighted mean of them at every sample."""
    fills = []
    for patch, colours in zip(patches, _colours(patches, track, grid, memory), strict=True):
        rows, columns = colours.shape
        smooth = _weights(patch.down, rows) @ colours.astype(np.float32) @ _weights(patch.across, columns).T
        fills.append(np.rint(smooth).astype(colours.dtype))
    return fills


STYLES: Mapping[Style, Fill] = MappingProxyType({Style.MOSAIC: _mosaic, Style.BLUR: _blur})
"""What each style but solid, which is black, puts in a region's place, plane by plane."""


def _colours(patches: Sequence[_Patch], track: int, grid: tuple[int, int], memory: Memory) -> tuple[Samples, ...]:
    """Cell colours (down, across) for each plane: the track's own, or one mean where there is no track."""
    if track < 0:
        return tuple(_means(patch, (1, 1)) for patch in patches)
    return memory.colours(track, lambda: tuple(_means(patch, grid) for patch in patches))


def _means(patch: _Patch, grid: tuple[int, int]) -> Samples:
    """The mean sample of each cell, (down, across). A cell less than half within the picture gets the mean of all."""
    columns, first_column, wide = np.unique(_cell(patch.across, grid[0]), return_index=True, return_counts=True)
    rows, first_row, high = np.unique(_cell(patch.down, grid[1]), return_index=True, return_counts=True)
    by_row = np.add.reduceat(patch.samples, first_row, axis=0, dtype=np.uint64)
    sums = np.add.reduceat(by_row, first_column, axis=1)
    counts = high[:, None] * wide[None, :]
    whole = patch.size[0] / grid[0] * patch.size[1] / grid[1]
    mean = sums.sum() / counts.sum()
    colours = np.full((grid[1], grid[0]), mean, np.float64)
    colours[np.ix_(rows, columns)] = np.where(counts * 2 >= whole, sums / counts, mean)
    return np.rint(colours).astype(patch.samples.dtype)


def _cell(position: NDArray[np.float64], cells: int) -> NDArray[np.intp]:
    """The cell, 0 to `cells` - 1, in which each position (0 to 1) lies."""
    return np.minimum((position * cells).astype(np.intp), cells - 1)


def _weights(position: NDArray[np.float64], cells: int) -> NDArray[np.float32]:
    """(positions, cells): the share of each cell's colour at each position (0 to 1), summing to 1."""
    distance = position[:, None] * cells - (np.arange(cells) + 0.5)[None, :]
    weights = np.exp(-0.5 * (distance / SMOOTHING) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
