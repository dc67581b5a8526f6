"""The plan: what will be redacted in a video.

Regions are stored as columns, so that hours of video need little memory, and coordinates are rounded to 1/100 pixel, so
that a plan read back from its file renders to the same picture.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Grounds, Kind, Region, Shape, Silence, Why
from anonymize.errors import PlanError
from anonymize.kinds import Answer, Raised
from anonymize.plan.doubts import Doubt
from anonymize.plan.faint import Faint
from anonymize.plan.reviewed import Reviewed
from anonymize.settings import Redact, ReviewRules, Settings
from anonymize.text.mapping import to_mapping

VERSION = 2
OLDER = 1
"""The version whose header has the appearance of regions, and none of the other settings."""
FORMAT = "anonymize-plan"

_AT_ONCE = 4096
"""Rows that are turned into regions at a time."""
_CUTS = 1000
"""Cuts on a line."""
_KIND = {int(kind): kind for kind in Kind}
FOUND = frozenset({Why.DETECTED, Why.INTERPOLATED, Why.HELD})
"""Reasons of regions that detection led to: no others can be left visible."""

_WHY = tuple(Why)
_SHAPE = tuple(Shape)
_MANUAL = _WHY.index(Why.MANUAL)


@dataclass(frozen=True, slots=True)
class About:
    """The header of a plan: which video it belongs to, and how it was made.

    Args:
        sha256: of the source file, lower-case hex.
        frames: number of its frames.
        width, height: of the upright picture, in pixels.
        settings: all settings it was made with, except `live`; also those that only act on rendering.
        found_by: the detectors (model names and hashes), for the record.
        preset: ``name`` and ``sha256`` of the preset that `settings` are based on, for the record; empty if unknown.
        as_found: sha256 of its regions as found; empty if unknown. If the regions differ, a person changed them.
        repaired: passes that added what verification found.
        version: of the plan file; for `OLDER` only the settings `redact` and `pixel_aspect` are known.
    """

    sha256: str
    frames: int
    width: int
    height: int
    settings: Settings = field(default_factory=Settings)
    found_by: Mapping[str, str] = field(default_factory=dict)
    preset: Mapping[str, str] = field(default_factory=dict)
    as_found: str = ""
    repaired: int = 0
    version: int = VERSION

    @property
    def redact(self) -> Redact:
        """How regions are drawn."""
        return self.settings.redact


@dataclass(frozen=True, slots=True)
class VisibleTrack:
    """A track that stays visible for a while.

    Args:
        track: its number.
        first, end: on the frames ``first <= index < end``.
        grounds: why it stays visible.
        reason: a person's reason; one line.
        chosen: the frame on which it was chosen; -1 if none was.
        note: why it is hidden before or after.
    """

    track: int
    first: int
    end: int
    grounds: Grounds = Grounds.CONSENT
    reason: str = ""
    chosen: int = -1
    note: str = ""


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
        return Columns(self._start, self._end, self._xyxy, kind, self._track, found, detected, self._score)

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


class _Spans:
    """Tracks, each on a half-open range of frames: ``(track, first, end)``."""

    def __init__(self, spans: Iterable[tuple[int, int, int]]) -> None:
        self._track, self._first, self._end = np.array(list(spans), np.int64).reshape(-1, 3).T
        self.tracks = frozenset(self._track.tolist())

    def at(self, index: int) -> set[int]:
        """The tracks on frame `index`."""
        return set(self._track[(self._first <= index) & (index < self._end)].tolist())


def weakly_found(rows: Columns, weak: Set[int], times: Sequence[Fraction]) -> Iterator[Doubt]:
    """The doubts about weak tracks.

    Args:
        rows: of the plan.
        weak: numbers of the tracks; those without rows get no doubt.
        times: presentation time of every frame in seconds.
    """
    order = np.argsort(rows.track, kind="stable")
    order = order[np.isin(rows.track[order], list(weak))]
    parts = np.split(order, np.flatnonzero(np.diff(rows.track[order])) + 1) if len(order) else []
    for mine in parts:
        seen = rows.start[mine[rows.detected[mine]]] if rows.detected[mine].any() else rows.start[mine]
        start, end = (round(float(times[int(frame)]), 3) for frame in (seen.min(), seen.max()))
        first, last = int(rows.start[mine].min()), int(rows.end[mine].max())
        yield Doubt(int(rows.track[mine[0]]), first, last, Raised.FIND, (start, end))


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be redacted on every frame of one video, and which finds will not.

    Args:
        about: the header.
        regions: everything found or drawn by hand.
        shown: tracks that stay visible for a while.
        doubts: tracks that a person should review, one doubt each.
        cuts: the frames with which a new scene begins, ascending; for whoever looks at the plan.
        silences: when the sound is not heard, in order; they do not overlap.
        faint: what was found too faintly to be covered; hides nothing.
        reviewed: what people did to it and signed; None where nobody did anything.
    """

    about: About
    regions: Regions
    shown: tuple[VisibleTrack, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    cuts: tuple[int, ...] = ()
    silences: tuple[Silence, ...] = ()
    faint: tuple[Faint, ...] = ()
    reviewed: Reviewed | None = None
    _visible: _Spans = field(init=False, repr=False, compare=False)
    _expected: _Spans = field(init=False, repr=False, compare=False)
    _undrawn: _Spans = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spans = [(one.track, one.first, one.end) for one in self.shown]
        nothing = [(one.track, one.first, one.end) for one in self.doubts if one.answer is Answer.NOTHING]
        undrawn = [(one.track, one.first, one.end) for one in self.doubts if not one.drawn]
        object.__setattr__(self, "_visible", _Spans(spans))
        object.__setattr__(self, "_expected", _Spans(spans + nothing))
        object.__setattr__(self, "_undrawn", _Spans(spans + undrawn))

    def at(self, index: int) -> list[Region]:
        """The regions that are drawn on frame `index`.

        Raises:
            PlanError: the plan ends before this frame, which must not be shown then.
        """
        if not 0 <= index < self.about.frames:
            raise PlanError(f"the plan covers {self.about.frames} frames, the video has a frame {index}: detect again")
        undrawn = self._undrawn.at(index)
        return [region for region in self.regions.at(index) if not _left_out(region, undrawn)]

    def visible_at(self, index: int) -> list[Region]:
        """The regions of frame `index` that are not drawn because their tracks stay visible."""
        return self._left_out_at(index, self._visible)

    def expected_at(self, index: int) -> list[Region]:
        """The regions of frame `index` whose tracks stay visible or show nobody: verification may find them."""
        return self._left_out_at(index, self._expected)

    def _left_out_at(self, index: int, spans: _Spans) -> list[Region]:
        tracks = spans.at(index)
        return [region for region in self.regions.at(index) if _left_out(region, tracks)] if tracks else []

    def covered(self) -> Regions:
        """All regions that are drawn."""
        return self._part(self._undrawn, left_out=False) if self._undrawn.tracks else self.regions

    def visible(self) -> Regions:
        """All regions that are not drawn because their tracks stay visible."""
        return self._part(self._visible, left_out=True)

    def _part(self, spans: _Spans, *, left_out: bool) -> Regions:
        """The regions of the tracks in `spans`, or all others."""

        def rows() -> Iterator[tuple[int, int, Region]]:
            for first, end, region in self.regions.rows():
                if not _left_out(region, spans.tracks):
                    if not left_out:
                        yield first, end, region
                    continue
                for index in range(first, end):
                    if (region.track in spans.at(index)) is left_out:
                        yield index, index + 1, region

        return Regions(rows())

    def drawn(self, redact: Redact) -> Plan:
        """The same plan, drawn as `redact` says."""
        return replace(self, about=replace(self.about, settings=replace(self.about.settings, redact=redact)))

    def marked(self) -> Plan:
        """The same plan, with its regions marked as found: any later change to them is a person's."""
        return replace(self, about=replace(self.about, as_found=_digest(self.regions)))

    @property
    def by_hand(self) -> bool:
        """Whether a person may have changed its regions since they were found."""
        return self.about.as_found != _digest(self.regions)


def _left_out(region: Region, visible: Collection[int]) -> bool:
    """Whether `region` is left out where the tracks `visible` stay visible: regions drawn by a person never are."""
    return region.track in visible and region.why in FOUND


def write(plan: Plan, path: Path) -> None:
    """Write `plan` as JSON Lines. Raises `OSError`."""
    with path.open("w", encoding="utf-8") as file:
        for line in lines(plan):
            file.write(line + "\n")


def lines(plan: Plan) -> Iterator[str]:
    """The lines of a plan file, without line ends."""
    about = plan.about
    yield json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "source": {"sha256": about.sha256, "frames": about.frames, "width": about.width, "height": about.height},
            "preset": dict(about.preset),
            "settings": held(about.settings),
            "found_by": dict(about.found_by),
            "as_found": about.as_found,
        }
        | ({"repaired": about.repaired} if about.repaired else {})
    )
    yield from (json.dumps({"cuts": plan.cuts[at : at + _CUTS]}) for at in range(0, len(plan.cuts), _CUTS))
    yield from (json.dumps(silence_entry(one)) for one in plan.silences)
    yield from (json.dumps(_shown_entry(one)) for one in plan.shown)
    yield from (json.dumps(one.as_dict()) for one in plan.doubts)
    yield from (json.dumps(one.as_dict()) for one in plan.faint)
    yield from region_lines(plan.regions)


def silence_entry(one: Silence) -> dict[str, Any]:
    """`one` as plain values, for a line."""
    return {"sound": one.how.value, "seconds": [one.first, one.end]}


def _shown_entry(one: VisibleTrack) -> dict[str, Any]:
    entry: dict[str, Any] = {"shown": one.track, "frames": [one.first, one.end], "grounds": one.grounds.value}
    entry |= {"reason": one.reason} if one.reason else {}
    entry |= {"chosen": one.chosen} if one.chosen >= 0 else {}
    return entry | ({"note": one.note} if one.note else {})


def held(settings: Settings) -> dict[str, Any]:
    """The part of `settings` that a plan contains, as plain values; only rendering decides to skip verification."""
    values = to_mapping(replace(settings, verify=replace(settings.verify, publish_unverified=False)))
    # Nothing of a person's review is needed unless it is asked for: plans from before that could be read still are.
    unasked = {"live"} if settings.review != ReviewRules() else {"live", "review"}
    return {key: value for key, value in values.items() if key not in unasked}


def _digest(regions: Regions) -> str:
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
