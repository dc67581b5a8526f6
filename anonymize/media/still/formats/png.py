"""Write PNG, still and animated, with 8 or 16 bits, with colour chunks and nothing else."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from anonymize.media.still.frame import Cutout, Pixels, StillFrame
from anonymize.media.still.headers import StillTraits

_EFFORT = 4
"""zlib's level: a noisy photograph of 12 megapixels is as small as with 6 (19.1 MB), in two thirds of the time."""

PROFILE_NAME = b"ICC profile"
"""Name of the colour profile in every file."""

_FILTER_ROWS = 128
"""Rows filtered at a time."""


def png(pixels: Pixels, channels: str, traits: StillTraits) -> bytes:
    """A still PNG (W3C PNG, second edition)."""
    parts = [_png_head(pixels, channels), *_png_colour(traits), _chunk("IDAT", _deflated(pixels)), _chunk("IEND", b"")]
    return b"".join(parts)


def png_start(pixels: Pixels, channels: str, traits: StillTraits, count: int) -> bytes:
    """The head of an animated PNG (APNG 1.0)."""
    control = _chunk("acTL", _big(4, count, traits.loop or 0))
    return b"".join([_png_head(pixels, channels), control, *_png_colour(traits)])


def png_picture(part: Cutout, frame: StillFrame, channels: str, traits: StillTraits) -> tuple[bytes, str]:  # noqa: ARG001
    """A frame of an animated PNG, which overwrites the part that changed; no note."""
    number = max(0, 2 * frame.index - 1)
    place = _big(4, number, part.pixels.shape[1], part.pixels.shape[0], part.x, part.y)
    control = _chunk("fcTL", place + _big(2, frame.duration.numerator, frame.duration.denominator) + b"\0\0")
    body = _deflated(part.pixels)
    return control + (_chunk("fdAT", _big(4, number + 1) + body) if frame.index else _chunk("IDAT", body)), ""


def png_whole(body: bytes) -> bytes:
    """An animated PNG, from its head and frames."""
    return body + _chunk("IEND", b"")


def _png_head(pixels: Pixels, channels: str) -> bytes:
    kind = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}[channels]
    head = _big(4, pixels.shape[1], pixels.shape[0]) + bytes((8 * pixels.dtype.itemsize, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + _chunk("IHDR", head)


def _png_colour(traits: StillTraits) -> list[bytes]:
    """The chunks that define the colour space."""
    profile = [_chunk("iCCP", PROFILE_NAME + b"\0\0" + zlib.compress(traits.icc))] if traits.icc else []
    return profile + [_chunk(name, body) for name, body in traits.chunks if not (traits.icc and name == "sRGB")]


def _chunk(name: str, body: bytes) -> bytes:
    kind = name.encode()
    return b"".join((_big(4, len(body)), kind, body, _big(4, zlib.crc32(body, zlib.crc32(kind)))))


def _big(size: int, *values: int) -> bytes:
    """Big-endian unsigned integers of `size` bytes."""
    return b"".join(value.to_bytes(size, "big") for value in values)


def _deflated(pixels: Pixels) -> bytes:
    """Filtered and compressed scan lines; each line gets the filter with the smallest sum (PNG 12.8)."""
    step = pixels.shape[2] * pixels.dtype.itemsize
    last = np.zeros((1, pixels.shape[1] * step), np.uint8)
    packer = zlib.compressobj(_EFFORT, strategy=zlib.Z_FILTERED)
    packed = []
    for y in range(0, len(pixels), _FILTER_ROWS):
        lines = _lines(pixels[y : y + _FILTER_ROWS])
        above = np.vstack((last, lines[:-1]))
        packed.append(packer.compress(_filtered(lines, above, step).tobytes()))
        last = lines[-1:]
    return b"".join([*packed, packer.flush()])


def _lines(pixels: Pixels) -> NDArray[np.uint8]:
    """(rows, bytes): samples as PNG stores them, high byte first."""
    sample = pixels.astype(">u2").view(np.uint8) if pixels.dtype == np.uint16 else pixels
    return np.ascontiguousarray(sample).reshape(len(pixels), -1)


def _filtered(lines: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """(rows, 1 + bytes): filter type, then filtered bytes (PNG 9.2; the average filter is not tried)."""
    left, corner = np.zeros_like(lines), np.zeros_like(lines)
    left[:, step:], corner[:, step:] = lines[:, :-step], above[:, :-step]
    numbers = (0, 1, 2, 4)
    tried = np.stack((lines, lines - left, lines - above, lines - _paeth(left, above, corner)))
    cost = np.minimum(tried, 0 - tried).sum(axis=2, dtype=np.int64)
    best = cost.argmin(axis=0)
    chosen = tried[best, np.arange(len(lines))]
    return np.concatenate((np.array(numbers, np.uint8)[best][:, None], chosen), axis=1)


def _paeth(left: NDArray[np.uint8], above: NDArray[np.uint8], corner: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The Paeth predictor: the neighbour nearest to left + above - corner."""
    a, b, c = (part.astype(np.int16) for part in (left, above, corner))
    near_a, near_b, near_c = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    return np.where((near_a <= near_b) & (near_a <= near_c), left, np.where(near_b <= near_c, above, corner))
