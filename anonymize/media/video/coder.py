"""Encode frames, either for an open container or by themselves: a segment's packets are muxed later."""

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
"""Share of the memory limit in use above which an encoder's failure is put down to lack of memory."""
_X265_HOLDS = 2
"""Frames that x265 needs before it gives valid decoding timestamps."""


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """One encoded packet; `pts`, `dts` and `duration` are in units of the source's time base."""

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The encoder's parameter sets, sent before the packets of a segment; all segments must have the same."""

    extradata: bytes


class Coder:
    """The encoder of one video stream of `container`. The caller muxes the packets and closes the container."""

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
        """Open the encoder, unless it is open, and return its parameter sets; empty if the codec has none."""
        if not self.stream.codec_context.is_open:
            open_encoder(self.stream.codec_context)
        return bytes(self.stream.codec_context.extradata or b"")

    def encode(self, frame: Frame) -> Iterator[Packet[VideoStream]]:
        """Encode `frame` (from the source, or its `writable` copy) and return the packets ready by then."""
        assert isinstance(frame, VideoPicture), "a video sink takes frames of a video source"
        owned = frame if frame.owned else frame.writable()
        picture = self._prepared(owned.picture)
        if picture.duration and picture.pts is not None:
            self._durations[picture.pts] = picture.duration
        self._written += 1
        self.open()
        yield from self._lasting(self.stream.encode(picture))

    def flush(self) -> Iterator[Packet[VideoStream]]:
        """The packets still in the encoder after the last frame."""
        yield from self._lasting(self.stream.encode(None))

    def _lasting(self, packets: Iterable[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
        """`packets` with the display duration of their frames."""
        for packet in packets:
            if self._target.encoder.name == "libx265" and self._written <= _X265_HOLDS:
                packet.dts = packet.pts  # x265's values are arbitrary here; so few frames are never reordered
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            yield packet

    def _prepared(self, picture: av.VideoFrame) -> av.VideoFrame:
        """`picture` in the encoder's pixel format and with its field order set; no sample changes."""
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
        # PyAV would silently convert a frame that does not fit.
        if (picture.format.name, picture.width, picture.height) != (context.pix_fmt, context.width, context.height):
            raise AssertionError(f"picture {picture} does not fit the encoder {context}")
        return picture


def coded(
    frames: Iterable[Frame], info: MediaInfo, target: Target, output: Output
) -> Iterator[Head | list[EncodedPacket]]:
    """Encode one segment without an output file: yield its `Head`, then after every frame the packets ready by then.

    The encoder has the same settings as the output's, and starts with a closed key frame: no packet refers past it.
    """
    # Never written to: it only tells the encoder whether parameter sets go into the container's header.
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
            ready = [*(ready or ()), *(_coded(packet) for packet in coder.flush())]
        yield ready


def _coded(packet: Packet[VideoStream]) -> EncodedPacket:
    pts, dts = cast("tuple[int, int]", (packet.pts, packet.dts))  # encoders always give both
    return EncodedPacket(bytes(packet), pts, dts, packet.duration or 0, packet.is_keyframe)


def _rate(info: MediaInfo) -> Fraction:
    """Frames per second for the encoder's rate control; timestamps do not depend on it."""
    rate = info.average_rate or Fraction(25)
    return min(max(rate, Fraction(1, 100)), Fraction(1000)).limit_denominator(100_000)


@contextmanager
def understandable(name: str) -> Iterator[None]:
    """Turn errors of FFmpeg and the system while writing the output of `name` into an `OutputError`.

    Raises:
        MemoryError: an encoder could not allocate memory.
    """
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        if isinstance(error, av.error.ExternalError) and _memory_is_short():
            raise MemoryError from error
        raise OutputError(f"its output cannot be written: {_plain(error)}", name) from error


def _memory_is_short() -> bool:
    """Whether this process is close to its memory limit: encoders do not report failed allocations as such."""
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
