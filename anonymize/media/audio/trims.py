"""Which part of a sound track is played, and whether its packets can be copied without revealing the rest."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

from anonymize.media.clock.edits import Edit, parts, played_from, seams

RUN_IN = Fraction(11, 10)
"""Packets kept before the first audible one, at most: decoders need them to be exact."""
_MOST_HIDDEN = Fraction(1, 20)
"""Seconds of a kept packet that may be hidden before or after the part that is played."""
_ROUNDING = Fraction(1, 250)
"""Seconds by which edit lists, which count in the movie's time scale, may miss the start of a packet."""
_ALONE = {"aac", "ac3", "alac", "dts", "eac3", "flac", "mp2", "tta", "wavpack"}
"""Codecs whose packets decode without earlier ones (except for the overlap with the previous packet)."""
_LOSSLESS = {"alac", "flac", "mlp", "truehd", "tta", "wavpack"}
"""Codecs that lose nothing when re-encoded as FLAC, so that no hidden samples need to be kept."""


def why_not_as_is(codec: str, stream: Stream, edits: Sequence[Edit]) -> str:
    """Why the packets of an MP4's sound track cannot be copied as they are; empty if they can.

    Args:
        codec: FFmpeg's name of it.
        stream: the track.
        edits: its edit list.
    """
    if not edits:
        return ""
    if parts(edits) > 1:
        return "its edit list plays it in several parts"
    if codec.startswith("pcm"):
        return ""  # can be cut anywhere
    ticks = [entry.timestamp for entry in stream.index_entries]
    if len(ticks) < 2 or not stream.time_base:
        return ""
    lasts = (ticks[1] - ticks[0]) * stream.time_base
    begins = played_from(edits)
    times = [tick * stream.time_base for tick in ticks]
    first = next((time for time in times if time + lasts > begins), begins)
    hidden = edits[-1].start or Fraction(0)
    if hidden > RUN_IN * lasts and codec not in _ALONE:
        return "its edit list cuts it where its packets need those before them"
    late = _late(times, lasts, edits)
    # After an initial pause there is no way to hide the start of a packet.
    most = _ROUNDING if codec in _LOSSLESS else _MOST_HIDDEN
    if begins - first > (_ROUNDING if begins else most) or late > most:
        return "its edit list cuts it within a packet"
    return ""


def _late(times: Sequence[Fraction], lasts: Fraction, edits: Sequence[Edit]) -> Fraction:
    """Seconds at the end of the last played packet that are not played.

    Args:
        times: start times of the packets in seconds.
        lasts: duration of a packet in seconds.
        edits: the track's edit list.
    """
    ends, edit = seams(edits), edits[-1]
    if not ends or not edit.media or edit.start is None:
        return Fraction(0)
    last = ends[-1]
    over = next((time for time in times if time >= last), None)
    if over is None:  # within the last packet, which may be shorter
        over = min(last - edit.length - edit.start + edit.media, times[-1] + lasts)
    return max(Fraction(0), min(over - last, lasts))


class Trims:
    """Checks what the packets of a sound track state about samples that are not played (Matroska, Ogg)."""

    def __init__(self) -> None:
        self._packets = 0
        self._ended = False
        self._reason = ""

    def count(self, packet: Packet[Stream]) -> None:
        """Check the next packet of the track."""
        self._packets += 1
        if self._ended:
            self._reason = "it is trimmed in the middle"
        start, end = trimmed(packet)
        lasts = (packet.duration or 0) * Fraction(packet.time_base or 0)
        rate = int(getattr(packet.stream, "rate", 0) or 0)
        if self._packets == 1 and rate and lasts and Fraction(start, rate) > max(_MOST_HIDDEN, RUN_IN * lasts):
            self._reason = "more of it is hidden than the encoder delay"
        if self._packets > 1 and start:
            self._reason = "it is trimmed in the middle"
        self._ended = bool(end)

    @property
    def reason(self) -> str:
        """Why the packets cannot be copied as they are; empty if they can."""
        return self._reason


def trimmed(packet: Packet[Stream]) -> tuple[int, int]:
    """Numbers of samples at the start and at the end of `packet` that are not played."""
    if not packet.has_sidedata("skip_samples"):
        return 0, 0
    start, end = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return start, end
