"""Which pixels of a picture a region covers: masks of boxes, ellipses and polygons, their union and their layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Region, Shape

MANY = 256
"""Up to so many solid regions of a frame are drawn one by one; for more, their union is."""

RUNS = 1 << 19
"""Rows of ellipses or of edges, or pixels of a polygon, that are processed at a time."""

_REMEMBERED = 1 << 23
"""The most pixels of a polygon's window for its mask to be cached."""

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
