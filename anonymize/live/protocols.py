"""What the sources and the sinks of a live chain agree on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from av.packet import Packet

from anonymize.data import Frame
from anonymize.media.protocols import Colour


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """Format of the sound track, as coded in the source.

    Args:
        codec: FFmpeg's codec name.
        rate: samples per second.
        layout: FFmpeg's channel layout name, such as mono or stereo.
        extradata: out-of-band decoder configuration.
    """

    codec: str
    rate: int
    layout: str
    extradata: bytes = b""


@dataclass(frozen=True, slots=True)
class Picture:
    """Format of the pictures, which sinks need before the first frame. Constant for the life of a sink.

    Args:
        width, height: upright pixels, both even.
        rate: nominal frames per second.
        sound: None if there is none.
        pixel_aspect: width of a pixel over its height.
        colour: colour tags.
        begun: when their presentation time was zero, on the monotonic clock.
    """

    width: int
    height: int
    rate: Fraction
    sound: SoundInfo | None = None
    pixel_aspect: Fraction = Fraction(1)
    colour: Colour = field(default_factory=lambda: Colour(range=1))
    begun: float = field(default_factory=time.monotonic)


class LiveSink(Protocol):
    """Destination of anonymised frames. Used from one thread."""

    @property
    def name(self) -> str:
        """Name for people; credentials masked."""

    def write(self, frame: Frame) -> None:
        """Take an anonymised frame. Never blocks; never raises because a peer is gone.

        Frames are 8-bit 4:2:0 planes of the `Picture`'s size with increasing pts, and are never modified afterwards.
        """

    def sound(self, packet: Packet[Any]) -> None:
        """Take a packet of sound, on the same clock as the frames. Never blocks or raises either."""

    def close(self, within: float) -> None:
        """Drain, finalise and stop within this many seconds."""
