"""Edit lists of MP4 and QuickTime: which part of each track is played (ISO/IEC 14496-12, 8.6.6)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO, Self, cast

from anonymize.errors import UnsupportedInput
from anonymize.media.video.open import Input, head_of
from anonymize.storage import opened

_NESTED = (b"moov", b"trak", b"mdia", b"edts")
_MEDIA = (b"vide", b"soun")
_MOST = 100_000
"""Boxes and edits read, at most, so that a hostile file cannot make this run forever."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of an edit list.

    Args:
        length: seconds; 0 for the rest of the track.
        start: position in the track's media in seconds; None for a pause (empty edit).
        rate: playback rate.
        media: duration of the track's media in seconds; 0 if unknown (fragments).
    """

    length: Fraction
    start: Fraction | None
    rate: Fraction
    media: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Played:
    """Which part of a track an output plays, in seconds on the output's clock.

    Args:
        zero: start of the presentation.
        begins: start of the track according to its edit list.
        seams: start and end of each part that the edit list plays; empty if unknown.
    """

    zero: Fraction
    begins: Fraction
    seams: tuple[Fraction, ...] = ()

    @classmethod
    def by(cls, edits: Sequence[Edit], origin: Fraction, written: Fraction) -> Self:
        """From an edit list.

        Args:
            edits: of the track.
            origin: start of the presentation on the source's clock, in seconds.
            written: the same on the output's clock.
        """
        if not edits:
            return cls(written, written)
        shift = written - origin
        return cls(written, played_from(edits) + shift, tuple(seam + shift for seam in seams(edits)))

    @property
    def ends(self) -> Fraction | None:
        """End of the last part."""
        return self.seams[-1] if self.seams else None


@dataclass(slots=True)
class _EditedTrack:
    number: int = 0
    kind: bytes = b""
    scale: int = 1
    length: int = 0
    edits: list[tuple[int, int, int]] = field(default_factory=list)


def edit_lists(source: Input) -> Mapping[int, tuple[Edit, ...]]:
    """The edits of all video and audio tracks that have any, by track ID (FFmpeg's `stream.id`)."""
    if head_of(source, 16)[4:8] not in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip", b"pnot"):
        return {}
    tracks: list[_EditedTrack] = []
    movie = 1
    with suppress(OSError), io.BytesIO(source) if isinstance(source, bytes) else opened(source, 4096) as file:
        for name, body in _boxes(cast("BinaryIO", file)):
            if name == b"trak":
                tracks.append(_EditedTrack())
            elif name == b"mvhd":
                movie = _scale(body)
            elif tracks:
                _learn(tracks[-1], name, body)
    return {
        track.number: tuple(_edit(edit, movie, track) for edit in track.edits)
        for track in tracks
        if track.edits and track.kind in _MEDIA
    }


def refuse_unplayable(lists: Mapping[int, Sequence[Edit]], name: str) -> None:
    """Raise `UnsupportedInput` for edits that common players handle differently."""
    for edits in lists.values():
        if any(edit.start is not None and edit.rate != 1 for edit in edits):
            raise UnsupportedInput(
                "its edit list changes the speed or holds a frame, which players handle differently; export it from "
                "the program it was cut with",
                name,
            )
        if any(edit.start is None and edit.length for edit in edits[1:]):
            raise UnsupportedInput(
                "its edit list pauses in the middle, which players handle differently; export it from the program it "
                "was cut with",
                name,
            )


def played_from(edits: Sequence[Edit]) -> Fraction:
    """Start of the first part in seconds: after the initial pause, if any."""
    return edits[0].length if edits and edits[0].start is None else Fraction(0)


def seams(edits: Sequence[Edit]) -> list[Fraction]:
    """Start and end of each part in seconds of the presentation; empty if the last one has no end."""
    times = [Fraction(0)]
    for edit in edits:
        times.append(times[-1] + edit.length)
    return times if edits and all(edit.length for edit in edits) else []


def parts(edits: Sequence[Edit]) -> int:
    """Number of parts of the media that are played."""
    return sum(edit.start is not None for edit in edits)


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of the index that are needed for edit lists, with their content."""
    size = file.seek(0, 2)
    ends, position = [size], 0
    for _ in range(_MOST):
        while len(ends) > 1 and position + 8 > ends[-1]:
            position = ends.pop()
        if position + 8 > ends[-1]:
            return
        file.seek(position)
        header = file.read(16)
        length, name, head = int.from_bytes(header[:4], "big"), header[4:8], 8
        if length == 1:
            length, head = int.from_bytes(header[8:16], "big"), 16
        end = position + length if length else ends[-1]
        if end < position + head:
            return
        if name in _NESTED:
            yield name, b""
            ends.append(min(end, ends[-1]))
            position += head
            continue
        if name in (b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"elst"):
            file.seek(position + head)
            yield name, file.read(min(end - position - head, 8 + 20 * _MOST))
        position = end


def _learn(track: _EditedTrack, name: bytes, body: bytes) -> None:
    if name == b"tkhd":
        at = 20 if body[:1] == b"\1" else 12
        track.number = int.from_bytes(body[at : at + 4], "big")
    elif name == b"mdhd":
        track.scale = _scale(body)
        track.length = int.from_bytes(body[24:32] if body[:1] == b"\1" else body[16:20], "big")
    elif name == b"hdlr":
        track.kind = track.kind or body[8:12]  # QuickTime has a second one, for the data handler
    elif name == b"elst":
        wide = body[:1] == b"\1"
        size, step = (8, 20) if wide else (4, 12)
        for at in range(8, min(len(body), 8 + step * int.from_bytes(body[4:8], "big")) - step + 1, step):
            length = int.from_bytes(body[at : at + size], "big")
            start = int.from_bytes(body[at + size : at + 2 * size], "big", signed=True)
            track.edits.append((length, start, int.from_bytes(body[at + 2 * size : at + step], "big", signed=True)))


def _scale(body: bytes) -> int:
    at = 20 if body[:1] == b"\1" else 12
    return int.from_bytes(body[at : at + 4], "big") or 1


def _edit(raw: tuple[int, int, int], movie: int, track: _EditedTrack) -> Edit:
    length, start, rate = raw
    media = Fraction(track.length, track.scale)
    return Edit(
        Fraction(length, movie), None if start < 0 else Fraction(start, track.scale), Fraction(rate, 65536), media
    )
