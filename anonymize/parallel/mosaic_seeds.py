"""Frames on which the mosaics of earlier segments were sampled, so that they keep their colours in later ones.

A mosaic is sampled once, on the first frame on which its track is drawn (`anonymize.redact`). To get the same colours
in a later segment, that frame is drawn again; so are the other mosaics on it, since they may lie beneath.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anonymize.data import Kind
from anonymize.media import Cut, Segment
from anonymize.plan import Plan
from anonymize.redact import outline
from anonymize.settings import Style


@dataclass(frozen=True, slots=True)
class Seed:
    """Frames of an earlier segment on which mosaics were sampled, ascending."""

    segment: Segment
    frames: tuple[int, ...]


def seeds(cut: Cut, plan: Plan, size: tuple[int, int]) -> list[tuple[Seed, ...]]:
    """For each segment of `cut`, the frames on which mosaics that began before it were sampled.

    Args:
        cut: of the source.
        plan: what is drawn.
        size: width and height of the upright picture in pixels.
    """
    starts = _first_drawn(plan, size)
    return [_seeds_of(segment, cut, plan, starts) for segment in cut.segments]


def _first_drawn(plan: Plan, size: tuple[int, int]) -> dict[int, tuple[int, int]]:
    """The first frame on which each track is drawn as a mosaic, and one past the last, by track."""
    appearance = plan.about.redact
    found: dict[int, tuple[int, int]] = {}
    if all(appearance.of(kind).style is Style.SOLID for kind in Kind):
        return found
    for first, end, region in plan.covered().rows():
        if region.track < 0 or appearance.of(region.kind).style is Style.SOLID or outline(region, *size) is None:
            continue
        before, after = found.get(region.track, (first, end))
        found[region.track] = min(before, first), max(after, end)
    return found


def _seeds_of(segment: Segment, cut: Cut, plan: Plan, starts: Mapping[int, tuple[int, int]]) -> tuple[Seed, ...]:
    """Where the mosaics that continue into `segment` were sampled, and the mosaics drawn on the same frames.

    Args:
        segment: one of `cut`.
        cut: of the source.
        plan: what is drawn.
        starts: of every mosaic, by track (`_first_drawn`).
    """
    open_ = [first for first, end in starts.values() if first < segment.first < end]
    frames: set[int] = set()
    while open_:
        frame = open_.pop()
        if frame not in frames:
            frames.add(frame)
            open_ += [starts[region.track][0] for region in plan.at(frame) if region.track in starts]
    found = []
    for earlier in cut.segments[: segment.number]:
        inside = sorted(frame for frame in frames if earlier.first <= frame < earlier.end)
        if inside:
            found.append(Seed(earlier, tuple(inside)))
    return tuple(found)
