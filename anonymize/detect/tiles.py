"""Detection on large pictures in overlapping tiles, which bounds memory; finds cut by a seam are joined again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections
from anonymize.detect.detector import Detector, Picture
from anonymize.detect.merge import INSIDE, fuse
from anonymize.track.pairs import connected, meetings, shares

OVERLAP = 96
"""Pixels that neighbouring tiles share (a quarter of a tile's side at most): anything not larger lies completely in one
of them. Larger things are joined from their parts."""
EDGE = 6.0
"""A box that ends within this many pixels of an inner edge of its tile was cut by it."""
ALONG = 0.6
"""Two parts of one thing overlap along the seam by this share of the shorter one's side."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture, ``x0 <= x < x1``, ``y0 <= y < y1`` in its pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


def tiles(width: int, height: int, longest: int) -> list[Tile]:
    """Tiles of equal size that cover a picture and overlap by `OVERLAP`; one tile if the picture is small enough.

    Args:
        width, height: of the picture in pixels.
        longest: the longest side of a tile.
    """
    overlap = min(OVERLAP, longest // 4)
    columns = list(_spans(width, longest, overlap))
    return [Tile(x0, y0, x1, y1) for y0, y1 in _spans(height, longest, overlap) for x0, x1 in columns]


def _spans(length: int, longest: int, overlap: int) -> Iterator[tuple[int, int]]:
    """The ranges of the tiles along one axis."""
    if length <= longest:
        yield 0, length
        return
    count = math.ceil((length - overlap) / (longest - overlap))
    side = math.ceil((length + (count - 1) * overlap) / count)
    for i in range(count):
        start = round(i * (length - side) / (count - 1))
        yield start, start + side


class Parted(Protocol):
    """A picture that can be sliced: an array, or something that makes the parts on demand."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns, channels)."""

    def __getitem__(self, part: tuple[slice, slice], /) -> Picture:
        """Some of its rows and columns."""


def detect_tiled(detector: Detector, picture: Parted, longest: int | None = None) -> Detections:
    """Run `detector` on `picture` in tiles.

    Args:
        detector: runs on each tile.
        picture: of any size.
        longest: the longest side of a tile in pixels; the detector's `max_input_side` if not given.

    Returns:
        Finds in pixels of `picture`; one box for each thing, also where tiles overlap or a seam cuts it.
    """
    height, width = picture.shape[:2]
    parts = tiles(width, height, longest or detector.max_input_side)
    if len(parts) == 1:
        return detector.detect(picture[0:height, 0:width])
    found: list[Detections] = []
    cut: list[NDArray[np.bool_]] = []
    for tile in parts:
        here = detector.detect(picture[tile.y0 : tile.y1, tile.x0 : tile.x1])
        here = here.moved((1.0, 1.0), (float(tile.x0), float(tile.y0)))
        found.append(here)
        cut.append(cut_sides(here.xyxy, tile, width, height))
    return fuse(joined(Detections.concatenate(found), np.concatenate(cut)))


def cut_sides(xyxy: NDArray[np.float32], tile: Tile, width: int, height: int) -> NDArray[np.bool_]:
    """(N, 4) bool: which sides (left, top, right, bottom) of each box end at an inner edge of `tile`.

    Args:
        xyxy: (N, 4) boxes in pixels of the picture.
        tile: where they were found.
        width, height: of the picture, whose border cuts nothing.
    """
    edges = np.array([tile.x0, tile.y0, tile.x1, tile.y1], np.float32)
    inner = np.array([tile.x0 > 0, tile.y0 > 0, tile.x1 < width, tile.y1 < height])
    beyond = (xyxy - edges) * np.array([1, 1, -1, -1], np.float32)
    cut: NDArray[np.bool_] = (beyond <= EDGE) & inner
    return cut


def joined(found: Detections, cut: NDArray[np.bool_]) -> Detections:
    """Join the parts of things that seams cut; other finds stay as they are.

    Two parts belong together if one is cut on its right (bottom) and the other on its left (top), they overlap, and
    they share most of their length along the seam (`ALONG`); or if a part lies inside another box, as it does if
    another tile contains the whole thing. They are replaced by their union, with the best score.

    Args:
        found: finds of all tiles, in pixels of the picture.
        cut: (N, 4) bool, from `cut_sides`.
    """
    group = np.arange(len(found))
    parts = np.flatnonzero(cut.any(axis=1))  # in each pair at least one was cut
    for _, one, other in meetings(found.xyxy[parts], found.xyxy):
        group = connected(group, *_parts_of_one(found, cut, parts[one], other))
    boxes, score = found.xyxy.copy(), found.score.copy()
    np.minimum.at(boxes[:, :2], group, found.xyxy[:, :2])
    np.maximum.at(boxes[:, 2:], group, found.xyxy[:, 2:])
    np.maximum.at(score, group, found.score)
    return Detections(boxes, score, found.kind).select(np.unique(group))


def _parts_of_one(
    found: Detections, cut: NDArray[np.bool_], one: NDArray[np.intp], other: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairs among (`one`, `other`) in which the second box continues the first, or one contains the other."""
    low, high = found.xyxy[:, :2], found.xyxy[:, 2:]
    shared = np.minimum(high[one], high[other]) - np.maximum(low[one], low[other])
    shorter = np.minimum((high - low)[one], (high - low)[other])
    across, along = shared > 0, shared >= ALONG * shorter
    side_by_side = (cut[one, 2] & cut[other, 0]) & across[:, 0] & along[:, 1]
    stacked = (cut[one, 3] & cut[other, 1]) & across[:, 1] & along[:, 0]
    shown_whole = shares(found.xyxy[one], found.xyxy[other])[1] >= INSIDE
    linked = (side_by_side | stacked | shown_whole) & (found.kind[one] == found.kind[other])
    return one[linked], other[linked]
