"""Capture FFmpeg's log messages: decoders report much damage only there, and return the concealed frame as intact.

Messages come from the thread that decodes, so they are captured only for decoders with one thread; those of a
decoder's own threads cannot be attributed.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeVar

import av
import av.logging
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

T = TypeVar("T")
Lost = Callable[[str], bool]

_HARMLESS = re.compile(
    r"mmco: unref short failure"  # streams that were cut at key frames refer to frames before the cut
    r"|SEI type \d+ size \d+ truncated"
    r"|illegal (short|long) term buffer"
    r"|deprecated pixel format"
    r"|Overread SEI|Overread VUI"
)
"""Errors about metadata, or about frames that are not needed; intact files have them."""
_WARNINGS = MappingProxyType(
    {
        "hevc": re.compile("undecodable NALU"),
        "jpeg2000": re.compile(""),
        "utvideo": re.compile(""),
        "vc1": re.compile("bits overconsumption"),
    }
)
"""Codec -> warnings that mean a frame is damaged. All errors do."""
_CONTAINERS = MappingProxyType(
    {
        "matroska": re.compile("EBML number|exceeds containing|nvalid|Unknown-sized|Error"),
        "flv": re.compile("Packet (mismatch|corrupt)"),
        "ogg": re.compile("CRC mismatch"),
        "mov": re.compile("partial file"),
        "asf": re.compile("invalid"),
    }
)
"""Demuxer -> messages that mean that it lost synchronisation."""
TORN = re.compile(r"Packet corrupt \(stream = (\d+), dts = (-?\d+|NOPTS)\)")
"""FFmpeg's message for MPEG-TS packets damaged or lost in transit, with stream and decoding timestamp."""

_lock = threading.Lock()
_listening = 0

av.logging.set_libav_level(-8)  # AV_LOG_QUIET: FFmpeg itself prints nothing while messages are not captured
av.logging.set_skip_repeated(False)  # a second frame that is damaged in the same way counts too
_libav = logging.getLogger("libav")
_libav.addHandler(logging.NullHandler())  # otherwise Python prints unhandled messages on standard error
_libav.propagate = False


@dataclass(frozen=True, slots=True)
class PacketResult:
    """The result of decoding one packet.

    Args:
        pictures: decoded frames in presentation order; most belong to earlier packets.
        whole: whether the decoder reported no damage.
        failed: whether it raised an error.
    """

    pictures: list[av.VideoFrame]
    whole: bool = True
    failed: bool = False


def listen_to(context: VideoCodecContext) -> None:
    """Configure a decoder that is not open yet so that `decode` captures all of its messages."""
    context.thread_count = 1
    context.options = {"err_detect": "crccheck+buffer"}  # detects data after the end of the frame
    if context.codec.canonical_name == "av1":
        context.options |= {"strict": "1"}  # dav1d's option for the same


def decode(decoder: VideoStream | VideoCodecContext, packet: Packet[Any], *, listen: bool = True) -> PacketResult:
    """Decode `packet`; errors of the decoder are not raised but returned as `failed`.

    Args:
        decoder: set up by `listen_to` if `listen` is true.
        packet: of its stream.
        listen: whether its messages are captured.
    """
    if not listen:
        return _decoded(decoder, packet)
    codec = (decoder.codec_context if isinstance(decoder, VideoStream) else decoder).codec.canonical_name
    with listening() as messages:
        got = _decoded(decoder, packet)
    return replace(got, whole=got.whole and not complained(messages, codec))


def demuxed(container: InputContainer, lost: Lost | None = None) -> Iterator[tuple[Packet[Any], bool]]:
    """Every packet, and whether the container was intact up to it; `lost`: see `followed_by`."""
    packets = container.demux()
    while True:
        packet, followed = followed_by(lambda: next(packets, None), lost)
        if packet is None:
            return
        yield packet, followed


def followed_by(read: Callable[[], T], lost: Lost | None = None) -> tuple[T, bool]:
    """The result of `read`, and whether the demuxer did not have to skip anything for it.

    Args:
        read: reads from a container.
        lost: whether a message means that something is missing, beyond those of `_CONTAINERS`.
    """
    with listening() as messages:
        got = read()
    return got, not any(
        _lost(level, source, text) or (lost is not None and lost(text)) for level, source, text in messages
    )


def opened(open_it: Callable[[], InputContainer]) -> tuple[InputContainer, bool, frozenset[tuple[int, int]]]:
    """The container that `open_it` opens, whether nothing was skipped, and the incomplete MPEG-TS packets.

    These are given as (stream index, decoding timestamp): FFmpeg drops the flag of packets that it reads for probing.
    """
    torn: set[tuple[int, int]] = set()

    def lost(text: str) -> bool:
        found = TORN.search(text)
        if found and found[2] != "NOPTS":
            torn.add((int(found[1]), int(found[2])))
        return found is not None and found[2] == "NOPTS"

    container, followed = followed_by(open_it, lost)
    return container, followed, frozenset(torn)


def info_messages(do: Callable[[], object]) -> list[str]:
    """FFmpeg's messages down to level INFO while `do` runs."""
    with _lock, av.logging.Capture() as messages:
        av.logging.set_level(av.logging.INFO)
        try:
            do()
        finally:
            _set_level()
    return [text for _, _, text in messages]


def _lost(level: int, source: str, text: str) -> bool:
    """Whether a message means that the demuxer lost synchronisation and skipped data."""
    pattern = _CONTAINERS.get(source.split(",")[0])
    return level <= av.logging.WARNING and pattern is not None and pattern.search(text) is not None


def _decoded(decoder: VideoStream | VideoCodecContext, packet: Packet[Any]) -> PacketResult:
    try:
        return PacketResult(decoder.decode(packet))
    except av.error.EOFError:
        return PacketResult([])
    except (av.error.FFmpegError, OSError):  # PyAV raises plain OSError for some system errors
        return PacketResult([], whole=False, failed=True)


def complained(messages: Iterable[tuple[int, str, str]], codec: str) -> bool:
    """Whether one of FFmpeg's `messages` (level, source, text) means that a frame in `codec` is damaged."""
    warning = _WARNINGS.get(codec)
    return any(
        (level <= av.logging.ERROR and not _HARMLESS.search(text))
        or (level <= av.logging.WARNING and warning is not None and warning.search(text) is not None)
        for level, _, text in messages
    )


@contextmanager
def listening() -> Iterator[list[tuple[int, str, str]]]:
    """Capture FFmpeg's warnings and errors (level, source, text) on this thread within the block."""
    _listen(1)
    try:
        with av.logging.Capture() as messages:
            yield messages
    finally:
        _listen(-1)


def _listen(change: int) -> None:
    """Route FFmpeg's messages to Python while any thread captures them."""
    global _listening
    with _lock:
        _listening += change
        _set_level()


def _set_level() -> None:
    if _listening:
        av.logging.set_level(av.logging.WARNING)
    else:  # with PyAV's set_level(None), a message of another thread at this moment causes a traceback
        av.logging.restore_default_callback()
