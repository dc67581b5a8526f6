"""The regions of a plan, and their lines in its file.

They are stored as columns, so that hours of video need little memory, and coordinates are rounded to 1/100 pixel, so
that a plan read back from its file renders to the same picture.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Kind, Region, Shape, Why
from anonymize.kinds import shaped

_AT_ONCE = 4096
"""Rows that are turned into regions at a time."""
FOUND = frozenset({Why.DETECTED, Why.INTERPOLATED, Why.HELD})
"""Reasons of regions that detection led to: no others can be left visible."""

WHYS = tuple(Why)
SHAPES = tuple(Shape)


def _words(kind: Kind, why: Why, shape: Shape) -> str:
    return f'"kind": "{kind.label}", "why": "{why.value}", "shape": "{shape.value}"'


WORDS = {
    (int(kind), number, place): _words(kind, why, shape)
    for kind, (number, why), (place, shape) in product(Kind, enumerate(WHYS), enumerate(SHAPES))
}
"""By the codes of a row: `Kind`, position in `WHYS`, position in `SHAPES`. Of a user's own kinds they are made anew."""
_MANUAL = WHYS.index(Why.MANUAL)
_COLUMNS = ("_start", "_end", "_xyxy", "_score", "_track", "_kind", "_codes")


class Columns(NamedTuple):
    """Rows of `Regions`, as arrays of N: half-open ranges of frames, boxes (N, 4), `Kind`, track, how it was found."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    kind: NDArray[np.int64]
    track: NDArray[np.int64]
    found: NDArray[np.bool_]
    """Detection led to it."""
    detected: NDArray[np.bool_]
    """A detector found it on this frame."""
    score: NDArray[np.float64]
    why: NDArray[np.uint8]
    """Positions in `WHYS`."""
    shape: NDArray[np.uint8]
    """Positions in `SHAPES`."""

    def at(self, which: NDArray[Any]) -> Columns:
        """Some of the rows."""
        picked: list[Any] = [column[which] for column in self]
        return Columns(*picked)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """N rows of `Regions`, none of them a polygon, with numbers rounded as it rounds them.

    Args:
        spans: (N, 2) first frame and end.
        xyxy: (N, 4).
        score, track: (N,); -1 for no track.
        codes: (N, 3) `Kind`, a member, position in `WHYS`, position in `SHAPES`.
    """

    spans: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    score: NDArray[np.float64]
    track: NDArray[np.int64]
    codes: NDArray[np.uint8]


class Regions:
    """Regions over half-open ranges of frames, as columns; `at` gives those of one frame.

    Args:
        rows: (first frame, end, region), or blocks of them, in any order; kept by first frame, then in the order given.
            An ellipse of what may be text becomes a box.
    """

    def __init__(self, rows: Iterable[tuple[int, int, Region] | Block]) -> None:
        frames, boxes, scores, tracks, codes = array("q"), array("d"), array("d"), array("q"), array("B")
        kinds = array("q")
        polygons: dict[int, tuple[tuple[float, float], ...]] = {}
        for one in rows:
            if isinstance(one, Block):
                frames.frombytes(one.spans.tobytes())
                boxes.frombytes(one.xyxy.tobytes())
                scores.frombytes(one.score.tobytes())
                tracks.frombytes(one.track.tobytes())
                kinds.frombytes(one.codes[:, 0].astype(np.int64).tobytes())
                codes.frombytes(one.codes[:, 1:].tobytes())
                continue
            row, (first, end, region) = len(tracks), one
            frames.extend((first, end))
            boxes.extend(round(float(v), 2) for v in region.xyxy)
            scores.append(round(float(region.score), 3))
            tracks.append(region.track)
            kinds.append(int(region.kind))
            codes.extend((WHYS.index(region.why), SHAPES.index(shaped(region.kind, region.shape))))
            if region.shape is Shape.POLYGON:
                polygons[row] = tuple((round(float(x), 2), round(float(y), 2)) for x, y in region.polygon)
        spans: NDArray[np.int64] = np.array(frames, np.int64).reshape(-1, 2)
        order = np.argsort(spans[:, 0], kind="stable")
        self._start, self._end = spans[order, 0], spans[order, 1]
        self._xyxy: NDArray[np.float64] = np.array(boxes, np.float64).reshape(-1, 4)[order]
        self._score: NDArray[np.float64] = np.array(scores, np.float64)[order]
        self._track: NDArray[np.int64] = np.array(tracks, np.int64)[order]
        self._kind: NDArray[np.int64] = np.array(kinds, np.int64)[order]
        self._codes: NDArray[np.uint8] = np.array(codes, np.uint8).reshape(-1, 2)[order]
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
        return self._some(wanted)

    def without(self, tracks: Collection[int]) -> Regions:
        """The rows of all other tracks."""
        return self._some(~np.isin(self._track, list(tracks)))

    def joined(self, others: Regions) -> Regions:
        """The rows of both; of those that begin with the same frame, first its own."""
        order = np.argsort(np.concatenate([self._start, others._start]), kind="stable")
        position = np.argsort(order)
        found = Regions(())
        for column in _COLUMNS:
            setattr(found, column, np.concatenate([getattr(self, column), getattr(others, column)])[order])
        for before, some in ((0, self._polygons), (len(self), others._polygons)):
            found._polygons |= {int(position[before + row]): corners for row, corners in some.items()}
        found._rewind()
        return found

    def _some(self, wanted: NDArray[np.bool_]) -> Regions:
        """Some of the rows, in the same order."""
        found = Regions(())
        for column in _COLUMNS:
            setattr(found, column, getattr(self, column)[wanted])
        position = np.cumsum(wanted) - 1
        found._polygons = {int(position[row]): corners for row, corners in self._polygons.items() if wanted[row]}
        found._rewind()
        return found

    def lines(self) -> Iterator[str]:
        """The line of every row in a plan file: JSON as `json.dumps` has it, in a quarter of the time."""
        for low in range(0, len(self), _AT_ONCE):
            columns = (getattr(self, column)[low : low + _AT_ONCE].tolist() for column in _COLUMNS)
            for row, (first, end, (x0, y0, x1, y1), score, track, kind, codes) in enumerate(
                zip(*columns, strict=True), low
            ):
                when = f'"frame": {first}' if end == first + 1 else f'"frames": [{first}, {end}]'
                known = f', "track": {track}' if track >= 0 else ""
                if (corners := self._polygons.get(row)) is None:
                    where = f'"xyxy": [{x0!r}, {y0!r}, {x1!r}, {y1!r}]'
                else:
                    where = f'"polygon": {json.dumps(corners)}'
                sure = f', "score": {score!r}' if kind != Kind.AREA else ""
                words = WORDS.get((kind, *codes)) or _words(Kind(kind), WHYS[codes[0]], SHAPES[codes[1]])
                yield f"{{{when}{known}, {words}, {where}{sure}}}"

    def columns(self) -> Columns:
        """All rows, as arrays."""
        found = np.isin(self._codes[:, 0], [WHYS.index(why) for why in FOUND])
        detected = self._codes[:, 0] == WHYS.index(Why.DETECTED)
        where = self._start, self._end, self._xyxy
        return Columns(*where, self._kind, self._track, found, detected, self._score, *self._codes.T)

    def reasons(self) -> dict[str, int]:
        """Number of box-frames by `Why`."""
        lengths = self._end - self._start
        return {why.value: int(lengths[self._codes[:, 0] == i].sum()) for i, why in enumerate(WHYS)}

    def tracks(self) -> dict[str, int]:
        """Number of tracks by kind, except those drawn entirely by hand; faces and plates even if there are none."""
        found = (self._track >= 0) & (self._codes[:, 0] != _MANUAL)
        counts = Counter({Kind.FACE: 0, Kind.PLATE: 0})
        counts.update(
            Kind(k) for _, k in set(zip(self._track[found].tolist(), self._kind[found].tolist(), strict=True))
        )
        return {kind.label: counts[kind] for kind in sorted(counts) if kind is not Kind.AREA}

    def by_hand(self) -> int:
        """Number of tracks drawn entirely by hand, plus that of regions drawn by hand without a track."""
        manual, tracked = self._codes[:, 0] == _MANUAL, self._track >= 0
        only = set(self._track[manual & tracked].tolist()) - set(self._track[~manual & tracked].tolist())
        return len(only) + int((manual & ~tracked).sum())

    def _regions(self, rows: NDArray[np.intp]) -> list[Region]:
        """The regions of the given rows."""
        kinds = {number: Kind(number) for number in set(self._kind[rows].tolist())}
        columns = (self._xyxy, self._kind, self._codes, self._track, self._score)
        return [
            Region(
                xyxy=(x0, y0, x1, y1),
                kind=kinds[kind],
                why=WHYS[why],
                track=track,
                shape=SHAPES[shape],
                polygon=self._polygons.get(row, ()),
                score=score,
            )
            for row, (x0, y0, x1, y1), kind, (why, shape), track, score in zip(
                rows.tolist(), *(column[rows].tolist() for column in columns), strict=True
            )
        ]


def digest(regions: Regions) -> str:
    """The sha256 of the lines of `regions` in a plan file."""
    digest = hashlib.sha256()
    for line in regions.lines():
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()
