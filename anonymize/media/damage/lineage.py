"""Which pictures of a live stream are made from whole packets alone.

Packets come in the order of decoding, pictures in that of showing: with B-frames a picture comes out when others have
been decoded after it, and what is wrong with a packet shows in pictures before and after its own. So every picture is
traced back to its packet, and shown only if nothing is wrong from the last beginning up to that packet.

A beginning is a key frame that has come out: pictures that come out after it refer to nothing before it. Those that are
decoded after it and come out before it ("leading", of open groups) may refer to the group before it, so for them that
group's beginning holds. What a decoder says of them, or of pictures that nothing refers to, is no matter of the others.
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
"""Codecs of which it shows that a picture is missing that others refer to: by its number, by a complaint."""
_LONGEST, _LONGEST_TELLING = 1.5, 8.0
"""How many usual steps one may be as long as. Where missing pictures show in themselves, in few steps all their numbers
may have been gone through once."""
_MOST_HURT = _MOST_WAITING = 1024


class Lineage:
    """Follows the packets and pictures of one stream.

    Args:
        context: its decoder, of one thread, not opened yet.
        torn: whether packets may lack a part that nobody misses: those of MPEG-TS are counted up to 16 only.
    """

    def __init__(self, context: VideoCodecContext, *, torn: bool) -> None:
        self._codec = context.codec.canonical_name
        # Decoders give this back with the picture that they make of a packet; times may be missing, or be there twice.
        context.flags |= Flags.copy_opaque
        self._count = 0
        self._next_is_hurt = False
        self._hurt: list[int] = []
        self._branches: dict[int, int] = {}
        """By packet, the branch that it is on: what is wrong there is no matter of packets elsewhere."""
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
        """Take a packet before it is decoded; its number.

        Args:
            packet: marked with its number.
            followed: whether nothing is known to be missing before its end.
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
        # Data that are damaged are noticed, and marked, when the packet before theirs is put together.
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
        """Something is wrong with the packet `number`, or missing after it."""
        at = bisect_left(self._hurt, number)
        if self._hurt[at : at + 1] != [number]:
            insort(self._hurt, number)
        if len(self._hurt) > _MOST_HURT:
            del self._hurt[1]  # the first one tells as much of all that come after it

    def complain(self, number: int) -> None:
        """The decoder was not content with the packet `number`."""
        branch = self._branches.get(number)
        if branch is None:
            self.hurt(number)
        else:
            self._hurt_branches.setdefault(branch, number)

    def vouches(self, picture: av.VideoFrame) -> bool:
        """Whether `picture`, the next one that came out, is made from whole packets alone, as far as can be told."""
        number = picture.opaque
        if not isinstance(number, int):
            return False
        if picture.is_corrupt or (self._codec in _TELLING and not picture.pict_type):
            self.complain(number)  # one without a type was begun and never drawn
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
            return False  # a leading one that its decoder gave out late
        if self._hurt_branches.get(branch, number + 1) <= number:
            return False
        last = number + bool(picture.interlaced_frame)  # its second field may have a packet of its own
        at = bisect_left(self._hurt, self._begin)
        return at == len(self._hurt) or self._hurt[at] > last

    def _beginning(self, number: int, picture: av.VideoFrame) -> int | None:
        """From which packet on one must have decoded for `picture` and what comes out after it to be whole."""
        if self._order is None and self._codec != "av1":
            return number if picture.key_frame else None
        begin = self._beginnings.pop(number, None)
        return begin if self._order is not None or picture.key_frame else None

    def _read(self, number: int, coded: h264.PacketFacts | None) -> None:
        """Take what an H.264 packet says."""
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
    """Whether times go on in the steps in which they came so far. Of uneven times nothing can be told.

    Args:
        most: how many of the longest step before it one may be as long as.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._last: int | None = None
        self._usual: deque[int] = deque(maxlen=16)
        self._odd: list[int] = []

    def skip(self, time: int | None) -> bool:
        """Take the next time. Whether it is lost or goes back, or so far on that something is missing before it."""
        usual = self._usual
        even = len(usual) >= 4 and max(usual) <= 1.6 * min(usual)
        if time is None:
            usual.clear()
            return even
        step = 0 if self._last is None else time - self._last
        self._last, begun = time, self._last is not None
        if begun and even and not 0 < step <= self._most * max(usual):
            self._odd.append(step)
            if len(self._odd) >= 4:  # it has changed its pace
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
    """Whether an AV1 packet holds a sequence's header, without which nobody can begin (AV1 bitstream, 5.3)."""
    at = 0
    while at < len(packet):
        head = packet[at]
        if head >> 3 & 15 == 1:
            return True
        at += 2 if head & 4 else 1
        if not head & 2:  # it goes on to the end
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
