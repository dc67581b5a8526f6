"""Which frames are intact, judging by the packets that they are decoded from.

Decoders do not flag frames that refer to a damaged one, and often notice damage only some frames after it became
visible. So a frame counts as intact only if all packets are, from the key frame before it to the one after it, in
decoding order.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

import av
from av.packet import Packet
from av.stream import Stream

_HIDING = frozenset(("vp8", "vp9"))
"""Codecs with packets that are marked as never shown."""
_PACKED = frozenset(("mpeg4",))
"""Codecs in which a packet may hold two frames, and the next one none."""
_MOST_WAITING = 1024
"""Packets whose frames have not come out yet, at most."""


class Wholeness:
    """Follows the packets of one video stream in decoding order, and its frames in presentation order.

    Args:
        codec: FFmpeg's name of it.
        begun: whether the first packet is certain to hold a key frame.
    """

    def __init__(self, codec: str, *, begun: bool) -> None:
        self._codec = codec
        self._count = 0
        self._waiting: dict[int, int] = {}
        self._hurt: list[int] = []
        self._key = 0
        self._shown, self._groups = array("q"), array("q")
        self._first: tuple[int, int] | None = None
        self._interlaced = False
        self._gone = 0
        self.begun = begun
        """Whether there has been a key frame. Before it, a cut recording cannot be decoded, but is not damaged."""
        self.before = 0
        """Number of packets before the first key frame, if there are any."""

    def next(self, packet: Packet[Stream]) -> bool:
        """Register a packet before it is decoded; True for the first key frame of a recording that begins before it."""
        enters = bool(packet.is_keyframe and not self.begun and self._count)
        if enters:
            self.before = self._count
        self.begun |= packet.is_keyframe
        wanted = self.begun and packet.pts is not None and packet.size and not packet.is_discard
        if wanted and not (self._codec in _HIDING and hides(self._codec, bytes(packet))):
            assert packet.pts is not None
            self._waiting[packet.pts] = self._count
            if len(self._waiting) > _MOST_WAITING:
                pts = next(iter(self._waiting))
                self._gone += self._missed(pts, self._waiting.pop(pts))
        self._count += 1
        if packet.is_corrupt and self.begun:
            self.hurt()
            self.hurt(self._count)  # FFmpeg flags the packet it is assembling when it notices the damage
        return enters

    def hurt(self, packet: int | None = None) -> None:
        """Record that the packet with this number, by default the last one, is damaged."""
        number = self._count - 1 if packet is None else packet
        at = bisect_left(self._hurt, number)
        if self._hurt[at : at + 1] != [number]:
            self._hurt.insert(at, number)

    def show(self, picture: av.VideoFrame, *, whole: bool) -> bool:
        """Register the next frame in presentation order; False if it must be left out: damaged before the first key.

        Args:
            picture: from the decoder.
            whole: whether it seems intact by itself.
        """
        number = self._count - 1
        if picture.pts is not None:
            number = self._waiting.pop(picture.pts, number)
        self._interlaced |= bool(picture.interlaced_frame)
        if not whole:
            if not self.begun:
                return False
            self.hurt(number)
        self.begun = True
        if self._first is None:
            self._first = number, picture.pts or 0
        if picture.key_frame:
            self._key = number
        self._shown.append(number)
        self._groups.append(self._key)
        return True

    def pass_over(self, picture: av.VideoFrame) -> None:
        """Register a frame that is decoded but not shown."""
        number = self._count - 1 if picture.pts is None else self._waiting.pop(picture.pts, self._count - 1)
        if picture.key_frame:
            self._key = number

    def gone(self) -> int:
        """Number of packets without a frame, valid at the end of the stream.

        Packets after the first key frame that are shown before it do not count: they refer to frames that were cut off.
        """
        if self._codec in _PACKED or self._interlaced or self._first is None:
            return 0
        return self._gone + sum(self._missed(pts, number) for pts, number in self._waiting.items())

    def _missed(self, pts: int, number: int) -> bool:
        return self._first is not None and (number < self._first[0] or pts > self._first[1])

    def broken(self) -> list[bool]:
        """Per frame shown, whether it is damaged or may be decoded from a damaged one."""
        if not self._hurt:
            return [False] * len(self._shown)
        flags = []
        keys = sorted(set(self._groups))
        for number, group in zip(self._shown, self._groups, strict=True):
            after = bisect_right(keys, group)
            end = max(number + 1, keys[after] if after < len(keys) else self._count)
            flags.append(bisect_left(self._hurt, group) < bisect_left(self._hurt, end))
        return flags


def hides(codec: str, data: bytes) -> bool:
    """Whether a packet of VP8 or VP9 is marked as never shown (RFC 6386, 9.1; VP9 bitstream, 6.2)."""
    if codec == "vp8":
        return data[0] & 0b10001 == 1  # an inter frame; key frames are always shown
    marker, profile = data[0] >> 6, data[0] >> 5 & 1 | data[0] >> 3 & 2
    bits = data[0] << 8 | (data[1] if len(data) > 1 else 0)
    bits = bits << (5 if profile == 3 else 4) & 0xFFFF  # the bits after marker and profile (and a reserved bit)
    existing, show = bits >> 15 & 1, bits >> 13 & 1
    superframe = data[-1] & 0xE0 == 0xC0
    return marker == 2 and not superframe and not existing and not show
