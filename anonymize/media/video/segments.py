"""Split a video file into segments that can be processed independently, and read one of them.

    cut = cut_up(source)                        # None: read the file in one go, which always works
    for segment in cut.segments:
        for picture in source.part(segment, traits):
            ...

The cuts depend only on the file and are found by reading its packets without decoding them: at key frames, at least 20
seconds apart. A segment is decoded from its key frame to a few frames into the next one. Its frames must have the
timestamps that the packets announced, and where two segments overlap, both must decode to the same frames; otherwise
`CannotCut` is raised, and the file is read in one go.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from anonymize.data import Timestamps
from anonymize.media.clock.edits import edit_lists
from anonymize.media.clock.presentation import Presentation
from anonymize.media.damage.losses import Damage
from anonymize.media.frames.frame import VideoPicture
from anonymize.media.protocols import FieldOrder
from anonymize.media.video.open import Input, main_video, open_container

LEAST = Fraction(20)
"""Minimum length of a segment in seconds."""
OVERLAP = 8
"""Frames of the next segment that are decoded twice and compared."""
_SEEKABLE = {"mov": True, "matroska": False}
"""Containers that can seek to any key frame -> whether they hold decoding timestamps."""


class CannotCut(Exception):
    """This video, or its output, cannot be split into independent segments."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a video, from a key frame to the next segment.

    Args:
        number: index of the segment, from 0.
        first: index of its first frame.
        end: one past the index of its last frame.
        entry: timestamp to seek to, on the container's clock; None for the beginning of the file.
        pts: presentation timestamps of its frames and of the few after them that overlap with the next segment.
    """

    number: int
    first: int
    end: int
    entry: int | None
    pts: array[int]


@dataclass(frozen=True, slots=True)
class Cut:
    """A video in segments.

    Args:
        segments: in order, at least two.
        times: presentation timestamps of all frames.
        packets: counts that a pass over the whole file would have made, for its sound.
    """

    segments: tuple[Segment, ...]
    times: Timestamps
    packets: Damage


@dataclass(slots=True)
class PassTraits:
    """Properties of the frames seen in a pass.

    Args:
        side_data: FFmpeg's names of their side data.
        field_order: of the first interlaced frame.
        aspects: the distinct `Frame.aspects`, in order of appearance.
        head: checksum of the frames at the start that overlap with the segment before.
        tail: checksum of the frames of the next segment that were decoded here too.
        compared: whether these checksums are needed.
    """

    side_data: set[str] = field(default_factory=set)
    field_order: FieldOrder = FieldOrder.PROGRESSIVE
    aspects: dict[tuple[Fraction, ...], None] = field(default_factory=dict)
    head: int = 0
    tail: int = 0
    compared: bool = True


@dataclass(slots=True)
class _Packets:
    """Timestamps of all video packets in file order, and the positions of key frames."""

    pts: array[int] = field(default_factory=lambda: array("q"))
    dts: array[int] = field(default_factory=lambda: array("q"))
    keys: list[int] = field(default_factory=list)


def cut_up(
    source: Input,
    name: str,
    presentation: Presentation | None = None,
    *,
    like: Cut | None = None,
    least: Fraction | None = None,
    whole: bool = False,
) -> Cut | None:
    """The segments of the file `source`; None if it is too short for two, or segments might not decode correctly.

    Args:
        source: any video.
        name: for messages.
        presentation: its presentation clock; determined from the file if not given.
        like: cut another video with as many frames in the same places; None is returned where key frames are missing.
        least: minimum length of a segment in seconds; `LEAST` if not given.
        whole: it is known that nothing of it is lost, which takes most of the time to see; `Cut.packets` is empty.
    """
    if not isinstance(source, Path) or (presentation is not None and (presentation.joins or presentation.early)):
        return None
    packets = _Packets()
    try:
        with open_container(source) as container:
            stream = main_video(container, name)
            kind = container.format.name.split(",")[0]
            if kind not in _SEEKABLE or not stream.time_base:
                return None
            presentation = presentation or Presentation.of(stream, container.streams.audio, edit_lists(source))
            place, counted = presentation.placing(), Damage(source, presentation.origin)
            for packet in container.demux():
                place(packet)
                if not whole:
                    counted.count(packet, stream)
                if packet.stream.index == stream.index and not _noted(packet, packets, by_dts=_SEEKABLE[kind]):
                    return None
            if not whole:
                counted.finish(container, stream)
            time_base = Fraction(stream.time_base)
    except av.error.FFmpegError:
        return None  # a full pass reports what is lost
    if counted.words() or not _in_order(packets, by_dts=_SEEKABLE[kind]):
        return None
    times = Timestamps(time_base)
    times.pts = array("q", sorted(packets.pts))
    origin = int(presentation.origin / time_base)
    keys = _keys(packets, times, origin)
    if like is None:
        starts = _starts(keys, times, LEAST if least is None else least)
    elif len(times) == len(like.times) and all(segment.first in keys for segment in like.segments):
        starts = [segment.first for segment in like.segments]
    else:
        return None
    return Cut(tuple(_segments(starts, keys, times)), times, counted) if len(starts) > 1 else None


def _noted(packet: Packet[Stream], packets: _Packets, *, by_dts: bool) -> bool:
    """Add `packet` to `packets`; False if it is anything but an ordinary frame."""
    if packet.pts is None and packet.dts is None and not packet.size:
        return True  # a flush marker
    dts = packet.dts if by_dts else packet.pts  # Matroska has none, FFmpeg's guesses lack some
    if packet.pts is None or dts is None or not packet.size or packet.is_corrupt or packet.is_discard:
        return False
    if packet.has_sidedata("new_extradata") or packet.has_sidedata("encryption_info"):
        return False
    if packet.is_keyframe:
        packets.keys.append(len(packets.pts))
    packets.pts.append(packet.pts)
    packets.dts.append(dts)
    return True


def _in_order(packets: _Packets, *, by_dts: bool) -> bool:
    """Whether timestamps are unique, no frame is decoded after its presentation, and the first is a key frame."""
    pts, dts = np.array(packets.pts, np.int64), np.array(packets.dts, np.int64)
    if not len(pts) or packets.keys[:1] != [0]:
        return False
    if by_dts and not ((np.diff(dts) > 0).all() and (dts <= pts).all()):
        return False
    return bool((np.diff(np.sort(pts)) > 0).all()) and int(pts.argmin()) == 0


def _keys(packets: _Packets, times: Timestamps, origin: int) -> dict[int, int]:
    """Index of every key frame, in file order -> timestamp on the container's clock to seek to.

    That of its presentation: FFmpeg goes to the key frame before if its decoding timestamp is asked for.
    """
    shown = np.frombuffer(times.pts, np.int64)
    return {int(np.searchsorted(shown, packets.pts[key])): packets.pts[key] + origin for key in packets.keys}


def _starts(keys: Iterable[int], times: Timestamps, least: Fraction) -> list[int]:
    """Indices of the first frames of segments: key frames at least `least` seconds apart."""
    pts, apart = times.pts, least / times.time_base
    starts = [0]
    for index in keys:
        if index and pts[index] - pts[starts[-1]] >= apart and pts[-1] - pts[index] >= apart:
            starts.append(index)
    return starts


def _segments(starts: Sequence[int], keys: Mapping[int, int], times: Timestamps) -> Iterator[Segment]:
    ends = [*starts[1:], len(times)]
    for number, (first, end) in enumerate(zip(starts, ends, strict=True)):
        yield Segment(number, first, end, keys[first] if first else None, times.pts[first : end + OVERLAP])


def checksum(picture: VideoPicture, so_far: int) -> int:
    """The CRC-32 `so_far`, continued over the samples of `picture`."""
    for plane in picture.planes:
        so_far = zlib.crc32(np.ascontiguousarray(plane.pixels).data, so_far)
    return so_far


def enter(container: av.container.InputContainer, stream: VideoStream, segment: Segment) -> None:
    """Seek to the beginning of `segment`."""
    if segment.entry is not None:
        container.seek(segment.entry, stream=stream)
