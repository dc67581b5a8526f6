"""Images, still and animated, as a source and a sink like video; and the check of written files."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Self

from anonymize.aspect import aspects_of
from anonymize.data import SQUARE, Frame, Timestamps
from anonymize.errors import AnonymizeError, OutputError, UnreadableInput, UnsupportedInput, UsageError
from anonymize.media.aside import aside
from anonymize.media.protocols import MediaInfo, Source
from anonymize.media.still.decode import decode
from anonymize.media.still.density import densities
from anonymize.media.still.encode import Encoding, channels_in
from anonymize.media.still.file import READ_ONLY
from anonymize.media.still.frame import StillFrame
from anonymize.media.still.headers import Decoded
from anonymize.media.still.parts import foreign
from anonymize.media.video.open import Input, input_name
from anonymize.settings import Output
from anonymize.storage.commit import plainly
from anonymize.text.words import system

MOST_BYTES = 1 << 29
"""Size of an image file, at most."""

UNTIMED = Fraction(1, 10)
"""Seconds for which players show an animation's frame without a duration."""

SUFFIXES = {
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".jpe": "jpg",
    ".png": "png",
    ".apng": "png",
    ".webp": "webp",
    ".gif": "gif",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".bmp": "bmp",
    ".heic": "heic",
    ".heif": "heic",
    ".avif": "avif",
}
"""Output format by suffix."""


class StillSource:
    """A `anonymize.media.Source` on an image file.

    Args:
        source: a file, or the whole content of one.
        allow_damaged: decode as much as possible of a damaged file.
        pixel_aspect: width over height of an upright pixel; overrides the file's.
        also: further pixel aspect ratios it may be shown with.

    Raises:
        UnreadableInput: not an image, or too large.
        DamagedInput: part of it is lost.
        UnsupportedInput: no output format can hold it unchanged.
    """

    def __init__(
        self,
        source: Input,
        *,
        allow_damaged: bool = False,
        pixel_aspect: Fraction | None = None,
        also: tuple[Fraction, ...] = (),
    ) -> None:
        name = input_name(source)
        content = _content(source, name)
        self._decode = partial(_decoded_aside, source, allow_damaged=allow_damaged)
        self.decoded = self._decode(content)
        self._base, self._starts = _clock(self.decoded.durations, name)
        # Few viewers apply the pixel aspect ratio of an image, so it may be shown either way.
        self._aspects = aspects_of(pixel_aspect or SQUARE, *densities(content), *also)
        self.info = replace(_info(self.decoded, name, self._base), pixel_aspects=self._aspects)
        self._channels = self.decoded.traits.channels

    @property
    def losses(self) -> list[str]:
        """What could not be read, in words."""
        return list(self.decoded.losses)

    def announced(self) -> Timestamps:
        """Presentation timestamps of all frames."""
        times = Timestamps(self._base)
        times.pts = array("q", self._starts)
        return times

    def frames(self) -> Iterator[Frame]:
        """Every frame in order, read-only; starts again at the first on each call."""
        timing = zip(self._starts, self.decoded.durations, strict=True)
        for index, (pixels, (start, duration)) in enumerate(zip(self.decoded.pictures(), timing, strict=True)):
            pixels.flags.writeable = False
            yield StillFrame(
                index, start, self._base, duration, pixels, self._channels, self._aspects, self.decoded.turns
            )

    def release_memory(self) -> None:
        """Let go of the pixels of a single image: `frames` decodes them again, which takes a twentieth of detection."""
        if len(self.decoded.durations) == 1:
            self.decoded = replace(self.decoded, pictures=lambda: self._decode().pictures())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is open: the file was read whole."""


class StillSink:
    """A `anonymize.media.Sink` that writes an image file in the format given by the suffix of `path`.

    Raises:
        UsageError: files with this suffix cannot be written.
        UnsupportedInput: the format cannot hold the source unchanged.
    """

    def __init__(self, path: Path, source: StillSource) -> None:
        if path.suffix.lower() not in SUFFIXES:
            known = ", ".join(sorted(SUFFIXES))
            raise UsageError(f"pictures are written as {known}; name the output accordingly", path.name)
        self._path = path
        self._container = SUFFIXES[path.suffix.lower()]
        self._traits = source.decoded.traits
        count = len(source.decoded.durations)
        channels = channels_in(self._container, self._traits, source.info.name, animated=count > 1)
        self._encoding = Encoding(self._container, self._traits, channels, count)

    @property
    def notes(self) -> tuple[str, ...]:
        """What differs from the source, and why."""
        changed = tuple(self._encoding.notes) if self._container == "gif" else self._traits.notes
        if self._container == self._traits.container:
            return changed
        why = (
            ", since the former cannot be written"
            if self._traits.container in READ_ONLY
            else ", as in the output's name"
        )
        return (*changed, f"{self._traits.container} became {self._container}{why}")

    def write(self, frame: Frame) -> None:
        """Append `frame`, a frame of the source or its `writable` copy.

        Raises:
            OutputError: the encoder refuses it, for instance because the format does not allow this size.
        """
        if not isinstance(frame, StillFrame):
            raise TypeError(f"expected a StillFrame, got {type(frame).__name__}")
        try:
            aside(partial(self._encoding.add, frame))
        except (OSError, ValueError, RuntimeError) as error:
            raise OutputError(f"cannot be encoded as {self._container} ({error})", self._path.name) from error

    def finish(self) -> None:
        """Write the file.

        Raises:
            OutputError: the disk is full, or the output's folder is gone.
        """
        with plainly(self._path):
            self._path.write_bytes(self.data())

    def data(self) -> bytes:
        """The content of the file, after the last frame."""
        return self._encoding.data()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is open: `finish` writes the file at once."""


def _decoded_aside(source: Input, content: bytes | None = None, *, allow_damaged: bool) -> Decoded:
    """The image file `source`, decoded; `content` is what it holds, if it was read already."""
    name = input_name(source)
    content = content or _content(source, name)
    return aside(partial(decode, content, name, allow_damaged=allow_damaged))


def _content(source: Input, name: str) -> bytes:
    """The content of the file. Raises `UnreadableInput`."""
    if isinstance(source, bytes):
        return source
    try:
        size = source.stat().st_size
        if size > MOST_BYTES:
            raise UnreadableInput(
                f"the file of this picture is too large, {size >> 20} MiB; at most {MOST_BYTES >> 20} MiB are "
                "read, so that memory suffices. Scale it down, or cut it into parts",
                name,
            )
        return source.read_bytes()
    except OSError as error:
        raise UnreadableInput(f"cannot be read ({system(error)})", name) from error


def _clock(durations: Sequence[Fraction], name: str) -> tuple[Fraction, list[int]]:
    """A time base in which all start times are whole numbers, and these start times."""
    shown = [duration or UNTIMED for duration in durations]
    base = Fraction(1, math.lcm(*(duration.denominator for duration in shown)))
    starts = [0, *(int(start / base) for start in accumulate(shown[:-1]))]
    if starts[-1] >= 1 << 62:
        raise UnsupportedInput("the times of its pictures have no common clock; convert it to a video", name)
    return base, starts


def _info(decoded: Decoded, name: str, base: Fraction) -> MediaInfo:
    count, duration = len(decoded.durations), sum(decoded.durations, Fraction(0))
    return MediaInfo(
        name=name,
        container=decoded.traits.container,
        codec=decoded.traits.container,
        pixel_format=decoded.traits.channels.lower(),
        width=decoded.size[0],
        height=decoded.size[1],
        time_base=base,
        depth=decoded.traits.depth,
        average_rate=count / duration if duration else None,
        frame_count=count,
        duration=duration or None,
        removed=decoded.removed,
    )


def open_still(
    source: Input,
    *,
    allow_damaged: bool = False,
    pixel_aspect: Fraction | None = None,
    also: tuple[Fraction, ...] = (),
) -> StillSource:
    """Open an image file; see `StillSource`."""
    return StillSource(source, allow_damaged=allow_damaged, pixel_aspect=pixel_aspect, also=also)


def open_still_sink(path: Path, source: Source, output: Output) -> StillSink:  # noqa: ARG001 - it does not apply
    """Open `path` for writing a redacted image `source`; see `StillSink`."""
    assert isinstance(source, StillSource)
    return StillSink(path, source)


def check_still(path: Path, info: MediaInfo, times: Sequence[Fraction], made: StillSource | None = None) -> list[str]:
    """What is wrong with the image file at `path`, in words; empty if nothing is.

    It is read back like an input, and must not contain any part that an image does not need.

    Args:
        path: the output, under its temporary name.
        info: of the source.
        times: start times of the frames in seconds.
        made: the output, if it has been opened already: decoding it again would take as much memory again.
    """
    try:
        made = made or StillSource(path)
        found = [frame.pts * frame.time_base for frame in made.frames()]
    except AnonymizeError as error:
        return [f"it cannot be read back: {error}"]
    said = made.info
    wrong = [
        f"expected {what} {wanted}, got {got}"
        for what, wanted, got in (
            ("width and height", (info.width, info.height), (said.width, said.height)),
            ("bit depth", info.depth, said.depth),
            ("times", list(times), found),
            ("duration", info.duration, said.duration),
        )
        if wanted != got
    ]
    if said.removed:
        wrong.append(f"there is still in it: {', '.join(said.removed)}")
    return [*wrong, *foreign(said.container, path.read_bytes())]
