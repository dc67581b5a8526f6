"""Remove the tags from Vorbis codec data, where they are stored among the headers that decoders need."""

from __future__ import annotations

import struct

_EMPTY_COMMENT = b"\x03vorbis" + struct.pack("<II", 0, 0) + b"\x01"


def without_comments(extradata: bytes) -> bytes:
    """Vorbis's three headers, as in FFmpeg's extradata, with an empty comment header (encoder, title, artist).

    Raises:
        ValueError: `extradata` does not hold three headers.
    """
    setup = _headers(extradata)
    if len(setup) != 3 or not setup[1].startswith(b"\x03vorbis"):
        raise ValueError("vorbis: expected three headers")
    return _joined([setup[0], _EMPTY_COMMENT, setup[2]])


def _headers(extradata: bytes) -> list[bytes]:
    """The headers, in either of the two ways in which containers pack them."""
    if extradata[:2] == b"\x00\x1e":  # each preceded by its 2-byte length; the first always has 30 bytes
        headers, at = [], 0
        while at + 2 <= len(extradata):
            length = int.from_bytes(extradata[at : at + 2], "big")
            headers.append(extradata[at + 2 : at + 2 + length])
            at += 2 + length
        return headers
    if extradata[:1] != b"\x02":
        return []
    lengths, at = [], 1
    for _ in range(2):
        length = 0
        while extradata[at : at + 1] == b"\xff":
            length, at = length + 255, at + 1
        lengths.append(length + extradata[at])
        at += 1
    first, second = lengths
    return [extradata[at : at + first], extradata[at + first : at + first + second], extradata[at + first + second :]]


def _joined(headers: list[bytes]) -> bytes:
    lengths = b"".join(b"\xff" * (len(h) // 255) + bytes([len(h) % 255]) for h in headers[:2])
    return b"\x02" + lengths + b"".join(headers)
