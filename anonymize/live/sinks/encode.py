"""Encode frames and sound once for all sinks: x264 without delay and AAC, on one clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from anonymize.data import Frame
from anonymize.live.protocols import Picture, SoundInfo
from anonymize.media.frames.frame import VideoPicture
from anonymize.media.video.packets import BITEXACT, WITHOUT_SEI, build_packet

CLOCK = Fraction(1, 90_000)
"""Time base of every video packet."""
KEY_EVERY = 2.0
"""Seconds between key pictures, at which a viewer can join and a file can begin."""
SPEED = "superfast"
"""x264's preset: 6 ms of one core per 720p picture; veryfast takes 10 ms for a fifth fewer bits."""
_BITS = 0.2
"""Maximum bits per pixel: 4.6 Mbit/s for 720p25."""
_AAC_FRAME = 1024


@dataclass(frozen=True, slots=True)
class LivePacket:
    """One encoded packet, shared read-only by all sinks.

    Args:
        data: the bytes; a key picture includes its parameter sets.
        pts: presentation timestamp in `time_base`.
        duration: in `time_base`; 0 if unknown.
        time_base: in seconds.
        key: whether decoding can begin here.
        sound: whether it is sound.
        at: when it was captured, seconds since the epoch; 0 for sound.
    """

    data: bytes
    pts: int
    duration: int
    time_base: Fraction
    key: bool
    sound: bool
    at: float = 0.0

    @property
    def time(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)


class LiveEncoder:
    """Encodes the pictures and sound of one camera. Not thread-safe.

    Args:
        picture: format of the frames.
        quality: x264's constant rate factor.
        sound: whether to encode sound too.
        plain: use only what every browser decodes in real time: the constrained baseline profile.
    """

    def __init__(self, picture: Picture, quality: int, *, sound: bool, plain: bool = False) -> None:
        # FFmpeg's null muxer, only for streams that serve as templates.
        self._home: OutputContainer = av.open(os.devnull, "w", format="null")
        self._video = self._add_video(picture, quality, plain=plain)
        self._sound = _Sound(self._home, picture.sound) if sound and picture.sound else None
        self._home.start_encoding()
        # Every key frame carries its parameter sets, so that a viewer can join there.
        self._strip = BitStreamFilterContext(f"{WITHOUT_SEI},dump_extra=freq=keyframe", self._video)
        self._last: int | None = None
        self._key: int | None = None
        self._asked = False
        self._begun = picture.begun

    def _add_video(self, picture: Picture, quality: int, *, plain: bool) -> VideoStream:
        stream = self._home.add_stream("libx264", rate=picture.rate)
        assert isinstance(stream, VideoStream)
        most = int(picture.width * picture.height * min(float(picture.rate), 60.0) * _BITS)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = picture.width, picture.height, "yuv420p"
        context.time_base = stream.time_base = CLOCK
        context.sample_aspect_ratio = picture.pixel_aspect
        context.color_range = picture.colour.range
        context.color_primaries, context.color_trc = picture.colour.primaries, picture.colour.transfer
        context.colorspace = picture.colour.matrix
        context.thread_count = min(2, os.cpu_count() or 1)
        context.flags |= av.codec.context.Flags.global_header
        stream.options = {
            "preset": SPEED,
            "tune": "zerolatency",
            "crf": str(quality),
            "maxrate": str(most),
            "bufsize": str(most),
            "g": str(max(1, round(picture.rate * 60))),  # key pictures are forced by time, whatever the real rate
            "forced-idr": "1",
            "a53cc": "0",
            **({"profile": "baseline"} if plain else {}),
        }
        return stream

    @property
    def streams(self) -> tuple[VideoStream | AudioStream, ...]:
        """The video stream and the audio stream, if any: templates for `Muxer`."""
        return (self._video, self._sound.stream) if self._sound else (self._video,)

    def want_key(self) -> None:
        """Make the next picture a key picture, beside those that come every `KEY_EVERY` seconds. From any thread."""
        self._asked = True

    def picture(self, frame: Frame) -> list[LivePacket]:
        """The packet of `frame`, without delay; none if its time does not increase."""
        assert isinstance(frame, VideoPicture), "live sinks take pictures that the live chain made"
        pts = round(frame.pts * frame.time_base / CLOCK)
        if self._last is not None and pts <= self._last:
            return []
        self._last = pts
        image = frame.picture
        image.pts, image.time_base = pts, CLOCK
        key = self._key is None or (pts - self._key) * CLOCK >= KEY_EVERY
        image.pict_type = PictureType.I if key or self._asked else PictureType.NONE
        self._asked = False
        if key:
            self._key = pts
        packets = []
        at = time.time() - time.monotonic() + self._begun + float(pts * CLOCK)
        for packet in self._video.encode(image):
            key = packet.is_keyframe  # the filter empties `packet`
            for clean in self._strip.filter(packet):
                assert clean.pts is not None
                packets.append(LivePacket(bytes(clean), clean.pts, 0, CLOCK, key, sound=False, at=at))
        return packets

    def sound(self, packet: Packet[Any]) -> list[LivePacket]:
        """Re-encode a packet of sound; no packets if it cannot be decoded."""
        return list(self._sound.encode(packet)) if self._sound else []

    def flush(self) -> list[LivePacket]:
        """The last packets of sound; x264 holds no pictures back."""
        return list(self._sound.encode(None)) if self._sound else []

    def close(self) -> None:
        """Free the encoders."""
        self._home.close()


class _Sound:
    """Decodes the sound of the source and encodes it as AAC, which every sink can carry."""

    def __init__(self, home: OutputContainer, info: SoundInfo) -> None:
        layout = "mono" if info.layout == "mono" else "stereo"
        rate = info.rate if info.rate in (16_000, 22_050, 24_000, 32_000, 44_100, 48_000) else 48_000
        decoder = AudioCodecContext.create(info.codec, "r")
        assert isinstance(decoder, AudioCodecContext)
        self._decoder = decoder
        self._decoder.sample_rate, self._decoder.layout = info.rate, info.layout
        if info.extradata:
            self._decoder.extradata = info.extradata
        self._resampler = AudioResampler("fltp", layout, rate, frame_size=_AAC_FRAME)
        stream = home.add_stream("aac", rate=rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = layout
        stream.codec_context.bit_rate = 64_000 * (1 if layout == "mono" else 2)
        stream.codec_context.flags |= av.codec.context.Flags.global_header
        self.stream = stream
        self._last: Fraction | None = None

    def encode(self, packet: Packet[Any] | None) -> Iterator[LivePacket]:
        """Re-encode `packet`; None flushes decoder, resampler and encoder."""
        try:
            frames: list[av.AudioFrame | None] = [*self._decoder.decode(packet)]
            if packet is None:
                frames.append(None)
            pieces: list[av.AudioFrame | None] = [p for frame in frames for p in self._resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError):
            if packet is not None:
                return  # a damaged packet or a changed sample format: silence while it lasts
            pieces = []
        if packet is None:
            pieces.append(None)
        for piece in pieces:
            for made in self.stream.encode(piece):
                if made.pts is None or made.time_base is None:
                    continue
                shown = made.pts * Fraction(made.time_base)
                if self._last is None or shown > self._last:
                    self._last = shown
                    length = made.duration or 0
                    yield LivePacket(bytes(made), made.pts, length, Fraction(made.time_base), key=True, sound=True)


class Muxer:
    """An open container that takes `LivePacket` packets.

    Args:
        file: a path, or an object with `write`.
        form: FFmpeg's container name.
        streams: `LiveEncoder.streams`.
        options: of the container.
        start: presentation time in seconds that becomes zero.
        opener: PyAV's ``io_open``, for containers of several files.

    Raises:
        av.error.FFmpegError, OSError: the container cannot be written; from every method.
    """

    def __init__(
        self,
        file: Any,
        form: str,
        streams: Iterable[VideoStream | AudioStream],
        options: dict[str, str] | None = None,
        start: float = 0.0,
        opener: Callable[[str, int, dict[str, str]], object] | None = None,
    ) -> None:
        # Missing sound must not delay the picture.
        common = {"max_interleave_delta": "200000", "flush_packets": "1"}
        self._start = Fraction(start)
        self._container = av.open(file, "w", format=form, container_options=common | (options or {}), io_open=opener)
        self._container.flags |= BITEXACT
        self._tracks = [self._container.add_stream_from_template(stream) for stream in streams]

    def write(self, coded: LivePacket) -> None:
        """Append `coded`; skip sound if the container has no audio stream."""
        if coded.sound and len(self._tracks) == 1:
            return
        track, pts = self._tracks[1 if coded.sound else 0], coded.pts - round(self._start / coded.time_base)
        self._container.mux(
            build_packet(coded.data, track, coded.time_base, pts=pts, dts=pts, duration=coded.duration, key=coded.key)
        )

    def close(self) -> None:
        """Flush and write the trailer."""
        self._container.close()
