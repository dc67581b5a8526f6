"""RTP and RTCP (RFC 3550, 4585) as far as a sender of H.264 (RFC 6184) needs them, before they are encrypted."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

PAYLOAD = 1150
"""The most bytes of a packet's payload, so that it passes any network whole."""
VIDEO_CLOCK = 90_000
"""Ticks of a video timestamp in a second."""
_START = re.compile(rb"\x00*\x00\x00\x01")
"""What is before each unit of H.264 in a stream of bytes."""
_FRAGMENT = 28
"""Type of a payload that is a fragment of a unit (FU-A)."""
_HEAD = struct.Struct("!BBHII")
_SENDER_REPORT, _DESCRIPTION, _FEEDBACK, _PICTURE_FEEDBACK = 200, 202, 205, 206
_NACK, _PLI, _FIR = 1, 1, 4
_EPOCH = 2_208_988_800
"""Seconds from NTP's epoch to that of Unix."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a viewer asks for in RTCP.

    Args:
        key: a key picture.
        again: sequence numbers of packets that it lacks.
    """

    key: bool = False
    again: list[int] = field(default_factory=list)


def payloads(data: bytes) -> list[bytes]:
    """The payloads of the packets of one picture, as x264 makes it."""
    return [part for unit in _START.split(data) if unit for part in _split(unit)]


def _split(unit: bytes) -> Iterator[bytes]:
    """A unit as it is, or in fragments of about the same size."""
    if len(unit) <= PAYLOAD:
        yield unit
        return
    head, body = unit[0], unit[1:]
    count = -(-len(body) // (PAYLOAD - 2))
    size = -(-len(body) // count)
    for number in range(count):
        first, last = number == 0, number == count - 1
        kind = bytes((head & 0xE0 | _FRAGMENT, first << 7 | last << 6 | head & 0x1F))
        yield kind + body[number * size : (number + 1) * size]


def packet(payload: bytes, kind: int, number: int, timestamp: int, source: int, *, marked: bool) -> bytes:
    """A packet.

    Args:
        payload: its content.
        kind: its payload type.
        number: in sequence; taken modulo 2 ** 16.
        timestamp: in ticks of the medium's clock; taken modulo 2 ** 32.
        source: SSRC of the stream.
        marked: whether it is the last of a picture.
    """
    return _HEAD.pack(0x80, marked << 7 | kind, number & 0xFFFF, timestamp & 0xFFFFFFFF, source) + payload


def sender_report(source: int, name: str, at: float, timestamp: int, packets: int, octets: int) -> bytes:
    """What ties the clock of a stream to the time of day, for players that keep sound and picture in step.

    Args:
        source: SSRC of the stream.
        name: which streams of one sender share.
        at: seconds since Unix's epoch.
        timestamp: of the stream at that time.
        packets, octets: sent so far.
    """
    seconds, fraction = divmod(round((at + _EPOCH) * (1 << 32)), 1 << 32)
    numbers = (source, seconds, fraction, timestamp, packets, octets)
    report = struct.pack("!BBH6I", 0x80, _SENDER_REPORT, 6, *(n & 0xFFFFFFFF for n in numbers))
    item = bytes((1, len(name))) + name.encode() + b"\0"
    item += bytes(-len(item) % 4)
    return report + struct.pack("!BBHI", 0x81, _DESCRIPTION, 1 + len(item) // 4, source) + item


def asked(data: bytes) -> Asked:
    """What a compound packet of RTCP, decrypted, asks for. What is not understood is passed over."""
    key, again, at = False, list[int](), 0
    while at + 4 <= len(data):
        head, kind, words = struct.unpack_from("!BBH", data, at)
        body, form = data[at + 4 : at + 4 + 4 * words], head & 0x1F
        at += 4 + 4 * words
        if len(body) < 4 * words:
            break
        if kind == _PICTURE_FEEDBACK and form in (_PLI, _FIR):
            key = True
        elif kind == _FEEDBACK and form == _NACK:
            for place in range(8, len(body) - 3, 4):
                first, more = struct.unpack_from("!HH", body, place)
                again += [first, *((first + 1 + bit) & 0xFFFF for bit in range(16) if more >> bit & 1)]
    return Asked(key, again)
