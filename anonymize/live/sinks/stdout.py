"""Standard output as a sink: MPEG-TS, or raw frames as YUV4MPEG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from anonymize.data import Frame
from anonymize.live.protocols import Picture
from anonymize.live.sinks.encode import LivePacket, Muxer
from anonymize.live.sinks.feeder import Gone, OnState


class PacketOutput:
    """`feeder.Writer` of packets as MPEG-TS to a descriptor."""

    def __init__(self, file: int, streams: Sequence[Any], on_state: OnState) -> None:
        self._on_state = on_state
        self._reached = False
        self._muxer = Muxer(_Descriptor(file), "mpegts", streams, {"mpegts_flags": "resend_headers", "muxdelay": "0"})

    def write(self, item: LivePacket) -> None:
        """Write a packet."""
        self._muxer.write(item)
        if not self._reached:
            self._reached = True
            self._on_state("ok", "writing")

    def close(self) -> None:
        """Write what is pending."""
        self._muxer.close()

    def abandon(self) -> None:
        """Nothing to do: standard output stays open."""


class _Descriptor:
    """A file descriptor that PyAV writes to."""

    def __init__(self, file: int) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return write_all(self._file, data)


class Y4m:
    """`feeder.Writer` of frames as YUV4MPEG. It has no timestamps: the nominal rate applies."""

    def __init__(self, file: int, picture: Picture, on_state: OnState) -> None:
        self._file, self._on_state = file, on_state
        self._reached = False
        rate, aspect = picture.rate, picture.pixel_aspect
        self._head = (
            f"YUV4MPEG2 W{picture.width} H{picture.height} F{rate.numerator}:{rate.denominator} Ip "
            f"A{aspect.numerator}:{aspect.denominator} C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=LIMITED\n"
        ).encode()

    def write(self, item: Frame) -> None:
        """Write a frame."""
        if not self._reached:
            write_all(self._file, self._head)
        write_all(self._file, b"FRAME\n" + b"".join(plane.pixels.tobytes() for plane in item.planes))
        if not self._reached:
            self._reached = True
            self._on_state("ok", "writing")

    def close(self) -> None:
        """Nothing is pending."""

    def abandon(self) -> None:
        """Nothing to do: standard output stays open."""


def write_all(file: int, data: bytes) -> int:
    """Write all of `data` to the descriptor `file`. Raises `Gone` if it has no reader any more."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(file, left) :]
    except BrokenPipeError as error:
        raise Gone("the program reading standard output has ended") from error
    except OSError as error:
        raise Gone(f"standard output cannot be written: {error.strerror}") from error
    return len(data)
