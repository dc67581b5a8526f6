"""Apply the container's cropping: what players do not show must not become visible in an output.

FFmpeg's decoders apply the cropping of the coded stream, but not that of Matroska (PixelCrop), MP4 and MOV (clap).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import IO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from anonymize.errors import UnsupportedInput
from anonymize.media.video.open import Input, is_cover
from anonymize.storage import opened

_SEGMENT, _TRACKS, _TRACK, _KIND, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0xE0
_SIDES = (0x54CC, 0x54BB, 0x54DD, 0x54AA)
"""Matroska's element IDs of the crop at the left, top, right and bottom."""
_ENTRY = 86
"""Bytes of an MP4 sample description before the boxes in it."""
_MOST = 64 << 20
"""Bytes read of one header, at most."""

Sides = tuple[int, int, int, int]
"""Pixels of the stored frame that are cropped at the left, top, right and bottom."""


@dataclass(slots=True)
class Crop:
    """Crops frames to what players show, rounded inward to whole samples of every plane.

    Args:
        sides: pixels to remove at each side.
        name: of the file, for messages.
    """

    sides: Sides
    name: str
    _graph: av.filter.Graph | None = None
    _made_for: tuple[object, ...] = ()

    @classmethod
    def of(cls, source: Input, container: InputContainer, stream: VideoStream, name: str) -> Crop | None:
        """The crop of `stream` according to its container; None if there is none.

        Args:
            source: the file.
            container: the open file.
            stream: its video.
            name: for messages.
        """
        sides = (0, 0, 0, 0)
        kind = container.format.name
        with suppress(OSError), BytesIO(source) if isinstance(source, bytes) else opened(source, 1 << 16) as file:
            if kind.startswith("matroska"):
                shown = [s.index for s in container.streams.video if not is_cover(s)]
                sides = _matroska(file, shown.index(stream.index))
            elif kind.startswith("mov"):
                sides = _mp4(file, stream.id)
        return cls(sides, name) if any(sides) else None

    def cut(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The visible part of `picture`, which shares its samples.

        Raises:
            UnsupportedInput: nothing would be visible.
        """
        traits = (picture.width, picture.height, picture.format.name, picture.time_base)
        if self._graph is None or traits != self._made_for:
            self._graph, self._made_for = self._made(picture), traits
        self._graph.push(picture)
        shown = self._graph.pull()
        assert isinstance(shown, av.VideoFrame)
        shown.pts, shown.time_base = picture.pts, picture.time_base
        return shown

    def _made(self, picture: av.VideoFrame) -> av.filter.Graph:
        left, top, right, bottom = self.sides
        across, down = _samples(picture)
        x0, y0 = -(-left // across) * across, -(-top // down) * down
        x1 = picture.width if not right else (picture.width - right) // across * across
        y1 = picture.height if not bottom else (picture.height - bottom) // down * down
        if x1 <= x0 or y1 <= y0:
            raise UnsupportedInput("its container says that nothing of the picture is to be shown", self.name)
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=picture.time_base
        )
        crop = graph.add("crop", f"{x1 - x0}:{y1 - y0}:{x0}:{y0}:exact=1")
        sink = graph.add("buffersink")
        source.link_to(crop)
        crop.link_to(sink)
        graph.configure()
        return graph


def _samples(picture: av.VideoFrame) -> tuple[int, int]:
    """Pixels per sample of the coarsest plane, across and down; down doubled for interlaced frames."""
    parts = picture.format.components
    across = max(-(-picture.format.width // part.width) for part in parts)
    down = max(-(-picture.format.height // part.height) for part in parts)
    return across, down * (2 if picture.interlaced_frame else 1)


def _matroska(file: IO[bytes], number: int) -> Sides:
    """The crop of video track `number` (from 0) in a Matroska file."""
    for element, size in _elements(file, None):
        if element != _SEGMENT:
            continue
        for inner, length in _elements(file, size):
            if inner == _TRACKS:
                tracks = file.read(min(length if length is not None else _MOST, _MOST))
                found = [sides for sides in _tracks(tracks) if sides is not None]
                return found[number] if number < len(found) else (0, 0, 0, 0)
    return (0, 0, 0, 0)


def _tracks(content: bytes) -> Iterator[Sides | None]:
    """The crop of each track; None for a track that is not video."""
    for element, track in _children(content):
        if element != _TRACK:
            continue
        held = dict(_children(track))
        if int.from_bytes(held.get(_KIND, b""), "big") != 1:
            yield None
            continue
        video = dict(_children(held.get(_VIDEO, b"")))
        left, top, right, bottom = (int.from_bytes(video.get(side, b""), "big") for side in _SIDES)
        yield left, top, right, bottom


def _children(content: bytes) -> Iterator[tuple[int, bytes]]:
    file = BytesIO(content)
    for element, size in _elements(file, len(content)):
        yield element, file.read() if size is None else file.read(size)


def _elements(file: IO[bytes], room: int | None) -> Iterator[tuple[int, int | None]]:
    """ID and size of the EBML elements in the next `room` bytes, with the file positioned at each one's content.

    A size of None means up to the end, or unknown.
    """
    end = None if room is None else file.tell() + room
    while end is None or file.tell() < end:
        number, length = _number(file, keep=True), _number(file, keep=False)
        if number is None or length is None:
            return
        size = None if length == -1 else length
        start = file.tell()
        yield number, size
        if size is None:
            return
        file.seek(start + size)


def _number(file: IO[bytes], *, keep: bool) -> int | None:
    """An EBML variable-length integer, with the length marker kept (IDs) or not (sizes); -1 for an unknown size."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    raw = first + file.read(length - 1)
    if len(raw) < length:
        return None
    value = int.from_bytes(raw, "big")
    bits = (1 << 7 * length) - 1
    return value if keep else -1 if value & bits == bits else value & bits


def _mp4(file: IO[bytes], track: int) -> Sides:
    """The crop of the track with this ID by its clean aperture; of several, the largest on each side."""
    sides = [0, 0, 0, 0]
    for trak in _at(_moov(file), b"trak"):
        header = next(_at(trak, b"tkhd"), b"")
        at = 20 if header[:1] == b"\x01" else 12
        if int.from_bytes(header[at : at + 4], "big") != track:
            continue
        for described in _at(trak, b"mdia", b"minf", b"stbl", b"stsd"):
            for _, entry in _boxes(described[8:]):
                for clap in _at(entry[_ENTRY - 8 :], b"clap"):
                    size = int.from_bytes(entry[24:26], "big"), int.from_bytes(entry[26:28], "big")
                    sides = [max(pair) for pair in zip(sides, _aperture(clap, *size), strict=True)]
    left, top, right, bottom = sides
    return left, top, right, bottom


def _aperture(clap: bytes, width: int, height: int) -> Sides:
    """Pixels outside a clean aperture (ISO 14496-12), including those that it cuts through."""
    numbers = [int.from_bytes(clap[at : at + 4], "big", signed=True) for at in range(0, 32, 4)]
    if len(clap) < 32 or min(numbers[1::2]) < 1:
        return (0, 0, 0, 0)
    across, down, x, y = (Fraction(*numbers[at : at + 2]) for at in range(0, 8, 2))
    left, top = (width - across) / 2 + x, (height - down) / 2 + y
    right, bottom = width - across - left, height - down - top
    around = [max(0, math.ceil(side)) for side in (left, top, right, bottom)]
    return around[0], around[1], around[2], around[3]


def _moov(file: IO[bytes]) -> bytes:
    """The content of an MP4 file's `moov` box; empty if there is none."""
    while len(head := file.read(8)) == 8:
        size, kind, header = int.from_bytes(head[:4], "big"), head[4:], 8
        if size == 1:
            head += file.read(8)
            size, header = int.from_bytes(head[8:], "big"), 16
        if kind == b"moov":
            return file.read(min(size - header, _MOST) if size else _MOST)
        if size < header:
            break
        file.seek(size - header, 1)
    return b""


def _at(content: bytes, *way: bytes) -> Iterator[bytes]:
    """The contents of all boxes at the path `way`."""
    if not way:
        yield content
        return
    for kind, held in _boxes(content):
        if kind == way[0]:
            yield from _at(held, *way[1:])


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of the boxes in `content`."""
    at = 0
    while at + 8 <= len(content):
        size, header = int.from_bytes(content[at : at + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        size = size or len(content) - at
        if size < header:
            return
        yield content[at + 4 : at + 8], content[at + header : at + size]
        at += size
