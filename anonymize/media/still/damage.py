"""Detect damage in images that Pillow and libheif do not report: they verify few checksums, ignore decoders' warnings,
and stop when an image is full, whether or not its data end there.

    PNG                         by its checksums
    GIF, TIFF in LZW            by the number of pixels that the codes expand to
    TIFF in deflate, LZMA       by their checksums; in PackBits, by its length; in CCITT codes, by FFmpeg
    JPEG, also in TIFF          by FFmpeg, which reports what it conceals, and by comparison with libjpeg
    HEIC, AVIF                  by FFmpeg in the same way (HEIC is decoded by libde265, which conceals silently)
    JPEG, WebP, HEIC            by whether the image needs its last bytes: damage makes decoders use fewer, or more
    BMP, uncompressed TIFF      by length only, as there is no other evidence
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from anonymize.media.damage.second_decoder import decoded_alone, h265_agrees, jpeg_is_whole
from anonymize.media.frames.orient import Orientation
from anonymize.media.still.formats.heif import coded_pictures
from anonymize.media.still.formats.lzw import unpacked_length
from anonymize.media.still.formats.tiff_pieces import harmed_pieces
from anonymize.media.still.frame import Pixels, black
from anonymize.media.still.parts import Part, gif_parts, riff_parts

_LAST = {"VP8": 8, "VP8L": 4, "ALPH": 4}
"""Bytes at the end that every decoder needs: more than encoders add as padding (4 in libwebp)."""

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in stored pixels, half-open."""


@dataclass(frozen=True, slots=True)
class Harm:
    """Damage in an image.

    Args:
        words: how it was detected.
        boxes: the damaged parts, in stored pixels; empty if it may be anywhere.
    """

    words: str
    boxes: tuple[Box, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it may be anywhere in the image."""
        return not self.boxes


def damage(data: bytes, container: str) -> Harm | None:
    """The damage in the image file `data` of the format `container`; None if none is detected."""
    if container == "tiff":
        harmed = harmed_pieces(data)
        boxes = tuple((p.x, p.y, p.x + p.width, p.y + p.height) for p in harmed)
        return Harm("its coded data are damaged", boxes) if harmed else None
    if container == "png":
        words = _in_png(data)
    elif container == "jpg":
        words = "" if jpeg_is_whole(data) else "its coded data are damaged"
    elif container in ("heic", "avif"):
        words = _in_heif(data)
    else:
        words = next((words for words in _in_turn(data, container) if words), "")
    return Harm(words) if words else None


def first_damaged(data: bytes, container: str) -> tuple[int, str]:
    """Index of the first damaged frame of an animation, and how that was detected; empty if none is damaged."""
    number = -1
    for number, words in enumerate(_in_turn(data, container)):
        if words:
            return number, words
    return number + 1, ""


def obscured(pixels: Pixels, channels: str, harm: Harm, turn: Orientation) -> Pixels:
    """`pixels` with the damaged parts in black.

    Args:
        pixels: (rows, columns, channels), upright.
        channels: one of `frame.CHANNELS`.
        harm: in stored pixels.
        turn: from stored to upright.
    """
    nothing = np.array(black(channels, 8 * pixels.dtype.itemsize), pixels.dtype)
    if harm.whole:
        return np.broadcast_to(nothing, pixels.shape).copy()
    high, wide = pixels.shape[1::-1] if turn.transposed else pixels.shape[:2]
    hit = np.zeros((high, wide), bool)
    for x0, y0, x1, y1 in harm.boxes:
        hit[y0:y1, x0:x1] = True
    return np.where(turn.apply(hit)[..., None], nothing, pixels)


def _in_turn(data: bytes, container: str) -> Iterator[str]:
    """The damage in each frame of a GIF or WebP, in words, empty for none; yields nothing for other formats."""
    try:
        if container == "gif":
            for name, payload in gif_parts(data):
                if name == "image":
                    yield _in_gif(payload)
        elif container == "webp":
            chunks = tuple(riff_parts(data, 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))))
            frames = [body for name, body in chunks if name == "ANMF"]
            for body in frames:
                yield _in_webp(tuple(riff_parts(body, 16, len(body))))
            if not frames:
                yield _in_webp(chunks)
    except ValueError:
        return  # reported by the reader


def _in_gif(image: bytes) -> str:
    """Check the number of pixels that the LZW codes expand to."""
    wide, high, flags = struct.unpack_from("<HHB", image, 4)
    start = 9 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    if not 1 <= image[start] <= 11:
        return "its code size is impossible"
    try:
        pixels, _ = unpacked_length(image[start + 1 :], letters=image[start])
    except ValueError:
        return "its coded data are damaged"
    return "" if pixels == wide * high else f"its data hold {pixels} pixels instead of {wide * high}"


def _in_webp(chunks: tuple[Part, ...]) -> str:
    """Remove the last bytes of each part of its data: libwebp must notice."""
    held = {name: body for name, body in chunks if name in _LAST}
    for name, body in held.items():
        for shortened in _shortened(name, body):
            if _opens(held | {name: shortened}):
                return "its coded data do not end where the picture does"
    return ""


def _shortened(name: str, body: bytes) -> Iterator[bytes]:
    """A WebP chunk without the end of each of its parts (RFC 9649, 2.5 to 2.7)."""
    less = _LAST[name]
    if name == "VP8":
        tag = int.from_bytes(body[:3], "little")
        size = tag >> 5
        yield (
            ((tag & 31) | max(0, size - less) << 5).to_bytes(3, "little")
            + body[3 : 10 + size - less]
            + body[10 + size :]
        )
    if name != "ALPH" or (body[:1] and body[0] & 3 == 1):  # others are not compressed
        yield body[:-less]


def _opens(held: dict[str, bytes]) -> bool:
    chunks = []
    if "ALPH" in held:
        with Image.open(io.BytesIO(_riff({name: body for name, body in held.items() if name != "ALPH"}))) as plain:
            sides = b"".join((side - 1).to_bytes(3, "little") for side in plain.size)
        chunks.append(("VP8X", b"\x10\0\0\0" + sides))
    made = dict(chunks) | {name: held[name] for name in ("ALPH", "VP8", "VP8L") if name in held}
    try:
        with Image.open(io.BytesIO(_riff(made)), formats=["WEBP"]) as image:
            image.load()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as expected
        return False
    return True


def _riff(chunks: dict[str, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        name.ljust(4).encode() + struct.pack("<I", len(held)) + held + bytes(len(held) % 2)
        for name, held in chunks.items()
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _in_png(data: bytes) -> str:
    """Verify the checksums of the chunks that the image needs."""
    at, view = 8, memoryview(data)
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        held = data[at + 8 + length : at + 12 + length]
        needed = kind in (b"IHDR", b"PLTE", b"IDAT", b"fdAT", b"fcTL", b"tRNS")
        if needed and len(held) == 4 and zlib.crc32(view[at + 4 : at + 8 + length]) != int.from_bytes(held, "big"):
            return f"the checksum of a chunk ({kind.decode()}) is wrong"
        if kind == b"IEND":
            break
        at += 12 + length
    return ""


def _in_heif(data: bytes) -> str:
    """Decode each tile with FFmpeg."""
    for kind, config, coded in coded_pictures(data):
        if not (h265_agrees(config, coded) if kind == "hvc1" else decoded_alone("libdav1d", coded).whole):
            return "its coded data are damaged"
    return ""
