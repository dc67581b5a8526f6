"""Detect files concatenated byte by byte (`cat a b > c`), of which readers show only the first or misread the others.

MPEG streams may be joined so (`anonymize.media.video.mpegts`, `anonymize.media.clock.restarts`); other containers not.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO

from anonymize.errors import UnsupportedInput
from anonymize.media.video.open import Input, top_level_boxes
from anonymize.storage import opened

_CHUNK = 1 << 22
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_SEGMENT, _TRACKS, _CLUSTER, _TRACK, _SOUND = 0x18538067, 0x1654AE6B, 0x1F43B675, 0xAE, 0xE1
_OF_TRACK = {0xD7, 0x83, 0x86, 0x63A2, 0xB5, 0x9F, 0x6264}
"""EBML IDs of a track's number, type, codec and codec data; sample rate, channels and bit depth of audio."""
_TIME, _BLOCK, _SIMPLE_BLOCK, _BLOCK_GROUP = 0xE7, 0xA1, 0xA3, 0xA0
_EARLIEST = 1 << 15
"""Ticks by which a block may precede its cluster's timestamp, at most."""


def refuse_joined(source: Input, container: str, name: str) -> None:
    """Refuse `source` if a second file of the same format follows in it that readers would skip or misread.

    Args:
        source: the file.
        container: FFmpeg's name of its format.
        name: for messages.

    Raises:
        UnsupportedInput: several files were joined.
    """
    unseen: dict[str, Callable[[], bool]] = {
        "mov": lambda: top_level_boxes(source)[0].count(b"moov") > 1,
        "flv": lambda: _again(source, b"FLV\x01", lambda head: head[5:9] == b"\0\0\0\x09"),
        "asf": lambda: _again(source, _ASF, lambda head: head[28:30] == b"\x01\x02"),
        "ogg": lambda: _again(source, b"OggS\0\x02", lambda head: head[14:22].count(0) >= 4, after=b"OggS\0\0"),
        "avi": lambda: len(set(_avi_headers(source))) > 1,
        "matroska": lambda: len(set(_tracks(source))) > 1,
    }
    if unseen.get(container.split(",")[0], bool)():
        raise UnsupportedInput(
            "several files were joined end to end in it, and players show the first alone, or the others "
            "wrongly; give the parts",
            name,
        )


def _open(source: Input) -> AbstractContextManager[IO[bytes]]:
    return io.BytesIO(source) if isinstance(source, bytes) else opened(source)


def _again(source: Input, mark: bytes, fits: Callable[[bytes], bool], after: bytes = b"") -> bool:
    """Whether `mark`, where the 32 bytes from it on pass `fits`, occurs past the first `after` (or past byte 0)."""
    with _open(source) as file:
        begun, kept = not after, b""
        at_start = True
        while piece := file.read(_CHUNK):
            data = kept + piece
            position = int(at_start and begun)
            if not begun:
                position = data.find(after)
                begun = position >= 0
            while begun and (position := data.find(mark, position)) >= 0:
                if position + 32 > len(data):
                    break
                if fits(data[position : position + 32]):
                    return True
                position += 1
            kept, at_start = data[-32:], False
    return False


def _avi_headers(source: Input) -> Iterator[bytes]:
    """The stream formats (`strf` chunks) of each AVI in the file."""
    with _open(source) as file:
        position = 0
        while len(head := _at(file, position, 12)) == 12 and head[:4] == b"RIFF":
            if head[8:] == b"AVI ":
                content = _at(file, position, 1 << 16).partition(b"movi")[0]
                formats = content.split(b"strf")[1:]
                yield b"".join(f[4 : 4 + min(int.from_bytes(f[:4], "little"), 64)] for f in formats)
            length = int.from_bytes(head[4:8], "little")
            position += 8 + length + length % 2


def _tracks(source: Input) -> Iterator[bytes]:
    """The codec data of the tracks of each Matroska file in the file."""
    with _open(source) as file:
        position = 0
        while (element := _element(file, position)) is not None:
            kind, start, length = element
            if kind == _TRACKS and length is not None:
                yield _codecs(_at(file, start, min(length, 1 << 22)))
            inside = kind in (_SEGMENT, _CLUSTER) and length is None
            if kind == _SEGMENT and length is not None:
                yield from _tracks_in(file, start, start + length)
            if length is None and not inside:
                return
            position = start + (length or 0)


def _tracks_in(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    while start < end and (element := _element(file, start)) is not None:
        kind, body, length = element
        if length is None or kind == _CLUSTER:
            return
        if kind == _TRACKS:
            yield _codecs(_at(file, body, min(length, 1 << 22)))
            return
        start = body + length


def _codecs(tracks: bytes) -> bytes:
    found, at, data = [], 0, io.BytesIO(tracks)
    while (element := _element(data, at)) is not None:
        kind, body, length = element
        if length is None:
            break
        if kind in _OF_TRACK:
            found.append(tracks[at : body + length])
        at = body if kind in (_TRACK, _SOUND) else body + length
    return b"".join(found)


def before_zero(source: Input) -> dict[int, int]:
    """Presentation timestamps, in ticks, of a Matroska file's blocks before time zero, by the offset of their content.

    FFmpeg's demuxer gives them no timestamp.
    """
    found: dict[int, int] = {}
    with _open(source) as file:
        position = cluster = 0
        while (element := _element(file, position)) is not None and cluster < _EARLIEST:
            kind, body, length = element
            if kind == _TIME and length is not None:
                cluster = int.from_bytes(_at(file, body, length), "big")
            elif kind in (_SIMPLE_BLOCK, _BLOCK):
                number = 9 - (_at(file, body, 1) or b"\x80")[0].bit_length()
                time = cluster + int.from_bytes(_at(file, body + number, 2), "big", signed=True)
                if time < 0:
                    found[body] = time
            inside = kind in (_SEGMENT, _CLUSTER, _BLOCK_GROUP)
            if length is None and not inside:
                break
            position = body if inside else body + (length or 0)
    return found


def _element(file: IO[bytes], position: int) -> tuple[int, int, int | None] | None:
    """An EBML element at `position`: ID, offset of its content, length of the content (None: unknown)."""
    head = _at(file, position, 12)
    if not head or not head[0]:
        return None
    wide = 9 - head[0].bit_length()
    if len(head) <= wide or not head[wide]:
        return None
    long = 9 - head[wide].bit_length()
    length = int.from_bytes(head[wide : wide + long], "big") & ((1 << 7 * long) - 1)
    kind = int.from_bytes(head[:wide], "big")
    return kind, position + wide + long, None if length == (1 << 7 * long) - 1 else length


def _at(file: IO[bytes], position: int, size: int) -> bytes:
    file.seek(position)
    return file.read(size)
