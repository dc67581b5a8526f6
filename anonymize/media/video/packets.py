"""What recorded and live outputs share: building packets, and keeping the encoder's traces out of the file."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.stream import Stream

BITEXACT = 0x400
"""FFmpeg's AVFMT_FLAG_BITEXACT: writes no library version, date or random id (PyAV's stub hides the value)."""
WITHOUT_SEI = "filter_units=remove_types=6"
"""Bitstream filter that drops H.264's SEI: x264 stores its version and settings there; nothing else in it is needed."""


def build_packet(
    data: bytes, stream: Stream, time_base: Fraction, *, pts: int, dts: int, duration: int, key: bool
) -> Packet[Any]:
    """A packet of encoded `data`, ready for the muxer.

    Args:
        data: one encoded frame, or one block of sound.
        stream: the output stream it belongs to.
        time_base: seconds per unit of `pts`, `dts` and `duration`.
        pts: presentation timestamp.
        dts: decoding timestamp.
        duration: 0 if unknown.
        key: whether decoding can start here.
    """
    packet: Packet[Any] = Packet(data)
    packet.stream = stream
    packet.time_base = time_base
    packet.pts, packet.dts, packet.duration = pts, dts, duration
    packet.is_keyframe = key
    return packet
