"""MPEG transport streams made of several parts: joined recordings, or broadcasts whose streams change.

FFmpeg's demuxer takes streams announced midway for additional ones, and joined recordings for damaged ones, because
their continuity counters restart. So the file's tables and counters are read first (ISO/IEC 13818-1), and parts whose
video and sound have other PIDs than the first part's are handed to FFmpeg under the PIDs of the first part.
"""

from __future__ import annotations

import io
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymize.errors import UnsupportedInput
from anonymize.media.video.open import Input, head_of
from anonymize.storage import Steady, opened

_CHUNK = 1 << 16
"""Packets read at a time."""
_LEADS = {188: 0, 192: 4, 204: 0}
"""Packet size in bytes -> bytes before the sync byte."""
_EMPTY = 0x1FFF
_LEAST = 11
"""Packets that FFmpeg needs to recognise the format: more than ten of the largest size, 204 bytes."""
_SERVICE_TABLES = 0x20
"""PIDs below this one hold tables."""
_TABLES = 5
"""Packets of other tables that may precede the program association table at the start of a recording."""
_SEAMS = 50
"""Program association tables that are considered as the seam when a continuity counter jumps, at most."""
_VIDEO = {0x01: "MPEG-1", 0x02: "MPEG-2", 0x10: "MPEG-4", 0x1B: "H.264", 0x24: "HEVC", 0x33: "VVC", 0xEA: "VC-1"}
_SOUND = {0x03, 0x04, 0x0F, 0x11, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87}
_PRIVATE = 0x06
"""Stream type of private data, which the descriptors identify."""
_SOUND_TAGS = (b"\x6a", b"\x7a", b"\x7b", b"\x7c", b"Opus", b"AC-3", b"EAC3", b"DTS1", b"DTS2", b"DTS3", b"BSSD")

Row = tuple[int, int]
"""Stream type and PID."""


@dataclass(frozen=True, slots=True)
class Spliced:
    """How the parts of a transport stream are read as one stream.

    Args:
        size: bytes of a packet.
        parts: byte offsets from which other PIDs are in use, each with a map from these PIDs to the first part's.
        seams: byte offsets where recordings were joined.
        whole: numbers of the packets in which complete PES packets start although counters restart after them.
        sound: PIDs of the audio that belongs to the video; None if all of it does.
    """

    size: int = 188
    parts: tuple[tuple[int, Mapping[int, int]], ...] = ()
    seams: tuple[int, ...] = ()
    whole: frozenset[int] = frozenset()
    sound: frozenset[int] | None = None

    def is_whole(self, position: int | None) -> bool:
        """Whether the PES packet that FFmpeg reports at about the byte offset `position` is one of `whole`."""
        return position is not None and (position + self.size // 2) // self.size in self.whole

    def opened(self, source: Input, name: str) -> io.RawIOBase:
        """`source` opened for reading, with the PIDs of its first part throughout."""
        return _Renumbered(_file(source, name), self)


def fill_up(path: Path) -> None:
    """Append null packets to a transport stream (188-byte packets) that is too short for FFmpeg to recognise."""
    missing = _LEAST - path.stat().st_size // 188
    if missing > 0:
        with path.open("ab") as file:
            file.write((b"\x47" + _EMPTY.to_bytes(2, "big") + b"\x10" + b"\xff" * 184) * missing)


def packet_size(source: Input) -> int:
    """The packet size in bytes; 0 if `source` is not a transport stream that starts with a whole packet."""
    head = head_of(source, 204 * 5)
    return next(
        (size for size, lead in _LEADS.items() if len(head) > 4 * size + lead and set(head[lead::size][:5]) == {0x47}),
        0,
    )


def ends_within_a_packet(source: Input) -> bool:
    """Whether the last packet is cut: bytes behind the packets that do not start like one do not count."""
    size = packet_size(source)
    have = len(source) if isinstance(source, bytes) else source.stat().st_size
    if not size or not (rest := have % size):
        return False
    with io.BytesIO(source) if isinstance(source, bytes) else opened(source) as file:
        file.seek(have - rest)
        return file.read(rest)[_LEADS[size] :][:1] == b"\x47"


def spliced(source: Input, name: str, video: int) -> Spliced:
    """Read the tables and continuity counters of the transport stream `source`.

    Args:
        source: the file.
        name: for messages.
        video: PID of the video at the start.

    Raises:
        UnsupportedInput: video or sound changes codec or number of streams, so that the parts cannot be read as one.
    """
    size = packet_size(source)
    scan = _Scan()
    for packets in _packets(source, name, size):
        scan.take(packets)
    parts = dict(_parts(scan, name, video))
    seams = sorted({*scan.anew(), *parts})
    return Spliced(
        size=size,
        parts=tuple((at * size, numbers) for at, numbers in parts.items()),
        seams=tuple(at * size for at in seams),
        whole=frozenset(scan.whole(seams)),
        sound=scan.sound_of(video),
    )


def _packets(source: Input, name: str, size: int) -> Iterator[NDArray[np.uint8]]:
    """Arrays of packets, (N, 188) uint8; ends where the packet grid does."""
    lead = _LEADS[size]
    with closing(_file(source, name)) as file:
        while len(raw := file.read(size * _CHUNK)) >= size:
            packets = np.frombuffer(raw, np.uint8, len(raw) // size * size).reshape(-1, size)[:, lead : lead + 188]
            if (packets[:, 0] != 0x47).any():
                return  # FFmpeg resynchronises by itself from here on
            yield packets


def _file(source: Input, name: str) -> BinaryIO | io.BytesIO | Steady:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return source.open("rb") if isinstance(source, Path) else Steady(source, name)


class _Break(NamedTuple):
    """A packet whose continuity counter does not follow that of packet `before`; whether a PES packet begins in it."""

    at: int
    before: int
    stream: int
    begins: bool


@dataclass(slots=True)
class _Scan:
    """State of reading a transport stream from start to end; positions count packets."""

    position: int = 0
    tables: dict[int, int] = field(default_factory=dict)
    """PID of each program map table -> program number."""
    news: list[tuple[int, dict[int, int] | None, tuple[int, list[Row]] | None]] = field(default_factory=list)
    """Where a program association table, or a program map table as (program, rows), differs from the one before."""
    begun: dict[int, list[int]] = field(default_factory=dict)
    """Where PES packets begin, by PID."""
    breaks: list[_Break] = field(default_factory=list)
    """Where continuity counters jump."""
    lists: list[int] = field(default_factory=list)
    """Where program association tables are."""
    _latest: dict[int, bytes] = field(default_factory=dict)
    _count: NDArray[np.int64] = field(default_factory=lambda: np.full(0x2000, -1, np.int64))
    _where: NDArray[np.int64] = field(default_factory=lambda: np.full(0x2000, -1, np.int64))

    def take(self, packets: NDArray[np.uint8]) -> None:
        """Process the next packets, (N, 188)."""
        numbers = (packets[:, 1].astype(np.int64) & 0x1F) << 8 | packets[:, 2]
        begins = packets[:, 1] & 0x40 > 0
        self.lists += (np.flatnonzero(numbers == 0) + self.position).tolist()
        self._read_tables(packets, numbers, np.flatnonzero(begins & (numbers == 0)))
        self._read_tables(packets, numbers, np.flatnonzero(begins & np.isin(numbers, list(self.tables))))
        self.news.sort(key=lambda new: new[0])
        media = begins & (packets[:, 3] & 0x10 > 0) & ~np.isin(numbers, [0, _EMPTY, *self.tables])
        for at in np.flatnonzero(media).tolist():
            self.begun.setdefault(int(numbers[at]), []).append(at + self.position)
        self._count_through(packets, numbers, begins)
        self.position += len(packets)

    def _read_tables(self, packets: NDArray[np.uint8], numbers: NDArray[np.int64], found: NDArray[np.int64]) -> None:
        for at in found.tolist():
            number, raw = int(numbers[at]), packets[at].tobytes()
            if self._latest.get(number) == raw[4:]:
                continue
            self._latest[number] = raw[4:]
            section = _section(raw)
            if number == 0 and section[:1] == b"\x00":
                self.tables |= {pid: program for program, pid in _programs(section).items()}
                self.news.append((at + self.position, _programs(section), None))
            elif number in self.tables and section[:1] == b"\x02":
                self.news.append(
                    (at + self.position, None, (int.from_bytes(section[3:5], "big"), list(_rows(section))))
                )

    def _count_through(self, packets: NDArray[np.uint8], numbers: NDArray[np.int64], begins: NDArray[np.bool_]) -> None:
        """Find packets whose continuity counter does not follow that of the packet before it in their stream."""
        full = (packets[:, 3] & 0x10 > 0) & (numbers != _EMPTY)
        restarts = (packets[:, 3] & 0x20 > 0) & (packets[:, 4] > 0) & (packets[:, 5] & 0x80 > 0)
        order = np.flatnonzero(full)[np.argsort(numbers[full], kind="stable")]
        streams, counts = numbers[order], packets[order, 3].astype(np.int64) & 0x0F
        heads = np.flatnonzero(np.diff(streams, prepend=-1))
        before, where = np.roll(counts, 1), np.roll(order, 1) + self.position
        before[heads], where[heads] = self._count[streams[heads]], self._where[streams[heads]]
        jump = (before >= 0) & (counts != (before + 1) % 16) & (counts != before) & ~restarts[order]
        for row in np.flatnonzero(jump).tolist():
            at = int(order[row])
            self.breaks.append(_Break(at + self.position, int(where[row]), int(streams[row]), bool(begins[at])))
        self._count[streams], self._where[streams] = counts, order + self.position

    def whole(self, seams: Iterable[int]) -> Iterator[int]:
        """Where the last PES packets before `seams` begin: complete, although counters restart after them."""
        for seam in seams:
            for stream in self.begun:
                yield from self._last_pieces(stream, seam)

    def anew(self) -> list[int]:
        """Where recordings were joined: the counters of several streams restart, each at the start of a PES packet.

        Where packets were lost instead, only one stream jumps, or a stream continues within a PES packet.
        """
        across: dict[int, list[_Break]] = {}
        for lost in self.breaks:
            first, end = bisect_right(self.lists, lost.before), bisect_right(self.lists, lost.at)
            seams = self.lists[first:end][:_SEAMS]
            if lost.stream not in self.begun or lost.stream < _SERVICE_TABLES:
                seams += [at for at in self.lists[end : end + 1] if at - lost.at < _TABLES]
            for seam in seams:
                across.setdefault(seam, []).append(lost)
        return [
            seam
            for seam, breaks in across.items()
            if len({lost.stream for lost in breaks}) > 1 and all(lost.begins for lost in breaks)
        ]

    def _last_pieces(self, stream: int, end: int) -> list[int]:
        """The last two PES packets before `end`, if no packet is missing in them (FFmpeg may mark the wrong one)."""
        pieces = self.begun.get(stream, [])
        last = bisect_left(pieces, end)
        found = pieces[max(last - 2, 0) : last]
        holes = (lost for lost in self.breaks if lost.stream == stream and found[:1] <= [lost.at] and lost.at < end)
        return [] if any(holes) else found

    def sound_of(self, video: int) -> frozenset[int] | None:
        """PIDs of the sound in the program of `video`; None if there is only one program."""
        several = any(programs is not None and len(programs) > 1 for _, programs, _ in self.news)
        tables = [table[1] for _, _, table in self.news if table is not None]
        own = [rows for rows in tables if any(number == video for _, number in rows)]
        if not several or not own:
            return None
        return frozenset(number for rows in own for kind, number in rows if kind not in _VIDEO)


def _parts(scan: _Scan, name: str, video: int) -> Iterator[tuple[int, Mapping[int, int]]]:
    """Where the program of `video` continues under other PIDs: position, and a map to the first part's PIDs."""
    first: list[Row] | None = None
    now: dict[int, int] = {}
    program, since = -1, 0
    programs: Mapping[int, int] = {}
    for at, listed, table in scan.news:
        if listed is not None:
            programs, since = listed, at
            if program >= 0 and program not in listed and len(listed) == 1:
                program = next(iter(listed))
        elif table is not None:
            rows = [row for row in table[1] if row[1] in scan.begun and _kind(row[0])]
            if first is None and any(number == video for _, number in rows):
                first, program, now = rows, table[0], {number: number for _, number in rows}
            elif first is not None and table[0] == program and rows:
                numbers = _matched(first, rows, name, at / max(scan.position, 1))
                if numbers != now:
                    hidden = dict.fromkeys((0, *(number for number in programs.values())), _EMPTY)
                    yield since or at, {**hidden, **numbers}
                    now = numbers
            since = 0


def _matched(first: list[Row], rows: list[Row], name: str, share: float) -> dict[int, int]:
    """The PID in `first` that each PID in `rows` continues."""
    numbers: dict[int, int] = {}
    for kind in ("video", "sound"):
        before = [row for row in first if _kind(row[0]) == kind]
        after = [row for row in rows if _kind(row[0]) == kind]
        if {row[1] for row in after} <= {row[1] for row in before}:
            after = [row for row in before if row in after or row[1] not in {r[1] for r in after}]
        if [row[0] for row in before] != [row[0] for row in after]:
            raise UnsupportedInput(
                f"about {share:.0%} into the file its {kind} changes from {_streams(before)} to {_streams(after)}; "
                "cut the file there and give the parts",
                name,
            )
        numbers |= {new[1]: old[1] for old, new in zip(before, after, strict=True)}
    return numbers


def _streams(rows: list[Row]) -> str:
    return ", ".join(f"{_VIDEO.get(kind, f'type {kind:#x}')} in stream {number:#x}" for kind, number in rows) or "none"


def _kind(stream_type: int) -> str:
    return "video" if stream_type in _VIDEO else "sound" if stream_type in _SOUND else ""


def _section(packet: bytes) -> bytes:
    """The table section that starts in `packet`; empty if it does not end in the same packet."""
    content = packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]
    section = content[1 + content[0] :] if content else b""
    length = 3 + (int.from_bytes(section[1:3], "big") & 0x0FFF)
    return section[:length] if len(section) >= length > 8 else b""


def _programs(section: bytes) -> dict[int, int]:
    """PIDs of the program map tables, by program number."""
    rows = (section[i : i + 4] for i in range(8, len(section) - 7, 4))
    pairs = ((int.from_bytes(row[:2], "big"), int.from_bytes(row[2:], "big") & 0x1FFF) for row in rows)
    return {program: number for program, number in pairs if program}


def _rows(section: bytes) -> Iterator[Row]:
    """The streams of a program. Audio that only the descriptors identify is given the stream type of AC-3."""
    at = 12 + (int.from_bytes(section[10:12], "big") & 0x0FFF)
    while at + 5 <= len(section) - 4:
        kind, length = section[at], int.from_bytes(section[at + 3 : at + 5], "big") & 0x0FFF
        descriptors = section[at + 5 : at + 5 + length]
        if kind == _PRIVATE and any(tag in descriptors for tag in _SOUND_TAGS):
            kind = 0x81
        yield kind, int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF
        at += 5 + length


class _Renumbered(io.RawIOBase):
    """A transport stream with the PIDs of its first part throughout; see `Spliced`."""

    def __init__(self, file: BinaryIO | io.BytesIO | Steady, how: Spliced) -> None:
        self._file, self._how, self._at = file, how, 0
        self._starts = [start for start, _ in how.parts]
        self._numbers = [self._table(numbers) for _, numbers in how.parts]

    @staticmethod
    def _table(numbers: Mapping[int, int]) -> NDArray[np.uint16]:
        table = np.arange(0x2000, dtype=np.uint16)
        for number, other in numbers.items():
            table[number] = other
        return table

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `io.RawIOBase.seek`."""
        if whence == io.SEEK_CUR:
            offset, whence = self._at + offset, io.SEEK_SET
        self._at = self._file.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        """See `io.RawIOBase.tell`."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """See `io.RawIOBase.read`."""
        first = self._at // self._how.size * self._how.size
        self._file.seek(first)
        raw = self._file.read(-1 if size < 0 else -(-(self._at + size - first) // self._how.size) * self._how.size)
        wanted = self._renumbered(raw, first)[self._at - first :]
        wanted = wanted if size < 0 else wanted[:size]
        self._at += len(wanted)
        return wanted

    def _renumbered(self, raw: bytes, position: int) -> bytes:
        size = self._how.size
        count = len(raw) // size
        packets = np.frombuffer(raw, np.uint8, count * size).reshape(-1, size).copy()
        head = packets[:, _LEADS[size] :]
        numbers = (head[:, 1].astype(np.uint16) & 0x1F) << 8 | head[:, 2]
        part = np.searchsorted(self._starts, position + np.arange(count) * size, side="right") - 1
        for index in np.unique(part[part >= 0]).tolist():
            rows = part == index
            numbers[rows] = self._numbers[index][numbers[rows]]
        head[:, 1] = head[:, 1] & 0xE0 | (numbers >> 8).astype(np.uint8)
        head[:, 2] = (numbers & 0xFF).astype(np.uint8)
        return packets.tobytes() + raw[count * size :]

    def close(self) -> None:
        """See `io.RawIOBase.close`."""
        self._file.close()
        super().close()
