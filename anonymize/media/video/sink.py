"""Write a video file with the source's timing, orientation, colours and sound, and nothing else from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import av
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from anonymize.data import Frame, Timestamps
from anonymize.media.audio.copy import SoundCopy
from anonymize.media.clock.presentation import move, written_origin
from anonymize.media.protocols import MediaInfo
from anonymize.media.video.choose import MUXERS, Target, choose
from anonymize.media.video.coder import Coder, EncodedPacket, Head, understandable
from anonymize.media.video.mpegts import fill_up
from anonymize.media.video.options import track_time_base
from anonymize.media.video.packets import BITEXACT, WITHOUT_SEI, build_packet
from anonymize.media.video.players import OPTIONS, tag_of
from anonymize.media.video.segments import CannotCut
from anonymize.media.video.source import VideoSource
from anonymize.settings import Audio, Output

_MAX_TIMESCALE = 2**31 - 1


class VideoSink:
    """A `anonymize.media.protocols.Sink` that writes a video file from a `VideoSource`.

    Args:
        path: the file to write.
        source: the video it is made from.
        output: what the user asked for.
    """

    def __init__(self, path: Path, source: VideoSource, output: Output) -> None:
        self._path = path
        self._info = source.info
        self.target = choose(self._info, output, path.suffix)
        """Container and encoder."""
        self._source = source
        self._sound: SoundCopy | None = None
        self._joined = False
        self._origin = written_origin(self._info, self.target.container)
        with understandable(self._info.name):
            self._container = _open(path, self._info, self.target)
            self._coder = Coder(self._container, self._info, self.target, output)
            if tag := tag_of(self.target.container, self.target.encoder.codec):
                self._coder.stream.codec_context.codec_tag = tag
            if output.audio is Audio.KEEP:
                self._sound = SoundCopy(source, self._container, self.target, self._origin)
        self._strip = BitStreamFilterContext(WITHOUT_SEI, "h264") if self.target.encoder.codec == "h264" else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What differs from the source, and what was unusual in it."""
        return (*self._source.notes, *self.target.notes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the output as it is; the caller removes it unless `finish` succeeded."""
        if self._sound is not None:
            self._sound.close()
        with suppress(av.error.FFmpegError, OSError):
            self._container.close()

    def write(self, frame: Frame) -> None:
        """Append `frame`; see `Sink.write`."""
        with understandable(self._info.name):
            self._mux(self._coder.encode(frame))
            if self._sound is not None:
                self._sound.up_to(frame.pts * frame.time_base)

    def finish(self) -> None:
        """Write what is pending and close; see `Sink.finish`."""
        with understandable(self._info.name):
            if not self._joined:
                self._mux(self._coder.flush())
            if self._sound is not None:
                self._sound.flush()
            self._container.close()
            if self.target.container == "ts":
                fill_up(self._path)

    def join(self, segments: Iterable[Iterable[Head | list[EncodedPacket]]], times: Timestamps) -> Iterator[None]:
        """Append segments encoded by `coded`, in order, instead of frames; yields once per frame.

        Args:
            segments: of the same source, encoded for `target` with the same settings.
            times: of all their frames.

        Raises:
            CannotCut: parameter sets or decoding timestamps of the segments do not fit together.
            OutputError: the disk is full, or the output's folder is gone.
        """
        self._joined = True
        decoding = DecodingTimes(times.pts)
        for number, segment in enumerate(segments):
            for news in segment:
                if isinstance(news, Head):
                    if news.extradata != self._coder.open():
                        raise CannotCut
                    continue
                with understandable(self._info.name):
                    self._mux(
                        build_packet(
                            coded.data,
                            self._coder.stream,
                            self._info.time_base,
                            pts=coded.pts,
                            dts=decoding.of(coded, number),
                            duration=coded.duration,
                            key=coded.key,
                        )
                        for coded in news
                    )
                    if news and self._sound is not None:
                        self._sound.up_to(news[-1].pts * times.time_base)
                yield

    def _mux(self, packets: Iterable[Packet[VideoStream]]) -> None:
        for packet in packets:
            for stripped in self._stripped(packet):
                move(stripped, self._origin)
                self._container.mux(stripped)

    def _stripped(self, packet: Packet[VideoStream]) -> Iterator[Packet[VideoStream]]:
        """`packet` without SEI messages."""
        if self._strip is None:
            yield packet
            return
        for stripped in self._strip.filter(packet):
            stripped.stream = self._coder.stream
            stripped.time_base = self._info.time_base
            yield stripped


class DecodingTimes:
    """Decoding timestamps for joined segments: strictly increasing across seams, and never after presentation.

    Encoders that reorder give packet i the presentation timestamp of the frame shown `delay` places earlier. The same
    rule across all segments continues the timestamps from one segment to the next. The first segment keeps those of the
    encoder, from which the delay is taken.

    Args:
        pts: presentation timestamps of the frames of all segments, in order.
    """

    def __init__(self, pts: Sequence[int]) -> None:
        self._pts = pts
        self._position = 0
        self._delay = 0
        self._last: int | None = None

    def of(self, coded: EncodedPacket, segment: int) -> int:
        """The decoding timestamp of the next packet, which belongs to `segment`.

        Raises:
            CannotCut: no valid one exists.
        """
        if segment == 0:
            dts = coded.dts
            self._delay += dts < self._pts[0]
        else:
            dts = self._pts[self._position - self._delay]
        self._position += 1
        if dts > coded.pts or (self._last is not None and dts <= self._last):
            raise CannotCut
        self._last = dts
        return dts


def _open(path: Path, info: MediaInfo, target: Target) -> OutputContainer:
    muxer = MUXERS[target.container]
    container = av.open(f"file:{path.absolute()}", "w", format=muxer, container_options=_muxer_options(info, muxer))
    container.flags |= BITEXACT
    return container


def _muxer_options(info: MediaInfo, muxer: str) -> dict[str, str]:
    options = {"strict": "experimental", **OPTIONS.get(muxer, {})}  # TrueHD in MP4 and the like
    if muxer in ("mp4", "mov"):
        scale = track_time_base(info.time_base).denominator
        options |= {
            "video_track_timescale": str(scale),
            # Edit lists count in these ticks, which must divide the track's.
            "movie_timescale": str(_movie_scale(scale, info)),
        }
    return options


def _movie_scale(scale: int, info: MediaInfo) -> int:
    """Ticks per second in which the starts of video and sound are both exact; of the video alone if there are none."""
    for track in info.audio:
        common = math.lcm(scale, track.rate or 1)
        if common <= _MAX_TIMESCALE:
            scale = common
    return scale
