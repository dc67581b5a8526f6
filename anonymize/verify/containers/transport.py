"""What an MPEG transport stream holds besides what a player needs (ISO/IEC 13818-1, ETSI EN 300 468)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_PACKET = 188
_CHUNK = 1 << 16
"""Packets that are read at a time."""
_PROGRAMS, _SERVICES, _EMPTY = 0x0000, 0x0011, 0x1FFF
_MEDIA = {0x01, 0x02, 0x03, 0x04, 0x0F, 0x10, 0x11, 0x1B, 0x24, 0x81, 0x82, 0x87}
"""Stream types of video and audio."""
_PRIVATE = 0x06
"""The stream type that its descriptors define: sound in Opus, AC-3 or DTS; subtitles; arbitrary data."""
_SOUND_IN_PRIVATE = (b"Opus", b"AC-3", b"EAC3", b"DTS1", b"DTS2", b"DTS3")
_DESCRIPTORS = {0x05, 0x0A, 0x28, 0x38, 0x6A, 0x7A, 0x7B, 0x7C, 0x7F}
"""Registration, language, and parameters of video and audio codecs."""
_NEUTRAL = {b"", b"FFmpeg", b"Service01"}
"""Names of provider and service that FFmpeg writes by default."""

Packets = NDArray[np.uint8]
"""(N, 188)."""


def foreign(path: Path) -> Iterator[str]:
    """Everything in the file at `path` that no player needs, in words."""
    known = {_PROGRAMS, _SERVICES, _EMPTY}
    tables: set[int] = set()
    found: dict[str, None] = {}
    for packets in _packets(path):
        if (packets[:, 0] != 0x47).any():
            found["bytes that are no packets"] = None
            break
        pids = (packets[:, 1].astype(np.int32) & 0x1F) << 8 | packets[:, 2]
        for section in _sections(packets[pids == _PROGRAMS]):
            # PIDs of the program map tables
            tables |= {int.from_bytes(section[i + 2 : i + 4], "big") & 0x1FFF for i in range(8, len(section) - 7, 4)}
        for section in _sections(packets[pids == _SERVICES]):
            found.update(dict.fromkeys(_services(section)))
        for section in _sections(packets[np.isin(pids, list(tables))]):
            streams, words = _program(section)
            known |= streams
            found.update(dict.fromkeys(words))
        strange = set(np.unique(pids).tolist()) - known - tables
        found.update(dict.fromkeys(f"packets of an unknown stream ({pid:#x})" for pid in sorted(strange)))
        if _hides_in_header(packets):
            found["private data in the headers of packets"] = None
        empty = packets[pids == _EMPTY, 4:]
        if len(empty) and not np.isin(empty, (0x00, 0xFF)).all():
            found["empty packets that are not empty"] = None
    if path.stat().st_size % _PACKET:
        found["bytes after the last packet"] = None
    yield from found


def _packets(path: Path) -> Iterator[Packets]:
    with path.open("rb") as file:
        while len(raw := file.read(_PACKET * _CHUNK)) >= _PACKET:
            yield np.frombuffer(raw[: len(raw) // _PACKET * _PACKET], np.uint8).reshape(-1, _PACKET)


def _hides_in_header(packets: Packets) -> bool:
    """Whether an adaptation field holds private data, or a PES header does."""
    adapted = (packets[:, 3] & 0x20 > 0) & (packets[:, 4] > 0)
    if (packets[adapted, 5] & 0x02).any():
        return True
    starts = packets[(packets[:, 1] & 0x40 > 0) & (packets[:, 3] & 0x10 > 0)]
    for packet in starts:
        content = _payload(packet)
        # Start code, then a header with the extension flag; the first bit of the extension is for private data.
        if content[:3] != b"\0\0\x01" or len(content) < 9 or not content[7] & 0x01:
            continue
        extension = 9 + 5 * bool(content[7] & 0x80) + 5 * (content[7] & 0xC0 == 0xC0)
        if len(content) > extension and content[extension] & 0x80:
            return True
    return False


def _sections(packets: Packets) -> Iterator[bytes]:
    """The tables that begin in `packets`, whole if they fit into one packet; each only once."""
    seen: set[bytes] = set()
    for packet in packets[packets[:, 1] & 0x40 > 0]:
        content = _payload(packet)
        section = content[1 + content[0] :] if content else b""
        length = int.from_bytes(section[1:3], "big") & 0x0FFF if len(section) > 3 else 0
        whole = section[: 3 + length]
        if length and whole not in seen:
            seen.add(whole)
            yield whole


def _payload(packet: Packets) -> bytes:
    raw = packet.tobytes()
    return raw[5 + raw[4] :] if raw[3] & 0x20 else raw[4:]


def _program(section: bytes) -> tuple[set[int], list[str]]:
    """The PIDs of a program's streams, and complaints in words."""
    info = int.from_bytes(section[10:12], "big") & 0x0FFF
    words = [f"a descriptor {tag:#x} of the program" for tag, _ in _descriptors(section[12 : 12 + info])]
    position, streams = 12 + info, set()
    while position + 5 <= len(section) - 4:
        kind, length = section[position], int.from_bytes(section[position + 3 : position + 5], "big") & 0x0FFF
        held = list(_descriptors(section[position + 5 : position + 5 + length]))
        streams.add(int.from_bytes(section[position + 1 : position + 3], "big") & 0x1FFF)
        sound = kind == _PRIVATE and any(tag == 0x05 and body in _SOUND_IN_PRIVATE for tag, body in held)
        if kind not in _MEDIA and not sound:
            words.append(f"a stream of type {kind:#x}")
        else:
            words += [f"a descriptor {tag:#x} of a stream" for tag, _ in held if tag not in _DESCRIPTORS]
        position += 5 + length
    return streams, words


def _services(section: bytes) -> list[str]:
    """Complaints about the service descriptions: anything besides what FFmpeg writes by default."""
    position, words = 11, []
    while position + 5 <= len(section) - 4:
        length = int.from_bytes(section[position + 3 : position + 5], "big") & 0x0FFF
        for tag, body in _descriptors(section[position + 5 : position + 5 + length]):
            first = body[1] if len(body) > 1 else 0
            # a service descriptor names the provider, then the service
            names = {body[2 : 2 + first], body[3 + first :]} if tag == 0x48 else {b"?"}
            if not names <= _NEUTRAL:
                words.append("names of a service or its provider")
        position += 5 + length
    return words


def _descriptors(content: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 2 <= len(content):
        length = content[position + 1]
        yield content[position], content[position + 2 : position + 2 + length]
        position += 2 + length
