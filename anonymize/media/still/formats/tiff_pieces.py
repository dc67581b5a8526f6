"""Find damaged strips and tiles of a TIFF, which libtiff, as used by Pillow, does not report.

In uncompressed pieces, and in those in Zstandard, damage cannot be detected.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from anonymize.media.damage.second_decoder import decoded_alone, jpeg_is_whole
from anonymize.media.still.formats.lzw import unpacked_length
from anonymize.media.still.formats.tiff import Piece, compression, pieces

_STEP = 1 << 20
_CCITT = (2, 3, 4)
_JPEG = 7
_PADDING = 4
"""Bytes that may follow the end of a piece: writers pad to even offsets."""


def harmed_pieces(data: bytes) -> list[Piece]:
    """The damaged strips or tiles of the first image.

    Raises:
        ValueError: the strips or tiles do not make up the image.
    """
    kind = compression(data)
    if kind in _CCITT:
        got = decoded_alone("tiff", data)
        return pieces(data)[1] if got.pictures and not got.whole else []
    whole = _WHOLE.get(kind)
    if kind != _JPEG and whole is None:
        return []
    tables, held = pieces(data)
    if whole is None:
        return [piece for piece in held if not _jpeg_is_whole(tables, piece.coded)]
    return [piece for piece in held if not whole(piece)]


def _jpeg_is_whole(tables: bytes, coded: bytes) -> bool:
    return jpeg_is_whole(tables.removesuffix(b"\xff\xd9") + coded.removeprefix(b"\xff\xd8") if tables else coded)


def _lzw_is_whole(piece: Piece) -> bool:
    if piece.coded[:1] == b"\0" and piece.coded[1:2] and piece.coded[1] & 1:
        return True  # least significant bit first, as before TIFF 6.0
    try:
        length, left = unpacked_length(piece.coded, tiff=True)
    except ValueError:
        return False
    return length == piece.unpacked and left <= _PADDING


def _deflate_is_whole(piece: Piece) -> bool:
    unpack = zlib.decompressobj()
    try:
        length = len(unpack.decompress(piece.coded, _STEP))
        while (left := unpack.unconsumed_tail) and not unpack.eof:
            length += len(unpack.decompress(left, _STEP))
    except zlib.error:
        return False
    return unpack.eof and length >= piece.unpacked


def _lzma_is_whole(piece: Piece) -> bool:
    unpack = lzma.LZMADecompressor()
    try:
        length = len(unpack.decompress(piece.coded, _STEP))
        while not unpack.eof and not unpack.needs_input:
            length += len(unpack.decompress(b"", _STEP))
    except lzma.LZMAError:
        return False
    return unpack.eof and length >= piece.unpacked


def _packbits_is_whole(piece: Piece) -> bool:
    data, at, length = piece.coded, 0, 0
    while at < len(data) and length < piece.unpacked:
        head = data[at]
        length += head + 1 if head < 128 else 257 - head if head > 128 else 0
        at += head + 2 if head < 128 else 2 if head > 128 else 1
    return length == piece.unpacked and at <= len(data) <= at + _PADDING


_WHOLE: Mapping[int, Callable[[Piece], bool]] = MappingProxyType(
    {
        5: _lzw_is_whole,
        8: _deflate_is_whole,
        32946: _deflate_is_whole,
        32773: _packbits_is_whole,
        34925: _lzma_is_whole,
    }
)
"""Checks by TIFF's number of the compression."""
