"""The plan: what will be redacted in a video."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from anonymize.data import Grounds, Region, Silence
from anonymize.errors import PlanError
from anonymize.kinds import Kind, Raised
from anonymize.plan.doubts import Doubt
from anonymize.plan.faint import Faint
from anonymize.plan.regions import FOUND, Columns, Regions, digest
from anonymize.plan.reviewed import Reviewed
from anonymize.settings import Redact, ReviewRules, Settings
from anonymize.text.mapping import to_mapping

VERSION = 2
OLDER = 1
"""The version whose header has the appearance of regions, and none of the other settings."""
FORMAT = "anonymize-plan"

_CUTS = 1000
"""Cuts on a line."""


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
    def kinds(self) -> frozenset[Kind]:
        """The kinds that were looked for, a user's own among them. Its regions are of these, or of built-in ones."""
        return self.settings.targets

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


class _Spans:
    """Tracks, each on a half-open range of frames: ``(track, first, end)``."""

    def __init__(self, spans: Iterable[tuple[int, int, int]]) -> None:
        self._track, self._first, self._end = np.array(list(spans), np.int64).reshape(-1, 3).T
        self.tracks = frozenset(self._track.tolist())

    def at(self, index: int) -> set[int]:
        """The tracks on frame `index`."""
        return set(self._track[(self._first <= index) & (index < self._end)].tolist())


def weakly_found(rows: Columns, weak: Mapping[int, Raised], times: Sequence[Fraction]) -> Iterator[Doubt]:
    """The doubts about weak tracks.

    Args:
        rows: of the plan.
        weak: numbers of the tracks, and what raised the doubt; those without rows get none.
        times: presentation time of every frame in seconds.
    """
    order = np.argsort(rows.track, kind="stable")
    order = order[np.isin(rows.track[order], list(weak))]
    parts = np.split(order, np.flatnonzero(np.diff(rows.track[order])) + 1) if len(order) else []
    for mine in parts:
        seen = rows.start[mine[rows.detected[mine]]] if rows.detected[mine].any() else rows.start[mine]
        start, end = (round(float(times[int(frame)]), 3) for frame in (seen.min(), seen.max()))
        first, last = int(rows.start[mine].min()), int(rows.end[mine].max())
        number = int(rows.track[mine[0]])
        yield Doubt(number, first, last, weak[number], (start, end))


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be redacted on every frame of one video, and which finds will not.

    Args:
        about: the header.
        regions: everything found or drawn by hand.
        shown: tracks that stay visible for a while.
        doubts: tracks that a person should review, one doubt each.
        cuts: the frames with which a new scene begins, ascending; for whoever looks at the plan.
        silences: when the sound is not heard, in order; they do not overlap.
        faint: what was found too faintly to be covered; hides nothing.
        reviewed: what people did to it and signed; None where nobody did anything.
    """

    about: About
    regions: Regions
    shown: tuple[VisibleTrack, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    cuts: tuple[int, ...] = ()
    silences: tuple[Silence, ...] = ()
    faint: tuple[Faint, ...] = ()
    reviewed: Reviewed | None = None
    _visible: _Spans = field(init=False, repr=False, compare=False)
    _expected: _Spans = field(init=False, repr=False, compare=False)
    _undrawn: _Spans = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spans = [(one.track, one.first, one.end) for one in self.shown]
        nothing = [(one.track, one.first, one.end) for one in self.doubts if one.expected]
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
        """The regions of frame `index` that the check may find: of tracks that stay visible, show nobody, or are heads
        from behind."""
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
        return replace(self, about=replace(self.about, as_found=digest(self.regions)))

    @property
    def by_hand(self) -> bool:
        """Whether a person may have changed its regions since they were found."""
        return self.about.as_found != digest(self.regions)


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
    yield from (json.dumps({"cuts": plan.cuts[at : at + _CUTS]}) for at in range(0, len(plan.cuts), _CUTS))
    yield from (json.dumps(silence_entry(one)) for one in plan.silences)
    yield from (json.dumps(_shown_entry(one)) for one in plan.shown)
    yield from (json.dumps(one.as_dict()) for one in plan.doubts)
    yield from (json.dumps(one.as_dict()) for one in plan.faint)
    yield from plan.regions.lines()


def silence_entry(one: Silence) -> dict[str, Any]:
    """`one` as plain values, for a line."""
    return {"sound": one.how.value, "seconds": [one.first, one.end]}


def _shown_entry(one: VisibleTrack) -> dict[str, Any]:
    entry: dict[str, Any] = {"shown": one.track, "frames": [one.first, one.end], "grounds": one.grounds.value}
    entry |= {"reason": one.reason} if one.reason else {}
    entry |= {"chosen": one.chosen} if one.chosen >= 0 else {}
    return entry | ({"note": one.note} if one.note else {})


def held(settings: Settings) -> dict[str, Any]:
    """The part of `settings` that a plan contains, as plain values; only rendering decides to skip verification."""
    values = to_mapping(replace(settings, verify=replace(settings.verify, publish_unverified=False)))
    # Nothing of a person's review is needed unless it is asked for: plans from before that could be read still are.
    unasked = {"live"} if settings.review != ReviewRules() else {"live", "review"}
    return {key: value for key, value in values.items() if key not in unasked}
