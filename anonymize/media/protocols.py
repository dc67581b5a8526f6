"""The interface of this package: a description of a medium, and how to read and write one.

`Source` and `Sink` are implemented for videos (`anonymize.media.video`) and for images (`anonymize.media.still`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Protocol, Self

from anonymize.data import SQUARE, Frame
from anonymize.media.frames.orient import Orientation


class FieldOrder(StrEnum):
    """Whether a frame is progressive or two interleaved fields, and which field comes first."""

    PROGRESSIVE = "progressive"
    TOP_FIRST = "top field first"
    BOTTOM_FIRST = "bottom field first"


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour tags with the code points of ITU-T H.273 (2: unspecified). `range`: 1 limited, 2 full, 0 unspecified."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    range: int = 0


@dataclass(frozen=True, slots=True)
class Hdr:
    """Static HDR metadata (SMPTE ST 2086 and CTA-861.3).

    Args:
        primaries: chromaticities (x, y) of red, green and blue, and the white point last; None if not given.
        luminance: (lowest, highest) luminance of the mastering display in cd/m2; None if not given.
        light_level: (MaxCLL, MaxFALL) in cd/m2; None if not given.
    """

    primaries: tuple[tuple[Fraction, Fraction], ...] | None = None
    luminance: tuple[Fraction, Fraction] | None = None
    light_level: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """One sound track."""

    codec: str
    """FFmpeg's name of the codec; `unknown` if it has none."""
    rate: int = 0
    """Samples a second."""
    channels: int = 0
    duration: Fraction | None = None
    """Seconds, if the container states it."""
    packets: int | None = None
    """Packets from time zero on; known after the source has been read to its end."""
    language: str = ""
    """ISO 639-2 code; empty where none is given."""
    recoded: str = ""
    """Why its packets cannot be copied as they are; complete after the source has been read to its end."""
    begin: Fraction | None = None
    """Start of the first packet, in seconds of the presentation; known after the source has been read to its end."""
    end: Fraction | None = None
    """End of the last packet, in seconds of the presentation; known after the source has been read to its end."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Description of a medium, from its headers and first frames. Times are seconds of the presentation."""

    name: str
    """The file's name, for messages."""
    container: str
    """Canonical suffix without dot: mp4, mov, mkv, webm, ts, avi ... jpg, png, gif ..."""
    codec: str
    """FFmpeg's name of the video codec, or the image format."""
    pixel_format: str
    """The decoder's own pixel format."""
    width: int
    """Upright width in pixels."""
    height: int
    """Upright height in pixels."""
    time_base: Fraction
    """Seconds per timestamp unit of the frames."""
    depth: int = 8
    """Bits per sample."""
    rotation: int = 0
    """Degrees (counter-clockwise, 0 to 359) by which players turn the stored frame; flips are in `display_matrix`."""
    display_matrix: tuple[int, ...] | None = None
    """FFmpeg's nine display matrix values, carried over as they are."""
    sample_aspect_ratio: Fraction | None = None
    """Of the stored frame; None if not given."""
    pixel_aspects: tuple[Fraction, ...] = (SQUARE,)
    """All pixel aspect ratios of its upright frames (`Frame.aspects`); complete after a full pass."""
    average_rate: Fraction | None = None
    """Frames per second, for progress and estimates only."""
    frame_count: int | None = None
    """Number of frames according to the container; an estimate, None if it does not say."""
    start: Fraction = Fraction(0)
    """When the first frame is shown, in seconds of the presentation."""
    origin: Fraction = Fraction(0)
    """Time on the container's clock at which the presentation begins (`anonymize.media.clock.presentation`)."""
    duration: Fraction | None = None
    """Duration according to the container."""
    colour: Colour = Colour()
    chroma_location: str = "unspecified"
    """Chroma sample location of 4:2:0, by FFmpeg's name (left, center, topleft ...)."""
    hdr: Hdr | None = None
    field_order: FieldOrder = FieldOrder.PROGRESSIVE
    audio: tuple[AudioInfo, ...] = ()
    removed: tuple[str, ...] = ()
    """Descriptions, without values, of everything in the input that is left out of the output."""

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height in pixels of the stored frame, before it is turned upright."""
        return Orientation.of_matrix(self.display_matrix).pair(self.width, self.height)

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer function is PQ or HLG."""
        return self.colour.transfer in (16, 18)


class Source(Protocol):
    """A medium that is read. A context manager; leaving it closes the file."""

    @property
    def info(self) -> MediaInfo:
        """Its description. Parts of it (`removed`, fields, sound) are complete only after a full pass of `frames`."""

    @property
    def losses(self) -> list[str]:
        """What could not be read in the latest pass of `frames`, in words; empty if intact."""

    def frames(self) -> Iterator[Frame]:
        """Every frame in presentation order, read-only. Each call starts again at the first.

        Raises:
            DamagedInput: at the end of the pass (or where reading becomes impossible), if part of the input is lost
                and damage is not allowed.
            UnsupportedInput: the picture changes size, orientation or pixel format.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class Sink(Protocol):
    """A medium that is written. A context manager; leaving it without `finish` abandons the output."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What differs from the source (container, codec ...) and why."""

    def write(self, frame: Frame) -> None:
        """Append `frame`, in presentation order: a frame of this sink's source, or its `writable` copy.

        Raises:
            OutputError: the disk is full, or the output's folder is gone.
        """

    def finish(self) -> None:
        """Write everything pending, including the sound, and close the output.

        Raises:
            OutputError: the disk is full, or the output's folder is gone.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...
