"""The plan: what will be redacted in a video.

Regions are stored as columns, so that hours of video need little memory, and coordinates are rounded to 1/100 pixel, so
that a plan read back from its file renders to the same picture.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Grounds, Kind, Region, Shape, Why
from anonymize.errors import PlanError, UsageError
from anonymize.kinds import Answer, Raised
from anonymize.plan.doubts import KEYS as _DOUBT_KEYS
from anonymize.plan.doubts import Doubt, of_line
from anonymize.redact import visible
from anonymize.settings import CORNERS, Redact, Settings, check_reason, flat
from anonymize.text import untrusted
from anonymize.text.mapping import from_mapping, leaves, to_mapping
from anonymize.text.ranges import PIXELS, SHARE, Range, brief, shown
from anonymize.text.words import printable

COUNT = Range(0, 1e12, "frames")
SIDE = Range(1, 1e6, "pixels")
TRACK = Range(-1, 1e12)
VERSION = 2
OLDER = 1
"""The version whose header has the appearance of regions, and none of the other settings."""
FORMAT = "anonymize-plan"

_AT_ONCE = 4096
"""Rows that are turned into regions at a time."""
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
            some = np.arange(low, min(low + _AT_ONCE, len(self)))
            yield from zip(self._start[some].tolist(), self._end[some].tolist(), self._regions(some), strict=True)

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
    """

    about: About
    regions: Regions
    shown: tuple[VisibleTrack, ...] = ()
    doubts: tuple[Doubt, ...] = ()
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
    yield from (json.dumps(_shown_entry(one)) for one in plan.shown)
    yield from (json.dumps(one.as_dict()) for one in plan.doubts)
    yield from _lines(plan.regions)


def _shown_entry(one: VisibleTrack) -> dict[str, Any]:
    entry: dict[str, Any] = {"shown": one.track, "frames": [one.first, one.end], "grounds": one.grounds.value}
    entry |= {"reason": one.reason} if one.reason else {}
    entry |= {"chosen": one.chosen} if one.chosen >= 0 else {}
    return entry | ({"note": one.note} if one.note else {})


def held(settings: Settings) -> dict[str, Any]:
    """The part of `settings` that a plan contains, as plain values; only rendering decides to skip verification."""
    values = to_mapping(replace(settings, verify=replace(settings.verify, publish_unverified=False)))
    return {key: value for key, value in values.items() if key != "live"}


def _digest(regions: Regions) -> str:
    """The sha256 of the lines of `regions` in a plan file."""
    digest = hashlib.sha256()
    for line in _lines(regions):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _lines(regions: Regions) -> Iterator[str]:
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


def read(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        PlanError: it is not a plan, is of an unknown version, or has a malformed line, whose number is given.
    """
    return parse(untrusted.lines(path, "plan", PlanError), str(path))


def parse(text: Iterable[str], name: str) -> Plan:
    """Read a plan from lines; `name` is the file's name in messages. Raises `PlanError` as `read` does."""
    numbered = ((number, line) for number, line in enumerate(text, 1) if line.strip())
    try:
        number, line = next(numbered)
    except StopIteration:
        raise PlanError(
            f"not a plan: it is empty: `anonymize detect FILM -o {shlex.quote(name)} --force` writes one", name
        ) from None
    about = _header(_json(line, f"{name}, line {number}"), name)
    visible: list[tuple[str, VisibleTrack]] = []
    doubts: dict[int, tuple[str, Doubt]] = {}

    def rows() -> Iterator[tuple[int, int, Region]]:
        for number, line in numbered:
            place = f"{name}, line {number}"
            entry = _json(line, place)
            if "shown" in entry:
                visible.append((place, _shown(entry, place, about)))
            elif "doubt" in entry:
                doubt = _doubt(entry, place, about)
                if doubt.track in doubts:
                    raise PlanError(f"there is a doubt about track {doubt.track} already", place)
                doubts[doubt.track] = place, doubt
            else:
                yield _row(entry, place, about)

    regions = Regions(rows())
    columns = regions.columns()
    tracks = set(columns.track.tolist())
    subjects = set(columns.track[columns.found & (columns.kind != Kind.AREA)].tolist())
    for place, one in visible:
        if one.track not in tracks:
            raise PlanError(f"there is no track {one.track} in this plan", place)
    for place, doubt in doubts.values():
        if doubt.track not in subjects:
            raise PlanError(f"there is no face or plate {doubt.track} in this plan", place)
    return Plan(about, regions, tuple(one for _, one in visible), tuple(one for _, one in doubts.values()))


def _json(line: str, place: str) -> dict[str, Any]:
    value = untrusted.json_value(line, place, PlanError)
    if not isinstance(value, dict):
        raise PlanError("expected an object in braces", place)
    return value


def _header(entry: dict[str, Any], name: str) -> About:
    if entry.get("format") != FORMAT:
        raise PlanError(f'not a plan: its first line lacks "format": "{FORMAT}"', name)
    version = entry.get("version")
    if version not in (OLDER, VERSION) or isinstance(version, bool):
        raise PlanError(f"plan version {shown(version)}, this release reads versions {OLDER} and {VERSION}", name)
    try:
        source = entry["source"]
        return About(
            sha256=str(source["sha256"]),
            frames=COUNT.whole(source["frames"]),
            width=SIDE.whole(source["width"]),
            height=SIDE.whole(source["height"]),
            settings=_older(entry) if version == OLDER else _settings(entry["settings"]),
            found_by=_texts(entry.get("found_by", {})),
            preset=_texts(entry.get("preset", {})),
            as_found=str(entry.get("as_found", "")),
            repaired=COUNT.whole(entry.get("repaired", 0)),
            version=version,
        )
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise PlanError(f"malformed header: {brief(error)}", f"{name}, line 1") from error


def _older(entry: dict[str, Any]) -> Settings:
    """The settings in a header of version `OLDER`. Raises `UsageError`."""
    redact = from_mapping(Redact, entry.get("redact", {}), Redact(), "redact")
    return replace(Settings(), redact=redact, pixel_aspect=str(entry.get("pixel_aspect", "")))


def _settings(given: dict[str, Any]) -> Settings:
    """The settings in a header, which must have all of them: a default could be weaker than what was wanted.

    Raises:
        ValueError: one is missing.
        UsageError: one is unknown or has an invalid value.
    """
    missing = dict(leaves(held(Settings()))).keys() - dict(leaves(given)).keys()
    if missing:
        raise ValueError(f"its settings lack {', '.join(sorted(missing))}")
    settings = from_mapping(Settings, given, Settings(), "settings")
    if settings.verify.publish_unverified:
        raise ValueError("settings.verify.publish_unverified: use the option --publish-unverified instead")
    return settings


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """`values` as texts by name. Raises `ValueError`."""
    if not all(isinstance(value, str) for value in values.values()):
        raise ValueError("expected texts in found_by and preset")
    return dict(values)


_KEYS = {"frame", "frames", "track", "kind", "why", "shape", "xyxy", "polygon", "score"}


def _row(entry: dict[str, Any], place: str, about: About) -> tuple[int, int, Region]:
    """One line as first frame, end and region; only `frame(s)` and `xyxy` or `polygon` are required."""
    if unknown := entry.keys() - _KEYS:
        raise PlanError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(_KEYS))}", place)
    try:
        first, end = _frames(entry)
        if not 0 <= first < end <= about.frames:
            raise ValueError(f"frames {first} to {end} do not lie within the video's {about.frames}")
        polygon = tuple((PIXELS.number(x), PIXELS.number(y)) for x, y in entry.get("polygon", ()))
        shape = Shape(entry.get("shape", "polygon" if polygon else "box"))
        if (shape is Shape.POLYGON) != bool(polygon):
            raise ValueError(
                'a polygon needs "shape": "polygon" and "polygon": [[x, y], ...], other shapes need "xyxy"'
            )
        region = Region(
            xyxy=_around(polygon) if polygon else _box(entry["xyxy"]),
            kind=Kind.of(entry.get("kind", "area")),
            why=Why(entry.get("why", "manual")),
            track=TRACK.whole(entry.get("track", -1)),
            shape=shape,
            polygon=polygon,
            score=SHARE.number(entry.get("score", 1.0)),
        )
        by_person = about.version > OLDER or region.why in (Why.MANUAL, Why.ZONE)
        if by_person and not visible(region, about.width, about.height):
            raise ValueError(
                f"it hides nothing: it lies outside the picture, which is {about.width} x {about.height} pixels"
            )
        return first, end, region
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(f"{brief(what)}", place) from error


_SHOWN_KEYS = {"shown", "frame", "frames", "grounds", "reason", "chosen", "note"}


def _shown(entry: dict[str, Any], place: str, about: About) -> VisibleTrack:
    """The track that a line says to leave visible."""
    if unknown := entry.keys() - _SHOWN_KEYS:
        raise PlanError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(_SHOWN_KEYS))}", place)
    try:
        first, end = _frames(entry)
        if not 0 <= first < end <= about.frames:
            raise ValueError(f"frames {first} to {end} do not lie within the video's {about.frames}")
        grounds, reason, note = Grounds(entry.get("grounds", "consent")), entry.get("reason", ""), entry.get("note", "")
        if not isinstance(reason, str) or not isinstance(note, str) or note != printable(note):
            raise ValueError("reason and note: expected one line of text")
        if reason or grounds is Grounds.CONSENT:
            check_reason(reason)
        chosen = TRACK.whole(entry.get("chosen", -1))
        return VisibleTrack(COUNT.whole(entry["shown"]), first, end, grounds, reason, chosen, note)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise PlanError(f"{brief(error)}", place) from error


def _doubt(entry: dict[str, Any], place: str, about: About) -> Doubt:
    """The doubt in a line, answered or not."""
    if unknown := entry.keys() - _DOUBT_KEYS:
        raise PlanError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(_DOUBT_KEYS))}", place)
    try:
        first, end = _frames(entry)
        if not 0 <= first < end <= about.frames:
            raise ValueError(f"frames {first} to {end} do not lie within the video's {about.frames}")
        return of_line(entry, COUNT.whole(entry["doubt"]), first, end)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(f"{brief(what)}", place) from error


def _frames(entry: dict[str, Any]) -> tuple[int, int]:
    if ("frame" in entry) == ("frames" in entry):
        raise ValueError('expected either "frame": N or "frames": [first, end]')
    first, end = entry["frames"] if "frames" in entry else (entry["frame"], None)
    first = COUNT.whole(first)
    return first, first + 1 if end is None else COUNT.whole(end)


def _box(values: Any) -> Box:
    x0, y0, x1, y1 = (PIXELS.number(v) for v in values)
    if not (x0 < x1 and y0 < y1):
        raise ValueError(f"xyxy {list(values)}: expected x0 < x1 and y0 < y1")
    return x0, y0, x1, y1


def _around(polygon: tuple[tuple[float, float], ...]) -> Box:
    if not 3 <= len(polygon) <= CORNERS:
        raise ValueError(f"a polygon needs 3 to {CORNERS} corners, got {len(polygon)}")
    if flat(polygon):
        raise ValueError("it hides nothing: the corners of its polygon lie on one line")
    xs, ys = zip(*polygon, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
