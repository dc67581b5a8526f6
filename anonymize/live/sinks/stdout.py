"""The picture on standard output: coded as MPEG-TS, or uncoded as YUV4MPEG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from anonymize.data import Frame
from anonymize.live.protocols import Picture
from anonymize.live.sinks.encode import LivePacket, Muxer
from anonymize.live.sinks.feeder import Gone, Say


class Transport:
    """`sinks_outlet.Writer` of packets as MPEG-TS to a descriptor."""

    def __init__(self, file: int, streams: Sequence[Any], say: Say) -> None:
        self._say = say
        self._reached = False
        self._muxer = Muxer(_Descriptor(file), "mpegts", streams, {"mpegts_flags": "resend_headers", "muxdelay": "0"})

    def write(self, item: LivePacket) -> None:
        """Write a packet."""
        self._muxer.write(item)
        if not self._reached:
            self._reached = True
            self._say("ok", "writing")

    def close(self) -> None:
        """Write what is pending."""
        self._muxer.close()

    def abandon(self) -> None:
        """Nothing to let go of: standard output is not ours."""


class _Descriptor:
    """A descriptor as PyAV writes to it."""

    def __init__(self, file: int) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return write_all(self._file, data)


class Y4m:
    """`sinks_outlet.Writer` of frames as YUV4MPEG. It has no timestamps: pictures come at the nominal rate or late."""

    def __init__(self, file: int, picture: Picture, say: Say) -> None:
        self._file, self._say = file, say
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
            self._say("ok", "writing")

    def close(self) -> None:
        """Nothing is pending."""

    def abandon(self) -> None:
        """Nothing to let go of: standard output is not ours."""


def write_all(file: int, data: bytes) -> int:
    """Write all of `data` to the descriptor `file`. Raises `Gone` when nobody reads it any more."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(file, left) :]
    except BrokenPipeError as error:
        raise Gone("whoever read standard output has gone") from error
    except OSError as error:
        raise Gone(f"standard output cannot be written: {error.strerror}") from error
    return len(data)
