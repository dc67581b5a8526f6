"""What an MP4 or QuickTime file holds besides what a player needs (ISO/IEC 14496-12, QuickTime File Format).

Every box is known or reported: a list of what is allowed cannot miss a kind of metadata that nobody thought of.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_NESTED = {"moov", "trak", "mdia", "minf", "dinf", "stbl", "edts", "udta"}
_STRUCTURE = frozenset(
    {"ftyp", "mdat", "mvhd", "tkhd", "elst", "mdhd", "hdlr", "vmhd", "smhd", "nmhd", "gmhd", "dref", "stsd", "stts"}
    | {"ctts", "cslg", "stss", "sdtp", "stsc", "stsz", "stz2", "stco", "co64", "sgpd", "sbgp", "iods", "meta", "free"}
    | {"skip", "wide"}
)
_SAMPLE_PARTS = frozenset(
    {
        "avcC",
        "hvcC",
        "av1C",
        "vpcC",
        "colr",
        "pasp",
        "fiel",
        "mdcv",
        "clli",
        "SmDm",
        "CoLL",
        "btrt",
        "esds",
        "glbl",
        "wave",
    }
    | {"chan", "chnl", "pcmC", "dac3", "dec3", "dac4", "dfLa", "dOps", "ddts", "dmlp", "alac", "frma", "enda", "clap"}
)
_IN_WAVE = _SAMPLE_PARTS | {"mp4a", "\0\0\0\0", "trailing"}
_PADDING = {"free", "skip", "wide"}
_NEUTRAL_NAME = re.compile(rb"\0*(\x0c?(Video|Sound)Handler|\x0bDataHandler|DataHandler)?\0*")
_TIMED = {"mvhd", "tkhd", "mdhd"}
_VENDORS = (b"\0\0\0\0", b"FFMP", b"appl", b"apl0")
_RUN_IN = 0.05
"""Maximum seconds, besides one packet, before the first sound that is played: decoders need them."""
_LARGEST_INDEX = 1 << 30
"""Maximum size in bytes of a box, other than the media, that is read into memory."""


def foreign(path: Path) -> Iterator[str]:
    """Everything in the file at `path` that no player needs, in words."""
    media = referred = 0
    with path.open("rb") as file:
        for name, start, end in _top_level(file):
            if name == "mdat":
                media += end - start
            elif name == "trailing":
                yield "bytes after the last box"
            elif end - start > _LARGEST_INDEX:
                yield f"a {name} box of {end - start} bytes"
            else:
                file.seek(start)
                content = file.read(end - start)
                yield from _box(name, content)
                if name == "moov":
                    referred += sum(_sample_bytes(table) for table in _found(content, "stsz"))
                    yield from _unplayed(content)
    if media > referred:
        yield f"{media - referred} bytes among the media that belong to no track"


def _top_level(file: BinaryIO) -> Iterator[tuple[str, int, int]]:
    """Every box of the file: its name, and the start and end of its content."""
    size = file.seek(0, 2)
    position = 0
    while position + 8 <= size:
        file.seek(position)
        name, head, length = _header(file.read(16), size - position)
        if length < head or position + length > size:
            break
        yield name, position + head, position + length
        position += length
    if position < size:
        yield "trailing", position, size


def _header(raw: bytes, left: int) -> tuple[str, int, int]:
    """Name, length of the header and of the whole box."""
    length, name = int.from_bytes(raw[:4], "big"), raw[4:8].decode("latin-1")
    if length == 1:
        return name, 16, int.from_bytes(raw[8:16], "big")
    return name, 8, length or left


def boxes(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The boxes in `content`; a remainder that is not a box is called `trailing`."""
    position = 0
    while position + 8 <= len(content):
        name, head, length = _header(content[position : position + 16], len(content) - position)
        if length < head or position + length > len(content):
            break
        yield name, content[position + head : position + length]
        position += length
    if content[position:].strip(b"\0"):
        yield "trailing", content[position:]


def _found(content: bytes, wanted: str) -> Iterator[bytes]:
    """The content of every box `wanted`, at any depth."""
    for name, inner in boxes(content):
        if name == wanted:
            yield inner
        elif name in _NESTED:
            yield from _found(inner, wanted)


def _unplayed(movie: bytes) -> Iterator[str]:
    """Media that the edit lists of `movie` skip, beyond what a decoder needs before the first sound."""
    scale = _timescale(next(_found(movie, "mvhd"), b""))
    for name, track in boxes(movie):
        if name != "trak":
            continue
        own = _timescale(next(_found(track, "mdhd"), b""))
        tables = (table[8:] for table in _found(track, "stts"))
        runs = [run for table in tables for run in struct.iter_unpack(">II", table[: len(table) // 8 * 8])]
        longest, left = max((delta for _, delta in runs), default=0), sum(count * delta for count, delta in runs)
        now = 0
        for start, length in sorted(_edits(track, scale, own)):
            left -= max(0, start + length - max(start, now))
            now = max(now, start + length)
        if now and left > max(longest, _RUN_IN * own) + _RUN_IN * own / 2:
            yield f"{left / own:.2f} s of a track that are not played"


def _edits(track: bytes, scale: int, own: int) -> Iterator[tuple[int, int]]:
    """Start and length, in ticks of the track, of every part that is played."""
    for table in _found(track, "elst"):
        size, step = (8, 20) if table[:1] == b"\1" else (4, 12)
        for at in range(8, len(table) - step + 1, step):
            length = int.from_bytes(table[at : at + size], "big")
            start = int.from_bytes(table[at + size : at + 2 * size], "big", signed=True)
            if start >= 0:
                yield start, length * own // scale


def _timescale(header: bytes) -> int:
    at = 20 if header[:1] == b"\1" else 12
    return int.from_bytes(header[at : at + 4], "big") or 1


def _sample_bytes(table: bytes) -> int:
    """Bytes of media that the samples of an stsz box take."""
    size, count = int.from_bytes(table[4:8], "big"), int.from_bytes(table[8:12], "big")
    if size:
        return size * count
    return sum(int.from_bytes(table[i : i + 4], "big") for i in range(12, 12 + 4 * count, 4))


def _box(name: str, content: bytes) -> Iterator[str]:
    """What is wrong with a box and those inside it."""
    if name in _NESTED:
        for inner, held in boxes(content):
            yield from _box(inner, held)
    elif name not in _STRUCTURE:
        yield f"a box {_readable(name)}"
    elif name in _PADDING and content.strip(b"\0"):
        yield f"a box {name} that is not empty"
    elif name in _TIMED and content[4 : 4 + (16 if content[:1] == b"\1" else 8)].strip(b"\0"):
        yield f"a date in {name}"
    elif name == "hdlr" and not _NEUTRAL_NAME.fullmatch(content[24:]):
        yield "a name of a track (hdlr)"
    elif name == "meta":
        yield from _meta(content)
    elif name == "dref" and b"\0\0\0\x01" not in content[8:]:
        yield "a reference to another file (dref)"
    elif name == "stsd":
        yield from _sample_entries(content)


def _meta(content: bytes) -> Iterator[str]:
    """The metadata in a meta box; an empty list of tags, as FFmpeg writes it, is none."""
    inner = content if content[4:8] == b"hdlr" else content[4:]
    for name, held in boxes(inner):
        if name == "hdlr" and held[8:12] == b"mdir":
            continue
        if name != "ilst" or held:
            yield f"metadata ({_readable(name)} in meta)"


def _sample_entries(content: bytes) -> Iterator[str]:
    for codec, entry in boxes(content[8:]):
        picture = len(entry) >= 78 and entry[16:18] == b"\0\0" and entry[24:26] != b"\0\0"
        fixed = 78 if picture else _sound_header(entry)
        if fixed and entry[12:16] not in _VENDORS:
            yield "a vendor's name"
        if picture and entry[42:74].strip(b"\0"):
            yield "a compressor's name"
        if fixed:
            yield from _parts_of_entry(entry[fixed:])
        else:
            yield f"a track of type {_readable(codec)}"


def _sound_header(entry: bytes) -> int:
    """Length of the fixed part of a sound sample entry (QuickTime has three versions); 0 if it is not one."""
    version, channels = int.from_bytes(entry[8:10], "big"), int.from_bytes(entry[16:18], "big")
    if len(entry) < 28 or version > 2 or not 0 < channels <= 64:
        return 0
    return {0: 28, 1: 44, 2: 64}[version]


def _parts_of_entry(content: bytes) -> Iterator[str]:
    for name, held in boxes(content):
        if name == "wave":
            yield from (f"a box {_readable(inner)} in wave" for inner, _ in boxes(held) if inner not in _IN_WAVE)
        elif name not in _SAMPLE_PARTS:
            yield f"a box {_readable(name)} in stsd"
        elif name == "colr" and held[:4] not in (b"nclx", b"nclc"):
            yield "a colour profile in the video stream"


def _readable(name: str) -> str:
    return name if name.isascii() and name.isprintable() else repr(name)
