"""Count what cannot be read of a file while it is read, and describe it in words.

FFmpeg reports no error at the end of a truncated file, so what was read is compared with what the container promises.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from anonymize.media.audio.trims import Trims
from anonymize.media.damage.breaks import breaks
from anonymize.media.damage.missing import Missing
from anonymize.media.damage.wholeness import Wholeness
from anonymize.media.video.mpegts import ends_within_a_packet
from anonymize.media.video.open import Input, head_of, top_level_boxes

_SYNC = 0x47
"""First byte of every packet of a transport stream."""
SLACK = Fraction(1, 2)
"""Seconds by which the last packet may end before the container's duration in an intact file."""
_RATE_SHOWS = 20
"""Minimum number of steps between frames to determine a frame rate."""
_EVEN, _LATE, _FEW = 0.1, 1.6, 0.05
"""Tolerance of an even step; length of a step from which on a frame is late (in usual steps); share of exceptions."""
_TELLS_DURATION = ("mov", "matroska", "flv", "avi", "asf")
"""Containers whose header states a duration; for others FFmpeg estimates it."""
_ENTERED_ANYWHERE = ("mpegts", "mpeg", "h264", "hevc", "m4v", "vvc", "obu")
"""Formats of broadcast recordings, which may start between two key frames."""


class Damage:
    """The losses of one pass over a file.

    Args:
        source: the file.
        origin: start of the presentation on its clock, in seconds; packets passed in have times of the presentation.
    """

    def __init__(self, source: Input, origin: Fraction) -> None:
        self._source, self._origin = source, origin
        self.torn: frozenset[tuple[int, int]] = frozenset()
        """Packets found incomplete when the file was opened: (stream index, decoding timestamp)."""
        self._packets = 0
        self._empty = 0
        self._undecodable = 0
        self._wholeness: Wholeness | None = None
        self._missing: Missing | None = None
        self._left_out = 0
        self._where, self._times = array("q"), array("q")
        self._end = Fraction(0)
        self._shown: Fraction | None = None
        self._pause = Fraction(0)
        self._earliest = sys.maxsize
        self._begun: Fraction | None = None
        """Seconds from the first packet to the first frame shown."""
        self._lost = False
        self._gone = 0
        self._words: list[str] = []
        self._sound: dict[int, tuple[int, Fraction, Fraction]] = {}
        self._came: dict[int, int] = {}
        self._trims: dict[int, Trims] = {}

    def count(self, packet: Packet[Stream], video: VideoStream, *, followed: bool = True) -> bool:
        """Count a packet of any stream before it is decoded.

        Args:
            packet: with times of the presentation.
            video: the video stream.
            followed: whether nothing was lost before it.

        Returns:
            Whether decoding must begin here: it is the first key frame, and there were pictures before it.
        """
        self.found(followed=followed)
        if packet.dts is None and packet.pts is None and packet.size == 0:
            return False  # a flush marker
        enters = False
        self._came[packet.stream.index] = self._came.get(packet.stream.index, 0) + 1
        if packet.stream.index == video.index:
            self._packets += 1
            self._where.append(max(packet.pos or 0, self._where[-1] if self._where else 0))
            enters = self._of(video).next(packet)
            if self._missing is None:
                context = video.codec_context
                self._missing = Missing(context.codec.canonical_name, bytes(context.extradata or b""))
            self._missing.take(self._packets - 1, packet)
            if self._lost:
                self._lost = False
                self._of(video).hurt()
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or not packet.time_base:
            return enters
        end = (stamp + (packet.duration or 0)) * packet.time_base
        self._end = max(self._end, end + self._origin)
        if packet.stream.index == video.index:
            self._times.append(stamp)
            if self._begun is None and not packet.is_discard:  # which an edit list leaves out
                self._earliest = min(self._earliest, stamp)
            self._show(stamp * packet.time_base)
        if packet.stream.type == "audio" and packet.size and not packet.is_discard:
            self._trims.setdefault(packet.stream.index, Trims()).count(packet)
            start = stamp * packet.time_base
            packets, first, last = self._sound.get(packet.stream.index, (0, start, end))
            self._sound[packet.stream.index] = (packets + (stamp >= 0), min(first, start), max(last, end))
        return enters

    def _show(self, time: Fraction) -> None:
        """Update the longest interval between frames."""
        if self._shown is not None and time > self._shown:
            self._pause = max(self._pause, time - self._shown)
        self._shown = time if self._shown is None else max(self._shown, time)

    def pauses(self) -> int:
        """Number of frames that are late for the frame rate of nearly all others; 0 if there is no such rate.

        Cameras leave out frames, which cannot be told from lost ones.
        """
        if len(self._times) <= _RATE_SHOWS:
            return 0
        times: NDArray[np.int64] = np.sort(np.frombuffer(self._times, np.int64))
        steps = times[1:] - times[:-1]
        usual = int(np.median(steps))
        even = np.abs(steps - usual) <= max(1, usual * _EVEN)
        late = steps > usual * _LATE
        odd = len(steps) - int(even.sum()) - int(late.sum())
        return int(late.sum()) if late.sum() <= _FEW * len(steps) and odd <= _FEW * len(steps) else 0

    def sound(self, index: int) -> tuple[int, Fraction, Fraction]:
        """Of audio stream `index`: number of packets from time zero on, start of the first and end of the last (s)."""
        return self._sound.get(index, (0, Fraction(0), Fraction(0)))

    def recoded(self, index: int) -> str:
        """Why the packets of audio stream `index` cannot be copied as they are; empty if they can."""
        return self._trims[index].reason if index in self._trims else ""

    def found(self, *, followed: bool) -> None:
        """Record whether the demuxer kept synchronisation up to here."""
        self._lost |= not followed

    def _of(self, video: VideoStream) -> Wholeness:
        if self._wholeness is None:
            entered = not video.container.format.name.startswith(_ENTERED_ANYWHERE)
            self._wholeness = Wholeness(video.codec_context.codec.canonical_name, begun=entered)
        return self._wholeness

    def decoded(self, video: VideoStream, *, whole: bool, failed: bool) -> None:
        """Record the result of decoding the packet that was counted last."""
        if not whole and self._of(video).begun:
            self._undecodable += failed
            self._of(video).hurt()

    def shows(self, picture: av.VideoFrame, video: VideoStream, *, whole: bool) -> bool:
        """Register the next frame in presentation order; False if it must be left out.

        That is a damaged frame before the first key frame: players do not show it, and a cut recording is not damaged.

        Args:
            picture: the decoded frame.
            video: the video stream.
            whole: whether the frame by itself seems intact.
        """
        shown = self._of(video).show(picture, whole=whole and not picture.is_corrupt)
        if shown and self._begun is None and picture.pts is not None:
            self._begun = max(picture.pts - self._earliest, 0) * Fraction(picture.time_base or 0)
        return shown

    def beginning(self) -> str:
        """What of the beginning nobody can see, in words; empty if there is no such thing. Valid after `finish`.

        It refers to frames before the file: a recording was switched on, or cut, between two key frames.
        """
        before = self._wholeness.before if self._wholeness else 0
        if not before and (not self._begun or self.words()):
            return ""  # nothing, or lost, which `words` says
        which = f"first {float(self._begun):.2f} s" if self._begun else "beginning, up to the first key frame,"
        return f"its {which} cannot be decoded without what was before it: no player shows these pictures"

    def passed_over(self, picture: av.VideoFrame, video: VideoStream) -> None:
        """Register a frame that is decoded but not shown, because of an edit list."""
        self._earliest = sys.maxsize
        self._of(video).pass_over(picture)

    def broken(self) -> list[bool]:
        """Per frame, whether it is damaged or may be decoded from damaged ones; valid after the last frame."""
        return self._wholeness.broken() if self._wholeness else []

    def broken_off(self, error: av.error.FFmpegError) -> None:
        """Record that the container could not be read any further."""
        self._words.append(f"reading broke off after {float(self._end):.2f} s ({(error.strerror or '').lower()})")

    def finish(self, container: InputContainer, video: VideoStream) -> None:
        """Compare what was read with what the container promises."""
        if container.format.name.startswith("mov") and video.frames:
            self._count_listed(container, video)
        elif self._ends_early(container):
            self._words.append(
                f"it ends at {float(self._end):.2f} s, and should go on to {container.duration / 1e6:.2f} s"  # type: ignore[operator]  # _ends_early saw one
            )
        elif self._cut_short():
            self._words.append("the end of the file is missing")
        if container.format.name == "mpegts" and (lost := out_of_step(self._source)):
            self._words.append(f"{lost} pieces of the transport stream are damaged")
        self._break_off(breaks(self._source, container.format.name), video)
        self._gone = self._of(video).gone()
        if self._missing is not None:
            left_out = self._missing.pictures(ended=True)
            self._left_out = sum(left_out.values())
            for number in left_out:
                self._of(video).hurt(number)
        if self._lost:
            self._words.append("its end cannot be read")

    def _break_off(self, places: list[int], video: VideoStream) -> None:
        """Record that data are missing after byte offsets `places`: parts of the frame before or after each."""
        if places:
            self._words.append(f"pieces of the file are missing in {len(places)} places")
        for place in places:
            following = bisect_left(self._where, place)
            for number in (following - 1, following):
                if 0 <= number < self._packets:
                    self._of(video).hurt(number)

    def _count_listed(self, container: InputContainer, video: VideoStream) -> None:
        """Compare the packets read with those in an MP4's index (which FFmpeg reduces by what edit lists leave out)."""
        for stream in container.streams:
            listed = len(stream.index_entries)
            missing = listed - self._came.get(stream.index, 0)
            if stream.index == video.index and missing > 0:
                self._words.append(f"{missing} of {listed} pictures are missing")
            elif stream.type == "audio" and missing > 0:
                self._words.append(f"{missing} of {listed} pieces of a sound track are missing")

    def words(self) -> list[str]:
        """All losses, in words; empty if there are none."""
        counted = []
        if self._undecodable:
            counted.append(f"{self._undecodable} of {self._packets} pictures could not be decoded")
        if self._gone > self._undecodable:
            counted.append(f"{self._gone} of {self._packets} pictures are missing")
        if self._left_out:
            counted.append(f"{self._left_out} pictures or more are missing between the others")
        if hidden := sum(self.broken()):
            counted.append(f"{hidden} pictures are damaged or made from damaged ones")
        return [*self._words, *counted]

    def _ends_early(self, container: InputContainer) -> bool:
        if not container.duration or not container.format.name.startswith(_TELLS_DURATION):
            return False
        # Some muxers store the end of the last frame, some the time from the first frame to that; if packets have no
        # duration, the last frame may be shown as long as any other. FFmpeg counts fragments' media before zero twice.
        promised = container.duration + 2 * min(container.start_time or 0, 0)
        return self._end + max(SLACK, self._pause * 3 / 2) < Fraction(promised, 1_000_000)

    def _cut_short(self) -> bool:
        """Whether the last structure (Matroska segment, RIFF chunk, MP4 box, TS packet) extends past the end."""
        head = head_of(self._source, 4096)
        with suppress(OSError):
            have = len(self._source) if isinstance(self._source, bytes) else self._source.stat().st_size
            if head.startswith(b"RIFF"):
                return 8 + int.from_bytes(head[4:8], "little") > have
            if head[4:8] == b"ftyp":
                return top_level_boxes(self._source)[1] > 0
            return ends_within_a_packet(self._source) or _end_of_segment(head) > have
        return False


def _end_of_segment(head: bytes) -> int:
    """Byte offset of the end of a Matroska file's segment; 0 if unknown (a live recording)."""
    at = head.find(b"\x18\x53\x80\x67")
    if not head.startswith(b"\x1a\x45\xdf\xa3") or at < 0 or at + 12 > len(head):
        return 0
    length = 9 - head[at + 4].bit_length()
    size = int.from_bytes(head[at + 4 : at + 4 + length], "big") & ((1 << 7 * length) - 1)
    return 0 if size == (1 << 7 * length) - 1 else at + 4 + length + size


def out_of_step(source: Input) -> int:
    """Number of packets of an MPEG transport stream that do not start with the sync byte."""
    if not isinstance(source, Path | bytes):
        return 0
    data = np.frombuffer(source, np.uint8) if isinstance(source, bytes) else np.memmap(source, np.uint8, "r")
    head = data[:1_000_000] == _SYNC
    _, size, start = max((head[start::size].mean(), size, start) for size in (188, 192, 204) for start in range(size))
    return int((data[start::size][: (len(data) - start) // size] != _SYNC).sum())
