"""The regions of a plan, and their lines in its file.

They are stored as columns, so that hours of video need little memory, and coordinates are rounded to 1/100 pixel, so
that a plan read back from its file renders to the same picture.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Kind, Region, Shape, Why

_AT_ONCE = 4096
"""Rows that are turned into regions at a time."""
_KIND = {int(kind): kind for kind in Kind}
FOUND = frozenset({Why.DETECTED, Why.INTERPOLATED, Why.HELD})
"""Reasons of regions that detection led to: no others can be left visible."""

_WHY = tuple(Why)
_SHAPE = tuple(Shape)
_MANUAL = _WHY.index(Why.MANUAL)


class Columns(NamedTuple):
    """Rows of `Regions`, as arrays of N: half-open ranges of frames, boxes (N, 4), `Kind`, track, how it was found."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    kind: NDArray[np.uint8]
    track: NDArray[np.int64]
    found: NDArray[np.bool_]
    """Detection led to it."""
    detected: NDArray[np.bool_]
    """A detector found it on this frame."""
    score: NDArray[np.float64]
    why: NDArray[np.uint8]
    """Positions in the words of `Why`."""


class Regions:
    """Regions over half-open ranges of frames, as columns; `at` gives those of one frame.

    Args:
        rows: (first frame, end, region) in any order; kept by first frame, then in the order given.
    """

    def __init__(self, rows: Iterable[tuple[int, int, Region]]) -> None:
        frames, boxes, scores, tracks, codes = array("q"), array("d"), array("d"), array("q"), array("B")
        polygons: dict[int, tuple[tuple[float, float], ...]] = {}
        for row, (first, end, region) in enumerate(rows):
            frames.extend((first, end))
            boxes.extend(round(float(v), 2) for v in region.xyxy)
            scores.append(round(float(region.score), 3))
            tracks.append(region.track)
            codes.extend((int(region.kind), _WHY.index(region.why), _SHAPE.index(region.shape)))
            if region.shape is Shape.POLYGON:
                polygons[row] = tuple((round(float(x), 2), round(float(y), 2)) for x, y in region.polygon)
        spans: NDArray[np.int64] = np.array(frames, np.int64).reshape(-1, 2)
        order = np.argsort(spans[:, 0], kind="stable")
        self._start, self._end = spans[order, 0], spans[order, 1]
        self._xyxy: NDArray[np.float64] = np.array(boxes, np.float64).reshape(-1, 4)[order]
        self._score: NDArray[np.float64] = np.array(scores, np.float64)[order]
        self._track: NDArray[np.int64] = np.array(tracks, np.int64)[order]
        self._codes: NDArray[np.uint8] = np.array(codes, np.uint8).reshape(-1, 3)[order]
        position = np.argsort(order)
        self._polygons = {int(position[row]): corners for row, corners in polygons.items()}
        self._rewind()

    def _rewind(self) -> None:
        """Go before the first frame: `at` moves from frame to frame, and its cost is what changes between them."""
        self._beginning = np.flatnonzero(self._end - self._start > 1)
        self._ending = self._beginning[np.argsort(self._end[self._beginning], kind="stable")]
        self._spanning: dict[int, Region] = {}
        self._now = -1

    def __len__(self) -> int:
        return len(self._start)

    def at(self, index: int) -> list[Region]:
        """The regions of frame `index`, those that span several frames first.

        These are the same objects on all of their frames, as long as frames are requested in order.
        """
        if index < self._now:
            self._rewind()
        self._move(index)
        low, high = np.searchsorted(self._start, [index, index + 1])
        single = int(low) + np.flatnonzero(self._end[low:high] == index + 1)
        return [*self._spanning.values(), *self._regions(single)]

    def _move(self, index: int) -> None:
        """Advance to frame `index`: drop the regions that have ended, and make those that begin."""
        passed = [self._now, index]
        low, high = np.searchsorted(self._end[self._ending], passed, "right")
        for row in self._ending[low:high].tolist() if self._spanning else ():
            self._spanning.pop(row, None)
        low, high = np.searchsorted(self._start[self._beginning], passed, "right")
        begun = self._beginning[low:high]
        begun = begun[self._end[begun] > index]
        self._spanning.update(zip(begun.tolist(), self._regions(begun), strict=True))
        self._now = index

    def rows(self) -> Iterator[tuple[int, int, Region]]:
        """Every row: first frame, end (exclusive), region."""
        for low in range(0, len(self), _AT_ONCE):
            yield from self.picked(np.arange(low, min(low + _AT_ONCE, len(self))))

    def picked(self, rows: NDArray[np.intp]) -> Iterator[tuple[int, int, Region]]:
        """The given rows, by position."""
        return zip(self._start[rows].tolist(), self._end[rows].tolist(), self._regions(rows), strict=True)

    def within(self, frames: Iterable[tuple[int, int]]) -> Regions:
        """The rows that overlap any of these half-open ranges of frames."""
        wanted = np.zeros(len(self), bool)
        for first, end in frames:
            wanted |= (self._start < end) & (self._end > first)
        found = Regions(())
        for column in ("_start", "_end", "_xyxy", "_score", "_track", "_codes"):
            setattr(found, column, getattr(self, column)[wanted])
        position = np.cumsum(wanted) - 1
        found._polygons = {int(position[row]): corners for row, corners in self._polygons.items() if wanted[row]}
        found._rewind()
        return found

    def columns(self) -> Columns:
        """All rows, as arrays."""
        found = np.isin(self._codes[:, 1], [_WHY.index(why) for why in FOUND])
        detected = self._codes[:, 1] == _WHY.index(Why.DETECTED)
        kind = self._codes[:, 0]
        why = self._codes[:, 1]
        return Columns(self._start, self._end, self._xyxy, kind, self._track, found, detected, self._score, why)

    def reasons(self) -> dict[str, int]:
        """Number of box-frames by `Why`."""
        lengths = self._end - self._start
        return {why.value: int(lengths[self._codes[:, 1] == i].sum()) for i, why in enumerate(_WHY)}

    def tracks(self) -> dict[str, int]:
        """Number of tracks by kind, except those drawn entirely by hand."""
        found = (self._track >= 0) & (self._codes[:, 1] != _MANUAL)
        pairs = {(int(t), int(k)) for t, k in zip(self._track[found], self._codes[found, 0], strict=True)}
        return {kind.label: sum(k == kind for _, k in pairs) for kind in Kind if kind is not Kind.AREA}

    def by_hand(self) -> int:
        """Number of tracks drawn entirely by hand, plus that of regions drawn by hand without a track."""
        manual, tracked = self._codes[:, 1] == _MANUAL, self._track >= 0
        only = set(self._track[manual & tracked].tolist()) - set(self._track[~manual & tracked].tolist())
        return len(only) + int((manual & ~tracked).sum())

    def _regions(self, rows: NDArray[np.intp]) -> list[Region]:
        """The regions of the given rows."""
        columns = (self._xyxy, self._codes, self._track, self._score)
        return [
            Region(
                xyxy=(x0, y0, x1, y1),
                kind=_KIND[kind],
                why=_WHY[why],
                track=track,
                shape=_SHAPE[shape],
                polygon=self._polygons.get(row, ()),
                score=score,
            )
            for row, (x0, y0, x1, y1), (kind, why, shape), track, score in zip(
                rows.tolist(), *(column[rows].tolist() for column in columns), strict=True
            )
        ]


def digest(regions: Regions) -> str:
    """The sha256 of the lines of `regions` in a plan file."""
    digest = hashlib.sha256()
    for line in region_lines(regions):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def region_lines(regions: Regions) -> Iterator[str]:
    """The lines of `regions` in a plan file."""
    for first, end, region in regions.rows():
        entry: dict[str, Any] = {"frame": first} if end == first + 1 else {"frames": [first, end]}
        if region.track >= 0:
            entry["track"] = region.track
        entry |= {"kind": region.kind.label, "why": region.why.value, "shape": region.shape.value}
        if region.shape is Shape.POLYGON:
            entry["polygon"] = [list(corner) for corner in region.polygon]
        else:
            entry["xyxy"] = list(region.xyxy)
        if region.kind is not Kind.AREA:
            entry["score"] = region.score
        yield json.dumps(entry)
