"""Open live sources: cameras, network streams, pipes. A `Stream` is one connection; to reconnect, open another.

with Stream(way_to("rtsp://camera/main"), timeout=5.0) as stream:
    for item in stream.items():             # decoded pictures and packets of sound, as they arrive
        ...
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import InputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter

from anonymize.aspect import aspects_of, upright
from anonymize.data import SQUARE
from anonymize.errors import InputError, UnreadableInput, UsageError
from anonymize.live.source import srt
from anonymize.live.source.clock import JUMP, SourceClock
from anonymize.live.source.same_host import SameHost
from anonymize.media.damage import complaints
from anonymize.media.damage.lineage import Lineage
from anonymize.media.frames.crop import Crop
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.pixel_shape import PixelShape
from anonymize.media.frames.transparency import Ground
from anonymize.media.video.inspect import display_matrix, side_data
from anonymize.media.video.open import check_readable, check_size, main_video, open_container
from anonymize.settings import Transport

# Not `nobuffer`: it discards the packets read for probing, and with them the first key frame.
_PROBED = 5
"""Maximum seconds of a stream read for probing."""
# No pictures are read to measure the rate: a slow camera would take longer than may pass without data.
_LOW_DELAY = {"flags": "low_delay", "analyzeduration": f"{_PROBED}000000", "fpsprobesize": "0"}
_FORMATS = (
    "aac,ac3,asf,avi,flv,h264,hevc,hls,live_flv,matroska,webm,mjpeg,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpegts,mpjpeg,ogg,rtp,rtsp,"
    "sdp,yuv4mpegpipe"
)
"""Formats allowed in a stream: no text, lists of files, pictures or scripts."""
_PICTURES = "jpeg_pipe,png_pipe,webp_pipe,image2pipe"
"""Formats allowed beside these where single pictures are fetched."""
_PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,srtp,udp,tcp,tls,crypto",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tls,tcp",
    "http": "http,httpproxy,https,tls,tcp,crypto",
    "https": "http,httpproxy,https,tls,tcp,crypto",
    "srt": "pipe",
    "tcp": "tcp",
    "udp": "udp",
}
"""Protocols that each kind of address may use: never a local file, whatever a playlist names."""
_OWN_OPTIONS = {
    # Servers drop packets on a slow line; only with a queue does FFmpeg check their sequence numbers.
    "rtsp": {"rtsp_flags": "prefer_tcp", "reorder_queue_size": "2"},
    # Over UDP the pictures would travel in the clear.
    "rtsps": {"rtsp_transport": "tcp", "reorder_queue_size": "2"},
    # RTMP begins with a key frame, but may announce sound where there is none: do not wait for it.
    "rtmp": {"analyzeduration": "1000000"},
    "rtmps": {"analyzeduration": "1000000"},
    "udp": {"fifo_size": "50000", "overrun_nonfatal": "1"},
}
_OPENING = {"rtmp": 20.0, "rtmps": 20.0}
"""The least seconds within which a server must send a picture after a connection: one of RTMP waits for a key frame,
and some cameras send one every 10 s."""
_TRANSPORTS = {"auto": "tcp+udp+udp_multicast", "tcp": "tcp", "udp": "udp", "multicast": "udp_multicast"}
"""FFmpeg's `rtsp_transport` for each `Transport`."""
_ELSEWHERE = "it redirects to another host, which is not followed; if you trust that host, give its address"
_CAMERA = re.compile(r"\d+|/dev/video\w+")
_USUAL_RATE = Fraction(25)
_BEHIND = 2
"""Packets of MPEG-TS that FFmpeg reads before it hands one over: a packet ends where the next one begins, and so does a
picture in it."""
_AHEAD = 200
"""The most packets that are read before they are decoded."""
_LEFT_OUT = re.compile("RTP: (missed|dropping old)|bad cseq")
"""FFmpeg messages about lost RTP packets."""


@dataclass(frozen=True, slots=True)
class Way:
    """How an address is opened.

    Args:
        url: for FFmpeg, with credentials: never shown.
        format: FFmpeg's format name; None to probe.
        options: of the container.
        file: path of a file; None for a stream.
        endless: whether an end means a lost connection, to be opened again.
        received: whether an `ffmpeg` process receives it (`anonymize.live.source.srt`).
        poll: seconds from one picture to the next, where each is fetched by itself; 0 for a stream.
    """

    url: str = field(repr=False)
    format: str | None = None
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    file: Path | None = None
    endless: bool = True
    received: bool = False
    poll: float = 0.0


def way_to(address: str, transport: Transport = Transport.AUTO, poll: float = 0.0) -> Way:
    """How to open `address`: a camera's number or device, a stream's URL, `-` for standard input, or a file.

    Args:
        address: of the source.
        transport: of an `rtsp` source.
        poll: seconds between the pictures of an `http` source that gives one at a time; 0 for a stream.

    Raises:
        UsageError: the address is not supported, `transport` or `poll` is not for it, or standard input is a terminal.
    """
    scheme = address.partition("://")[0].lower() if "://" in address else ""
    if transport is not Transport.AUTO and scheme != "rtsp":
        raise UsageError(f"transport {transport.value}: only rtsp:// addresses have one to choose")
    if poll and scheme not in ("http", "https"):
        raise UsageError("poll: only pictures at http:// and https:// addresses are fetched again and again")
    if _CAMERA.fullmatch(address):
        device = f"/dev/video{address}" if address.isdigit() else address
        return Way(device, _WEBCAM, ())
    if address == "-":
        if os.isatty(0):
            raise UsageError("-: standard input is a terminal: send a recording into this command")
        return Way("pipe:0", None, _options(_LOW_DELAY, "pipe"), endless=False)
    if not scheme:
        return Way(address, file=Path(address), endless=False)
    if scheme not in _PROTOCOLS:
        raise UsageError(
            f"{scheme}://: unsupported source. Supported are {', '.join(f'{s}://' for s in _PROTOCOLS)}, a "
            "camera's number or device, - for standard input, and files"
        )
    if scheme == "srt":
        srt.check(address)
    own = _LOW_DELAY | _OWN_OPTIONS.get(scheme, {})
    if scheme == "rtsp":
        own |= {"rtsp_transport": _TRANSPORTS[transport.value]}
    form = "mpegts" if scheme in ("udp", "srt") else None
    formats = f"{_FORMATS},{_PICTURES}" if poll else _FORMATS
    options = _options(own, _PROTOCOLS[scheme], formats)
    return Way(address, form, options, received=scheme == "srt", poll=poll)


def _options(own: dict[str, str], protocols: str, formats: str = _FORMATS) -> tuple[tuple[str, str], ...]:
    return tuple((own | {"protocol_whitelist": protocols, "format_whitelist": formats}).items())


@dataclass(frozen=True, slots=True)
class _Came:
    """A packet, whether nothing before it was skipped, when it came (monotonic clock), and its timestamp in seconds."""

    packet: Packet[Any]
    followed: bool
    at: float
    shown: float | None


_WEBCAM = "video4linux2"
"""FFmpeg's name of the format."""
BLIND = 30.0
"""Seconds in which data comes, and no picture that can be shown, after which a connection is opened again: key frames
are hardly further apart."""


class Stream:
    """One connection to a source. A context manager.

    Args:
        way: from `way_to`.
        timeout: seconds without data after which opening or reading fails.
        name: used in messages.
        pixel_aspect: of an upright pixel, overriding the source.

    Raises:
        InputError: it cannot be opened, or holds no video. Messages show `name`, not the address.
    """

    def __init__(self, way: Way, timeout: float, name: str, pixel_aspect: Fraction | None = None) -> None:
        self.name = name
        self._asked = pixel_aspect
        self._is_file = way.file is not None
        self._from_driver = way.format == _WEBCAM
        self.undecodable = 0
        """Number of pictures dropped so far: damaged, or decoded from damaged ones."""
        with ExitStack() as stack:
            self._container, messages = _opened(way, timeout, name, stack)
            stack.callback(self._container.close)
            self._video = main_video(self._container, name)
            # Each thread would delay a picture, and its error messages would be lost.
            complaints.listen_to(self._video.codec_context)
            self._lineage = Lineage(self._video.codec_context, torn=self._container.format.name == "mpegts")
            self._crop = Crop.of(way.file, self._container, self._video, name) if way.file is not None else None
            self._ground = Ground(self._video, name)
            self._open = stack.pop_all()
        self._torn = {int(m[2]) for text in messages if (m := self._torn_by(text)) and m[2] != "NOPTS"}
        """Decoding timestamps of packets found damaged while probing."""
        lost = (text for text in messages if self._reports_loss(text))
        self._in_doubt = any((m := self._torn_by(text)) is None or m[2] == "NOPTS" for text in lost)
        """Whether data was missing while probing, in unknown packets."""
        self._first: Fraction | None = None
        self._clock = self._own_clock(way)
        self._came: _Came | None = None
        """What is being decoded."""
        self._scaler = VideoReformatter()
        self._shape = PixelShape(self._container, self._video, pixel_aspect)
        self._turned: tuple[int, int, int] | None = None
        self._orientation = Orientation()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def _own_clock(self, way: Way) -> SourceClock | None:
        """Where timestamps are the source's own, and say when it captured a picture; None elsewhere."""
        form = self._container.format
        if self.paced or way.poll or av.format.Flags.no_timestamps in av.format.Flags(form.flags):
            return None
        # The process that receives SRT has read as many.
        return SourceClock(_BEHIND * (1 + way.received) if form.name == "mpegts" else 0)

    @property
    def paced(self) -> bool:
        """Whether pictures can be read faster than real time, so that the reader must wait."""
        return self._is_file or self._container.format.name.startswith("hls")

    @property
    def rate(self) -> Fraction:
        """Nominal frames per second; a guess if the source does not say."""
        rate = self._video.average_rate or self._video.guessed_rate
        return rate if rate and 1 <= rate <= 120 else _USUAL_RATE

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec of the pictures."""
        return str(self._video.codec_context.codec.canonical_name)

    @property
    def pixel_aspect(self) -> Fraction:
        """Pixel aspect ratio of the upright output, width over height."""
        coded = Fraction(self._video.sample_aspect_ratio or 1)
        aspect = self._asked or upright(coded, transposed=self._orientation.transposed)
        return SQUARE if aspects_of(aspect)[0] == SQUARE else aspect

    def aspects(self, picture: av.VideoFrame) -> tuple[Fraction, ...]:
        """Pixel aspect ratios of the upright `picture`, see `anonymize.data.Frame`. Call `orientation` for it first."""
        return self._shape.of(picture, transposed=self._orientation.transposed)

    def captured(self, picture: av.VideoFrame) -> float:
        """When the `picture` that `items` gave last was captured, on the monotonic clock; if unknown, when it came."""
        came = self._came
        if came is None:
            return time.monotonic()
        if self._clock is None or picture.pts is None or picture.time_base is None:
            return came.at
        shown = float(picture.pts * picture.time_base)
        if came.shown is not None and abs(came.shown - shown) > JUMP:
            return came.at  # it was coded before the clock jumped
        captured = self._clock.captured(shown)
        return came.at if captured is None else captured

    @cached_property
    def sound(self) -> AudioCodecContext | None:
        """Codec of the first audio stream; None if there is none."""
        tracks = self._container.streams.audio
        return tracks[0].codec_context if tracks else None

    def orientation(self, picture: av.VideoFrame) -> Orientation:
        """How `picture` must be turned to stand upright."""
        shape = (picture.width, picture.height, picture.rotation)
        if shape != self._turned:
            side = side_data(picture, self._scaler)
            # The orientation coded in a key frame holds until the next one.
            if self._turned is None or picture.key_frame or "DISPLAYMATRIX" in side:
                self._orientation = Orientation.of_matrix(display_matrix(side))
                self._turned = shape
        return self._orientation

    def items(self) -> Iterator[av.VideoFrame | Packet[Any]]:
        """Undamaged pictures and packets of the first audio stream, in order of arrival.

        Raises:
            InputError: the connection broke or timed out.
        """
        video = self._video.index
        sound = self._container.streams.audio[0].index if self.sound is not None else -1
        whole, seen, last = True, time.monotonic(), time.monotonic()
        try:
            for came in self._packets():
                self._came, packet = came, came.packet
                whole &= came.followed
                now = time.monotonic()
                seen = now if now - last > BLIND / 2 else seen  # a slow camera: nothing came, either
                last = now
                if not self.paced and now - seen > BLIND:
                    raise UnreadableInput(f"data comes, but no picture of it could be shown for {BLIND:g} s", self.name)
                if packet.stream.index == video and (packet.size or packet.dts is None):
                    for picture in self._pictures(packet, followed=whole):
                        yield picture
                        seen = time.monotonic()
                    whole = True
                elif packet.stream.index == sound and packet.size and packet.pts is not None:
                    yield packet
        except (av.error.FFmpegError, OSError) as error:
            raise UnreadableInput(f"{_reason(error)}", self.name) from None
        except IndexError:  # PyAV knows only the initial streams
            raise UnreadableInput("its video or sound moved to another stream", self.name) from None

    def _packets(self) -> Iterator[_Came]:
        """Every packet. While some wait that came earlier, they are read before any is decoded, which takes longer."""
        waiting: deque[_Came] = deque()
        clock = self._clock
        try:
            for packet, followed in complaints.demuxed(self._container, self._reports_loss):
                now = time.monotonic()
                shown = self._shown(packet)
                if clock is not None and shown is not None:
                    if clock.breaks(shown, now):
                        yield from _taken(waiting)
                    clock.arrived(shown, now)
                waiting.append(_Came(packet, followed, now, shown))
                if clock is None or clock.settled or len(waiting) >= _AHEAD:
                    yield from _taken(waiting)
        except (av.error.FFmpegError, OSError, IndexError):
            yield from _taken(waiting)
            raise
        yield from _taken(waiting)

    def _shown(self, packet: Packet[Any]) -> float | None:
        """The timestamp, in seconds, of a packet of pictures; None if it has none."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if packet.stream.index != self._video.index or not packet.size or stamp is None or not packet.time_base:
            return None
        return float(stamp * packet.time_base)

    def pictures(self) -> Iterator[av.VideoFrame]:
        """The pictures among `items`."""
        return (item for item in self.items() if isinstance(item, av.VideoFrame))

    def _pictures(self, packet: Packet[Any], *, followed: bool) -> Iterator[av.VideoFrame]:
        """The pictures in a packet, without those that damage may have reached.

        Pictures that refer to a damaged or missing one are garbage that decoders do not mark: parts of faces in wrong
        places, which no detector finds.
        """
        number = self._lineage.take(packet, followed=followed and self._was_whole(packet))
        got = complaints.decode(self._video.codec_context, _copy_of(packet) if self._from_driver else packet)
        self._ground.take(packet)
        if not got.whole:
            self._lineage.complain(number)
        self.undecodable += got.failed
        for picture in got.pictures:
            if not self._lineage.vouches(picture):
                self.undecodable += 1
                continue
            check_size(picture.width, picture.height, self.name)
            laid = self._ground.lay(picture)
            yield laid if self._crop is None else self._crop.cut(laid)

    def _torn_by(self, text: str) -> re.Match[str] | None:
        """The match, if the FFmpeg message `text` reports a damaged video packet."""
        found = complaints.TORN.search(text)
        return found if found and int(found[1]) == self._video.index else None

    def _reports_loss(self, text: str) -> bool:
        """Whether the FFmpeg message `text` reports lost data."""
        return bool(self._torn_by(text) or _LEFT_OUT.search(text))

    def _was_whole(self, packet: Packet[Any]) -> bool:
        """Whether `packet` was complete, as far as it was read while probing."""
        if self._in_doubt and packet.dts is not None and packet.time_base:
            time = packet.dts * packet.time_base
            self._first = time if self._first is None else self._first
            self._in_doubt = 0 <= time - self._first <= _PROBED + 1
        return not self._in_doubt and packet.dts not in self._torn


def _copy_of(packet: Packet[Any]) -> Packet[Any]:
    """A packet with data of its own.

    A webcam's lies in its driver's memory. That is gone once the webcam is closed, and with it a picture that was not
    compressed: the process would crash.
    """
    copy: Packet[Any] = Packet(bytes(packet))
    for name in ("pts", "dts", "time_base", "duration", "is_keyframe", "is_corrupt", "opaque"):
        setattr(copy, name, getattr(packet, name))
    return copy


def _taken(waiting: deque[_Came]) -> Iterator[_Came]:
    while waiting:
        yield waiting.popleft()


def _opened(way: Way, timeout: float, name: str, stack: ExitStack) -> tuple[InputContainer, list[str]]:
    """FFmpeg's input and its log messages; everything to be closed after it goes on `stack`."""
    if (file := way.file) is not None:
        check_readable(file)
        return _heard(lambda: open_container(file))
    if way.format == _WEBCAM and not os.path.exists(way.url):  # noqa: PTH110 - a device, by its name
        raise UnreadableInput("there is no such camera; `ls /dev/video*` lists those there are", name)
    proxy = SameHost(way.url, timeout) if re.match("(?i)https?:", way.url) else None
    patience = max(timeout, _OPENING.get(way.url.partition("://")[0].lower(), 0.0))
    begun, receiver = time.monotonic(), None
    try:
        url, options = way.url, dict(way.options)
        if way.received:
            receiver = srt.Receiver(way.url)
            stack.callback(receiver.close)
            url = receiver.url
        if proxy is not None:
            stack.callback(proxy.close)
            options["http_proxy"] = proxy.url
        container, messages = _heard(
            lambda: av.open(
                url, "r", format=way.format, container_options=options, timeout=(patience, timeout),
                metadata_errors="replace",
            )
        )  # fmt: skip
        if re.match("(?i)rtsps?:", way.url):
            _refuse_redirect(messages, way.url, container, name)
        return container, messages
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if proxy is not None and proxy.refused:
            raise UnreadableInput(f"{_ELSEWHERE}", name) from None
        if receiver is not None and (why := receiver.why):
            raise UnreadableInput(why, name) from None
        if patience > timeout and time.monotonic() - begun >= patience:  # RTMP makes an input error of it
            raise UnreadableInput(
                f"no picture came within {patience:.0f} s: is the camera connected to it?", name
            ) from None
        raise UnreadableInput(f"{_reason(error)}", name) from None  # FFmpeg's message contains the address


def _heard(open_it: Callable[[], InputContainer]) -> tuple[InputContainer, list[str]]:
    opened: list[InputContainer] = []
    messages = complaints.info_messages(lambda: opened.append(open_it()))
    return opened[0], messages


def _refuse_redirect(messages: list[str], url: str, opened: InputContainer, name: str) -> None:
    """Refuse an RTSP redirect to another host, which FFmpeg reports only in its log."""
    for message in messages:
        led = re.search(r"Redirecting to\s*(\S*)", message)
        if led and urlsplit(led.group(1)).hostname != urlsplit(url).hostname:
            opened.close()
            raise UnreadableInput(f"{_ELSEWHERE}", name)


def _reason(error: Exception) -> str:
    """The error in words, without the address that FFmpeg puts into its messages."""
    if isinstance(error, av.error.ExitError):
        return "nothing came for too long"
    if isinstance(error, InputError):
        return str(error)
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
