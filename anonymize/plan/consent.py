"""Consent: which tracks stay visible, and for how long they cannot be mistaken for somebody else.

    plan = visible(plan, times, settings, name)       # Plan.at leaves out what Plan.shown says

Faces are not recognised. A track is identified by its position from detection to detection, so what stays visible is a
*stretch* of it: the frames around the one on which it was chosen, as long as

- it was found at most `SEEN_WITHIN` seconds before or after (one person may go behind a pillar and another come out),
- no other track of its kind comes so `NEAR` that one's find could be assigned to the other. A faint track (below
  `STRONG`), such as hands in front of a face, counts only where a detection missed the track itself, which could then
  take the other's find, and
- the box of a person's track, in which two may stand close together, has at most one face or head of the plan in it.
  Where neither were looked for, nobody can be chosen by it.

Outside the stretch it is covered like all others, until it is chosen again. A region that does not belong to the track
is drawn, whatever is visible under it.

In a spared zone things stay visible, passers-by do not: a thing is a track that is there on the zone's first frame,
stands still in it as long as it lasts, and does not vanish. What comes later, moves, or soon disappears is covered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import cv2
import numpy as np

from anonymize.data import Detections, Grounds, Kind, Region
from anonymize.errors import UsageError
from anonymize.plan.compose import on_screen, stays_visible
from anonymize.plan.model import Plan, VisibleTrack
from anonymize.plan.paths import REACH, Flags, Floats, TrackPath, TrackPaths
from anonymize.settings import Person, Redact, Settings, Zone
from anonymize.text.words import clock
from anonymize.track.associate import closest_first, grown, near
from anonymize.track.padding import undrawn

STILL = 0.1
"""The most that the centre of a thing moves, as a share of its side."""
SAME_SIZE = 1.25
"""The largest factor between the smallest and the largest size of a thing."""
LASTS = 2.0
"""The least seconds that a thing is there, unless the zone or the video ends earlier."""
EXPECTED = 0.3
"""Overlap (IoU) of a find with a visible track's box from which it may be that track."""
SLIVER = 0.5
"""How far into the picture a visible track's box at the border reaches, as a share of its side along that border, up to
which detectors may find parts of it: a hand and a cheek."""
MOST_OF_FACE = 6.0
"""The most areas of a face that the box of its head has: what is larger is taken for another's."""
_BY_POINT = (Kind.FACE, Kind.HEAD, Kind.PERSON)
"""What a person at a point is chosen by: the first of these that is there."""
_LOOKED_AT = 50
"""The most frames on which a head around a face is looked for, where it was chosen without a time."""
_LISTED = 10
"""The most entries of a list in a message."""


def visible(
    plan: Plan, times: Sequence[Fraction], settings: Settings, name: str, persons: Sequence[Person] | None = None
) -> Plan:
    """`plan` with the tracks that stay visible by `settings`, in addition to its own.

    Args:
        plan: with all that was found.
        times: presentation time of every frame in seconds, ascending.
        settings: spans, zones and persons.
        name: of the input, for messages.
        persons: if given, only these are added, and neither spans nor zones, which were decided before.

    Raises:
        UsageError: a person is not found, or could be mistaken for another; the message lists who is there.
    """
    paths, shown = TrackPaths(plan, times), list(plan.shown)
    if persons is None:
        persons = settings.show_persons
        shown += _outside_spans(paths, times, settings)
        for zone in settings.spared:
            shown += _things(paths, times, zone)
    chooser = _Chooser(paths, times, name)
    for person in persons:
        shown += chooser.chosen(person)
    return replace(plan, shown=tuple(dict.fromkeys(shown)))


def heads_shown_with(plan: Plan, times: Sequence[Fraction], track: int) -> list[int]:
    """The heads around the face `track` that stay visible by consent for the same reason as it, as `visible` leaves one
    of them: whoever withdraws the consent to the face means them, too.

    Args:
        plan: with its visible tracks.
        times: presentation time of every frame in seconds, ascending.
        track: the number of the face; of another track there are none.
    """
    given = [one for one in plan.shown if one.grounds is Grounds.CONSENT]
    paths = TrackPaths(plan, times)
    face = paths.of(track)
    if face is None or face.kind is not Kind.FACE:
        return []
    reasons = {one.reason for one in given if one.track == track}
    others = {one.track for one in given if one.reason in reasons}
    heads = [head for other in sorted(others) if (head := paths.of(other)) and head.kind is Kind.HEAD]
    return [head.track for head in heads if _lies_in(face, head)]


def refuse_unmet(times: Sequence[Fraction], settings: Settings, name: str) -> None:
    """Refuse persons in `settings` that cannot be chosen at their times.

    Args:
        times: presentation time of every frame in seconds, ascending.
        settings: with the persons.
        name: of the input, for messages.

    Raises:
        UsageError: a time is missing, or no frame is shown then.
    """
    for person in settings.show_persons:
        _index(person, times, name)


def still_visible(before: Plan, after: Plan, times: Sequence[Fraction], settings: Settings) -> Plan:
    """`after` with what is visible in `before`, except where a new region comes near.

    Args:
        before: the plan with its visible tracks.
        after: the same plan with regions added.
        times: presentation time of every frame in seconds, ascending.
        settings: with the spans.
    """
    paths = TrackPaths(after, times)
    shown = [one for one in before.shown if one.grounds is Grounds.SPAN]
    shown += [one for one in _outside_spans(paths, times, settings) if one not in shown]
    for one in before.shown:
        path = paths.of(one.track) if one.grounds is not Grounds.SPAN else None
        stretch = path.stretch(one.chosen if one.chosen >= 0 else one.first, one.grounds) if path else None
        if stretch:
            shown.append(replace(one, first=max(one.first, stretch[0]), end=min(one.end, stretch[1])))
    return replace(after, shown=tuple(shown))


def expected(found: Detections, regions: Sequence[Region], redact: Redact, size: tuple[int, int]) -> Flags:
    """(N,) which of `found` are the visible tracks in `regions`: for each, the one find that fits best.

    Of a track that the border cuts to a sliver, all finds at that place on the border count.

    Args:
        found: everything detected on a frame, however faint: a better fit counts even below the score of a find.
        regions: of the visible tracks on that frame, as in the plan.
        redact: how regions of each kind are drawn.
        size: width and height of the picture in pixels.
    """
    meant = np.zeros(len(found), bool)
    for kind in {region.kind for region in regions}:
        those = [region for region in regions if region.kind == kind]
        here = np.flatnonzero(found.kind == kind)
        if not len(here):
            continue
        limits = [*size, *size]
        whole = undrawn(np.array([region.xyxy for region in those]), redact.of(kind))
        boxes = np.clip(whole, 0, limits)
        finds = np.clip(found.xyxy[here].astype(np.float64), 0, limits)
        for _, column in closest_first(*near(boxes, np.zeros(len(boxes)), finds, EXPECTED)):
            meant[here[column]] = True
        for box in whole:
            meant[here] |= _at_border(box, found.xyxy[here].astype(np.float64), size)
    return meant


def _at_border(box: Floats, finds: Floats, size: tuple[int, int]) -> Flags:
    """(N,) which of `finds` (N, 4) belong to `box` (4,), of which only a sliver lies inside the picture's border.

    Such a find reaches that border, half of its length along the border is beside the box, and it does not reach much
    further into the picture.
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


def _outside_spans(paths: TrackPaths, times: Sequence[Fraction], settings: Settings) -> Iterator[VisibleTrack]:
    """Every track, where the user wants finds to stay visible."""
    free = np.array([stays_visible(start, settings, end) for start, end in on_screen(times)], bool)
    track, frame = paths.places()
    track, frame = track[free[frame]], frame[free[frame]]
    order = np.lexsort((frame, track))
    track, frame = track[order], frame[order]
    breaks = np.flatnonzero((np.diff(track) != 0) | (np.diff(frame) > 1)) + 1
    for part in np.split(np.arange(len(track)), breaks) if len(track) else ():
        yield VisibleTrack(int(track[part[0]]), int(frame[part[0]]), int(frame[part[-1]]) + 1, Grounds.SPAN)


def _things(paths: TrackPaths, times: Sequence[Fraction], zone: Zone) -> Iterator[VisibleTrack]:
    """The tracks that are things in `zone`, as long as it lasts."""

    def lasts_through(time: Fraction, until: Fraction) -> bool:
        return time in zone.span and (zone.span.end is None or until <= zone.span.end)

    lasts = [index for index, frame in enumerate(on_screen(times)) if lasts_through(*frame)]
    if not lasts:
        return
    first, end = lasts[0], lasts[-1] + 1
    for track in paths.at(first):
        path = paths.of(track)
        stretch = path.stretch(first, Grounds.ZONE) if path is not None else None
        if path is None or stretch is None or not _stands_in(path, zone):
            continue
        if path.end < end and float(times[path.end - 1] - times[first]) < LASTS:
            continue
        note = _note(path, (first, stretch[1]), times)
        yield VisibleTrack(track, first, min(stretch[1], end), Grounds.ZONE, chosen=first, note=note)


def _stands_in(path: TrackPath, zone: Zone) -> bool:
    """Whether a track stands still in `zone` for its whole length."""
    if np.isnan(path.boxes).any() or not inside(path.boxes, zone.polygon):
        return False
    about = measures(path.boxes)
    return still(about.min(axis=0), about.max(axis=0))


def inside(boxes: Floats, corners: Sequence[tuple[float, float]]) -> bool:
    """Whether the centres of all `boxes` (N, 4) lie in the polygon of `corners`."""
    polygon = np.array(corners, np.float32)
    return all(cv2.pointPolygonTest(polygon, (float(x), float(y)), False) >= 0 for x, y in measures(boxes)[:, :2])


def measures(boxes: Floats) -> Floats:
    """(N, 4) centre (x, y), width and height of `boxes` (N, 4)."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def still(low: Floats, high: Floats) -> bool:
    """Whether something with these least and greatest `measures` (4,) over time stands still."""
    moved = (high[:2] - low[:2]) / low[2:]
    return bool((moved <= STILL).all() and (high[2:] <= SAME_SIZE * low[2:]).all())


@dataclass(frozen=True, slots=True)
class _Chooser:
    """Finds the tracks of persons, or raises an error that lists who is there."""

    paths: TrackPaths
    times: Sequence[Fraction]
    name: str

    def chosen(self, person: Person) -> list[VisibleTrack]:
        """The stretch of a track that `person` means; of a face also that of the head around it."""
        path, index = self._by_point(person) if person.point is not None else self._by_number(person)
        shown = [self._shown(person, path, index)]
        first, end = shown[0].first, shown[0].end
        frames = range(first, end, ceil((end - first) / _LOOKED_AT)) if person.at is None else (index,)
        around = [(at, head) for at in frames if path.kind is Kind.FACE and (head := self._head_around(path, at))]
        if len({head.track for _, head in around}) == 1 and 2 * len(around) >= len(frames):
            at, head = around[0]
            if head.stretch(at) is not None:
                shown.append(self._shown(person, head, at))
        return shown

    def _head_around(self, face: TrackPath, index: int) -> TrackPath | None:
        """The track of the head that a face belongs to; None if there is none, or it is not clear which."""
        box = face.boxes[index - face.first]
        heads = [head for track in self.paths.at(index, Kind.HEAD) if (head := self.paths.of(track))]
        around = [head for head in heads if _around(head.boxes[index - head.first], box)]
        return around[0] if len(around) == 1 else None

    def _shown(self, person: Person, path: TrackPath, index: int) -> VisibleTrack:
        """The stretch of `path` around frame `index`."""
        stretch = path.stretch(index)
        if path.several is None:
            raise UsageError(
                f"{person}: {_name(path.track, path.kind)} cannot be left visible: neither faces nor heads were looked "
                "for, so it is not known how many people are in its box. Detect with --targets persons,heads",
                self.name,
            )
        if stretch is None:
            why = "no detection found it for too long"
            if path.several and index in path.several:
                why = f"{path.several[index]} people are in its box, by their faces and heads"
            elif index in path.near:
                why = f"{_name(path.near[index], path.kind)} is so near that they could be mistaken for each other"
            raise UsageError(
                f"{person}: {_name(path.track, path.kind)} cannot be left visible {self._when(index)}: "
                f"{why}. {self._choices(path)}",
                self.name,
            )
        note = _note(path, stretch, self.times)
        return VisibleTrack(path.track, *stretch, Grounds.CONSENT, person.reason, index, note)

    def _by_point(self, person: Person) -> tuple[TrackPath, int]:
        """The track at the point of `person`, and the frame."""
        assert person.point is not None
        index = _index(person, self.times, self.name)
        assert index is not None
        there: list[TrackPath] = []
        hit: list[TrackPath] = []
        for kind in _BY_POINT:
            if hit:
                break
            these = [path for track in self.paths.at(index, kind) if (path := self.paths.of(track))]
            there += these
            hit = [path for path in these if _has(path, index, person.point)]
        sure = [path for path in hit if path.strong] or hit
        if len(sure) == 1:
            return sure[0], index
        there.sort(key=lambda path: _away(path.boxes[index - path.first], person.point))
        found = f"{len(hit)} people are" if hit else "no face was found"
        listed = self._there(hit or there, index)
        raise UsageError(f"{person}: {found} there {self._when(index)}. {listed}", self.name)

    def _by_number(self, person: Person) -> tuple[TrackPath, int]:
        """The track with the number of `person`, and the frame of the choice: any, if all of the track is clear."""
        path = self.paths.of(person.track)
        if path is None:
            numbers = ", ".join(str(number) for number in self.paths.tracks()[:_LISTED]) or "none"
            raise UsageError(f"{person}: there is no track {person.track}; there are: {numbers}", self.name)
        index = _index(person, self.times, self.name)
        if index is None:
            known = list(path.stretches())
            if len(known) > 1:
                raise UsageError(
                    f"{person}: {_name(path.track, path.kind)} may not be the same person from beginning to end. "
                    f"{self._choices(path)}",
                    self.name,
                )
            index = known[0][0] if known else path.first
        if not path.first <= index < path.end:
            raise UsageError(
                f"{person}: {_name(path.track, path.kind)} is not there {self._when(index)}. {self._choices(path)}",
                self.name,
            )
        return path, index

    def _choices(self, path: TrackPath) -> str:
        """The moments at which a track can be chosen."""
        parts = [f"{self._from(first)} to {clock(float(self.times[end - 1]))}" for first, end in path.stretches()]
        if not parts:
            return "No moment of it can be chosen"
        more = f" and {len(parts) - _LISTED} more" if len(parts) > _LISTED else ""
        return f"Choose a moment, as {path.track}@TIME, from: {', '.join(parts[:_LISTED])}{more}"

    def _from(self, index: int) -> str:
        """When frame `index` begins, rounded up: rounded down, it could be the time of the frame before."""
        return clock(ceil(self.times[index] * 100) / 100)

    def _there(self, paths: Sequence[TrackPath], index: int) -> str:
        """A list of who is there, with boxes and times."""
        if not paths:
            return "No face was found in the whole picture then"
        listed = [
            f"{_name(path.track, path.kind)} in {_box(path.boxes[index - path.first])} "
            f"({clock(float(self.times[path.first]))} to {clock(float(self.times[path.end - 1]))})"
            for path in paths[:_LISTED]
        ]
        more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
        return f"There: {', '.join(listed)}{more}"

    def _when(self, index: int) -> str:
        return f"at {clock(float(self.times[index]))} (frame {index})" if len(self.times) > 1 else "in this picture"


def _index(person: Person, times: Sequence[Fraction], name: str) -> int | None:
    """The frame on which `person` is chosen; None for a track's number without a time.

    Raises:
        UsageError: a time is missing, or no frame is shown then.
    """
    if person.at is None:
        if person.point is None:
            return None
        if len(times) == 1:
            return 0
        raise UsageError(f"{person}: expected a time as well, such as {person}@0:02: people move", name)
    for index, (start, end) in enumerate(on_screen(times)):
        if start <= person.at and (person.at < end or len(times) == 1):
            return index
    last = f"its last frame is shown at {clock(float(times[-1]))}" if len(times) else "it has no frames"
    raise UsageError(f"{person}: no frame is shown then: {last}", name)


def _note(path: TrackPath, stretch: tuple[int, int], times: Sequence[Fraction]) -> str:
    """Why a track is hidden after `stretch`; empty if it ends there."""
    end = stretch[1]
    if end >= path.end:
        return ""
    why = f"{_name(path.near[end], path.kind)} came near" if end in path.near else "not seen for too long"
    if path.several and end in path.several:
        why = f"{path.several[end]} people are in its box"
    return f"hidden from {clock(float(times[end]))} on: {why}"


def _has(path: TrackPath, index: int, point: tuple[float, float]) -> bool:
    """Whether `point` is on a track on frame `index`."""
    x0, y0, x1, y1 = grown(path.boxes[index - path.first][None], REACH)[0]
    return bool(x0 <= point[0] < x1 and y0 <= point[1] < y1)


def _around(head: Floats, face: Floats) -> bool:
    """Whether the box `head` (4,) has the middle of the box `face` (4,) in it and is not much larger."""
    middle = (face[:2] + face[2:]) / 2
    within = bool((head[:2] <= middle).all() and (middle < head[2:]).all())
    return within and float(np.prod(head[2:] - head[:2])) <= MOST_OF_FACE * float(np.prod(face[2:] - face[:2]))


def _lies_in(face: TrackPath, head: TrackPath) -> bool:
    """Whether the head is around the face on some of the frames that both have."""
    first, end = max(face.first, head.first), min(face.end, head.end)
    frames = range(first, end, max(1, ceil((end - first) / _LOOKED_AT)))
    return any(_around(head.boxes[at - head.first], face.boxes[at - face.first]) for at in frames)


def _away(box: Floats, point: tuple[float, float] | None) -> float:
    """Pixels from the centre of `box` to `point`."""
    return float(np.hypot(*((box[:2] + box[2:]) / 2 - (point or (0, 0)))))


def _name(track: int, kind: Kind) -> str:
    return f"{kind.label} {track}" if track >= 0 else f"a {kind.label} drawn by hand"


def _box(box: Floats) -> str:
    return ",".join(f"{value:.0f}" for value in box)
