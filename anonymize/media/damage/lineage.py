"""Which frames of a live stream are decoded from intact packets only.

Packets arrive in decoding order, frames come out in presentation order: with B-frames, a frame comes out after later
ones have been decoded, and a damaged packet shows in frames before and after its own. So every frame is traced back to
its packet, and shown only if every packet from the last entry point up to that one is intact.

An entry point is a key frame that has come out: frames that come out after it refer to nothing before it. Frames that
are decoded after it but come out before it ("leading", in open GOPs) may refer to the GOP before it, so they count from
that GOP's entry point. Damage to them, or to frames that no other refers to, does not affect the others.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Any

import av
from av.codec.context import Flags
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from anonymize.media.damage import h264, hevc

_TELLING = frozenset(("h264", "hevc"))
"""Codecs in which a missing reference frame is noticed, by frame number or by a message of the decoder."""
_LONGEST, _LONGEST_TELLING = 1.5, 8.0
"""Longest plausible step between timestamps, in usual steps. The second is for `_TELLING`: it only has to be short
enough that frame numbers cannot wrap around unnoticed."""
_MOST_HURT = _MOST_WAITING = 1024


class Lineage:
    """Follows the packets and frames of one stream.

    Args:
        context: its decoder, with one thread, not open yet.
        torn: whether parts of packets may be missing unnoticed: MPEG-TS numbers its packets only modulo 16.
    """

    def __init__(self, context: VideoCodecContext, *, torn: bool) -> None:
        self._codec = context.codec.canonical_name
        # Decoders copy `opaque` from packet to frame; timestamps may be missing or not unique.
        context.flags |= Flags.copy_opaque
        self._count = 0
        self._next_is_hurt = False
        self._hurt: list[int] = []
        self._branches: dict[int, int] = {}
        """Packet -> branch that it is on: damage there does not affect packets elsewhere."""
        self._hurt_branches: dict[int, int] = {}
        self._key = 0
        self._header = bytes(context.extradata or b"")
        self._begin: int | None = None
        self._begin_pts: int | None = None
        self._beginnings: dict[int, int] = {}
        self._recovering: dict[int, int] = {}
        telling = self._codec in _TELLING and not torn
        self._order = h264.Order(self._header) if self._codec == "h264" else None
        self._decoded = Steps(_LONGEST_TELLING if telling else _LONGEST)
        self._shown = Steps(_LONGEST)

    def take(self, packet: Packet[Any], *, followed: bool) -> int:
        """Register a packet before it is decoded; return its number.

        Args:
            packet: gets that number as `opaque`.
            followed: whether nothing is known to be missing up to its end.
        """
        number = self._count
        self._count += 1
        packet.opaque = number
        for known in (self._beginnings, self._branches, self._hurt_branches):
            if len(known) > _MOST_WAITING:
                del known[next(iter(known))]
        hurt = packet.is_corrupt or not followed
        if hurt or self._next_is_hurt:
            self.hurt(number)
        # The demuxer notices damaged data while it assembles the packet before them, and flags that one.
        self._next_is_hurt = hurt
        if packet.size and self._decoded.skip(packet.dts):
            self.hurt(number - 1)
            if packet.dts is None:
                self.hurt(number)
        if self._order is not None:
            self._read(number, self._order.next(bytes(packet)))
        elif self._codec == "hevc":
            self._key = number if packet.is_keyframe else self._key
            if hevc.is_leading(self._header, bytes(packet)):
                self._branches[number] = self._key
        elif self._codec == "av1" and _has_sequence(bytes(packet)):
            self._beginnings[number] = number
        return number

    def hurt(self, number: int) -> None:
        """Record that the packet `number` is damaged, or that something is missing after it."""
        at = bisect_left(self._hurt, number)
        if self._hurt[at : at + 1] != [number]:
            insort(self._hurt, number)
        if len(self._hurt) > _MOST_HURT:
            del self._hurt[1]  # the first one already covers all later packets

    def complain(self, number: int) -> None:
        """Record that the decoder reported damage in the packet `number`."""
        branch = self._branches.get(number)
        if branch is None:
            self.hurt(number)
        else:
            self._hurt_branches.setdefault(branch, number)

    def vouches(self, picture: av.VideoFrame) -> bool:
        """Whether `picture`, the next frame in presentation order, is decoded from intact packets only."""
        number = picture.opaque
        if not isinstance(number, int):
            return False
        if picture.is_corrupt or (self._codec in _TELLING and not picture.pict_type):
            self.complain(number)  # without a type: it was started but never decoded
        branch = self._branches.get(number, -1)
        if self._codec not in _TELLING and picture.pts is not None and self._shown.skip(picture.pts):
            self.hurt(number - 1)
        begin = self._beginning(number, picture)
        if begin is not None and (self._begin is None or begin > self._begin):
            self._begin, self._begin_pts = begin, picture.pts
            del self._hurt[: bisect_left(self._hurt, begin)]
        if self._begin is None or number < self._begin:
            return False
        if self._begin_pts is not None and picture.pts is not None and picture.pts < self._begin_pts:
            return False  # a leading frame that its decoder returned late
        if self._hurt_branches.get(branch, number + 1) <= number:
            return False
        last = number + bool(picture.interlaced_frame)  # its second field may have a packet of its own
        at = bisect_left(self._hurt, self._begin)
        return at == len(self._hurt) or self._hurt[at] > last

    def _beginning(self, number: int, picture: av.VideoFrame) -> int | None:
        """Packet from which decoding must start for `picture` and later frames to be exact; None for no entry point."""
        if self._order is None and self._codec != "av1":
            return number if picture.key_frame else None
        begin = self._beginnings.pop(number, None)
        return begin if self._order is not None or picture.key_frame else None

    def _read(self, number: int, coded: h264.PacketFacts | None) -> None:
        """Evaluate what an H.264 packet states."""
        if coded is None:
            return
        if not coded.follows:
            self.hurt(number - 1)
        if coded.alone:
            self._branches[number] = number
        if coded.instant or (coded.recovery == 0 and coded.intra):
            self._beginnings[number] = number
        if (begin := self._recovering.pop(coded.number, None)) is not None:
            self._beginnings.setdefault(number, begin)
        if coded.instant:
            self._recovering.clear()
        elif coded.recovery:
            self._recovering[(coded.number + coded.recovery) % coded.numbers] = number


class Steps:
    """Detects gaps in evenly spaced timestamps. Nothing is detected in uneven ones.

    Args:
        most: longest plausible step, as a multiple of the longest recent one.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._last: int | None = None
        self._usual: deque[int] = deque(maxlen=16)
        self._odd: list[int] = []

    def skip(self, time: int | None) -> bool:
        """Add the next timestamp; whether it is missing, goes back, or leaves a gap, while timestamps are even."""
        usual = self._usual
        even = len(usual) >= 4 and max(usual) <= 1.6 * min(usual)
        if time is None:
            usual.clear()
            return even
        step = 0 if self._last is None else time - self._last
        self._last, begun = time, self._last is not None
        if begun and even and not 0 < step <= self._most * max(usual):
            self._odd.append(step)
            if len(self._odd) >= 4:  # the frame rate has changed
                usual.clear()
                usual.extend(self._odd)
                self._odd.clear()
            return True
        self._odd.clear()
        if step > 0:
            usual.append(step)
        elif begun:
            usual.clear()
        return False


def _has_sequence(packet: bytes) -> bool:
    """Whether an AV1 packet contains a sequence header, which decoders need to start (AV1 bitstream, 5.3)."""
    at = 0
    while at < len(packet):
        head = packet[at]
        if head >> 3 & 15 == 1:
            return True
        at += 2 if head & 4 else 1
        if not head & 2:  # it extends to the end
            return False
        size = shift = 0
        while at < len(packet):
            byte, at = packet[at], at + 1
            size |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        at += size
    return False
