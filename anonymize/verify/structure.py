"""Whether the frames, timestamps, colours, sound and metadata of an output are what they should be.

The output is read back without trusting what wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from anonymize.data import Timed, seconds
from anonymize.errors import AnonymizeError
from anonymize.media import Colour, Hdr, MediaInfo, Source
from anonymize.media.frames.orient import Orientation
from anonymize.media.still.file import picture_format
from anonymize.media.still.parts import foreign as parts
from anonymize.media.still.source import StillSource, check_still
from anonymize.media.video.open import head_of
from anonymize.settings import Audio, Output
from anonymize.verify.containers.contents import foreign

_ZERO = Fraction(0)
_SOUND_SLACK = Fraction(1, 10)
"""Seconds by which a sound track may begin or end elsewhere: containers round, and drop an encoder's padding."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an output is compared with.

    Args:
        source: what it was made from, as known after reading it to the end.
        times: presentation time of every frame that was written, in seconds.
        output: the user's settings; None if unknown (then sound may be absent).
    """

    source: MediaInfo
    times: Sequence[Fraction]
    output: Output | None = None
    profile: bytes | None = None
    """For a picture: what the output keeps of the source's colour profile."""

    @classmethod
    def of(cls, source: Source, times: Sequence[Fraction], output: Output | None = None) -> Wanted:
        """What an output of `source` is compared with; `source` must have been read to its end."""
        profile = source.decoded.traits.icc if isinstance(source, StillSource) else None
        return cls(source.info, times, output, profile)


def is_picture(path: Path) -> bool:
    """Whether the file at `path` is a picture or an animation in a picture format."""
    return bool(picture_format(head_of(path, 64)))


def of_picture(path: Path, wanted: Wanted | None, made: StillSource | None = None) -> list[str]:
    """What is wrong with the picture or animation at `path`; `made` is that picture, if it is open already."""
    try:
        picture = made or StillSource(path)
    except AnonymizeError as error:
        return [f"it cannot be read back: {error}"]
    info, profile = picture.info, picture.decoded.traits.icc
    if wanted is not None:
        failures = check_still(path, wanted.source, wanted.times, picture)
        if wanted.profile is not None and profile not in (b"", wanted.profile):
            failures.append("its colour profile is not that of the source")
    else:
        failures = [f"still in it: {', '.join(info.removed)}"] if info.removed else []
        failures += parts(info.container, path.read_bytes())
    return failures + foreign(path, info.container)


def of_video(path: Path, found: MediaInfo, wanted: Wanted | None) -> list[str]:
    """What is wrong with the video at `path`, apart from its frames' timestamps.

    Args:
        path: the output.
        found: its properties, as known after reading it to the end.
        wanted: what it is compared with; without it, only what no output may hold is reported.
    """
    failures: list[str] = []
    if wanted is not None:
        failures += _wrong_picture(found, wanted.source)
        failures += _wrong_sound(found, wanted.source, wanted.output)
    return failures + foreign(path, found.container, found.removed, found.codec)


class TimeComparison:
    """Compares the presentation times of frames, one by one, with those that were written.

    Args:
        times: of every frame that was written, in seconds; None if unknown: then they must only increase.
    """

    def __init__(self, times: Sequence[Fraction] | None) -> None:
        self._times = times
        self._moved = 0
        self._first = ""
        self._last: Fraction | None = None
        self.count = 0
        """Frames seen."""

    def see(self, frame: Timed) -> None:
        """Take the next frame."""
        index, found, half_tick = self.count, seconds(frame), frame.time_base / 2
        self.count += 1
        if self._times is None:
            if self._last is not None and found <= self._last:
                self._note(f"frame {index} at {float(found):.6f} s does not come after the one before it")
        elif index < len(self._times) and abs(found - self._times[index]) > half_tick:
            self._note(f"frame {index} is at {float(found):.6f} s instead of {float(self._times[index]):.6f} s")
        self._last = found

    def _note(self, what: str) -> None:
        self._moved += 1
        self._first = self._first or what

    def failures(self) -> Iterator[str]:
        """Frames lost, added or moved; to be called after the last frame."""
        if self._times is not None and self.count != len(self._times):
            yield f"expected {len(self._times)} frames, got {self.count}"
        if self._moved:
            yield f"{self._moved} frames are at the wrong time: {self._first}"


def _wrong_picture(found: MediaInfo, source: MediaInfo) -> Iterator[str]:
    for what, wanted, got in (
        ("size", (source.width, source.height), (found.width, found.height)),
        ("bit depth", source.depth, found.depth),
        ("rotation", source.rotation, found.rotation),
        ("orientation", Orientation.of_matrix(source.display_matrix), Orientation.of_matrix(found.display_matrix)),
        ("sample aspect ratio", source.sample_aspect_ratio or 1, found.sample_aspect_ratio or 1),
        ("colour", _comparable(source), _comparable(found)),
        ("field order", source.field_order, found.field_order),
    ):
        if wanted != got:
            yield f"{what}: expected {wanted}, got {got}"
    # Other codecs cannot store the chroma location, and hardware encoders do not state it; the sink's notes say so.
    if found.codec in ("h264", "hevc") or found.container in ("mkv", "webm"):
        where, there = source.chroma_location, found.chroma_location
        if there not in ("unspecified", "left", where):
            yield f"position of the chroma samples: expected {where}, got {there}"
    if found.codec in ("hevc", "av1") and not _same_display(source.hdr, found.hdr):
        yield f"HDR metadata: expected {source.hdr}, got {found.hdr}"


def _comparable(info: MediaInfo) -> Colour:
    """Colour tags with synonyms unified: no range means limited range, RGB has no matrix."""
    rgb = info.pixel_format.startswith(("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "pal", "x2"))
    matrix = 0 if rgb else info.colour.matrix
    span = 2 if rgb else info.colour.range or 1
    return Colour(info.colour.primaries, info.colour.transfer, matrix, span)


def _same_display(wanted: Hdr | None, found: Hdr | None) -> bool:
    """Whether both describe the same mastering display and light level, to the precision that streams store."""
    if wanted is None or found is None:
        return wanted is found
    if wanted.light_level != found.light_level:
        return False
    if wanted.primaries is None or wanted.luminance is None:
        return True
    return (
        found.primaries is not None
        and found.luminance is not None
        and bool(np.allclose(np.array(wanted.primaries, float), np.array(found.primaries, float), atol=1e-4))
        and bool(np.allclose(np.array(wanted.luminance, float), np.array(found.luminance, float), atol=1e-3))
    )


def _wrong_sound(found: MediaInfo, source: MediaInfo, output: Output | None) -> Iterator[str]:
    mute = not found.audio if output is None else output.audio is Audio.MUTE
    wanted = () if mute else source.audio
    if len(wanted) != len(found.audio):
        yield f"expected {len(wanted)} sound tracks, got {len(found.audio)}"
        return
    for index, (before, after) in enumerate(zip(wanted, found.audio, strict=True)):
        # Containers split PCM into packets as they like.
        copied = before.codec == after.codec and not before.recoded and found.container == source.container
        if copied and not before.codec.startswith("pcm") and before.packets != after.packets:
            yield f"sound track {index}: expected {before.packets} packets, got {after.packets}"
        for what, then, now in (("begin", before.begin, after.begin), ("end", before.end, after.end)):
            # Anything before zero only primes the decoder.
            if then is not None and now is not None and abs(max(then, _ZERO) - max(now, _ZERO)) > _SOUND_SLACK:
                yield f"sound track {index}: expected it to {what} at {float(then):.2f} s, got {float(now):.2f} s"
        if after.language not in ("", before.language):
            yield f"sound track {index}: expected language {before.language or 'none'}, got {after.language}"
