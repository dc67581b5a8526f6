"""Who and what stays visible: tracks that were chosen, for as long as nobody can be taken for somebody else.

    plan = visible(plan, times, settings, name)       # Plan.shown says what is left out of `Plan.at`

Nothing here knows a face. A track is known by where it is from look to look, so what is visible is a *stretch* of it:
the frames around the one on which it was chosen, as far as

- a detector saw it at most `SEEN_WITHIN` seconds before or after (behind a pillar one goes and another comes), and
- no other of its kind comes so `NEAR` that a look could give the one's find to the other's track. One that was seen but
  faintly (`STRONG`), as hands are before a face, counts where a look missed the track itself: it could take the other's
  find then.

Beyond, it is covered like all others, until it is chosen again. A region that is no part of the track is drawn
whatever is visible under it.

In a zone that is left alone things are visible, not whoever passes: a track that is there on the zone's first frame,
stands still in it as long as it lasts, and does not vanish. What comes later, moves, or is soon gone is covered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Grounds, Kind, Region
from anonymize.errors import UsageError
from anonymize.kinds import Answer
from anonymize.plan.compose import at_liberty, on_screen, stretches
from anonymize.plan.model import Columns, Plan, VisibleTrack
from anonymize.settings import Person, Redact, Settings, Span, Zone
from anonymize.text.words import clock
from anonymize.track.associate import closest_first, grown, near
from anonymize.track.padding import undrawn
from anonymize.track.pairs import iou

SEEN_WITHIN = 0.3
"""Seconds from a frame to the nearest find of a track, at most, for it to be visible there."""
REACH = 0.3
"""Share of its side by which a box is grown on every side before it is compared with another ..."""
NEAR = 0.1
"""... and their overlap (IoU) from which one may be taken for the other: for two heads of one size, 1.3 widths from
middle to middle."""
STRONG = 0.5
"""Score from which another is somebody for sure."""
MISSED = 1.6
"""Times the usual time between two finds from which a look in between did not find it."""
STILL = 0.1
"""Share of its side by which the middle of a thing moves, at most."""
SAME_SIZE = 1.25
"""Factor between the smallest and the largest size of a thing, at most."""
LASTS = 2.0
"""Seconds for which a thing is there, at least, unless the zone or the video is over before."""
EXPECTED = 0.3
"""Overlap (IoU) of a find with a visible track's box from which it may be that track."""
SLIVER = 0.5
"""How deep in the picture a visible track's box at the border is, at most, as a share of its side along that border,
for detectors to see parts of it: a hand and a cheek."""
_LISTED = 10
"""Of what is there, told in a message at most."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """One track: frames (N,) without gaps from `first` on, boxes without padding (N, 4), and (N,) where it was seen."""

    track: int
    kind: Kind
    first: int
    boxes: Floats
    clear: Flags
    """No doubt who it is."""
    near: dict[int, int]
    """Frame → a track that came near on it."""
    strong: bool
    """It is somebody for sure."""

    @property
    def end(self) -> int:
        return self.first + len(self.boxes)

    def stretch(self, index: int) -> tuple[int, int] | None:
        """The frames around `index` on which there is no doubt; None if there is some on `index` itself."""
        for first, end in self.stretches():
            if first <= index < end:
                return first, end
        return None

    def stretches(self) -> Iterator[tuple[int, int]]:
        """All of them."""
        yield from ((self.first + first, self.first + end) for first, end in stretches(self.clear))


class _Paths:
    """The tracks of a plan, each worked out when it is asked for."""

    def __init__(self, plan: Plan, times: Sequence[Fraction]) -> None:
        nobody = [one.track for one in plan.doubts if one.answer is Answer.NOTHING]
        rows = plan.regions.columns()
        there = ~np.isin(rows.track, nobody)
        self._rows: Columns = Columns._make(column[there] for column in rows) if nobody else rows
        self._looks = plan.about.redact
        self._seconds = np.array([float(time) for time in times])
        best = np.zeros(int(self._rows.track.max(initial=-1)) + 2)
        np.maximum.at(best, self._rows.track, self._rows.score)
        self._strong = np.flatnonzero((best[self._rows.track] >= STRONG) | (self._rows.track < 0))

    def tracks(self) -> list[int]:
        """All numbers, ascending."""
        return sorted({*self._rows.track[self._rows.found].tolist()} - {-1})

    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(N,) track and (N,) frame of everything that was found."""
        row, frame = _expanded(self._rows, np.flatnonzero(self._rows.found & (self._rows.track >= 0)))
        return self._rows.track[row], frame

    def at(self, index: int, kinds: frozenset[Kind] = frozenset(Kind)) -> list[int]:
        """The tracks on frame `index`."""
        rows = self._rows
        here = rows.found & (rows.start <= index) & (index < rows.end) & np.isin(rows.kind, [int(k) for k in kinds])
        return sorted({*rows.track[here].tolist()} - {-1})

    def of(self, track: int) -> _Path | None:
        """Track `track`; None if there is none, or a person made gaps in it."""
        rows = self._rows
        mine = np.flatnonzero((rows.track == track) & rows.found)
        if not len(mine):
            return None
        source, frames = _expanded(rows, mine)
        first, length = int(frames.min()), int(frames.max() - frames.min()) + 1
        kind = Kind(int(rows.kind[mine[0]]))
        boxes = np.full((length, 4), np.nan)
        boxes[frames - first] = undrawn(rows.xyxy[source], self._looks.of(kind))
        there = ~np.isnan(boxes[:, 0])
        seen = np.zeros(length, bool)
        seen[frames[rows.detected[source]] - first] = True
        near = self._near(track, kind, first, boxes, self._missed(seen, first))
        clear = there & self._soon(seen, first)
        clear[[index - first for index in near]] = False
        return _Path(track, kind, first, boxes, clear, near, bool(np.isin(mine[0], self._strong)))

    def _soon(self, seen: Flags, first: int) -> Flags:
        """On which frames from `first` on a find is not far in time."""
        seconds = self._seconds[first : first + len(seen)]
        finds = seconds[seen]
        if not len(finds):
            return np.zeros(len(seen), bool)
        after = np.clip(np.searchsorted(finds, seconds), 0, len(finds) - 1)
        before = np.maximum(after - 1, 0)
        away = np.minimum(np.abs(finds[after] - seconds), np.abs(finds[before] - seconds))
        return np.asarray(away <= SEEN_WITHIN)

    def _missed(self, seen: Flags, first: int) -> Flags:
        """On which frames from `first` on the finds before and after are too far apart: a look found nothing there."""
        finds = np.flatnonzero(seen)
        missed = np.ones(len(seen), bool)
        missed[finds] = False
        gaps = np.diff(self._seconds[first + finds])
        for before, after, gap in zip(finds, finds[1:], gaps, strict=False):
            missed[before + 1 : after] = gap > MISSED * np.median(gaps)
        return missed

    def _near(self, track: int, kind: Kind, first: int, boxes: Floats, missed: Flags) -> dict[int, int]:
        """The frames on which another region of its kind is so near that it may be taken for it, and whose it is."""
        rows, end = self._rows, first + len(boxes)
        others = (rows.kind == kind) & (rows.start < end) & (rows.end > first) & ((rows.track != track) | ~rows.found)
        row, frame = _expanded(rows, np.flatnonzero(others))
        among = (first <= frame) & (frame < end)
        row, frame = row[among], frame[among]
        mine, its = boxes[frame - first], undrawn(rows.xyxy[row], self._looks.of(kind))
        close = iou(grown(mine, REACH), grown(its, REACH)) >= NEAR
        close &= missed[frame - first] | np.isin(row, self._strong)
        return dict(zip(frame[close].tolist(), rows.track[row[close]].tolist(), strict=True))


def _expanded(rows: Columns, chosen: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """(N,) row and (N,) frame of the rows `chosen`, which may span several frames, on every frame of theirs."""
    lengths = rows.end[chosen] - rows.start[chosen]
    row = np.repeat(chosen, lengths)
    within = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return row, rows.start[row] + within


def visible(
    plan: Plan, times: Sequence[Fraction], settings: Settings, name: str, persons: Sequence[Person] | None = None
) -> Plan:
    """`plan` with what is to stay visible by `settings`, beside what it says itself.

    Args:
        plan: with all that was found.
        times: presentation time of every frame in seconds, ascending.
        settings: spans, zones and persons.
        name: of the input, for messages.
        persons: those alone, and neither spans nor zones: a person decided on these before.

    Raises:
        UsageError: a person is not to be found, or not to be told from another; the message says who is there.
    """
    paths, shown = _Paths(plan, times), list(plan.shown)
    if persons is None:
        persons = settings.show_persons
        shown += _at_liberty(paths, times, settings)
        for zone in settings.spared:
            shown += _things(paths, times, zone)
    chooser = _Chooser(paths, times, name)
    shown += [chooser.chosen(person) for person in persons]
    return replace(plan, shown=tuple(dict.fromkeys(shown)))


def refuse_unmet(times: Sequence[Fraction], settings: Settings, name: str) -> None:
    """See whether the persons in `settings` can be chosen at all, as far as times tell.

    Raises:
        UsageError: a time is missing, or meets no frame.
    """
    for person in settings.show_persons:
        _index(person, times, name)


def still_visible(before: Plan, after: Plan, times: Sequence[Fraction], settings: Settings) -> Plan:
    """`after`, to which regions were added, with what was visible in `before`, as far as nothing new came near."""
    paths = _Paths(after, times)
    shown = [one for one in before.shown if one.grounds is Grounds.SPAN]
    shown += [one for one in _at_liberty(paths, times, settings) if one not in shown]
    for one in before.shown:
        path = paths.of(one.track) if one.grounds is not Grounds.SPAN else None
        stretch = path.stretch(one.chosen if one.chosen >= 0 else one.first) if path else None
        if stretch:
            shown.append(replace(one, first=max(one.first, stretch[0]), end=min(one.end, stretch[1])))
    return replace(after, shown=tuple(shown))


def expected(found: Detections, regions: Sequence[Region], looks: Redact, size: tuple[int, int]) -> Flags:
    """(N,) which of `found` are the tracks of `regions` that stay visible: one find for each, the one that fits best.

    Of whom the border leaves but a sliver, all finds at that border and in that place are.

    Args:
        found: all that shows on a frame, however faintly: a better fit counts even where it would not be a find.
        regions: of the visible tracks on that frame, as the plan has them.
        looks: how regions of each kind are drawn.
        size: width and height of the picture.
    """
    meant = np.zeros(len(found), bool)
    for kind in Kind:
        those = [region for region in regions if region.kind == kind]
        here = np.flatnonzero(found.kind == kind)
        if not those or not len(here):
            continue
        limits = [*size, *size]
        boxes = np.clip(undrawn(np.array([region.xyxy for region in those]), looks.of(kind)), 0, limits)
        finds = np.clip(found.xyxy[here].astype(np.float64), 0, limits)
        for _, column in closest_first(*near(boxes, np.zeros(len(boxes)), finds, EXPECTED)):
            meant[here[column]] = True
        whole = undrawn(np.array([region.xyxy for region in those]), looks.of(kind))
        for box in whole:
            meant[here] |= _at_border(box, found.xyxy[here].astype(np.float64), size)
    return meant


def _at_border(box: Floats, finds: Floats, size: tuple[int, int]) -> Flags:
    """(N,) which of `finds` (N, 4) are of `box` (4,), of which but a sliver lies within a border of the picture.

    Each reaches that border, lies for half of its length along it beside the box, and not much further in.
    """
    theirs = np.zeros(len(finds), bool)
    for side in range(4):
        across, along = side % 2, 1 - side % 2
        sign, border = (1, 0) if side < 2 else (-1, -size[across])
        ends = np.sort(sign * np.vstack([box, finds])[:, [across, across + 2]], axis=1) - border
        (outer, deep), others = ends[0], ends[1:]
        if outer >= 0 or deep > SLIVER * (box[along + 2] - box[along]):
            continue
        beside = np.minimum(finds[:, along + 2], box[along + 2]) - np.maximum(finds[:, along], box[along])
        there = 2 * beside >= finds[:, along + 2] - finds[:, along]
        theirs |= there & (others[:, 0] <= 1) & (others[:, 1] <= deep + REACH * (deep - outer))
    return theirs


def _at_liberty(paths: _Paths, times: Sequence[Fraction], settings: Settings) -> Iterator[VisibleTrack]:
    """Every track, where the user wants finds to stay visible."""
    free = np.array([at_liberty(start, settings, end) for start, end in on_screen(times)], bool)
    track, frame = paths.places()
    track, frame = track[free[frame]], frame[free[frame]]
    order = np.lexsort((frame, track))
    track, frame = track[order], frame[order]
    breaks = np.flatnonzero((np.diff(track) != 0) | (np.diff(frame) > 1)) + 1
    for part in np.split(np.arange(len(track)), breaks) if len(track) else ():
        yield VisibleTrack(int(track[part[0]]), int(frame[part[0]]), int(frame[part[-1]]) + 1, Grounds.SPAN)


def _things(paths: _Paths, times: Sequence[Fraction], zone: Zone) -> Iterator[VisibleTrack]:
    """The tracks that are things in `zone`, while it lasts."""
    shown = on_screen(times)
    lasts = [index for index, frame in enumerate(shown) if _lasts(zone.span, *frame)]
    if not lasts:
        return
    first, end = lasts[0], lasts[-1] + 1
    for track in paths.at(first):
        path = paths.of(track)
        stretch = path.stretch(first) if path is not None else None
        if path is None or stretch is None or not _stands_in(path, zone):
            continue
        if path.end < end and float(times[path.end - 1] - times[first]) < LASTS:
            continue
        note = _note(path, (first, stretch[1]), times)
        yield VisibleTrack(track, first, min(stretch[1], end), Grounds.ZONE, chosen=first, note=note)


def _stands_in(path: _Path, zone: Zone) -> bool:
    """Whether a track stands still in `zone` for all of its life."""
    if np.isnan(path.boxes).any() or not inside(path.boxes, zone.polygon):
        return False
    about = measures(path.boxes)
    return still(about.min(axis=0), about.max(axis=0))


def inside(boxes: Floats, corners: Sequence[tuple[float, float]]) -> bool:
    """Whether the middles of all `boxes` (N, 4) lie in the polygon of `corners`."""
    polygon = np.array(corners, np.float32)
    return all(cv2.pointPolygonTest(polygon, (float(x), float(y)), False) >= 0 for x, y in measures(boxes)[:, :2])


def measures(boxes: Floats) -> Floats:
    """(N, 4) the middle (x, y), width and height of `boxes` (N, 4)."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def still(low: Floats, high: Floats) -> bool:
    """Whether what had these least and greatest `measures` (4,) over time is a thing that stands still."""
    moved = (high[:2] - low[:2]) / low[2:]
    return bool((moved <= STILL).all() and (high[2:] <= SAME_SIZE * low[2:]).all())


def _lasts(span: Span, time: Fraction, until: Fraction) -> bool:
    """Whether `span` lasts for all the time that a frame is shown."""
    return time in span and (span.end is None or until <= span.end)


@dataclass(frozen=True, slots=True)
class _Chooser:
    """Finds the tracks of persons, or says who is there instead."""

    paths: _Paths
    times: Sequence[Fraction]
    name: str

    def chosen(self, person: Person) -> VisibleTrack:
        """The stretch of a track that `person` means."""
        path, index = self._by_point(person) if person.point is not None else self._by_number(person)
        stretch = path.stretch(index)
        if stretch is None:
            why = "nobody saw it for too long"
            if index in path.near:
                why = f"{_name(path.near[index], path.kind)} is so near that they may be taken for one another"
            raise UsageError(
                f"{person}: {_name(path.track, path.kind)} cannot be left visible {self._when(index)}: "
                f"{why}. {self._choices(path)}",
                self.name,
            )
        note = _note(path, stretch, self.times)
        return VisibleTrack(path.track, *stretch, Grounds.CONSENT, person.reason, index, note)

    def _by_point(self, person: Person) -> tuple[_Path, int]:
        """The track at a point, and the frame on which it is there."""
        assert person.point is not None
        index = _index(person, self.times, self.name)
        assert index is not None
        there = [path for track in self.paths.at(index, frozenset({Kind.FACE})) if (path := self.paths.of(track))]
        x, y = person.point
        hit = []
        for path in there:
            (x0, y0, x1, y1) = grown(path.boxes[index - path.first][None], REACH)[0]
            if x0 <= x < x1 and y0 <= y < y1:
                hit.append(path)
        sure = [path for path in hit if path.strong] or hit
        if len(sure) == 1:
            return sure[0], index
        there.sort(key=lambda path: _away(path.boxes[index - path.first], person.point))
        found = f"{len(hit)} people are" if hit else "nobody was found"
        listed = self._there(hit or there, index)
        raise UsageError(f"{person}: {found} there {self._when(index)}. {listed}", self.name)

    def _by_number(self, person: Person) -> tuple[_Path, int]:
        """The track of a number, and the frame on which it was chosen: any, where there is no doubt on any."""
        path = self.paths.of(person.track)
        if path is None:
            numbers = ", ".join(str(number) for number in self.paths.tracks()[:_LISTED]) or "none"
            raise UsageError(f"{person}: there is no track {person.track}; there are: {numbers}", self.name)
        index = _index(person, self.times, self.name)
        if index is None:
            known = list(path.stretches())
            if len(known) != 1:
                raise UsageError(
                    f"{person}: nobody can tell whether {_name(path.track, path.kind)} is the same person "
                    f"from beginning to end. {self._choices(path)}",
                    self.name,
                )
            index = known[0][0]
        if not path.first <= index < path.end:
            raise UsageError(
                f"{person}: {_name(path.track, path.kind)} is not there {self._when(index)}. {self._choices(path)}",
                self.name,
            )
        return path, index

    def _choices(self, path: _Path) -> str:
        """What of a track can be chosen."""
        parts = [f"{self._from(first)} to {clock(float(self.times[end - 1]))}" for first, end in path.stretches()]
        if not parts:
            return "No moment of it can be chosen"
        more = f" and {len(parts) - _LISTED} more" if len(parts) > _LISTED else ""
        return f"Choose a moment, as {path.track}@TIME, from: {', '.join(parts[:_LISTED])}{more}"

    def _from(self, index: int) -> str:
        """When frame `index` is shown first, rounded up: at a time rounded down the one before it is."""
        return clock(ceil(self.times[index] * 100) / 100)

    def _there(self, paths: Sequence[_Path], index: int) -> str:
        """Who is there, with boxes and times."""
        if not paths:
            return "No face was found in the whole picture then"
        told = [
            f"{_name(path.track, path.kind)} in {_box(path.boxes[index - path.first])} "
            f"({clock(float(self.times[path.first]))} to {clock(float(self.times[path.end - 1]))})"
            for path in paths[:_LISTED]
        ]
        more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
        return f"There: {', '.join(told)}{more}"

    def _when(self, index: int) -> str:
        return f"at {clock(float(self.times[index]))} (frame {index})" if len(self.times) > 1 else "in this picture"


def _index(person: Person, times: Sequence[Fraction], name: str) -> int | None:
    """The frame on which `person` is chosen; None where a track's number comes without a time.

    Raises:
        UsageError: a time is missing, or no frame is shown then.
    """
    if person.at is None:
        if person.point is None:
            return None
        if len(times) == 1:
            return 0
        raise UsageError(f"{person}: expected a time as well, as {person}@0:02: people move", name)
    for index, (start, end) in enumerate(on_screen(times)):
        if start <= person.at and (person.at < end or len(times) == 1):
            return index
    last = f"its last frame is shown at {clock(float(times[-1]))}" if len(times) else "it has no frames"
    raise UsageError(f"{person}: no frame is shown then: {last}", name)


def _note(path: _Path, stretch: tuple[int, int], times: Sequence[Fraction]) -> str:
    """Why a track is hidden after a stretch of it, where it goes on."""
    end = stretch[1]
    if end >= path.end:
        return ""
    why = f"{_name(path.near[end], path.kind)} came near" if end in path.near else "not seen for too long"
    return f"hidden from {clock(float(times[end]))} on: {why}"


def _away(box: Floats, point: tuple[float, float] | None) -> float:
    """Pixels from the middle of `box` to `point`."""
    return float(np.hypot(*((box[:2] + box[2:]) / 2 - (point or (0, 0)))))


def _name(track: int, kind: Kind) -> str:
    return f"{kind.label} {track}" if track >= 0 else f"a {kind.label} drawn by hand"


def _box(box: Floats) -> str:
    return ",".join(f"{value:.0f}" for value in box)
