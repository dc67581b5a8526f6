"""MP4 and QuickTime files taken apart and put together again, to write edit lists that no muxer here writes.

set_edits(path, "soun", [(1.0, 2.5)])       # play one second of the sound, from 2.5 s of its media on
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

Box = tuple[bytes, bytes]
_NESTED = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def boxes(content: bytes) -> list[Box]:
    """Name and content of every box in `content`, none of them over 4 GiB."""
    found, at = [], 0
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        found.append((content[at + 4 : at + 8], content[at + 8 : at + length]))
        at += length
    return found


def joined(parts: Sequence[Box]) -> bytes:
    """The reverse of `boxes`."""
    return b"".join((len(held) + 8).to_bytes(4, "big") + name + held for name, held in parts)


def change(path: Path, edit: Callable[[list[Box]], list[Box]]) -> Path:
    """Rewrite, in place, every track of `path` by `edit`; its index must come after the media."""
    top = boxes(path.read_bytes())
    assert top[-1][0] == b"moov", "write it without faststart"
    moov = [(name, joined(edit(boxes(held))) if name == b"trak" else held) for name, held in boxes(top[-1][1])]
    path.write_bytes(joined([*top[:-1], (b"moov", joined(moov))]))
    return path


def set_edits(
    path: Path, kind: str, edits: Sequence[tuple[float, float | None]], *, rate: float = 1.0, version: int = 0
) -> Path:
    """Give the tracks of `kind` (vide, soun) of the MP4 at `path` another edit list, in place.

    Args:
        path: the file, its index after the media.
        kind: which tracks.
        edits: of each part its length and where in the media it begins, in seconds; None for a pause.
        rate: at which all of them are played.
        version: of the box: 1 has times of 64 bits.
    """
    top = dict(boxes(path.read_bytes()))
    movie = _timescale(dict(boxes(top[b"moov"]))[b"mvhd"])

    def edited(parts: list[Box]) -> list[Box]:
        media = dict(boxes(dict(parts)[b"mdia"]))
        if media[b"hdlr"][8:12] != kind.encode():
            return parts
        scale = _timescale(media[b"mdhd"])
        size = 8 if version else 4
        body = bytes([version, 0, 0, 0]) + len(edits).to_bytes(4, "big")
        for length, start in edits:
            begin = -1 if start is None else round(Fraction(start) * scale)
            body += round(Fraction(length) * movie).to_bytes(size, "big") + begin.to_bytes(size, "big", signed=True)
            body += round(rate * 65536).to_bytes(4, "big")
        made = (b"edts", joined([(b"elst", body)]))
        kept = [part for part in parts if part[0] != b"edts"]
        return [kept[0], made, *kept[1:]]

    return change(path, edited)


def _timescale(header: bytes) -> int:
    at = 20 if header[0] else 12
    return int.from_bytes(header[at : at + 4], "big")
