"""Vorbis keeps its tags among what a decoder needs: they are taken out here."""

from __future__ import annotations

import struct

_EMPTY_COMMENT = b"\x03vorbis" + struct.pack("<II", 0, 0) + b"\x01"


def without_comments(extradata: bytes) -> bytes:
    """Vorbis's three headers, as FFmpeg hands them over, with the one for comments (encoder, title, artist) emptied.

    Raises:
        ValueError: these are not three headers.
    """
    setup = _headers(extradata)
    if len(setup) != 3 or not setup[1].startswith(b"\x03vorbis"):
        raise ValueError("vorbis: expected three headers")
    return _joined([setup[0], _EMPTY_COMMENT, setup[2]])


def _headers(extradata: bytes) -> list[bytes]:
    """The headers, of either way in which containers join them."""
    if extradata[:2] == b"\x00\x1e":  # each after its length in two bytes; the first is always 30 long
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
