"""What decoders complain about: FFmpeg writes much of it to its log alone, and gives the patched-up picture as if it
were whole.

Messages come from the thread that decodes, so they are heard of decoders with one thread only; those of a decoder's own
threads belong to nobody.
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
    r"mmco: unref short failure"  # streams that were cut at key frames refer to pictures before the cut
    r"|SEI type \d+ size \d+ truncated"
    r"|illegal (short|long) term buffer"
    r"|deprecated pixel format"
    r"|Overread SEI|Overread VUI"
)
"""Errors about what is beside the picture, or about pictures that are not needed: healthy files have them."""
_WARNINGS = MappingProxyType(
    {
        "hevc": re.compile("undecodable NALU"),
        "jpeg2000": re.compile(""),
        "utvideo": re.compile(""),
        "vc1": re.compile("bits overconsumption"),
    }
)
"""By codec: warnings that mean a picture is not whole. All errors do."""
_CONTAINERS = MappingProxyType(
    {
        "matroska": re.compile("EBML number|exceeds containing|nvalid|Unknown-sized|Error"),
        "flv": re.compile("Packet (mismatch|corrupt)"),
        "ogg": re.compile("CRC mismatch"),
        "mov": re.compile("partial file"),
        "asf": re.compile("invalid"),
    }
)
"""By demuxer: messages that mean that it lost its way for a while."""
TORN = re.compile(r"Packet corrupt \(stream = (\d+), dts = (-?\d+|NOPTS)\)")
"""What FFmpeg says of packets of MPEG-TS that the network damaged or lost: in which stream, when decoded."""

_lock = threading.Lock()
_listening = 0

av.logging.set_libav_level(-8)  # AV_LOG_QUIET: FFmpeg itself, which has its messages while nobody listens, prints none
av.logging.set_skip_repeated(False)  # the second picture that is damaged in the same way counts too
_libav = logging.getLogger("libav")
_libav.addHandler(logging.NullHandler())  # else Python writes what nobody listens to on standard error
_libav.propagate = False


@dataclass(frozen=True, slots=True)
class PacketResult:
    """What one packet gave.

    Args:
        pictures: in the order in which they are shown; most are of earlier packets.
        whole: whether the decoder had nothing to complain about.
        failed: whether it gave up.
    """

    pictures: list[av.VideoFrame]
    whole: bool = True
    failed: bool = False


def listen_to(context: VideoCodecContext) -> None:
    """Set up a decoder that was not opened yet so that `decode` hears all of its complaints."""
    context.thread_count = 1
    context.options = {"err_detect": "crccheck+buffer"}  # data that go on after the picture
    if context.codec.canonical_name == "av1":
        context.options |= {"strict": "1"}  # dav1d's word for the same


def decode(decoder: VideoStream | VideoCodecContext, packet: Packet[Any], *, listen: bool = True) -> PacketResult:
    """Decode `packet`; a decoder that gives up raises nothing.

    Args:
        decoder: set up by `listen_to` where it is listened to.
        packet: of its stream.
        listen: whether its complaints are heard.
    """
    if not listen:
        return _decoded(decoder, packet)
    codec = (decoder.codec_context if isinstance(decoder, VideoStream) else decoder).codec.canonical_name
    with listening() as messages:
        got = _decoded(decoder, packet)
    return replace(got, whole=got.whole and not complained(messages, codec))


def demuxed(container: InputContainer, lost: Lost | None = None) -> Iterator[tuple[Packet[Any], bool]]:
    """Every packet, and whether the container was whole on the way to it; `lost`: see `followed_by`."""
    packets = container.demux()
    while True:
        packet, followed = followed_by(lambda: next(packets, None), lost)
        if packet is None:
            return
        yield packet, followed


def followed_by(read: Callable[[], T], lost: Lost | None = None) -> tuple[T, bool]:
    """What `read` reads of a container, and whether nothing had to be passed over for it.

    Args:
        read: reads.
        lost: which messages mean more than that the demuxer lost its way: that something was missing.
    """
    with listening() as messages:
        got = read()
    return got, not any(
        _lost(level, source, text) or (lost is not None and lost(text)) for level, source, text in messages
    )


def opened(open_it: Callable[[], InputContainer]) -> tuple[InputContainer, bool, frozenset[tuple[int, int]]]:
    """What `open_it` opens, whether nothing had to be passed over for it, and packets of MPEG-TS that lack a part.

    Those are known by stream and time of decoding: what FFmpeg reads to find out what a stream is loses its mark.
    """
    torn: set[tuple[int, int]] = set()

    def lost(text: str) -> bool:
        found = TORN.search(text)
        if found and found[2] != "NOPTS":
            torn.add((int(found[1]), int(found[2])))
        return found is not None and found[2] == "NOPTS"

    container, followed = followed_by(open_it, lost)
    return container, followed, frozenset(torn)


def told(do: Callable[[], object]) -> list[str]:
    """All that FFmpeg says at level INFO while `do` is done."""
    with _lock, av.logging.Capture() as messages:
        av.logging.set_level(av.logging.INFO)
        try:
            do()
        finally:
            _hear_if_asked()
    return [text for _, _, text in messages]


def _lost(level: int, source: str, text: str) -> bool:
    """Whether a message says that the container could not be followed, and that something of it was passed over."""
    pattern = _CONTAINERS.get(source.split(",")[0])
    return level <= av.logging.WARNING and pattern is not None and pattern.search(text) is not None


def _decoded(decoder: VideoStream | VideoCodecContext, packet: Packet[Any]) -> PacketResult:
    try:
        return PacketResult(decoder.decode(packet))
    except av.error.EOFError:
        return PacketResult([])
    except (av.error.FFmpegError, OSError):  # PyAV has no class of its own for some of the system's errors
        return PacketResult([], whole=False, failed=True)


def complained(messages: Iterable[tuple[int, str, str]], codec: str) -> bool:
    """Whether one of FFmpeg's `messages` (level, from whom, text) says that a picture in `codec` is not whole."""
    warning = _WARNINGS.get(codec)
    return any(
        (level <= av.logging.ERROR and not _HARMLESS.search(text))
        or (level <= av.logging.WARNING and warning is not None and warning.search(text) is not None)
        for level, _, text in messages
    )


@contextmanager
def listening() -> Iterator[list[tuple[int, str, str]]]:
    """The warnings and errors (level, from whom, text) that FFmpeg gives this thread meanwhile."""
    _listen(1)
    try:
        with av.logging.Capture() as messages:
            yield messages
    finally:
        _listen(-1)


def _listen(change: int) -> None:
    """Let FFmpeg's messages come to Python while anybody listens, and only then."""
    global _listening
    with _lock:
        _listening += change
        _hear_if_asked()


def _hear_if_asked() -> None:
    if _listening:
        av.logging.set_level(av.logging.WARNING)
    else:  # PyAV's own way, no level, makes an error on standard error of what another thread says at that moment
        av.logging.restore_default_callback()
