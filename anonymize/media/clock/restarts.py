"""Find where the clock of a file restarts: joined recordings, a restarted recorder, an edit in a broadcast.

All packets are read once, without decoding. Each part with a continuous clock is played right after the part before
it, sound and picture together, as good players do.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from anonymize.errors import UnsupportedInput

_BY_DECODING = ("mpegts", "mpeg", "flv", "ogg")
"""Containers whose packets have decoding timestamps, which must increase."""
_BY_KEYS = ("matroska",)
"""Containers with presentation timestamps only: those of key frames must increase."""
_LEAPS = ("mpegts", "mpeg")
"""Containers whose clock may also jump forward."""
_LEAP = 10.0
"""Minimum jump in seconds of such a clock; less is a pause. (FFmpeg's own limit.)"""
_APART = 1.0
"""Seconds by which the jumps of sound and picture may differ."""
_UNKNOWN = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Join:
    """Start of a part.

    Args:
        first: stream index -> number of its packets before this part.
        later: seconds to add to the timestamps of the part's packets.
        at: start of the part, in seconds since the first packet.
    """

    first: Mapping[int, int]
    later: Fraction
    at: Fraction


@dataclass(slots=True)
class _Stream:
    """The packets of one stream; timestamps in its ticks."""

    tick: Fraction
    shown: array[int] = field(default_factory=lambda: array("q"))
    decoded: array[int] = field(default_factory=lambda: array("q"))
    lasts: array[int] = field(default_factory=lambda: array("q"))
    where: array[int] = field(default_factory=lambda: array("q"))
    keys: array[int] = field(default_factory=lambda: array("b"))

    def add(self, packet: Packet[Stream]) -> None:
        self.shown.append(_UNKNOWN if packet.pts is None else packet.pts)
        self.decoded.append(_UNKNOWN if packet.dts is None else packet.dts)
        self.lasts.append(packet.duration or 0)
        before = self.where[-1] if self.where else 0
        self.where.append(before if packet.pos is None or packet.pos < 0 else packet.pos)
        self.keys.append(packet.is_keyframe)

    def seconds(self, stamps: array[int]) -> NDArray[np.float64]:
        """`stamps` in seconds; an unknown one is replaced by the one before it, or by the first known one."""
        known = np.frombuffer(stamps, np.int64)
        first = int(np.argmax(known != _UNKNOWN))
        index = np.maximum.accumulate(np.where(known != _UNKNOWN, np.arange(len(known)), first))
        return np.asarray(known[index] * float(self.tick), np.float64)

    def begins(self, low: int, high: int, seams: Sequence[int]) -> int:
        """Index of the first packet after a seam in the file.

        Args:
            low: byte offset after which the seam lies.
            high: byte offset up to which it may lie.
            seams: byte offsets of known seams; without one in that range, the first key frame in it counts.
        """
        where = np.frombuffer(self.where, np.int64)
        known = [seam for seam in seams if low < seam <= high]
        first, end = (int(at) for at in np.searchsorted(where, [known[0] if known else low + 1, high]))
        if known:
            return first
        keys = np.flatnonzero(np.frombuffer(self.keys, np.int8)[first:end])
        return first + int(keys[0]) if len(keys) and len(keys) < end - first else end

    def span(self, start: int, end: int) -> tuple[Fraction, Fraction] | None:
        """Start and end in seconds of the packets with indices from `start` to before `end`; None if unknown."""
        shown = np.frombuffer(self.shown, np.int64)[start:end]
        known = shown != _UNKNOWN
        if not known.any():
            return None
        times, lasts = shown[known], np.frombuffer(self.lasts, np.int64)[start:end][known]
        steps = np.diff(np.sort(times))
        lasts = np.where(lasts > 0, lasts, int(np.median(steps)) if len(steps) else 0)
        return int(times.min()) * self.tick, int((times + lasts).max()) * self.tick


@dataclass(slots=True)
class _Leap:
    """A jump of the streams' clocks: by `far` seconds, at byte offset `where`, at packet `first` of each stream."""

    far: float
    where: int
    first: dict[int, int]


def joins_of(
    container: InputContainer, video: VideoStream, sound: Sequence[Stream], name: str, seams: Sequence[int] = ()
) -> tuple[Join, ...]:
    """All places where the clock of `container` restarts. It is read to its end.

    Args:
        container: just opened.
        video: its video stream.
        sound: the audio streams that belong to it.
        name: for messages.
        seams: byte offsets where recordings are known to have been joined.

    Raises:
        UnsupportedInput: the clocks of sound and picture jump by different amounts.
    """
    kind = container.format.name.split(",")[0]
    if kind not in _BY_DECODING + _BY_KEYS:
        return ()
    tracks = {stream.index: _Stream(Fraction(stream.time_base or 1)) for stream in (video, *sound)}
    try:
        for packet in container.demux():
            if packet.stream_index in tracks and counts(packet):
                tracks[packet.stream_index].add(packet)
    except (av.error.FFmpegError, IndexError):
        pass  # the decoding pass reports what is wrong
    tracks = {index: track for index, track in tracks.items() if len(track.shown)}
    found = sorted(
        (leap for index, track in tracks.items() for leap in _leaps(index, track, kind, picture=index == video.index)),
        key=lambda leap: leap.where,
    )
    leaps = list(_together(found))
    for leap in leaps:
        _complete(leap, tracks, seams, name)
    return tuple(_joined(leaps, tracks, Fraction(video.time_base or 1)))


def counts(packet: Packet[Stream]) -> bool:
    """Whether `packet` is a packet of the file, not a flush marker."""
    return bool(packet.size) or packet.pts is not None or packet.dts is not None


def _leaps(index: int, track: _Stream, kind: str, *, picture: bool) -> Iterator[_Leap]:
    """Where the clock of one stream jumps and continues from there."""
    if kind in _BY_KEYS and picture:
        yield from _leaps_of_keys(index, track)
        return
    times = track.seconds(track.decoded if kind in _BY_DECODING else track.shown)
    steps = np.diff(times)
    usual = 1.5 * float(np.median(steps)) if len(steps) else 0.0
    odd = (steps < 0) | ((steps > _LEAP) if kind in _LEAPS else False)
    for before in np.flatnonzero(odd).tolist():
        at = before + 1
        after = times[at + 1] - times[before] if at + 1 < len(times) else 0.0
        since = times[at] - times[before - 1] if before else steps[before]
        # A single packet with a wrong timestamp is not a jump: the next one is two steps after the one before it.
        if not (usual < after <= _LEAP or usual < since <= _LEAP):
            yield _Leap(float(steps[before]), track.where[at], {index: at})


def _leaps_of_keys(index: int, track: _Stream) -> Iterator[_Leap]:
    times = track.seconds(track.shown)
    latest = np.maximum.accumulate(times)
    for at in np.flatnonzero(np.frombuffer(track.keys, np.int8)).tolist():
        if at > 0 and times[at] < latest[at - 1] and (at + 1 == len(times) or times[at + 1] < latest[at - 1]):
            yield _Leap(float(times[at] - latest[at - 1]), track.where[at], {index: at})
            latest[at:] = np.maximum.accumulate(times[at:])


def _together(leaps: Sequence[_Leap]) -> Iterator[_Leap]:
    """`leaps`, with those of different streams merged that belong together."""
    latest: _Leap | None = None
    for leap in leaps:
        ((index, at),) = leap.first.items()
        if latest is not None and index not in latest.first and abs(leap.far - latest.far) <= _APART:
            latest.first[index] = at
            continue
        if latest is not None:
            yield latest
        latest = leap
    if latest is not None:
        yield latest


def _complete(leap: _Leap, tracks: Mapping[int, _Stream], seams: Sequence[int], name: str) -> None:
    """Add to `leap`, for the streams without a jump, the first packet that belongs to the part after it."""
    low = max((int(tracks[index].where[at - 1]) for index, at in leap.first.items()), default=0)
    high = min(int(tracks[index].where[at]) for index, at in leap.first.items())
    for index in tracks.keys() - leap.first.keys():
        track = tracks[index]
        at = track.begins(low, high, seams)
        if 0 < at < len(track.shown):
            times = track.seconds(track.decoded)
            if abs(times[at] - times[at - 1] - leap.far) > _APART:
                raise UnsupportedInput(
                    f"the clock of one of its streams jumps by {leap.far:+.2f} s and that of another does not, so "
                    "it is unknown which sound belongs to which picture; cut the file there",
                    name,
                )
        leap.first[index] = at


def _joined(leaps: Sequence[_Leap], tracks: Mapping[int, _Stream], tick: Fraction) -> Iterator[Join]:
    """The parts, each placed right after the one before it: no stream starts before all streams of that have ended."""
    later, last_end, begun = Fraction(0), Fraction(0), Fraction(0)
    starts = [dict.fromkeys(tracks, 0), *(leap.first for leap in leaps)]
    ends = [*starts[1:], {index: len(track.shown) for index, track in tracks.items()}]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        spans = [track.span(start[index], end[index]) for index, track in tracks.items()]
        known = [span for span in spans if span is not None]
        if not known:
            continue
        begins, stops = min(span[0] for span in known), max(span[1] for span in known)
        if number:
            later = -((begins - last_end) // tick) * tick  # rounded up to a whole tick
            yield Join(start, later, begins + later - begun)
        else:
            begun = begins
        last_end = stops + later
