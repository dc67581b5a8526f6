"""Encoding pictures, for the container they go into or apart from it: a segment's packets are joined into it later."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from anonymize.data import Frame
from anonymize.errors import OutputError
from anonymize.media.frames.frame import VideoPicture
from anonymize.media.frames.pixels import EXACT
from anonymize.media.protocols import MediaInfo
from anonymize.media.video.choose import MUXERS, Target
from anonymize.media.video.in_turn import open_encoder
from anonymize.media.video.options import field_marker, set_up
from anonymize.settings import Output
from anonymize.text.words import disk_full, system

_NEARLY_ALL = 0.75
"""The share of the memory that it may have from which on it is what an encoder lacks."""
_X265_HOLDS = 2
"""Pictures that x265 must have had to know when the first of them is decoded."""


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """One packet of an encoder; times in units of the source's time base."""

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool


@dataclass(frozen=True, slots=True)
class Head:
    """What comes before the packets of a segment: the encoder's parameter sets, which all segments must share."""

    extradata: bytes


class Coder:
    """The encoder of one video stream of `container`, which stays with whoever muxes."""

    def __init__(self, container: OutputContainer, info: MediaInfo, target: Target, output: Output) -> None:
        self._info = info
        self._target = target
        self._repack = VideoReformatter()
        self._durations: dict[int, int] = {}
        self._marker: av.filter.Graph | None = None
        self._written = 0
        stream = container.add_stream(target.encoder.name, rate=_rate(info))
        assert isinstance(stream, VideoStream)
        set_up(stream, info, target, output)
        self.stream = stream

    def open(self) -> bytes:
        """Open the encoder before its first picture; its parameter sets, empty where it has none."""
        if not self.stream.codec_context.is_open:
            open_encoder(self.stream.codec_context)
        return bytes(self.stream.codec_context.extradata or b"")

    def encode(self, frame: Frame) -> Iterator[Packet[VideoStream]]:
        """The packets that are ready after `frame`, which came from the source or is its `writable` copy."""
        assert isinstance(frame, VideoPicture), "a video sink takes frames of a video source"
        owned = frame if frame.owned else frame.writable()
        picture = self._prepared(owned.picture)
        if picture.duration and picture.pts is not None:
            self._durations[picture.pts] = picture.duration
        self._written += 1
        self.open()
        yield from self._lasting(self.stream.encode(picture))

    def rest(self) -> Iterator[Packet[VideoStream]]:
        """The packets that are left after the last frame."""
        yield from self._lasting(self.stream.encode(None))

    def _lasting(self, packets: Iterable[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
        """`packets`, each as long as its picture is shown."""
        for packet in packets:
            if self._target.encoder.name == "libx265" and self._written <= _X265_HOLDS:
                packet.dts = packet.pts  # it says anything; so few are coded in the order in which they are shown
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            yield packet

    def _prepared(self, picture: av.VideoFrame) -> av.VideoFrame:
        """`picture` as the encoder wants it: repacked and marked, no sample changed."""
        if picture.format.name != self._target.pixel_format:
            picture = self._repack.reformat(picture, format=self._target.pixel_format, interpolation=EXACT, threads=1)
        if self._written == 0:
            self._marker = field_marker(self._info, picture)
        if self._marker is not None:
            self._marker.push(picture)
            marked = self._marker.pull()
            assert isinstance(marked, av.VideoFrame)
            picture = marked
        context = self.stream.codec_context
        # PyAV would convert silently what does not fit.
        if (picture.format.name, picture.width, picture.height) != (context.pix_fmt, context.width, context.height):
            raise AssertionError(f"picture {picture} does not fit the encoder {context}")
        return picture


def coded(
    frames: Iterable[Frame], info: MediaInfo, target: Target, output: Output
) -> Iterator[Head | list[EncodedPacket]]:
    """Encode one segment apart from any output: its head, then for every frame the packets that are ready by then.

    The encoder is set up as the one of the output is, and begins anew: with a key frame that nothing refers past.
    """
    # Never written to: the encoder asks it only whether parameter sets go into the container's header.
    with av.open(io.BytesIO(), "w", format=MUXERS[target.container]) as scratch:
        coder = Coder(scratch, info, target, output)
        with understandable(info.name):
            head = Head(coder.open())
        yield head
        ready: list[EncodedPacket] | None = None
        for frame in frames:
            if ready is not None:
                yield ready
            with understandable(info.name):
                ready = [_coded(packet) for packet in coder.encode(frame)]
        with understandable(info.name):
            ready = [*(ready or ()), *(_coded(packet) for packet in coder.rest())]
        yield ready


def _coded(packet: Packet[VideoStream]) -> EncodedPacket:
    pts, dts = cast("tuple[int, int]", (packet.pts, packet.dts))  # encoders always give both
    return EncodedPacket(bytes(packet), pts, dts, packet.duration or 0, packet.is_keyframe)


def _rate(info: MediaInfo) -> Fraction:
    """Frames a second, as the encoder's guess at what to spend; the timestamps do not come from it."""
    rate = info.average_rate or Fraction(25)
    return min(max(rate, Fraction(1, 100)), Fraction(1000)).limit_denominator(100_000)


@contextmanager
def understandable(name: str) -> Iterator[None]:
    """Turn what FFmpeg and the system say about the output of `name` into an `OutputError`.

    Raises:
        MemoryError: an encoder did not get the memory that it asked for.
    """
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        if isinstance(error, av.error.ExternalError) and _memory_is_short():
            raise MemoryError from error
        raise OutputError(f"its output cannot be written: {_plain(error)}", name) from error


def _memory_is_short() -> bool:
    """Whether this process holds nearly all the memory that it may: encoders do not say what they lacked."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return False  # not Linux
    return most != resource.RLIM_INFINITY and held > most * _NEARLY_ALL


def _plain(error: av.error.FFmpegError | OSError) -> str:
    said = OSError(error.errno, None)
    if disk_full(said):
        return system(said)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "the folder to write into is gone"
    if error.errno in (errno.EACCES, errno.EROFS):
        return "no permission to write there"
    return (error.strerror or str(error)).lower()
