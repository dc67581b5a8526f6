"""Opening what has no end: cameras, network streams, pipes. One connection; who wants another opens another.

with Stream(way_to("rtsp://camera/main"), timeout=5.0) as stream:
    for item in stream.items():             # decoded pictures and packets of sound, as they come
        ...
"""

from __future__ import annotations

import os
import re
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
from anonymize.live.source.same_host import SameHost
from anonymize.live.source.srt import Receiver
from anonymize.media.damage import complaints
from anonymize.media.damage.lineage import Lineage
from anonymize.media.frames.crop import Crop
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.pixel_shape import PixelShape
from anonymize.media.frames.transparency import Ground
from anonymize.media.video.inspect import display_matrix, side_data
from anonymize.media.video.open import check_readable, check_size, main_video, open_container

# Not `nobuffer`: it throws away what was read to find out what the stream is, and with it the first key frame.
_PROBED = 5
"""Seconds of a stream that are read at most to find out what it is."""
_LOW_DELAY = {"flags": "low_delay", "analyzeduration": f"{_PROBED}000000", "fpsprobesize": "4"}
_FORMATS = (
    "aac,ac3,asf,avi,flv,h264,hevc,hls,live_flv,matroska,webm,mjpeg,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpegts,mpjpeg,ogg,rtp,rtsp,"
    "sdp,yuv4mpegpipe"
)
"""What a stream may hold. Text, lists of files, pictures and scripts are none of it."""
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
"""What each kind of address may open: never a file of this machine, whatever a playlist names."""
_OWN_OPTIONS = {
    # Servers leave out what a slow line cannot take; without a queue nobody looks whether the packets' numbers go on.
    "rtsp": {"rtsp_transport": "tcp", "reorder_queue_size": "2"},
    "rtsps": {"rtsp_transport": "tcp", "reorder_queue_size": "2"},
    # RTMP begins with a key frame, but says that there is sound where there is none: not waited for.
    "rtmp": {"analyzeduration": "1000000"},
    "rtmps": {"analyzeduration": "1000000"},
    "udp": {"fifo_size": "50000", "overrun_nonfatal": "1"},
}
_ELSEWHERE = "it leads to another host, which is not followed; if that is meant, give that address"
_CAMERA = re.compile(r"\d+|/dev/video\w+")
_USUAL_RATE = Fraction(25)
_LEFT_OUT = re.compile("RTP: (missed|dropping old)|bad cseq")
"""What FFmpeg says of packets of RTP that the network lost."""


@dataclass(frozen=True, slots=True)
class Way:
    """How an address is opened.

    Args:
        url: for FFmpeg, credentials and all: never shown.
        format: FFmpeg's name of the format, None to find out.
        options: for the container.
        file: the file it is, None for a stream.
        endless: that it ends means that it was lost; it is opened again.
        received: an `ffmpeg` process receives it (`anonymize.live.source.srt`).
    """

    url: str = field(repr=False)
    format: str | None = None
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    file: Path | None = None
    endless: bool = True
    received: bool = False


def way_to(address: str) -> Way:
    """How to open `address`: a camera's number or device, a stream's URL, `-` for standard input, or a file.

    Raises:
        UsageError: nobody knows such an address, or standard input is a terminal.
    """
    if _CAMERA.fullmatch(address):
        device = f"/dev/video{address}" if address.isdigit() else address
        return Way(device, "video4linux2", ())
    if address == "-":
        if os.isatty(0):
            raise UsageError("-: standard input is a terminal: send a recording into this command")
        return Way("pipe:0", None, _options(_LOW_DELAY, "pipe"), endless=False)
    scheme, separator, _ = address.partition("://")
    if not separator:
        return Way(address, file=Path(address), endless=False)
    scheme = scheme.lower()
    if scheme not in _PROTOCOLS:
        raise UsageError(
            f"{scheme}://: no source of this kind is known. Known are {', '.join(f'{s}://' for s in _PROTOCOLS)}, a "
            "camera's number or device, - for standard input, and files"
        )
    own = _LOW_DELAY | _OWN_OPTIONS.get(scheme, {})
    form = "mpegts" if scheme in ("udp", "srt") else None
    return Way(address, form, _options(own, _PROTOCOLS[scheme]), received=scheme == "srt")


def _options(own: dict[str, str], protocols: str) -> tuple[tuple[str, str], ...]:
    return tuple((own | {"protocol_whitelist": protocols, "format_whitelist": _FORMATS}).items())


class Stream:
    """One connection to a source. A context manager.

    Args:
        way: from `way_to`.
        timeout: seconds without a byte after which opening or reading fails.
        name: what messages call it.
        pixel_aspect: of an upright pixel, whatever the source says.

    Raises:
        InputError: it cannot be opened, or holds no video. The message has no address in it but `name`.
    """

    def __init__(self, way: Way, timeout: float, name: str, pixel_aspect: Fraction | None = None) -> None:
        self.name = name
        self._asked = pixel_aspect
        self._is_file = way.file is not None
        self.undecodable = 0
        """Pictures so far that are left out: damaged, or made from damaged ones."""
        with ExitStack() as stack:
            self._container, messages = _opened(way, timeout, name, stack)
            stack.callback(self._container.close)
            self._video = main_video(self._container, name)
            # Threads would hold a picture back for each, and nobody would hear what they complain of.
            complaints.listen_to(self._video.codec_context)
            self._lineage = Lineage(self._video.codec_context, torn=self._container.format.name == "mpegts")
            self._crop = Crop.of(way.file, self._container, self._video, name) if way.file is not None else None
            self._ground = Ground(self._video, name)
            self._open = stack.pop_all()
        self._torn = {int(m[2]) for text in messages if (m := self._torn_by(text)) and m[2] != "NOPTS"}
        """When packets are decoded of which something was missing when it was found out what the stream is."""
        lost = (text for text in messages if self._tells_of_loss(text))
        self._in_doubt = any((m := self._torn_by(text)) is None or m[2] == "NOPTS" for text in lost)
        """Whether something was missing then, and nobody knows in which packets."""
        self._first: Fraction | None = None
        self._scaler = VideoReformatter()
        self._shape = PixelShape(self._container, self._video, pixel_aspect)
        self._turned: tuple[int, int, int] | None = None
        self._orientation = Orientation()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    @property
    def paced(self) -> bool:
        """Whether pictures come as fast as they are read, ahead of their time, so that the reader must wait."""
        return self._is_file or self._container.format.name.startswith("hls")

    @property
    def rate(self) -> Fraction:
        """Nominal frames a second; a guess where the source does not say."""
        rate = self._video.average_rate or self._video.guessed_rate
        return rate if rate and 1 <= rate <= 120 else _USUAL_RATE

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel over its height, upright, as the output says it."""
        told = Fraction(self._video.sample_aspect_ratio or 1)
        aspect = self._asked or upright(told, transposed=self._orientation.transposed)
        return SQUARE if aspects_of(aspect)[0] == SQUARE else aspect

    def aspects(self, picture: av.VideoFrame) -> tuple[Fraction, ...]:
        """Those of upright pixels of `picture`, see `anonymize.data.Frame`; after its `orientation`."""
        return self._shape.of(picture, transposed=self._orientation.transposed)

    @cached_property
    def sound(self) -> AudioCodecContext | None:
        """The first sound track's codec, None for none."""
        tracks = self._container.streams.audio
        return tracks[0].codec_context if tracks else None

    def orientation(self, picture: av.VideoFrame) -> Orientation:
        """How `picture` must be turned to stand upright."""
        shape = (picture.width, picture.height, picture.rotation)
        if shape != self._turned:
            side = side_data(picture, self._scaler)
            # What the coded stream says of a key frame holds until the next one.
            if self._turned is None or picture.key_frame or "DISPLAYMATRIX" in side:
                self._orientation = Orientation.of_matrix(display_matrix(side))
                self._turned = shape
        return self._orientation

    def items(self) -> Iterator[av.VideoFrame | Packet[Any]]:
        """Whole pictures and packets of the first sound track, in the order in which they come.

        Raises:
            InputError: the connection broke, or nothing came for too long.
        """
        video = self._video.index
        sound = self._container.streams.audio[0].index if self.sound is not None else -1
        whole = True
        try:
            for packet, followed in complaints.demuxed(self._container, self._tells_of_loss):
                whole &= followed
                if packet.stream.index == video and (packet.size or packet.dts is None):
                    yield from self._pictures(packet, followed=whole)
                    whole = True
                elif packet.stream.index == sound and packet.size and packet.pts is not None:
                    yield packet
        except (av.error.FFmpegError, OSError) as error:
            raise UnreadableInput(f"{_reason(error)}", self.name) from None
        except IndexError:  # PyAV knows only the streams that it began with
            raise UnreadableInput("its video or sound moved to another stream", self.name) from None

    def _pictures(self, packet: Packet[Any], *, followed: bool) -> Iterator[av.VideoFrame]:
        """The whole pictures in a packet. Those that damage may have come into are left out.

        What refers to a damaged or missing picture is garbage that no decoder marks: parts of faces in wrong places,
        which no detector finds.
        """
        number = self._lineage.take(packet, followed=followed and self._was_whole(packet))
        got = complaints.decode(self._video.codec_context, packet)
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
        """Which packet of the video is damaged, if FFmpeg says in `text` that one is."""
        found = complaints.TORN.search(text)
        return found if found and int(found[1]) == self._video.index else None

    def _tells_of_loss(self, text: str) -> bool:
        """Whether FFmpeg says in `text` that something of the stream got lost on the way."""
        return bool(self._torn_by(text) or _LEFT_OUT.search(text))

    def _was_whole(self, packet: Packet[Any]) -> bool:
        """Whether all of `packet` was there, if it was read at the opening."""
        if self._in_doubt and packet.dts is not None and packet.time_base:
            time = packet.dts * packet.time_base
            self._first = time if self._first is None else self._first
            self._in_doubt = 0 <= time - self._first <= _PROBED + 1
        return not self._in_doubt and packet.dts not in self._torn


def _opened(way: Way, timeout: float, name: str, stack: ExitStack) -> tuple[InputContainer, list[str]]:
    """FFmpeg's input, and what FFmpeg said; what else must be closed after it goes on `stack`."""
    if (file := way.file) is not None:
        check_readable(file)
        return _heard(lambda: open_container(file))
    if way.format == "video4linux2" and not os.path.exists(way.url):  # noqa: PTH110 - a device, by its name
        raise UnreadableInput("there is no such camera; look at /dev/video*", name)
    door = SameHost(way.url, timeout) if re.match("(?i)https?:", way.url) else None
    try:
        url, options = way.url, dict(way.options)
        if way.received:
            receiver = Receiver(way.url)
            stack.callback(receiver.close)
            url = receiver.url
        if door is not None:
            stack.callback(door.close)
            options["http_proxy"] = door.url
        container, messages = _heard(
            lambda: av.open(
                url, "r", format=way.format, container_options=options, timeout=(timeout, timeout),
                metadata_errors="replace",
            )
        )  # fmt: skip
        if re.match("(?i)rtsps?:", way.url):
            _stays(messages, way.url, container, name)
        return container, messages
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if door is not None and door.refused:
            raise UnreadableInput(f"{_ELSEWHERE}", name) from None
        raise UnreadableInput(f"{_reason(error)}", name) from None  # FFmpeg's own message holds the address


def _heard(open_it: Callable[[], InputContainer]) -> tuple[InputContainer, list[str]]:
    opened: list[InputContainer] = []
    messages = complaints.info_messages(lambda: opened.append(open_it()))
    return opened[0], messages


def _stays(messages: list[str], url: str, opened: InputContainer, name: str) -> None:
    """See that an RTSP server did not lead to another host, which FFmpeg tells in its log alone."""
    for message in messages:
        led = re.search(r"Redirecting to\s*(\S*)", message)
        if led and urlsplit(led.group(1)).hostname != urlsplit(url).hostname:
            opened.close()
            raise UnreadableInput(f"{_ELSEWHERE}", name)


def _reason(error: Exception) -> str:
    """What went wrong, without the address that FFmpeg puts into its messages."""
    if isinstance(error, av.error.ExitError):
        return "nothing came for too long"
    if isinstance(error, InputError):
        return str(error)
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
