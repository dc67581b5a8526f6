"""What the coded pictures of a video hold besides pictures: messages, captions, arbitrary data.

Coded pictures are split into their units only (ITU-T H.264 and H.265, AV1 bitstream); nothing is decoded. An encoder's
own text about its version and options identifies nobody and passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import av

from anonymize.errors import AnonymizeError
from anonymize.media.video.open import Input, input_name, main_video, open_container

_ENCODERS = (
    re.compile(
        rb"\xdcE\xe9\xbd\xe6\xd9H\xb7\x96,\xd8 \xd9#\xee\xefx264 - core \d+[\w +:.-]* - H\.264/MPEG-4 AVC codec - "
        rb"Copyleft 2003-\d+ - http://www\.videolan\.org/x264\.html - options: [\w =:,.|/-]*\0?"
    ),
    re.compile(
        rb"\x2c\xa2\xde\x09\xb5\x17\x47\xdb\xbb\x55\xa4\xfe\x7f\xc2\xfc\x4ex265 \(build \d+\) - [\w+.-]+:\[[\w ]+\]"
        rb"\[[\w .]+\]\[[\w -]+\][\w+ .-]* - H\.265/HEVC codec - Copyright 2013-\d+ \(c\) Multicoreware, Inc - "
        rb"http://x265\.org - options: [\w =:,.|/()-]*\0?"
    ),
)
_MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        4: "registered user data in the video stream (captions and the like)",
        5: "user data in the video stream (SEI)",
        136: "timecodes in the video stream",
    }
)
_SLICES_H264 = frozenset((1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 19))
_SLICES_HEVC = frozenset((*range(10), *range(16, 22), 32, 33, 34, 35, 36, 37))
_OBUS = frozenset((1, 2, 3, 4, 6, 7, 8))
_METADATA_OF_AV1: Mapping[int, str] = MappingProxyType({4: _MESSAGES[4], 5: _MESSAGES[136]})
"""Besides static HDR metadata (1, 2) and scalability (3)."""
_COLOUR_OF_AV1 = (1, 2, 3)


def foreign(source: Input) -> Iterator[str]:
    """Everything in the video stream of `source` besides pictures, in words; nothing if it is no video."""
    found: dict[str, None] = {}
    try:
        with open_container(source) as container:
            stream = main_video(container, input_name(source))
            context = stream.codec_context
            extradata = context.extradata or b""
            walk = _walker(context.codec.canonical_name, extradata)
            if walk is None:
                return
            found.update(dict.fromkeys(_headers(context.codec.canonical_name, extradata)))
            for packet in container.demux(stream):
                if packet.size:
                    found.update(dict.fromkeys(walk(bytes(packet))))
    except (AnonymizeError, av.error.FFmpegError):
        pass  # decoding it reports that
    yield from found


def examined(codec: str) -> bool:
    """Whether streams in `codec` are parsed here."""
    return codec in ("h264", "hevc", "av1")


def _walker(codec: str, extradata: bytes) -> Callable[[bytes], Iterator[str]] | None:
    """The parser of a packet; None for codecs without such units."""
    if codec == "av1":
        return _in_obus
    if codec == "h264":
        width = (extradata[4] & 3) + 1 if extradata[:1] == b"\1" and len(extradata) > 4 else 0
        return lambda packet: _in_units(_units(packet, width), hevc=False)
    if codec == "hevc":
        width = (extradata[21] & 3) + 1 if extradata[:1] == b"\1" and len(extradata) > 21 else 0
        return lambda packet: _in_units(_units(packet, width), hevc=True)
    return None


def _headers(codec: str, extradata: bytes) -> Iterator[str]:
    """What the parameter sets before the pictures hold."""
    if codec == "hevc" and extradata[:1] == b"\1":
        yield from _in_units(_hvcc(extradata), hevc=True)
    elif codec in ("h264", "hevc") and extradata[:1] != b"\1":
        yield from _in_units(_units(extradata, 0), hevc=codec == "hevc")


def _hvcc(extradata: bytes) -> Iterator[bytes]:
    position = 23
    for _ in range(extradata[22] if len(extradata) > 22 else 0):
        count = int.from_bytes(extradata[position + 1 : position + 3], "big")
        position += 3
        for _ in range(count):
            length = int.from_bytes(extradata[position : position + 2], "big")
            yield extradata[position + 2 : position + 2 + length]
            position += 2 + length


def _units(packet: bytes, width: int) -> Iterator[bytes]:
    """The NAL units of `packet`: each after its length in `width` bytes, or, if that is 0, after a start code."""
    if not width:
        yield from (unit for unit in packet.split(b"\0\0\1") if unit.strip(b"\0"))
        return
    position = 0
    while position + width <= len(packet):
        length = int.from_bytes(packet[position : position + width], "big")
        yield packet[position + width : position + width + length]
        position += width + length


def _in_units(units: Iterator[bytes], *, hevc: bool) -> Iterator[str]:
    for unit in units:
        kind = (unit[0] >> 1) & 0x3F if hevc and unit else unit[0] & 0x1F if unit else -1
        if kind in (_SLICES_HEVC if hevc else _SLICES_H264):
            continue
        if kind in ((39, 40) if hevc else (6,)):
            yield from _in_messages(unit[2:] if hevc else unit[1:])
        elif kind in ((38,) if hevc else (12,)):
            if unit[2 if hevc else 1 :].strip(b"\xff\x80\0"):
                yield "filling in the video stream that is not empty"
        elif kind >= 0:
            yield f"units of type {kind} in the video stream"


def _in_messages(unit: bytes) -> Iterator[str]:
    content = unit.replace(b"\0\0\3", b"\0\0")
    position = 0
    while position + 2 <= len(content) and content[position:].strip(b"\x80\0"):
        kind, position = _long(content, position)
        length, position = _long(content, position)
        body = content[position : position + length]
        position += length
        if kind in _MESSAGES and not any(own.fullmatch(body) for own in _ENCODERS):
            yield _MESSAGES[kind]


def _long(content: bytes, position: int) -> tuple[int, int]:
    """A number coded as any count of 255s and a remainder, and the position after it."""
    value = 0
    while position < len(content) and content[position] == 0xFF:
        value, position = value + 255, position + 1
    return value + (content[position] if position < len(content) else 0), position + 1


def _in_obus(packet: bytes) -> Iterator[str]:
    position = 0
    while position < len(packet):
        head = packet[position]
        kind, position = head >> 3 & 0xF, position + 1 + bool(head & 4)
        size, position = _leb128(packet, position) if head & 2 else (len(packet) - position, position)
        body = packet[position : position + size]
        position += size
        if kind == 5:
            what, _ = _leb128(body, 0)
            if what not in _COLOUR_OF_AV1:
                yield _METADATA_OF_AV1.get(what, _MESSAGES[5])
        elif kind == 15:
            if body.strip(b"\0\x80"):
                yield "filling in the video stream that is not empty"
        elif kind not in _OBUS:
            yield f"units of type {kind} in the video stream"


def _leb128(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(content):
        byte = content[position]
        value, shift, position = value | (byte & 0x7F) << shift, shift + 7, position + 1
        if byte < 0x80:
            break
    return value, position
