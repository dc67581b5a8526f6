"""Find missing frames by the frame numbers of the others.

A container may be intact although a packet is gone, and decoders then silently decode frames from missing ones. H.264
numbers reference frames, MPEG-1 and MPEG-2 number all frames of a GOP.
"""

from __future__ import annotations

import re
from typing import Any

from av.packet import Packet

from anonymize.media.damage import h264

_MPEG = frozenset(("mpeg1video", "mpeg2video"))
_HEADERS = re.compile(rb"\x00\x00\x01([\x00\x01\xb8])", re.DOTALL)
"""Start codes of a picture, its first slice, and a GOP (ISO/IEC 13818-2, 6.2.1)."""
_GROUP, _SLICE = b"\xb8", b"\1"
_NOT_REFERRED_TO = 3
"""The picture coding type of B-frames."""
_NUMBERS = 1024
_TRUSTED = 8
"""At most one in this many frames may be missing: an encoder with more gaps numbers them in its own way."""
_ODD_GROUPS = 4
"""From this many GOPs on, at most half of them may have gaps, for the same reason."""


class Missing:
    """Follows the packets of one video stream in decoding order.

    Args:
        codec: FFmpeg's name of it.
        extradata: the stream's codec data.
    """

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._order = h264.Order(extradata) if codec == "h264" else None
        self._groups = codec in _MPEG
        self._group: list[tuple[int, int]] | None = None
        self._begins = 0
        self._taken = self._closed = 0
        self._found: dict[int, int] = {}

    def take(self, number: int, packet: Packet[Any]) -> None:
        """Read the packet `number` of the stream."""
        self._taken += 1
        if self._order is not None:
            if packet.has_sidedata("new_extradata"):
                self._order = None  # the encoding of frame numbers may change
                return
            coded = self._order.next(bytes(packet))
            # Recordings are cut and joined at key frames, after which nothing refers back.
            if coded is not None and not coded.follows and not packet.is_keyframe:
                self._found[number] = 1
        elif self._groups:
            self._read(number, bytes(packet))

    def pictures(self, *, ended: bool = False) -> dict[int, int]:
        """Packet number -> minimum number of frames missing before it, or in the GOP that starts with it.

        Args:
            ended: whether the stream has ended, so that the last GOP counts too.
        """
        if ended:
            self._close(last=True)
        own_way = self._closed >= _ODD_GROUPS and len(self._found) * 2 > self._closed
        return self._found if len(self._found) * _TRUSTED <= self._taken and not own_way else {}

    def _read(self, number: int, data: bytes) -> None:
        """Read the headers of an MPEG-1 or MPEG-2 packet up to its first slice."""
        for found in _HEADERS.finditer(data):
            if found[1] == _SLICE:
                return
            head = data[found.end() : found.end() + 2]
            if found[1] == _GROUP:
                self._close(last=False)
                self._group, self._begins = [], number
            elif self._group is not None and len(head) == 2:
                self._group.append((head[0] << 2 | head[1] >> 6, head[1] >> 3 & 7))

    def _close(self, *, last: bool) -> None:
        """Compare the frame numbers of a GOP with those it should have. The last GOP may lack its end."""
        group, self._group = self._group, None
        if not group or len(group) >= _NUMBERS:
            return
        self._closed += 1
        came = {number for number, _ in group}
        # A B-frame is decoded after the frames on both sides of it.
        latest, lone = -1, 0
        for number, kind in group:
            lone += kind == _NOT_REFERRED_TO and number > latest
            latest = latest if kind == _NOT_REFERRED_TO else max(latest, number)
        referred_to = sorted({number for number, kind in group if kind != _NOT_REFERRED_TO})
        end = max(came) if not last else referred_to[-2] if len(referred_to) > 1 else 0
        first = group[0][0]
        # Where a recording is cut, frames before the key frame are dropped: they refer to the GOP before.
        start = 0 if min(came) < first else first
        if missing := max(len(set(range(start, end)) - came), bool(lone)):
            self._found[self._begins] = missing
