"""Tracks, zones and spans become the regions of a plan. `anonymize.plan.consent` decides which tracks stay visible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind, Region, Shape, Track, Why
from anonymize.errors import UsageError
from anonymize.kinds import PEOPLE
from anonymize.redact import visible
from anonymize.settings import Settings, Zone
from anonymize.text.words import clock
from anonymize.track import bracketed, outline

WEAKLY = 0.05
"""Extra padding of a weak track's box, as a share of its side: a faint find locates a face less precisely. On ten
synthetic clips it decides 15 of 2,626 box-frames; sure tracks do not need it."""

Row = tuple[int, int, Region]
"""First frame, end (exclusive), the region."""


def compose(
    tracks: Iterable[Track],
    times: Sequence[Fraction],
    detected: Sequence[Fraction],
    cuts: Sequence[Fraction],
    size: tuple[int, int],
    settings: Settings,
) -> Iterator[Row]:
    """The regions to redact, and on which frames.

    Args:
        tracks: the subjects found.
        times: presentation time of every frame in seconds, ascending.
        detected: times at which detectors ran, ascending.
        cuts: times at which a new scene begins, ascending.
        size: width and height of the upright picture in pixels.
        settings: targets, zones, spans and appearance.
    """
    shown = on_screen(times)
    whole: Box = (0.0, 0.0, float(size[0]), float(size[1]))
    for why, flags in _whole_pictures(shown, times, detected, cuts, settings).items():
        for first, end in stretches(flags):
            yield first, end, Region(whole, Kind.AREA, why)
    for zone in settings.zones:
        for first, end in stretches([zone.span.meets(*frame) for frame in shown]):
            yield first, end, polygon(zone)
    for track in tracks:
        if track.kind in settings.targets:
            yield from _subject(track, size, settings)


def refuse_unmet(times: Sequence[Fraction], size: tuple[int, int], settings: Settings, name: str) -> None:
    """Refuse zones outside the picture and spans without a frame: they would not hide what they are meant to hide.

    Args:
        times: presentation time of every frame in seconds, ascending.
        size: width and height of the upright picture in pixels.
        settings: zones and spans.
        name: of the input, for the message.

    Raises:
        UsageError: a zone or span has no effect.
    """
    for zone in (*settings.zones, *settings.spared):
        if not visible(polygon(zone), *size):
            raise UsageError(f"the zone {zone} lies outside the picture, which is {size[0]} x {size[1]} pixels", name)
    shown = on_screen(times)
    named = [("the zone's span", zone.span) for zone in (*settings.zones, *settings.spared)]
    named += [("--show-outside", span) for span in settings.only] + [
        ("--hide-span", span) for span in settings.obscured
    ]
    for what, span in named:
        if shown and not any(span.meets(*frame) for frame in shown):
            last = (
                f"its last frame is shown at {clock(float(times[-1]))}"
                if len(times) > 1
                else "it is one picture, at 0 s"
            )
            raise UsageError(f"{what} {span} meets no frame: {last}; spans count from where players show 0:00", name)


def on_screen(times: Sequence[Fraction]) -> list[tuple[Fraction, Fraction]]:
    """The half-open interval in which each frame is shown: until the next; the last as long as the one before it.

    If the sound begins before the picture, players show the first frame meanwhile.
    """
    if len(times) < 2:
        return [(time, time) for time in times]
    first, *others = times
    return list(pairwise([min(first, Fraction(0)), *others, 2 * others[-1] - times[-2]]))


def _whole_pictures(
    shown: Sequence[tuple[Fraction, Fraction]],
    times: Sequence[Fraction],
    detected: Sequence[Fraction],
    cuts: Sequence[Fraction],
    settings: Settings,
) -> dict[Why, list[bool]]:
    """Which frames are obscured whole: those the user named, and those that no two detections bracket."""
    named = [any(span.meets(*frame) for span in settings.obscured) for frame in shown]
    if not settings.targets:
        return {Why.MANUAL: named}
    gap = settings.follow.max_gap
    return {
        Why.MANUAL: named,
        Why.UNBRACKETED: [not bracketed(time, detected, gap, cuts) for time in times],
    }


def stays_visible(time: Fraction, settings: Settings, until: Fraction | None = None) -> bool:
    """Whether the user wants all finds on a frame to stay visible.

    Args:
        time: when the frame is shown, in seconds.
        settings: with the spans in which finds are redacted.
        until: when the next frame is shown, if known.
    """
    return bool(settings.only) and not any(span.meets(time, time if until is None else until) for span in settings.only)


def _subject(track: Track, size: tuple[int, int], settings: Settings) -> Iterator[Row]:
    appearance = settings.redact.of(track.kind)
    if track.weak and track.kind in PEOPLE:
        appearance = replace(appearance, padding=appearance.padding + WEAKLY)
    for row, box in enumerate(track.xyxy):
        index = track.first + row
        region = Region(
            xyxy=outline((float(box[0]), float(box[1]), float(box[2]), float(box[3])), appearance, *size),
            kind=track.kind,
            why=track.why[row],
            track=track.id,
            shape=appearance.shape,
            score=float(track.score[row]),
        )
        x0, y0, x1, y1 = region.xyxy
        # As the plan's file has it: what touches the picture by less than it can say would be refused there.
        if visible(replace(region, xyxy=(round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2))), *size):
            yield index, index + 1, region


def polygon(zone: Zone) -> Region:
    """The region that `zone` redacts, on the frames of its span."""
    xs, ys = zip(*zone.polygon, strict=True)
    around = (min(xs), min(ys), max(xs), max(ys))
    return Region(around, Kind.AREA, Why.ZONE, shape=Shape.POLYGON, polygon=zone.polygon)


def stretches(flags: Sequence[bool] | NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The half-open runs of true values in `flags`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(flags, bool), [False]]).astype(np.int8)))
    yield from ((int(first), int(end)) for first, end in edges.reshape(-1, 2))
