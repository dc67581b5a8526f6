"""What the rest of the toolkit knows of a medium: its description, and how to read and to write one.

`Source` and `Sink` are implemented by `anonymize.media.video.source` files and by stills alike.
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
    """Whether a frame is one picture or two half pictures woven together."""

    PROGRESSIVE = "progressive"
    TOP_FIRST = "top field first"
    BOTTOM_FIRST = "bottom field first"


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour tags as ITU-T H.273 numbers them; 2 means unspecified. `range` is 1 limited, 2 full, 0 unspecified."""

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
    """Seconds, where the container says."""
    packets: int | None = None
    """Coded pieces from time zero on; known once the source was read to its end."""
    language: str = ""
    """ISO 639-2 code; empty where none is given."""
    recoded: str = ""
    """Why its packets cannot be carried over as they are; complete once the source was read to its end."""
    begin: Fraction | None = None
    """When the first piece begins; known once the source was read to its end."""
    end: Fraction | None = None
    """When the last piece ends, in seconds of the presentation; known once the source was read to its end."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a medium is, as its headers and first pictures tell. Times are seconds of the presentation."""

    name: str
    """The file's name, for messages."""
    container: str
    """Canonical suffix without dot: mp4, mov, mkv, webm, ts, avi ... jpg, png, gif ..."""
    codec: str
    """FFmpeg's name of the video codec, or the picture format."""
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
    """Degrees (counter-clockwise, 0 to 359) by which players turn the stored picture; flips are in `display_matrix`."""
    display_matrix: tuple[int, ...] | None = None
    """FFmpeg's nine display matrix values, carried over as they are."""
    sample_aspect_ratio: Fraction | None = None
    """Of the stored picture; None if not given."""
    pixel_aspects: tuple[Fraction, ...] = (SQUARE,)
    """All that upright pixels of its frames have (`Frame.aspects`); complete after a full pass."""
    average_rate: Fraction | None = None
    """Frames a second, for progress and estimates only."""
    frame_count: int | None = None
    """How many frames the container says it has; an estimate, None if it does not say."""
    start: Fraction = Fraction(0)
    """When the first frame is shown, in seconds of the presentation."""
    origin: Fraction = Fraction(0)
    """What the container's own clock shows when the presentation begins (`anonymize.media.clock.presentation`)."""
    duration: Fraction | None = None
    """How long the container says it is."""
    colour: Colour = Colour()
    chroma_location: str = "unspecified"
    """Where the chroma samples of 4:2:0 lie, by FFmpeg's name (left, center, topleft ...)."""
    hdr: Hdr | None = None
    field_order: FieldOrder = FieldOrder.PROGRESSIVE
    audio: tuple[AudioInfo, ...] = ()
    removed: tuple[str, ...] = ()
    """All that is in the input and will not be in the output, in words; no values."""

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height in pixels as the picture is stored, before it is turned."""
        return Orientation.of_matrix(self.display_matrix).pair(self.width, self.height)

    @property
    def is_hdr(self) -> bool:
        """Whether the picture is coded for a high dynamic range (PQ or HLG)."""
        return self.colour.transfer in (16, 18)


class Source(Protocol):
    """A medium that is read. A context manager; leaving it closes the file."""

    @property
    def info(self) -> MediaInfo:
        """What it is. Some of it (`removed`, fields, sound) is complete only after a full pass of `frames`."""

    @property
    def losses(self) -> list[str]:
        """What could not be read in the latest pass of `frames`, in words; empty for an intact medium."""

    def frames(self) -> Iterator[Frame]:
        """Every frame in presentation order, read-only. Each call starts again at the first.

        Raises:
            DamagedInput: at the end of the pass (or where reading became impossible), if part of the input is lost
                and damage is not allowed.
            UnsupportedInput: the picture changes size, orientation or pixel format on the way.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class Sink(Protocol):
    """A medium that is written. A context manager; leaving it without `finish` abandons the output."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be changed against the source (container, codec ...) and why."""

    def write(self, frame: Frame) -> None:
        """Append `frame`, in presentation order. It came from this sink's source, or is its `writable` copy.

        Raises:
            OutputError: the disk is full, or the output's place is gone.
        """

    def finish(self) -> None:
        """Write all that is pending, the sound included, and close the output.

        Raises:
            OutputError: the disk is full, or the output's place is gone.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...
