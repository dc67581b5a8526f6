"""What was found too faintly to be covered: lines of a plan that hide nothing, and that a person may look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anonymize.data import Box, Kind, Track, Why
from anonymize.plan.values import COUNT, box_of
from anonymize.text.ranges import SHARE, shown
from anonymize.track.pairs import LEAST, area, shares

KEYS = frozenset({"faint", "kind", "first", "boxes", "best", "score", "finds"})
"""The keys of a line."""
LONGEST = 100_000
"""The most boxes of a line."""
_QUIET = 24
"""The most finds below the least score of a film, or of each of its minutes, that a person may be asked about."""
_COVERED = 0.7
"""Share of a box within a region from which it counts as covered."""


@dataclass(frozen=True, slots=True)
class Faint:
    """Somebody or something that detectors found too faintly or too seldom for it to be covered.

    Args:
        number: of its own kind of numbers, from 1 on.
        kind: what it may be.
        first: the frame of the first box.
        boxes: on successive frames, from the first find to the last; upright pixels, without padding.
        best: the frame on which it shows best.
        score: there, 0 to 1.
        finds: how often it was found.
    """

    number: int
    kind: Kind
    first: int
    boxes: tuple[Box, ...]
    best: int
    score: float
    finds: int = 1

    @property
    def end(self) -> int:
        """One past the frame of the last box."""
        return self.first + len(self.boxes)

    def as_dict(self) -> dict[str, Any]:
        """Its line in a plan, as plain values."""
        return {
            "faint": self.number,
            "kind": self.kind.label,
            "first": self.first,
            "boxes": [list(box) for box in self.boxes],
            "best": self.best,
            "score": self.score,
            "finds": self.finds,
        }


def of_line(entry: Mapping[str, Any], frames: int, kinds: Iterable[Kind] = ()) -> Faint:
    """The faint find in a line of a plan of so many frames, whose user's own models find `kinds`.

    Raises:
        ValueError, TypeError, KeyError: it is malformed.
    """
    if unknown := entry.keys() - KEYS:
        raise ValueError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(KEYS))}")
    if not isinstance(entry["boxes"], list) or not 0 < len(entry["boxes"]) <= LONGEST:
        raise ValueError(f"boxes: expected a list of 1 to {LONGEST} boxes")
    found = Faint(
        COUNT.whole(entry["faint"]),
        Kind.of(entry["kind"], kinds),
        COUNT.whole(entry["first"]),
        tuple(box_of(box) for box in entry["boxes"]),
        COUNT.whole(entry["best"]),
        SHARE.number(entry["score"]),
        COUNT.whole(entry.get("finds", 1)),
    )
    if not found.first <= found.best < found.end <= frames:
        raise ValueError(f"frames {found.first} to {found.end} do not lie within the video's {frames}")
    return found


def uncovered(tracks: Iterable[Track], rows: Iterable[tuple[int, int, Box]], size: tuple[int, int]) -> list[Faint]:
    """The faint finds among `tracks` that no region covers, by time.

    Args:
        tracks: found too faintly.
        rows: of the plan's regions: first frame, end (exclusive), box.
        size: width and height of the upright picture in pixels.
    """
    some = sorted(tracks, key=lambda one: (one.first, one.xyxy[0].tolist()))
    wanted: dict[int, list[Box]] = {index: [] for one in some for index in _finds(one)}
    for first, end, box in rows:
        for index in range(first, end) if end - first < len(wanted) else [i for i in wanted if first <= i < end]:
            if index in wanted:
                wanted[index].append(box)
    found: list[Faint] = []
    for one in some:
        if all(is_covered(one.xyxy[index - one.first], wanted[index]) for index in _finds(one)):
            continue
        if (boxes := tuple(_boxes(one, size))) and len(boxes) == len(one.why):
            best = max(_finds(one), key=lambda index: (float(one.score[index - one.first]), -index))
            score = round(float(one.score[best - one.first]), 3)
            finds = sum(1 for _ in _finds(one))
            found.append(Faint(len(found) + 1, one.kind, one.first, boxes, best, score, finds))
    return found


def clearest(some: Sequence[Faint], least: float, minutes: float) -> tuple[Faint, ...]:
    """Those of a score from `least` on, and of the others the clearest: a few, and as many again for each minute."""
    quiet = sorted((one for one in some if one.score < least), key=lambda one: -one.score * one.finds)
    dropped = {one.number for one in quiet[round(_QUIET * max(minutes, 1.0)) :]}
    kept = [one for one in some if one.number not in dropped]
    return tuple(replace(one, number=number) for number, one in enumerate(kept, 1))


def _finds(track: Track) -> Iterator[int]:
    return (track.first + row for row, why in enumerate(track.why) if why is Why.DETECTED)


def is_covered(box: Any, regions: Sequence[Box]) -> bool:
    """Whether most of a box lies within one of the regions."""
    if not regions:
        return False
    mine = np.asarray(box, np.float64)
    others = np.array(regions, np.float64)
    _, smaller = shares(mine[None], others)
    shared = smaller * np.minimum(area(mine), area(others))
    return bool((shared / max(float(area(mine)), LEAST)).max() >= _COVERED)


def _boxes(track: Track, size: tuple[int, int]) -> Iterator[Box]:
    """Its boxes within the picture; those without an area there are left out."""
    for x0, y0, x1, y1 in np.clip(track.xyxy, 0, [*size, *size]).tolist():
        if x1 - x0 >= 1 and y1 - y0 >= 1:
            yield round(x0, 1), round(y0, 1), round(x1, 1), round(y1, 1)
