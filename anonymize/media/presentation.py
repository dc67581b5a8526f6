"""The clock that players show: what a container calls its times is one thing, when they are played another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Self

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from anonymize.media.protocols import MediaInfo

_FAMILIES = ({"mp4", "m4v", "mov", "3gp", "qt"}, {"mkv", "webm"}, {"ts", "m2ts", "mts"})
"""Containers that mean the same by a time."""


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
    """

    origin: Fraction = Fraction(0)

    @classmethod
    def of(cls, container: InputContainer, video: VideoStream) -> Self:
        """As the headers and first packets of `container` tell."""
        streams = [video, *container.streams.audio]
        starts = [s.start_time * s.time_base for s in streams if s.start_time is not None and s.time_base]
        return cls(_whole_ticks(min(starts, default=Fraction(0)), video))

    def begun_by(self, first: av.VideoFrame, video: VideoStream) -> Self:
        """The same, where the picture `first`, which has its time of the presentation, may come before its zero."""
        if first.pts is None or first.pts >= 0:
            return self
        return replace(self, origin=self.origin + first.pts * Fraction(video.time_base or 0))

    def place(self, packet: Packet[Stream]) -> None:
        """Give `packet`, which has the container's times, those of the presentation."""
        move(packet, -self.origin)


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
