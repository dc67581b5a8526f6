"""The clock that players show: what a container calls its times is one thing, when they are played another."""

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
"""Containers that mean the same by a time."""
_TOLD = 5
"""Joins that a note names, at most."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """What a file's own clock shows when playing begins: seconds of the presentation count from there.

    Playing begins with the earliest picture or sound, whichever comes first, of the video and of the sound that belongs
    to it; that is where players show 0:00, whatever the container's clock says: 5000 s or 1.48 s in MPEG-TS, less than
    zero in Matroska, two seconds where an MP4 begins with an empty edit. What decoders need but nobody hears (the
    run-in of AAC and Opus) lies before it. All times outside `anonymize.media` are seconds of the presentation.

    Args:
        origin: what the container's clock shows then, in seconds: a whole number of ticks of the picture's time base,
            rounded down.
        joins: where that clock starts again; presentation goes on there without a pause.
        early: by position in the file, when what comes before that clock's zero is shown, in ticks.
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
        """As the headers and first packets of a container tell, of its `video` and the `sound` that belongs to it.

        Args:
            video: the stream of pictures.
            sound: streams.
            lists: edit lists, by the number of the stream.
            joins: where the file was joined of several.
            early: what comes before the clock's zero, where FFmpeg tells no time.
        """
        starts = [s.start_time * s.time_base for s in (video, *sound) if s.start_time is not None and s.time_base]
        if video.id in lists:  # what fragments hold before that is not played
            starts = [max(start, min(played_from(edits) for edits in lists.values())) for start in starts]
        starts += [ticks * Fraction(video.time_base or 0) for ticks in (early or {}).values()]
        return cls(_whole_ticks(min(starts, default=Fraction(0)), video), joins, early or {})

    def begun_by(self, first: av.VideoFrame, video: VideoStream) -> Self:
        """The same, where the picture `first`, which has its time of the presentation, may come before its zero."""
        if first.pts is None or first.pts >= 0:
            return self
        return replace(self, origin=self.origin + first.pts * Fraction(video.time_base or 0))

    def placing(self) -> Callable[[Packet[Stream]], None]:
        """What gives each packet of one pass, which has the container's times, those of the presentation."""
        indices = {index for join in self.joins for index in join.first}
        firsts = {index: [join.first[index] for join in self.joins] for index in indices}
        seen = dict.fromkeys(indices, 0)

        def place(packet: Packet[Stream]) -> None:
            later, index = Fraction(0), packet.stream_index
            if packet.pts is None and packet.pos is not None:
                packet.pts = self.early.get(packet.pos)
            if index in seen and counts(packet):
                part = bisect_right(firsts[index], seen[index])
                seen[index] += 1
                later = self.joins[part - 1].later if part else later
            move(packet, later - self.origin)

        return place

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd about the clock, in words."""
        if not self.joins:
            return ()
        moments = ", ".join(f"{float(join.at):.2f}" for join in self.joins[:_TOLD])
        more = f" and {len(self.joins) - _TOLD} more times" if len(self.joins) > _TOLD else ""
        return (f"its clock starts again after {moments} s{more}: each part was put right after the one before it",)


def move(packet: Packet[Any], seconds: Fraction) -> None:
    """Let `packet` come later by `seconds`."""
    if not seconds or not packet.time_base:
        return
    ticks = round(seconds / packet.time_base)
    if packet.pts is not None:
        packet.pts += ticks
    if packet.dts is not None:
        packet.dts += ticks


def written_origin(info: MediaInfo, container: str) -> Fraction:
    """What the clock of an output in `container` shows when playing begins, in seconds.

    The source's clock goes on where the container stays, so that what belongs to it by time still does (other parts of
    a recording, subtitles beside it). Elsewhere, and where it is less than zero, it begins at zero.
    """
    same = any(info.container in family and container in family for family in _FAMILIES)
    return max(info.origin, Fraction(0)) if same else Fraction(0)


def _whole_ticks(seconds: Fraction, video: VideoStream) -> Fraction:
    tick = Fraction(video.time_base or 0)
    return seconds // tick * tick if tick else seconds
