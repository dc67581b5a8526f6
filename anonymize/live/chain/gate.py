"""The only way out: frames that the bracketing rule passes, and frames that show nothing. Sinks get no others.

`Cleared` is a frame that may be shown. Only these five functions make one:

    clear       if the frame is bracketed its regions are redacted; otherwise the last one that was goes out again, what
                has changed since covered, or it is withheld
    clear_still for the target `motion`: the empty place, covered where the frame differs from it; or it is withheld
    withhold    the frame is blanked, with a notice on it
    notice      there was no frame: a blank one, with a notice on it
    again       there was no frame yet from a slow camera: what was cleared last, once more

`hand_over`, the only way to the sinks, accepts nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache

import cv2
import numpy as np

from anonymize.data import Region, Track, seconds
from anonymize.kinds import MOTION, Kind, Why
from anonymize.live.chain.background import KNOWN, Background, boxes
from anonymize.live.chain.repeat import LastReleased
from anonymize.live.protocols import LiveSink
from anonymize.media.frames.frame import VideoPicture
from anonymize.plan.compose import compose, polygon, stays_visible
from anonymize.redact import Memory, obscure, redact, visible
from anonymize.settings import Settings, Zone
from anonymize.track import bracketed

_PASS = object()
NOT_CHECKED = "Hidden: not checked in time"
ZONE_OUTSIDE = "Hidden: a zone is outside the picture"
NEW_SCENE = "Hidden: the scene is new"
FAULT = "Hidden: a fault in processing"
LEARNING = "Hidden: the empty place is not known yet"
ALL_MOVES = "Hidden: most of the picture moves"
BLACK = 16
"""Luma of black in limited range."""
_CONTRAST = 70
"""Difference in luma of a notice from what is behind it: to be read, and no flash."""
_HERSHEY = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True, eq=False)
class Cleared:
    """A frame that may be shown.

    Args:
        frame: redacted, obscured, or blank.
        regions: what was redacted on it.
        obscured: whether it is fully obscured because it was not checked.
        late: share of the picture that is covered because it was not checked, where the last picture is repeated.
    """

    frame: VideoPicture
    regions: tuple[Region, ...]
    obscured: bool
    passed: object = field(repr=False)
    late: float | None = None

    def __post_init__(self) -> None:
        if self.passed is not _PASS:
            raise TypeError("only anonymize.live.chain.gate decides what may be shown")


def clear(
    frame: VideoPicture,
    tracks: Iterable[Track],
    looks: Collection[Sequence[Fraction]],
    cuts: Sequence[Fraction],
    settings: Settings,
    memory: Memory,
    last: LastReleased | None = None,
    level: int = BLACK,
) -> Cleared:
    """Redact `frame`; repeat `last` or withhold it if it is not bracketed. Rule and regions are the same as for files.

    Args:
        frame: writable; drawn on.
        tracks: the subjects on it; row 0 of each is its box on this frame.
        looks: for each group of scales, presentation times in seconds of the frames looked at, ascending: a frame is
            bracketed for the sizes that were looked for before and after it, and must be for all.
        cuts: presentation times at which new scenes begin, ascending.
        settings: targets, zones, spans and appearance.
        memory: the colours in use for this stream.
        last: the last picture that was released, which is repeated if possible.
        level: luma of the frame if it is withheld, and of what is covered because it is late.
    """
    if not _zones_within(settings.zones, frame.width, frame.height):
        return withhold(frame, ZONE_OUTSIDE, level)
    time = seconds(frame)
    tracks = () if stays_visible(time, settings) else tracks
    gap = settings.follow.max_gap
    worst = min(looks, key=lambda times: bracketed(time, times, gap, cuts))
    # What a file would get redacted if this frame were all of it.
    rows = compose(tracks, [time], worst, cuts, (frame.width, frame.height), settings)
    regions = tuple(row[2] for row in rows)
    if any(region.why is Why.UNBRACKETED for region in regions):
        share = last.repeat(frame, time, settings, level) if last is not None else None
        if share is None:
            return withhold(frame, NOT_CHECKED, level)
        known = tuple(region for region in regions if region.why is not Why.UNBRACKETED)
        redact(frame.planes, known, settings.redact, memory)
        return Cleared(frame, known, obscured=False, passed=_PASS, late=share)
    if last is not None:
        last.made_from(frame, time, settings)
    redact(frame.planes, regions, settings.redact, memory)
    return Cleared(frame, regions, obscured=False, passed=_PASS)


def clear_still(
    frame: VideoPicture, place: Background, settings: Settings, memory: Memory, level: int = BLACK
) -> Cleared:
    """Show the empty `place`, covered where it differs from `frame` or from those around it, and never `frame` itself.

    Args:
        frame: writable; overwritten. `place` has taken it.
        place: what was learnt in front of this camera.
        settings: zones, spans and appearance.
        memory: the colours in use for this stream.
        level: luma of covers, and of the frame if it is withheld.
    """
    if not _zones_within(settings.zones, frame.width, frame.height):
        return withhold(frame, ZONE_OUTSIDE, level)
    time = seconds(frame)
    covered = place.over(frame, time, level)
    if covered is None:
        return withhold(frame, ALL_MOVES if place.share >= KNOWN else LEARNING, level)
    rows = compose((), [time], [time], [], (frame.width, frame.height), settings)
    regions = tuple(row[2] for row in rows)
    redact(frame.planes, regions, settings.redact, memory)
    moving = tuple(Region(box, MOTION, Why.DETECTED) for box in boxes(covered, frame.width, frame.height))
    return Cleared(frame, (*regions, *moving), obscured=False, passed=_PASS)


def withhold(frame: VideoPicture, words: str, level: int = BLACK) -> Cleared:
    """Fill all of `frame` with the luma `level`, 16 to 235, without colour, and write `words` on it."""
    assert frame.owned, "the decoder's own picture is never drawn on"
    obscure(frame.planes)
    luma = frame.planes[0].pixels  # the words in its middle, as large as fits
    luma[...] = level
    ink = level + _CONTRAST if level < 128 else level - _CONTRAST
    (wide, high), _ = cv2.getTextSize(words, _HERSHEY, 1.0, 2)
    scale = min(0.8 * frame.width / wide, 0.06 * frame.height / high)
    thickness = max(1, round(2 * scale))
    at = (round((frame.width - wide * scale) / 2), round((frame.height + high * scale) / 2))
    cv2.putText(luma, words, at, _HERSHEY, scale, (ink,), thickness, cv2.LINE_AA)
    everywhere = Region((0.0, 0.0, float(frame.width), float(frame.height)), Kind.AREA, Why.UNBRACKETED)
    return Cleared(frame, (everywhere,), obscured=True, passed=_PASS)


def notice(blank: VideoPicture, words: str, level: int = BLACK) -> Cleared:
    """A frame that shows only `words`, in place of missing frames. `blank` is filled, whatever it held."""
    return withhold(blank, words, level)


def again(cleared: Cleared, blank: VideoPicture) -> Cleared:
    """What was cleared before, as another frame: `blank`, of the same size, is overwritten."""
    for plane, shown in zip(blank.planes, cleared.frame.planes, strict=True):
        np.copyto(plane.pixels, shown.pixels)
    return replace(cleared, frame=blank)


def hand_over(cleared: Cleared, sinks: Sequence[LiveSink]) -> None:
    """Give a frame to every sink.

    Raises:
        TypeError: `cleared` was not made by this gate.
    """
    if not isinstance(cleared, Cleared):
        raise TypeError(f"only what anonymize.live.chain.gate cleared may be shown, got {type(cleared).__name__}")
    for sink in sinks:
        sink.write(cleared.frame)


@lru_cache(maxsize=16)
def _zones_within(zones: tuple[Zone, ...], width: int, height: int) -> bool:
    """Whether every zone meets the picture (`width` x `height` pixels): one outside would hide nothing."""
    return all(visible(polygon(zone), width, height) for zone in zones)
