"""Tracks, zones and spans become the regions of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind, Region, Shape, Track, Why
from anonymize.settings import Settings, Zone
from anonymize.track import bracketed, outline

Row = tuple[int, int, Region]
"""First frame, end (exclusive), what is redacted there."""


def compose(
    tracks: Iterable[Track],
    times: Sequence[Fraction],
    looks: Sequence[Fraction],
    cuts: Sequence[Fraction],
    size: tuple[int, int],
    settings: Settings,
) -> Iterator[Row]:
    """What is redacted, and on which frames.

    Args:
        tracks: the subjects found.
        times: presentation time of every frame in seconds, ascending.
        looks: times at which a detector looked, ascending.
        cuts: times at which a new scene begins, ascending.
        size: width and height of the upright picture in pixels.
        settings: targets, zones, spans and how regions are drawn.
    """
    whole: Box = (0.0, 0.0, float(size[0]), float(size[1]))
    for why, flags in _whole_pictures(times, looks, cuts, settings).items():
        for first, end in _stretches(flags):
            yield first, end, Region(whole, Kind.AREA, why)
    for zone in settings.zones:
        for first, end in _stretches([time in zone.span for time in times]):
            yield first, end, _polygon(zone)
    for track in tracks:
        if track.kind in settings.targets:
            yield from _subject(track, times, size, settings)


def _whole_pictures(
    times: Sequence[Fraction], looks: Sequence[Fraction], cuts: Sequence[Fraction], settings: Settings
) -> dict[Why, list[bool]]:
    """Which frames are obscured whole: those the user named, and those that no two looks bracket."""
    named = [any(time in span for span in settings.obscured) for time in times]
    if not settings.targets:
        return {Why.MANUAL: named}
    gap = settings.follow.max_gap
    return {
        Why.MANUAL: named,
        Why.UNBRACKETED: [not bracketed(time, looks, gap, cuts) for time in times],
    }


def left_alone(box: Sequence[float] | NDArray[np.float32], time: Fraction, settings: Settings) -> bool:
    """Whether a find in `box` (x0, y0, x1, y1) at `time` in seconds is to stay visible, since the user says so."""
    if settings.only and not any(time in span for span in settings.only):
        return True
    return any(time in zone.span and _inside(box, zone) for zone in settings.spared)


def _subject(track: Track, times: Sequence[Fraction], size: tuple[int, int], settings: Settings) -> Iterator[Row]:
    look = settings.redact.of(track.kind)
    for row, box in enumerate(track.xyxy):
        index = track.first + row
        if left_alone(box, times[index], settings):
            continue
        yield (
            index,
            index + 1,
            Region(
                xyxy=outline((float(box[0]), float(box[1]), float(box[2]), float(box[3])), look, *size),
                kind=track.kind,
                why=track.why[row],
                track=track.id,
                shape=look.shape,
                score=float(track.score[row]),
            ),
        )


def _inside(box: Sequence[float] | NDArray[np.float32], zone: Zone) -> bool:
    """Whether the centre of `box` lies in `zone`."""
    centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    return bool(cv2.pointPolygonTest(np.array(zone.polygon, np.float32), centre, False) >= 0)


def _polygon(zone: Zone) -> Region:
    xs, ys = zip(*zone.polygon, strict=True)
    around = (min(xs), min(ys), max(xs), max(ys))
    return Region(around, Kind.AREA, Why.ZONE, shape=Shape.POLYGON, polygon=zone.polygon)


def _stretches(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The half-open runs of true values in `flags`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(flags, bool), [False]]).astype(np.int8)))
    yield from ((int(first), int(end)) for first, end in edges.reshape(-1, 2))
