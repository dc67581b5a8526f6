"""Damage in pictures that Pillow does not tell of: libjpeg only warns, and checksums of PNG are passed over."""

from __future__ import annotations

import zlib

import av
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from anonymize.media import complaints
from anonymize.media.second import jpeg_agrees
from anonymize.media.still_frame import Pixels


def damage(data: bytes, container: str) -> str:
    """What is damaged in the picture `data`, in words; empty for nothing that can be told."""
    if container == "jpg":
        return _in_jpeg(data)
    if container == "png":
        return _in_png(data)
    return ""


def obscured(pixels: Pixels, channels: str) -> Pixels:
    """Pixels of the same kind that show nothing."""
    nothing = np.zeros_like(pixels)
    if channels == "YCbCr":
        nothing[..., 1:] = 128
    return nothing


def _in_jpeg(data: bytes) -> str:
    """By FFmpeg, which says what it patches up, and by comparing what it sees with what libjpeg does."""
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    complaints.listen_to(decoder)
    got = complaints.decode(decoder, Packet(data))
    if not got.pictures:
        return ""  # a kind of JPEG that it does not know
    if got.whole and jpeg_agrees(data, got.pictures[0]):
        return ""
    return "its coded data are damaged"


def _in_png(data: bytes) -> str:
    """By the checksums of what the picture needs."""
    at = 8
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        held = data[at + 8 + length : at + 12 + length]
        needed = kind in (b"IHDR", b"PLTE", b"IDAT", b"fdAT", b"fcTL", b"tRNS")
        if needed and len(held) == 4 and zlib.crc32(data[at + 4 : at + 8 + length]) != int.from_bytes(held, "big"):
            return f"the checksum of a piece of it ({kind.decode()}) is wrong"
        if kind == b"IEND":
            break
        at += 12 + length
    return ""
