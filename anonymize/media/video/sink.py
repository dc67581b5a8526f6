"""Writing a video file: the source's timing, turn and colours, its sound, and nothing else of it."""

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
    """`anonymize.media.protocols.Sink` on a video file that is made from a `VideoSource`."""

    def __init__(self, path: Path, source: VideoSource, output: Output) -> None:
        self._path = path
        self._info = source.info
        self.target = choose(self._info, output, path.suffix)
        """What the output is made of."""
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
        """What had to be changed against the source, or was odd in it."""
        return (*self._source.notes, *self.target.notes)

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
        with understandable(self._info.name):
            self._mux(self._coder.encode(frame))
            if self._sound is not None:
                self._sound.up_to(frame.pts * frame.time_base)

    def finish(self) -> None:
        """Write what is pending and close; see `Sink.finish`."""
        with understandable(self._info.name):
            if not self._joined:
                self._mux(self._coder.rest())
            if self._sound is not None:
                self._sound.rest()
            self._container.close()
            if self.target.container == "ts":
                fill_up(self._path)

    def join(self, segments: Iterable[Iterable[Head | list[EncodedPacket]]], times: Timestamps) -> Iterator[None]:
        """Append segments encoded by `coded`, in order, instead of frames; one step for every frame of theirs.

        Args:
            segments: of the same source, encoded for `target` and the same settings.
            times: of all the frames that they hold.

        Raises:
            CannotCut: the encoder's segments do not fit together.
            OutputError: the disk is full, or the output's place is gone.
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
        """`packet` without the encoder's messages about itself."""
        if self._strip is None:
            yield packet
            return
        for stripped in self._strip.filter(packet):
            stripped.stream = self._coder.stream
            stripped.time_base = self._info.time_base
            yield stripped


class DecodingTimes:
    """When each packet of joined segments is decoded: rising over their seams, and never after it is shown.

    Encoders that reorder give the packet at position i the time of the picture that is shown `delay` places earlier.
    The same rule, over all segments, gives the next segment times that go on where the last one's ended. The first
    segment's are the encoder's own, and tell the delay.

    Args:
        pts: when the frames of all segments are shown.
    """

    def __init__(self, pts: Sequence[int]) -> None:
        self._pts = pts
        self._position = 0
        self._delay = 0
        self._last: int | None = None

    def of(self, coded: EncodedPacket, segment: int) -> int:
        """The time of the next packet, which belongs to `segment`.

        Raises:
            CannotCut: it has none that serves.
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
            # The presentation's start is written in these ticks: they must divide the track's.
            "movie_timescale": str(_movie_scale(scale, info)),
        }
    return options


def _movie_scale(scale: int, info: MediaInfo) -> int:
    """Ticks a second in which starts of picture and sound are both exact; of the picture alone if there are none."""
    for track in info.audio:
        common = math.lcm(scale, track.rate or 1)
        if common <= _MAX_TIMESCALE:
            scale = common
    return scale
