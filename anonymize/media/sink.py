"""Writing a video file: the source's timing, turn and colours, its sound, and nothing else of it."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from anonymize.data import Frame
from anonymize.errors import OutputError
from anonymize.media.choose import MUXERS, Target, choose
from anonymize.media.encode import field_marker, set_up, track_time_base
from anonymize.media.frame import VideoPicture
from anonymize.media.pixels import EXACT
from anonymize.media.protocols import MediaInfo
from anonymize.media.sound import SoundCopy
from anonymize.media.video import VideoSource
from anonymize.settings import Audio, Output

_MAX_TIMESCALE = 2**31 - 1
_BITEXACT = 0x400
"""FFmpeg's AVFMT_FLAG_BITEXACT (PyAV's stub of its enumeration hides the value)."""


class VideoSink:
    """`anonymize.media.protocols.Sink` on a video file that is made from a `VideoSource`."""

    def __init__(self, path: Path, source: VideoSource, output: Output) -> None:
        self._info = source.info
        self._target = choose(self._info, output, path.suffix)
        self._source = source
        self._repack = VideoReformatter()
        self._durations: dict[int, int] = {}
        self._marker: av.filter.Graph | None = None
        self._written = 0
        self._sound: SoundCopy | None = None
        with _understandable(self._info.name):
            self._container = _open(path, self._info, self._target)
            self._stream = self._add_video(output)
            if output.audio is Audio.KEEP and self._info.audio:
                self._sound = SoundCopy(source.input, self._container, self._target)
        # x264 writes its version and settings into the stream, as user data; nothing else in there is needed.
        self._strip = BitStreamFilterContext("filter_units=remove_types=6", "h264") if self._is_h264 else None

    def _add_video(self, output: Output) -> VideoStream:
        stream = self._container.add_stream(self._target.encoder.name, rate=_rate(self._info))
        assert isinstance(stream, VideoStream)
        set_up(stream, self._info, self._target, output)
        return stream

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be changed against the source, or was odd in it."""
        return (*self._source.notes, *self._target.notes)

    @property
    def _is_h264(self) -> bool:
        return self._target.encoder.codec == "h264"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the output as it is; whoever named its path removes it unless `finish` came through."""
        if self._sound is not None:
            self._sound.close()
        with suppress(av.error.FFmpegError, OSError):
            self._container.close()

    def write(self, frame: Frame) -> None:
        """Append `frame`; see `Sink.write`."""
        assert isinstance(frame, VideoPicture), "a video sink takes frames of a video source"
        owned = frame if frame.owned else frame.writable()
        picture = self._prepared(owned.picture)
        if picture.duration and picture.pts is not None:
            self._durations[picture.pts] = picture.duration
        with _understandable(self._info.name):
            self._mux(self._stream.encode(picture))
            if self._sound is not None:
                self._sound.up_to(frame.pts * frame.time_base)
        self._written += 1

    def finish(self) -> None:
        """Write what is pending and close; see `Sink.finish`."""
        with _understandable(self._info.name):
            self._mux(self._stream.encode(None))
            if self._sound is not None:
                self._sound.rest()
            self._container.close()

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
        context = self._stream.codec_context
        # PyAV would convert silently what does not fit.
        if (picture.format.name, picture.width, picture.height) != (context.pix_fmt, context.width, context.height):
            raise AssertionError(f"picture {picture} does not fit the encoder {context}")
        return picture

    def _mux(self, packets: Iterable[Packet[VideoStream]]) -> None:
        for packet in packets:
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            for stripped in self._stripped(packet):
                self._container.mux(stripped)

    def _stripped(self, packet: Packet[VideoStream]) -> Iterator[Packet[VideoStream]]:
        """`packet` without the encoder's messages about itself."""
        if self._strip is None:
            yield packet
            return
        for stripped in self._strip.filter(packet):
            stripped.stream = self._stream
            stripped.time_base = self._stream.codec_context.time_base
            yield stripped


def _open(path: Path, info: MediaInfo, target: Target) -> OutputContainer:
    muxer = MUXERS[target.container]
    container = av.open(f"file:{path.absolute()}", "w", format=muxer, container_options=_muxer_options(info, muxer))
    container.flags |= _BITEXACT  # writes no library version, date or random id
    return container


def _muxer_options(info: MediaInfo, muxer: str) -> dict[str, str]:
    options = {"strict": "experimental"}  # TrueHD in MP4 and the like
    if muxer in ("mp4", "mov"):
        scale = track_time_base(info.time_base).denominator
        options |= {
            "video_track_timescale": str(scale),
            # The presentation's start is written in these ticks: they must divide the track's.
            "movie_timescale": str(_movie_scale(scale, info)),
            "empty_hdlr_name": "1",
            "movflags": "+faststart+write_colr",
        }
    if muxer == "mpegts":
        options |= {"mpegts_copyts": "1", "muxdelay": "0", "muxpreload": "0"}
    return options


def _movie_scale(scale: int, info: MediaInfo) -> int:
    """Ticks a second in which starts of picture and sound are both exact; of the picture alone if there are none."""
    for track in info.audio:
        common = math.lcm(scale, track.rate or 1)
        if common <= _MAX_TIMESCALE:
            scale = common
    return scale


def _rate(info: MediaInfo) -> Fraction:
    """Frames a second, as the encoder's guess at what to spend; the timestamps do not come from it."""
    rate = info.average_rate or Fraction(25)
    return min(max(rate, Fraction(1, 100)), Fraction(1000)).limit_denominator(100_000)


@contextmanager
def _understandable(name: str) -> Iterator[None]:
    """Turn what FFmpeg and the system say about the output of `name` into an `OutputError`."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        raise OutputError(f"{name}: its output cannot be written: {_plain(error)}") from error


def _plain(error: av.error.FFmpegError | OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room or write somewhere else"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "the folder to write into is gone"
    if error.errno in (errno.EACCES, errno.EROFS):
        return "no permission to write there"
    return (error.strerror or str(error)).lower()
