"""The presentation clock, as players show it, and its relation to the container's timestamps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Self

import av
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from anonymize.media.clock.edits import Edit, played_from
from anonymize.media.clock.restarts import Join, counts
from anonymize.media.protocols import MediaInfo

_FAMILIES = ({"mp4", "m4v", "mov", "3gp", "qt"}, {"mkv", "webm"}, {"ts", "m2ts", "mts"})
"""Containers whose timestamps have the same meaning."""
_MOST_NAMED = 5
"""Joins listed in a note, at most."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """Where the presentation begins on a file's own clock; seconds of the presentation count from there.

    It begins with the earliest frame or sound of the video and the audio that belongs to it. That is where players show
    0:00, whatever the container's clock reads: 5000 s or 1.48 s in MPEG-TS, a negative time in Matroska, two seconds
    where an MP4 starts with an empty edit. Samples that decoders need but nobody hears (the encoder delay of AAC and
    Opus) precede it. All times outside `anonymize.media` are seconds of the presentation.

    Args:
        origin: start of the presentation on the container's clock, in seconds: a whole number of ticks of the video's
            time base, rounded down.
        joins: where that clock restarts; the presentation continues there without a pause.
        early: byte offset in the file -> timestamp in ticks, for packets before that clock's zero.
    """

    origin: Fraction = Fraction(0)
    joins: tuple[Join, ...] = ()
    early: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        video: VideoStream,
        sound: Sequence[Stream],
        lists: Mapping[int, Sequence[Edit]],
        joins: tuple[Join, ...] = (),
        early: Mapping[int, int] | None = None,
    ) -> Self:
        """From the headers and first packets of a container.

        Args:
            video: its video stream.
            sound: the audio streams that belong to it.
            lists: edit lists, by `stream.id`.
            joins: where the clock restarts.
            early: see `Presentation`.
        """
        starts = [s.start_time * s.time_base for s in (video, *sound) if s.start_time is not None and s.time_base]
        if video.id in lists:  # fragments may hold more before the edit list's start
            starts = [max(start, min(played_from(edits) for edits in lists.values())) for start in starts]
        starts += [ticks * Fraction(video.time_base or 0) for ticks in (early or {}).values()]
        return cls(_whole_ticks(min(starts, default=Fraction(0)), video), joins, early or {})

    def begun_by(self, first: av.VideoFrame, video: VideoStream) -> Self:
        """This presentation, moved back if the first frame has a negative presentation timestamp."""
        if first.pts is None or first.pts >= 0:
            return self
        return replace(self, origin=self.origin + first.pts * Fraction(video.time_base or 0))

    def placing(self) -> Callable[[Packet[Stream]], None]:
        """A function that converts a packet's timestamps to those of the presentation; make a new one for each pass."""
        indices = {index for join in self.joins for index in join.first}
        firsts = {index: [join.first[index] for join in self.joins] for index in indices}
        seen = dict.fromkeys(indices, 0)
        shifts: dict[tuple[int, int], int] = {}

        def place(packet: Packet[Stream]) -> None:
            part, index = 0, packet.stream_index
            if packet.pts is None and packet.pos is not None:
                packet.pts = self.early.get(packet.pos)
            if index in seen and counts(packet):
                part = bisect_right(firsts[index], seen[index])
                seen[index] += 1
            if packet.pts is None and packet.dts is None:
                return
            if (index, part) not in shifts:  # once: millions of fractions take minutes
                later = self.joins[part - 1].later if part else Fraction(0)
                shifts[index, part] = _ticks(later - self.origin, packet)
            _shift(packet, shifts[index, part])

        return place

    @property
    def notes(self) -> tuple[str, ...]:
        """What is unusual about the clock, in words."""
        if not self.joins:
            return ()
        moments = ", ".join(f"{float(join.at):.2f}" for join in self.joins[:_MOST_NAMED])
        more = f" and {len(self.joins) - _MOST_NAMED} more times" if len(self.joins) > _MOST_NAMED else ""
        return (f"its clock starts again after {moments} s{more}: each part follows the one before it without a gap",)


def move(packet: Packet[Any], seconds: Fraction) -> None:
    """Shift the timestamps of `packet` by `seconds`."""
    _shift(packet, _ticks(seconds, packet))


def _ticks(seconds: Fraction, packet: Packet[Any]) -> int:
    """`seconds` on the clock of `packet`."""
    return round(seconds / packet.time_base) if seconds and packet.time_base else 0


def _shift(packet: Packet[Any], ticks: int) -> None:
    if not ticks:
        return
    if packet.pts is not None:
        packet.pts += ticks
    if packet.dts is not None:
        packet.dts += ticks


def written_origin(info: MediaInfo, container: str) -> Fraction:
    """Start of the presentation on the clock of an output in `container`, in seconds.

    The source's clock is kept if the container stays the same, so that other files with matching times (further parts
    of a recording, subtitles) still match. Otherwise, and where it would be negative, it is zero.
    """
    same = any(info.container in family and container in family for family in _FAMILIES)
    return max(info.origin, Fraction(0)) if same else Fraction(0)


def _whole_ticks(seconds: Fraction, video: VideoStream) -> Fraction:
    tick = Fraction(video.time_base or 0)
    return seconds // tick * tick if tick else seconds
