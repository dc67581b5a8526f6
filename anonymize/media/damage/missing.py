"""Which pictures are missing between those that came, as those number themselves.

Containers that lose a packet may be whole without it, and decoders then make pictures from ones that are not there,
without complaint. H.264 numbers pictures that others refer to, MPEG-1 and MPEG-2 all pictures of a group.
"""

from __future__ import annotations

import re
from typing import Any

from av.packet import Packet

from anonymize.media.damage import h264

_MPEG = frozenset(("mpeg1video", "mpeg2video"))
_HEADERS = re.compile(rb"\x00\x00\x01([\x00\x01\xb8])", re.DOTALL)
"""Of a picture, its first slice, and a group (ISO/IEC 13818-2, 6.2.1)."""
_GROUP, _SLICE = b"\xb8", b"\1"
_NOT_REFERRED_TO = 3
"""The type of a B picture."""
_NUMBERS = 1024
_TRUSTED = 8
"""Of so many pictures one may be missing: encoders that leave out more number them in their own way."""


class Missing:
    """Follows the packets of one video stream in the order of decoding.

    Args:
        codec: FFmpeg's name of it.
        extradata: the stream's header.
    """

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._order = h264.Order(extradata) if codec == "h264" else None
        self._groups = codec in _MPEG
        self._group: list[tuple[int, int]] | None = None
        self._begins = 0
        self._taken = 0
        self._found: dict[int, int] = {}

    def take(self, number: int, packet: Packet[Any]) -> None:
        """Take the packet `number` of the stream."""
        self._taken += 1
        if self._order is not None:
            if packet.has_sidedata("new_extradata"):
                self._order = None  # how its numbers are written may change
                return
            coded = self._order.next(bytes(packet))
            # After a key frame nothing refers to what came before: recordings are cut and joined there.
            if coded is not None and not coded.follows and not packet.is_keyframe:
                self._found[number] = 1
        elif self._groups:
            self._read(number, bytes(packet))

    def pictures(self, *, ended: bool = False) -> dict[int, int]:
        """At which packets others are missing, or in the group that begins with them, and how many at least.

        Args:
            ended: no packet comes any more: the last group counts too.
        """
        if ended:
            self._close(last=True)
        return self._found if len(self._found) * _TRUSTED <= self._taken else {}

    def _read(self, number: int, data: bytes) -> None:
        """Take what a packet of MPEG-1 or MPEG-2 says before its first slice."""
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
        """Hold the numbers of a group against those that it should have; of the last one it may lack what comes last in
        the order of decoding, as recordings break off.
        """
        group, self._group = self._group, None
        if not group or len(group) >= _NUMBERS:
            return
        came = {number for number, _ in group}
        # What comes between two others comes after both.
        latest, lone = -1, 0
        for number, kind in group:
            lone += kind == _NOT_REFERRED_TO and number > latest
            latest = latest if kind == _NOT_REFERRED_TO else max(latest, number)
        referred_to = sorted({number for number, kind in group if kind != _NOT_REFERRED_TO})
        end = max(came) if not last else referred_to[-2] if len(referred_to) > 1 else 0
        first = group[0][0]
        # Those before the key frame go where a recording is cut: they refer to the group before.
        start = 0 if min(came) < first else first
        if missing := max(len(set(range(start, end)) - came), bool(lone)):
            self._found[self._begins] = missing
