"""What the two ends of a live chain know of each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from av.packet import Packet

from anonymize.data import Frame
from anonymize.media.protocols import Colour


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """The sound that comes with a picture, as coded in the source.

    Args:
        codec: FFmpeg's name of the codec.
        rate: samples a second.
        layout: FFmpeg's name of the channel layout: mono, stereo ...
        extradata: what a decoder needs besides the packets.
    """

    codec: str
    rate: int
    layout: str
    extradata: bytes = b""


@dataclass(frozen=True, slots=True)
class Picture:
    """What sinks need to know before the first frame. It never changes while they live.

    Args:
        width, height: upright pixels, both even.
        rate: nominal frames per second.
        sound: None for none.
        pixel_aspect: width of a pixel over its height.
        colour: its tags.
    """

    width: int
    height: int
    rate: Fraction
    sound: SoundInfo | None = None
    pixel_aspect: Fraction = Fraction(1)
    colour: Colour = field(default_factory=lambda: Colour(range=1))


class LiveSink(Protocol):
    """Where anonymised frames go. Used from one thread."""

    @property
    def name(self) -> str:
        """What it is, for people; credentials masked."""

    def write(self, frame: Frame) -> None:
        """Take an anonymised frame. Never blocks, never raises because a peer is gone.

        Frames are 8-bit 4:2:0 planes of the `Picture`'s size, their pts rising, and are not changed any more.
        """

    def sound(self, packet: Packet[Any]) -> None:
        """Take a packet of sound, timed on the same clock as the frames. Same promise."""

    def close(self, within: float) -> None:
        """Drain and finalise within so many seconds, then stop."""
