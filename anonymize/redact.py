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

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind, Plane, Region, Shape
from anonymize.settings import Appearance, Redact, Style

LEAST_CELL = 8.0
"""The least side of a mosaic cell in pixels. A region too small for its cells gets fewer, down to one."""

SMOOTHING = 0.75
"""Standard deviation of the blur over the mosaic, in cells."""

MANY = 256
"""Up to so many solid regions of a frame are drawn one by one; for more, their union is."""

MOST = 10_000
"""The most mosaics and blurs of a frame. If there are more, or they cover the picture more than `LAYERS` times over,
nothing would be recognisable, and all become solid."""

LAYERS = 100

RUNS = 1 << 19
"""Rows of ellipses or of edges, or pixels of a polygon, that are processed at a time."""

_REMEMBERED = 1 << 23
"""The most pixels of a polygon's window for its mask to be cached."""

Samples = NDArray[Any]
Mask = NDArray[np.bool_]
Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels within the picture: columns ``x0 <= x < x1``, rows ``y0 <= y < y1``."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True, slots=True)
class Outline:
    """The pixels that a region covers.

    Args:
        box: the region's own box, unclipped, to which a mosaic's grid is fixed.
        window: the part of its pixels within the picture.
        covered: (rows, columns) of the window, true where a pixel is covered; True if all of them are.
    """

    box: Box
    window: Window
    covered: Mask | bool


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
    black = {kind for kind in Kind if styles.of(kind).style is Style.SOLID}
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


def outline(region: Region, width: int, height: int) -> Outline | None:
    """The pixels of a picture (`width` x `height`) that `region` covers; None if it lies outside.

    A pixel is covered if any part of it is. Self-intersecting polygons cover everything that they wind around.

    Raises:
        ValueError: the region has no area or is not finite.
    """
    box = _bounds(region)
    window = Window(
        math.floor(max(box[0], 0)),
        math.floor(max(box[1], 0)),
        math.ceil(min(box[2], width)),
        math.ceil(min(box[3], height)),
    )
    if window.x0 >= window.x1 or window.y0 >= window.y1:
        return None
    if region.shape is Shape.ELLIPSE:
        return Outline(box, window, _ellipse(box, window))
    if region.shape is Shape.POLYGON:
        return Outline(box, window, _polygon(region.polygon, window))
    return Outline(box, window, True)


def visible(region: Region, width: int, height: int) -> bool:
    """Whether `region` covers any pixel of a picture (`width` x `height`).

    Raises:
        ValueError: the region has no area or is not finite.
    """
    x0, y0, x1, y1 = _bounds(region)
    inside = 0 <= x0 + x1 < 2 * width and 0 <= y0 + y1 < 2 * height
    if inside and region.shape is not Shape.POLYGON:
        return True  # without its mask, which takes longer
    found = outline(region, width, height)
    return found is not None and bool(np.any(found.covered))


def _bounds(region: Region) -> Box:
    """The region's unclipped box; for a polygon, that of its corners. Raises `ValueError`."""
    box = region.xyxy
    if region.shape is Shape.POLYGON:
        if len(region.polygon) < 3:
            raise ValueError(f"polygon: expected at least 3 corners, got {len(region.polygon)}")
        xs, ys = zip(*region.polygon, strict=True)
        box = (min(xs), min(ys), max(xs), max(ys))
    if not (all(map(math.isfinite, box)) and box[0] < box[2] and box[1] < box[3]):
        raise ValueError(f"region: expected finite x0 < x1 and y0 < y1, got {box}")
    return box


def _ellipse(box: Box, window: Window) -> Mask:
    """The pixels of `window` that touch the ellipse inscribed in `box`: their point nearest its centre lies inside."""
    x0, y0, x1, y1 = box
    across = _distance(window.x0, window.x1, (x0 + x1) / 2, (x1 - x0) / 2)
    down = _distance(window.y0, window.y1, (y0 + y1) / 2, (y1 - y0) / 2)
    return np.asarray(across[None, :] < (1.0 - down)[:, None])


def _distance(start: int, end: int, centre: float, radius: float) -> NDArray[np.float64]:
    """Squared distance, in radii, from `centre` to the nearest point of each pixel ``start <= i < end`` of an axis."""
    return _squared(np.arange(start, end), centre, radius)


def _squared(pixel: NDArray[np.intp], centre: Any, radius: Any) -> NDArray[np.float64]:
    """`_distance` of single pixels."""
    first = pixel.astype(np.float64)
    nearest = np.maximum(np.maximum(first - centre, centre - first - 1.0), 0.0) / radius
    return np.asarray(nearest * nearest)


def _polygon(corners: Corners, window: Window) -> Mask:
    """The pixels of `window` that the polygon touches: an edge passes through, or it winds around their centre."""
    few = (window.y1 - window.y0) * (window.x1 - window.x0) <= _REMEMBERED
    return _remembered(corners, window) if few else _wound(corners, window)


def _wound(corners: Corners, window: Window) -> Mask:
    """The mask of `_polygon`, read-only; computed for some rows at a time, since that takes twelve times its memory."""
    points = np.array(corners, np.float64) - (window.x0, window.y0)
    edges = np.hstack([points, np.roll(points, -1, axis=0)])
    rows, columns = window.y1 - window.y0, window.x1 - window.x0
    covered = np.empty((rows, columns), np.bool_)
    high = max(1, RUNS // columns)
    for top in range(0, rows, high):
        part = covered[top : top + high]
        part[...] = _wound_rows(edges - (0, top, 0, top), *part.shape)
    covered.flags.writeable = False
    return covered


_remembered = lru_cache(maxsize=16)(_wound)
"""Cached, because zones do not move."""


def _wound_rows(edges: NDArray[np.float64], rows: int, columns: int) -> Mask:
    """(rows, columns) which pixels the closed polygon touches whose `edges` (N, 4) run from x0, y0 to x1, y1."""
    low, high = np.minimum(edges[:, 1], edges[:, 3]), np.maximum(edges[:, 1], edges[:, 3])
    runs = np.zeros((rows, columns + 1), np.int32)
    winding = np.zeros((rows, columns + 1), np.int32)
    least, most = np.clip(np.floor(low), 0, rows).astype(np.intp), np.clip(np.ceil(high), 0, rows).astype(np.intp)
    met = np.cumsum(np.maximum(most - least, 0))
    for some in np.split(np.arange(len(edges)), np.searchsorted(met, np.arange(RUNS, met[-1], RUNS))):
        of, row = _ranges(least[some], np.maximum(least[some], most[some]))
        _trace(runs, edges[some][of], row)
        _wind(winding, edges[some][of], row)
    covered: Mask = (np.cumsum(winding, axis=1)[:, :-1] != 0) | (np.cumsum(runs, axis=1)[:, :-1] > 0)
    return covered


def _wind(winding: NDArray[np.int32], edges: NDArray[np.float64], row: NDArray[np.intp]) -> None:
    """Count each edge, with its direction, at the first pixel of its `row` whose centre lies right of it."""
    middle = np.asarray(row + 0.5, np.float64)
    crossed = (np.minimum(edges[:, 1], edges[:, 3]) <= middle) & (middle < np.maximum(edges[:, 1], edges[:, 3]))
    edges, row = edges[crossed], row[crossed]
    first = np.clip(np.ceil(_at(middle[crossed], edges) - 0.5), 0, winding.shape[1] - 1).astype(np.intp)
    np.add.at(winding, (row, first), np.where(edges[:, 3] > edges[:, 1], 1, -1).astype(np.int32))


def _trace(runs: NDArray[np.int32], edges: NDArray[np.float64], row: NDArray[np.intp]) -> None:
    """Mark, as +1 at the first and -1 past the last, the pixels of its `row` that each edge runs through."""
    columns = runs.shape[1] - 1
    low, high = np.minimum(edges[:, 1], edges[:, 3]), np.maximum(edges[:, 1], edges[:, 3])
    flat = low == high
    ends = _at(np.maximum(row, low), edges), _at(np.minimum(row + 1.0, high), edges)
    ends = np.where(flat, edges[:, 0], ends[0]), np.where(flat, edges[:, 2], ends[1])
    first = np.clip(np.floor(np.minimum(*ends)), 0, columns).astype(np.intp)
    past = np.clip(np.ceil(np.maximum(*ends)), 0, columns).astype(np.intp)
    np.add.at(runs, (row, first), np.int32(1))
    np.add.at(runs, (row, past), np.int32(-1))


def _at(y: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The x at which each edge passes `y`, never beyond its ends; that of its start where it is level."""
    x0, y0, x1, y1 = edges.T
    x = x0 + (y - y0) / np.where(y0 == y1, 1.0, y1 - y0) * (x1 - x0)
    return np.asarray(np.clip(x, np.minimum(x0, x1), np.maximum(x0, x1)))


def union(regions: Sequence[Region], width: int, height: int) -> Outline:
    """The pixels of a picture that any of `regions` covers. Raises `ValueError` as `outline` does."""
    covered = _count(_placed(regions, Shape.BOX), _placed((), Shape.ELLIPSE), width, height) > 0
    for window, mask in _polygons(regions, width, height):
        covered[window] |= mask
    ellipses = _placed(regions, Shape.ELLIPSE)
    ellipses = ellipses[np.argsort(-(ellipses[:, 2:] - ellipses[:, :2]).prod(axis=1), kind="stable")]
    some = MANY
    while len(ellipses):
        covered |= _count(_placed((), Shape.BOX), ellipses[:some], width, height) > 0
        ellipses = ellipses[some:]
        ellipses = ellipses[~_hidden(ellipses, covered)]
        some *= 2
    return Outline((0.0, 0.0, float(width), float(height)), Window(0, 0, width, height), covered)


def layers(regions: Sequence[Region], width: int, height: int) -> NDArray[np.int32]:
    """(height, width): how many of `regions` cover each pixel of a picture. Raises `ValueError` as `outline` does."""
    count = _count(_placed(regions, Shape.BOX), _placed(regions, Shape.ELLIPSE), width, height)
    for window, mask in _polygons(regions, width, height):
        count[window] += mask
    return count


def _count(boxes: NDArray[np.float64], ellipses: NDArray[np.float64], width: int, height: int) -> NDArray[np.int32]:
    """(height, width): how many of `boxes` and of `ellipses` (N, 4) cover each pixel, as `outline` says.

    Of a box only the corners are marked, of an ellipse the ends of each row: it costs as much as they are many.
    """
    edges = np.zeros((height + 1, width + 1), np.int32)
    _mark_boxes(edges, boxes)
    np.cumsum(edges, axis=0, out=edges)
    tall = np.cumsum(np.clip(np.ceil(ellipses[:, 3]) - np.floor(ellipses[:, 1]), 1, height))
    for some in np.split(ellipses, np.searchsorted(tall, np.arange(RUNS, tall[-1], RUNS)) if len(tall) else []):
        _mark_ellipses(edges, some)
    count: NDArray[np.int32] = np.cumsum(edges, axis=1, out=edges)[:height, :width]
    return count


def _polygons(regions: Sequence[Region], width: int, height: int) -> Iterator[tuple[tuple[slice, slice], Mask | bool]]:
    """Rows and columns of each polygon, and which of its pixels it covers."""
    for region in regions:
        if region.shape is Shape.POLYGON and (found := outline(region, width, height)):
            window = found.window
            yield (slice(window.y0, window.y1), slice(window.x0, window.x1)), found.covered


def _hidden(boxes: NDArray[np.float64], covered: Mask) -> Mask:
    """(N,) of which boxes every pixel within the picture is covered already."""
    windows, there = _windows(boxes, covered.shape[1], covered.shape[0])
    sums = cv2.integral(covered.astype(np.uint8))
    x0, y0, x1, y1 = np.where(there[:, None], windows, 0).T
    return np.asarray(sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0] == (x1 - x0) * (y1 - y0))


def _placed(regions: Sequence[Region], shape: Shape) -> NDArray[np.float64]:
    """(N, 4) the boxes of those of one shape. Raises `ValueError` where one has no area or no finite place."""
    chosen = [region for region in regions if region.shape is shape]
    boxes = np.array([region.xyxy for region in chosen], np.float64).reshape(-1, 4)
    sound = np.isfinite(boxes).all(axis=1) & (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    if not sound.all():
        _bounds(chosen[int(sound.argmin())])  # says what is wrong with it
    return boxes


def _area(regions: Sequence[Region], width: int, height: int) -> float:
    """Pixels of the boxes around `regions` within a picture, in sum."""
    boxes = np.clip([region.xyxy for region in regions], 0, [width, height] * 2)
    return float((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1).sum())


def _windows(boxes: NDArray[np.float64], width: int, height: int) -> tuple[NDArray[np.intp], Mask]:
    """(N, 4) `Window` of each box, and (N,) whether there is anything in it."""
    low = np.floor(np.clip(boxes[:, :2], 0, [width, height]))
    high = np.ceil(np.clip(boxes[:, 2:], 0, [width, height]))
    return np.hstack([low, high]).astype(np.intp), np.asarray((low < high).all(axis=1))


def _mark_boxes(edges: NDArray[np.int32], boxes: NDArray[np.float64]) -> None:
    """Count boxes at their corners, so that the sums down and then to the right say how many cover each pixel."""
    windows, there = _windows(boxes, edges.shape[1] - 1, edges.shape[0] - 1)
    x0, y0, x1, y1 = windows[there].T
    for rows, columns, count in ((y0, x0, 1), (y1, x1, 1), (y0, x1, -1), (y1, x0, -1)):
        np.add.at(edges, (rows, columns), np.int32(count))


def _mark_ellipses(edges: NDArray[np.int32], boxes: NDArray[np.float64]) -> None:
    """Count ellipses at the first pixel of each of their rows, and past the last, as `_ellipse` has them."""
    windows, there = _windows(boxes, edges.shape[1] - 1, edges.shape[0] - 1)
    boxes, windows = boxes[there], windows[there]
    of, row = _ranges(windows[:, 1], windows[:, 3])
    centre, radius = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    left = 1.0 - _squared(row, centre[of, 1], radius[of, 1])
    middle, half = centre[of, 0], radius[of, 0]
    x0, x1 = windows[of, 0], windows[of, 2]
    reach = half * np.sqrt(np.maximum(left, 0.0))
    first = _least(np.floor(middle - reach).astype(np.intp), lambda x: _squared(x, middle, half) < left)
    last = -_least(-np.ceil(middle + reach - 1).astype(np.intp), lambda x: _squared(-x, middle, half) < left)
    first, end = np.maximum(first, x0), np.minimum(last + 1, x1)
    met = (left > 0) & (first < end)
    np.add.at(edges, (row[met], first[met]), np.int32(1))
    np.add.at(edges, (row[met], end[met]), np.int32(-1))


def _least(guess: NDArray[np.intp], holds: Callable[[NDArray[np.intp]], Mask]) -> NDArray[np.intp]:
    """The least number near each guess for which `holds` is true; rounding may have put the guess off by one."""
    found = guess + 1
    for candidate in (guess, guess - 1):
        found = np.where(holds(candidate), candidate, found)
    return found


def _ranges(start: NDArray[np.intp], end: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Every number of each of the ranges, and before it which range it is of."""
    lengths = end - start
    of = np.repeat(np.arange(len(start)), lengths)
    return of, np.arange(len(of)) - np.repeat(np.cumsum(lengths) - lengths - start, lengths)


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
