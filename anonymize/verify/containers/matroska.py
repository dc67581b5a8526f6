"""What a Matroska or WebM file holds besides what a player needs (RFC 9559).

Every element is known or reported; text is allowed only where the muxer writes its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

_MASTER = frozenset(
    {0x1A45DFA3, 0x18538067, 0x114D9B74, 0x4DBB, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0xE1, 0x55B0, 0x55D0, 0x7670}
    | {0x1F43B675, 0xA0, 0x1C53BB6B, 0xBB, 0xB7, 0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x6D80, 0x6240, 0x5034}
)
"""Elements that hold elements: header, segment, seek head, info, tracks, clusters, cues, tags."""
_NUMBERS = frozenset(
    {0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4287, 0x4285, 0x53AB, 0x53AC, 0x2AD7B1, 0x4489, 0xD7, 0x73C5, 0x83, 0xB9, 0x88}
    | {0x55AA, 0x55AB, 0x55AC, 0x55AD, 0x55AE, 0x55AF, 0x9C, 0x23E383, 0x56AA, 0x56BB, 0x63A2, 0xB0, 0xBA, 0x54B0}
    | {0x54BA, 0x54B2, 0x54B3, 0x54AA, 0x54BB, 0x54CC, 0x54DD, 0x9A, 0x9D, 0x53B8, 0x53C0, 0x2EB524, 0xB5, 0x78B5}
    | {0x9F, 0x6264, 0xE7, 0xAB, 0xA7, 0xA3, 0xA1, 0x9B, 0xFB, 0x75A2, 0xB3, 0xF7, 0xF1, 0xF0, 0xB2, 0x5378}
    | {0x55B1, 0x55B2, 0x55B3, 0x55B4, 0x55B5, 0x55B6, 0x55B7, 0x55B8, 0x55B9, 0x55BA, 0x55BB, 0x55BC, 0x55BD}
    | {0x55D1, 0x55D2, 0x55D3, 0x55D4, 0x55D5, 0x55D6, 0x55D7, 0x55D8, 0x55D9, 0x55DA, 0x7671, 0x7673, 0x7674, 0x7675}
    | {0x6DE7, 0x6DF8, 0xBF, 0xEC, 0x68CA, 0x63C5, 0x4484, 0x5031, 0x5032, 0x5033, 0x55EE}
)
"""Elements of numbers, codec data and the media themselves."""
_TEXTS: Mapping[int, tuple[bytes, ...]] = MappingProxyType(
    {
        0x4282: (b"matroska", b"webm"),
        0x86: (b"V_", b"A_"),
        0x22B59C: (),  # a language code
        0x22B59D: (),
        0x536E: (),
        0x4D80: (b"Lavf",),
        0x5741: (b"Lavf",),
        0x45A3: (b"DURATION", b"ENCODER"),
        0x447A: (),
        0x447B: (),
    }
)
"""Text elements, with the beginnings that they may have; a tag's value is checked with its name."""
_LANGUAGES, _NAME, _TAG_NAME, _TAG_VALUE = (0x22B59C, 0x22B59D, 0x447A, 0x447B), 0x536E, 0x45A3, 0x4487
_SECRET: Mapping[int, str] = MappingProxyType(
    {
        0x4461: "a date",
        0x7BA9: "a title",
        0x73A4: "a segment's identifier",
        0x7384: "a file name",
        0x3CB923: "a neighbour's identifier",
        0x3C83AB: "a neighbour's file name",
        0x3EB923: "a neighbour's identifier",
        0x3E83BB: "a neighbour's file name",
        0x1941A469: "attachments",
        0x1043A770: "chapters",
        0x258688: "a codec's name",
        0x75A1: "data beside a block",
        0x41E4: "data beside a track",
    }
)
_PADDING = (0xEC, 0xBF)
_HIDDEN: Mapping[int, int] = MappingProxyType({0x56AA: 75_000_000, 0x75A2: 200_000_000})
"""Maximum nanoseconds that are not played: before the first sound (CodecDelay), in a block (DiscardPadding)."""
_LARGEST_TEXT = 4096


def foreign(path: Path) -> Iterator[str]:
    """Everything in the file at `path` that no player needs, in words."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        yield from dict.fromkeys(_walk(file, 0, size, [""]))


def _walk(file: BinaryIO, position: int, end: int, tag: list[str]) -> Iterator[str]:
    """What is wrong with the elements from `position` to `end`; `tag` holds the name of the last tag."""
    while position < end:
        file.seek(position)
        head = file.read(12)
        identity, used = _identity(head)
        length, more = _length(head[used:])
        if not identity or not more:
            yield "bytes that belong to no element"
            return
        start = position + used + more
        stop = end if length is None else start + length
        if stop > end:
            yield f"an element {identity:X} that reaches past the end"
            return
        if identity in _SECRET:
            yield _SECRET[identity]
        elif identity in _MASTER:
            yield from _walk(file, start, stop, tag)
        elif identity in _HIDDEN:
            file.seek(start)
            if abs(int.from_bytes(file.read(min(stop - start, 8)), "big", signed=True)) > _HIDDEN[identity]:
                yield "sound that is not played"
        elif identity in _PADDING:
            file.seek(start)
            if identity == 0xEC and file.read(stop - start).strip(b"\0"):
                yield "padding that is not empty"
        elif identity in _TEXTS or identity == _TAG_VALUE:
            file.seek(start)
            yield from _text(identity, file.read(min(stop - start, _LARGEST_TEXT)), tag)
        elif identity not in _NUMBERS:
            yield f"an element {identity:X}"
        position = stop


def _text(identity: int, raw: bytes, tag: list[str]) -> Iterator[str]:
    text = raw.rstrip(b"\0")
    if identity == _TAG_NAME:
        tag[0] = text.decode("utf-8", "replace")
        if not text.startswith(_TEXTS[identity]):
            yield "tags"
    elif identity == _TAG_VALUE:
        if tag[0] == "ENCODER" and not text.startswith(b"Lav"):
            yield "a tag ENCODER that is not the muxer's"
        if tag[0] == "DURATION" and text.strip(b"0123456789:."):
            yield "a tag DURATION that is no duration"
    elif identity == _NAME:
        if text and text not in (b"VideoHandler", b"SoundHandler"):
            yield "a name of a track"
    elif identity in _LANGUAGES:
        if len(text) > 35 or text.strip(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"):
            yield "a language that is no language code"
    elif not text.startswith(_TEXTS[identity]):
        yield "a name of the program that wrote it"


def _identity(head: bytes) -> tuple[int, int]:
    """An element's ID with its length marker, and the bytes that it takes; 0 if there is none."""
    for used in range(1, 5):
        if head[:1] and head[0] & (0x80 >> (used - 1)):
            return int.from_bytes(head[:used], "big"), used
    return 0, 0


def _length(head: bytes) -> tuple[int | None, int]:
    """An element's length (None: unknown, to its parent's end), and the bytes that it takes; 0 if there is none."""
    for used in range(1, 9):
        if head[:1] and head[0] & (0x80 >> (used - 1)):
            value = int.from_bytes(head[:used], "big") & ((1 << 7 * used) - 1)
            return (None if value == (1 << 7 * used) - 1 else value), used
    return None, 0
