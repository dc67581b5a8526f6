"""The frames, their times and colours, the sound and the metadata of an output: is it what it should be?

The output is read back without trusting whoever wrote it.
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
"""Seconds by which a sound track may end at another time: containers round, and drop an encoder's padding."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an output is held against.

    Args:
        source: what it was made from, as known after the source was read to its end.
        times: of every frame that was written.
        output: what the user asked for; None where nobody knows (then sound may be absent).
    """

    source: MediaInfo
    times: Sequence[Fraction]
    output: Output | None = None
    profile: bytes | None = None
    """Of a picture: what the output keeps of the source's colour profile."""

    @classmethod
    def of(cls, source: Source, times: Sequence[Fraction], output: Output | None = None) -> Wanted:
        """What an output of `source` is held against; after the source was read to its end."""
        profile = source.decoded.traits.icc if isinstance(source, StillSource) else None
        return cls(source.info, times, output, profile)


def is_picture(path: Path) -> bool:
    """Whether the file at `path` is a picture or an animation in a picture format."""
    return bool(picture_format(head_of(path, 64)))


def of_picture(path: Path, wanted: Wanted | None, made: StillSource | None = None) -> list[str]:
    """What is wrong with the picture or animation at `path`; `made` is it, if it was opened already."""
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
        failures = [f"there is still in it: {', '.join(info.removed)}"] if info.removed else []
        failures += parts(info.container, path.read_bytes())
    return failures + foreign(path, info.container)


def of_video(path: Path, found: MediaInfo, wanted: Wanted | None) -> list[str]:
    """What is wrong with the video at `path` but for its frames' times.

    Args:
        path: the output.
        found: what it is, as known after it was read to its end.
        wanted: what it is held against; without it only what no output may hold is looked for.
    """
    failures: list[str] = []
    if wanted is not None:
        failures += _wrong_picture(found, wanted.source)
        failures += _wrong_sound(found, wanted.source, wanted.output)
    return failures + foreign(path, found.container, found.removed, found.codec)


class TimeComparison:
    """Holds the times of frames, as they come, against those that were written.

    Args:
        times: of every frame that was written; None where nobody knows, then they must only rise.
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
        """Frames lost, added or moved; after the last frame."""
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
    if found.codec in ("h264", "hevc") or found.container in ("mkv", "webm"):
        yield from _wrong_chroma(found, source)
    # The other codecs have no place for it, which the sink's notes say.
    if found.codec in ("hevc", "av1") and not _same_display(source.hdr, found.hdr):
        yield f"HDR metadata: expected {source.hdr}, got {found.hdr}"


def _wrong_chroma(found: MediaInfo, source: MediaInfo) -> Iterator[str]:
    """Where chroma samples lie, if the output says that: hardware encoders do not, which the sink's notes say."""
    wanted, got = source.chroma_location, found.chroma_location
    if got not in ("unspecified", "left") and got != wanted:
        yield f"position of the chroma samples: expected {wanted}, got {got}"


def _comparable(info: MediaInfo) -> Colour:
    """Colour tags with what means the same written the same: no range is limited range, RGB has no matrix."""
    rgb = info.pixel_format.startswith(("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "pal", "x2"))
    matrix = 0 if rgb else info.colour.matrix
    span = 2 if rgb else info.colour.range or 1
    return Colour(info.colour.primaries, info.colour.transfer, matrix, span)


def _same_display(wanted: Hdr | None, found: Hdr | None) -> bool:
    """Whether both describe the same mastering display and light level, as precisely as streams hold them."""
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
        # Containers cut PCM into pieces as they like.
        copied = before.codec == after.codec and not before.recoded and found.container == source.container
        if copied and not before.codec.startswith("pcm") and before.packets != after.packets:
            yield f"sound track {index}: expected {before.packets} packets, got {after.packets}"
        for what, then, now in (("begin", before.begin, after.begin), ("end", before.end, after.end)):
            # What comes before zero is a decoder's run-in.
            if then is not None and now is not None and abs(max(then, _ZERO) - max(now, _ZERO)) > _SOUND_SLACK:
                yield f"sound track {index}: expected it to {what} at {float(then):.2f} s, got {float(now):.2f} s"
        if after.language not in ("", before.language):
            yield f"sound track {index}: expected language {before.language or 'none'}, got {after.language}"
