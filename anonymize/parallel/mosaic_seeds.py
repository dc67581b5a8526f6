"""Where mosaics that go on over a seam between segments were sampled, so that they keep their colours.

A mosaic is sampled once, on the first frame on which its track is drawn (`anonymize.redact`). Whoever draws a later
segment draws that one frame again, and so gets the same colours; and on it the other mosaics have theirs too, since
they may lie beneath.
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
    """For each segment of `cut`, where the mosaics that are older than it got their colours.

    Args:
        cut: of the source.
        plan: what is drawn.
        size: width and height of the picture in upright pixels.
    """
    starts = _first_drawn(plan, size)
    return [_seeds_of(segment, cut, plan, starts) for segment in cut.segments]


def _first_drawn(plan: Plan, size: tuple[int, int]) -> dict[int, tuple[int, int]]:
    """Of each track that is drawn as a mosaic, the first frame on which it is, and one past the last."""
    looks = plan.about.redact
    found: dict[int, tuple[int, int]] = {}
    if all(looks.of(kind).style is Style.SOLID for kind in Kind):
        return found
    for first, end, region in plan.covered().rows():
        if region.track < 0 or looks.of(region.kind).style is Style.SOLID or outline(region, *size) is None:
            continue
        before, after = found.get(region.track, (first, end))
        found[region.track] = min(before, first), max(after, end)
    return found


def _seeds_of(segment: Segment, cut: Cut, plan: Plan, starts: Mapping[int, tuple[int, int]]) -> tuple[Seed, ...]:
    """The frames on which the tracks that go on in `segment` were first drawn, and on which those beside them were."""
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
