"""What a report says of a plan: who was redacted, when and why; boxes and times, never a pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind, Region, Why
from anonymize.plan import Plan, Regions
from anonymize.track.pairs import shares

BINS = 240
"""Maximum number of bins of the timeline."""
LISTED = 300
"""Maximum number of subjects listed: those on most frames. The rest is counted."""
_NAMED = 5
"""Maximum number of tracks named that cover one that stays visible."""
PART = 0.1
"""The least share of the smaller of two boxes in the other for one to be drawn over a part of what stays visible."""
PATH = 24
"""Maximum number of places kept of a subject's path through the picture."""


def account(plan: Plan, times: Sequence[Fraction]) -> dict[str, Any]:
    """What `plan` redacts, as plain JSON values.

    Args:
        plan: what was drawn.
        times: presentation time of every frame, in seconds.

    Returns:
        ``tracks`` by kind, number of regions ``by_hand``, and ``box_frames`` by reason; ``subjects``, in order of time,
        and how many of them were ``left_out``; the ``timeline``: mean number of regions per frame in each bin, by
        reason; who and what stayed ``visible``, when, and why; the ``doubts`` that a person was asked about, with the
        answers, by whom and when; and the ``review``, if people edited or signed the plan. Times are in seconds; places
        and sizes are shares of the picture's width and height.
    """
    size = (plan.about.width, plan.about.height)
    seconds = np.array([float(time) for time in times])
    timeline, drawn = _Timeline(seconds), plan.covered()
    found = _gathered(drawn, size, timeline)
    longest = sorted(found.values(), key=lambda subject: -subject.frames)[:LISTED]
    return {
        "tracks": drawn.tracks(),
        "by_hand": drawn.by_hand(),
        "box_frames": drawn.reasons(),
        "subjects": [subject.as_dict(seconds, size) for subject in sorted(longest, key=lambda s: (s.first, s.id))],
        "left_out": len(found) - len(longest),
        "timeline": timeline.as_dict(),
        "visible": list(_visible_tracks(plan, seconds, size)),
        "doubts": list(_doubts(plan, seconds, size)),
        **({"review": plan.reviewed.as_dict()} if plan.reviewed else {}),
    }


def subjects(plan: Plan, times: Sequence[Fraction]) -> list[dict[str, Any]]:
    """Every track of `plan`, in order of time, in the form that `account` gives.

    Each also has ``sure``: False if there is an open doubt about it; and ``covered``: False if nothing of it is
    redacted. Of those that are covered, what is said holds for the frames on which they are.
    """
    size, seconds = (plan.about.width, plan.about.height), np.array([float(time) for time in times])
    doubtful = {one.track for one in plan.doubts if one.answer is None}
    drawn = _gathered(plan.covered(), size)
    found = drawn | _gathered(plan.regions.without(drawn), size)
    return [
        one.as_dict(seconds, size) | {"sure": one.id not in doubtful, "covered": one.id in drawn}
        for one in sorted(found.values(), key=lambda subject: (subject.first, subject.id))
    ]


def _gathered(drawn: Regions, size: tuple[int, int], timeline: _Timeline | None = None) -> dict[int, _Subject]:
    """The tracks of `drawn`, by number; every region is added to `timeline`."""
    found: dict[int, _Subject] = {}
    for first, end, region in drawn.rows():
        if timeline:
            timeline.add(first, end, region.why)
        if region.track >= 0 and region.kind is not Kind.AREA:
            subject = found.setdefault(region.track, _Subject(region.track, region.kind, first))
            subject.add(first, end, region, size)
    return found


def _visible_tracks(plan: Plan, seconds: NDArray[np.float64], size: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """Every stretch of a track that stays visible: which, when, where, on what grounds and why."""
    places: dict[int, list[tuple[int, int, Region]]] = {}
    for row in plan.visible().rows():
        places.setdefault(row[2].track, []).append(row)
    for one in sorted(plan.shown, key=lambda one: (one.first, one.track)):
        rows = [row for row in places.get(one.track, ()) if row[0] < one.end and row[1] > one.first]
        if not rows:
            continue
        _, _, largest = max(rows, key=lambda row: _visible(row[2].xyxy, size))
        yield {
            "track": one.track,
            "kind": largest.kind.label,
            "grounds": one.grounds.value,
            "reason": one.reason,
            "start": round(float(seconds[one.first]), 3),
            "end": round(float(seconds[one.end] if one.end < len(seconds) else seconds[-1]), 3),
            "frames": sum(min(end, one.end) - max(first, one.first) for first, end, _ in rows),
            **_covered(rows, plan),
            "largest": _shares(largest.xyxy, size),
            "note": one.note,
        }


def _doubts(plan: Plan, seconds: NDArray[np.float64], size: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """Every doubt in the plan: what, when and where, and a person's answer."""
    largest: dict[int, Region] = {}
    asked = {one.track for one in plan.doubts}
    for _, _, region in plan.regions.rows() if asked else ():
        if region.track in asked:
            other = largest.setdefault(region.track, region)
            if _visible(region.xyxy, size) > _visible(other.xyxy, size):
                largest[region.track] = region
    for one in sorted(plan.doubts, key=lambda one: (one.first, one.track)):
        start, end = one.seconds or (seconds[one.first], seconds[min(one.end, len(seconds) - 1)])
        yield {
            "track": one.track,
            "kind": largest[one.track].kind.label,
            "raised": one.raised.value,
            "start": round(float(start), 3),
            "end": round(float(end), 3),
            "largest": _shares(largest[one.track].xyxy, size),
            "answer": one.answer.value if one.answer else "",
            "by": one.by,
            "at": one.at,
        }


class _Timeline:
    """Box-frames by reason and bin."""

    def __init__(self, seconds: NDArray[np.float64]) -> None:
        self._frames = len(seconds)
        self._bins = max(1, min(BINS, self._frames))
        # A frame is shown until the next one; the last as long as the one before it.
        self._length = float(seconds[-1] + (seconds[-1] - seconds[-2])) if self._frames > 1 else 0.0
        place = seconds * (self._bins / self._length) if self._length else np.zeros(self._frames)
        self._bin = np.minimum((place + 1e-6).astype(np.intp), self._bins - 1)
        self._counts = {why: np.zeros(self._bins, np.int64) for why in Why}

    def add(self, first: int, end: int, why: Why) -> None:
        """Count a region on the frames from `first` to before `end`."""
        if end == first + 1:
            self._counts[why][self._bin[first]] += 1
        else:
            self._counts[why] += np.bincount(self._bin[first:end], minlength=self._bins)

    def as_dict(self) -> dict[str, Any]:
        """The mean number of regions per frame in each bin, rounded up so that no region shows as zero.

        A bin in which no frame begins repeats the one before it.
        """
        frames = np.bincount(self._bin, minlength=self._bins)
        latest = np.maximum.accumulate(np.where(frames, np.arange(self._bins), 0))
        return {
            "seconds": round(self._length, 3),
            "lanes": {
                why.value: [float(v) for v in (np.ceil(counts / np.maximum(frames, 1) * 1000) / 1000)[latest]]
                for why, counts in self._counts.items()
                if counts.any()
            },
        }


@dataclass(slots=True)
class _Subject:
    """One track, in the making."""

    id: int
    kind: Kind
    first: int
    end: int = 0
    frames: int = 0
    score: float = 0.0
    lowest: float = float("inf")
    tallest: float = 0.0
    largest: Box = (0.0, 0.0, 0.0, 0.0)
    area: float = -1.0
    why: Counter[str] = field(default_factory=Counter)
    path: list[tuple[float, float]] = field(default_factory=list)
    stride: int = 1

    def add(self, first: int, end: int, region: Region, size: tuple[int, int]) -> None:
        if self.frames % self.stride == 0:
            x0, y0, x1, y1 = _within(region.xyxy, size)
            self.path.append(((x0 + x1) / 2, (y0 + y1) / 2))
            if len(self.path) > PATH:
                self.path = self.path[::2]
                self.stride *= 2
        self.end = end
        self.frames += end - first
        self.why[region.why.value] += end - first
        if region.why is Why.DETECTED:
            self.score = max(self.score, region.score)
        if (area := _visible(region.xyxy, size)) > 0:
            _, top, _, bottom = _within(region.xyxy, size)
            self.lowest, self.tallest = min(self.lowest, bottom - top), max(self.tallest, bottom - top)
        if area > self.area:
            self.largest, self.area = region.xyxy, area

    def as_dict(self, seconds: NDArray[np.float64], size: tuple[int, int]) -> dict[str, Any]:
        width, height = size
        return {
            "id": self.id,
            "kind": self.kind.label,
            "start": round(float(seconds[self.first]), 3),
            "end": round(float(seconds[self.end] if self.end < len(seconds) else seconds[-1]), 3),
            "frames": self.frames,
            "why": dict(self.why),
            "score": self.score,
            "height": [round(self.lowest if self.area > 0 else 0.0, 1), round(self.tallest, 1)],
            "largest": _shares(self.largest, size),
            "path": [[round(x / width, 3), round(y / height, 3)] for x, y in self.path],
        }


def _covered(rows: Sequence[tuple[int, int, Region]], plan: Plan) -> dict[str, Any]:
    """On how many of `rows` the middle lies in bounds of drawn regions, on how many such regions leave the middle free
    and lie over other parts, and of which tracks they are, most frequent first."""
    over: list[set[int]] = []
    beside: list[set[int]] = []
    for first, _, region in rows:
        x, y = (region.xyxy[0] + region.xyxy[2]) / 2, (region.xyxy[1] + region.xyxy[3]) / 2
        drawn = plan.at(first)
        middle = [x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in (other.xyxy for other in drawn)]
        boxes = np.array([other.xyxy for other in drawn], np.float64).reshape(-1, 4)
        part = shares(np.array(region.xyxy, np.float64), boxes)[1] >= PART
        over.append({other.track for other, has in zip(drawn, middle, strict=True) if has})
        beside.append({other.track for other, has, lies in zip(drawn, middle, part, strict=True) if lies and not has})
    return {
        "covered": sum(map(bool, over)),
        "covered_by": _most_frequent(over),
        "partly": sum(map(bool, beside)),
        "partly_by": _most_frequent(beside),
    }


def _most_frequent(hits: Iterable[set[int]]) -> list[int]:
    """The numbers of some tracks, those on most frames first."""
    return [track for track, _ in Counter(track for hit in hits for track in hit if track >= 0).most_common(_NAMED)]


def _within(box: Box, size: tuple[int, int]) -> Box:
    """The part of `box` inside the picture: regions extend past its border, so that ellipses keep their shape."""
    (x0, x1), (y0, y1) = (
        (min(max(a, 0.0), limit), min(max(b, 0.0), limit)) for a, b, limit in zip(box, box[2:], size, strict=False)
    )
    return x0, y0, x1, y1


def _visible(box: Box, size: tuple[int, int]) -> float:
    """Area of `box` inside the picture, in square pixels."""
    x0, y0, x1, y1 = _within(box, size)
    return (x1 - x0) * (y1 - y0)


def _shares(box: Box, size: tuple[int, int]) -> list[float]:
    """The part of `box` inside the picture, as shares of the picture's width and height."""
    return [round(value / size[number % 2], 4) for number, value in enumerate(_within(box, size))]
