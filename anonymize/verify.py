"""Reading an output back and finding out whether it is what it should be, without trusting whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from anonymize.data import Timestamps
from anonymize.errors import AnonymizeError
from anonymize.media import AudioInfo, Colour, Hdr, MediaInfo, Source, open_source
from anonymize.media.orient import Orientation
from anonymize.media.reader import head_of
from anonymize.media.still import check_still
from anonymize.media.still_file import picture_format
from anonymize.pipeline import OnProgress, Progress, ignore
from anonymize.settings import Audio, Output

_SOUND_SLACK = Fraction(1, 10)
"""Seconds by which a sound track may end at another time: containers round, and drop an encoder's padding."""


def check(
    path: Path, source: MediaInfo, times: Timestamps, output: Output, on_progress: OnProgress = ignore
) -> list[str]:
    """Everything about the output at `path` that is not as it should be, in words; empty if all is well."""
    return check_structure(path, source, times, output, on_progress)


def check_structure(
    path: Path, source: MediaInfo, times: Timestamps, output: Output, on_progress: OnProgress = ignore
) -> list[str]:
    """What is wrong with the frames, their times and colours, the sound and the metadata of the output at `path`.

    It is decoded to its end by the reader that reads inputs; memory does not grow with its length.

    Args:
        path: the output, still under its temporary name.
        source: what it was made from, as known after the source was read to its end.
        times: of every frame that was written.
        output: what the user asked for.
        on_progress: told after every frame.
    """
    if picture_format(head_of(path, 64)):
        return check_still(path, source, times)
    try:
        with open_source(path) as result:
            failures = list(_wrong_times(result, times, on_progress))
            found = result.info
    except AnonymizeError as error:
        return [f"it cannot be read back: {error}"]
    failures += _wrong_picture(found, source)
    failures += _wrong_sound(found, source, output)
    if found.removed:  # what a reader would remove from it is what should not be in it
        failures.append(f"there is still in it: {', '.join(found.removed)}")
    return failures


def _wrong_times(result: Source, times: Timestamps, on_progress: OnProgress) -> Iterator[str]:
    """Frames lost, added or moved."""
    half_tick = result.info.time_base / 2
    count = moved = 0
    first = ""
    for count, frame in enumerate(result.frames(), 1):
        on_progress(Progress("verify", count, len(times)))
        if count > len(times):
            continue
        wanted, found = times[count - 1], frame.pts * frame.time_base
        if abs(found - wanted) > half_tick:
            moved += 1
            first = first or f"frame {count - 1} is at {float(found):.6f} s instead of {float(wanted):.6f} s"
    if count != len(times):
        yield f"expected {len(times)} frames, got {count}"
    if moved:
        yield f"{moved} frames are at the wrong time: {first}"


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
    # The other codecs have no place for it, which the sink's notes say.
    if found.codec in ("hevc", "av1") and not _same_display(source.hdr, found.hdr):
        yield f"HDR metadata: expected {source.hdr}, got {found.hdr}"


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


def _wrong_sound(found: MediaInfo, source: MediaInfo, output: Output) -> Iterator[str]:
    wanted = () if output.audio is Audio.MUTE else source.audio
    if len(wanted) != len(found.audio):
        yield f"expected {len(wanted)} sound tracks, got {len(found.audio)}"
        return
    for index, (before, after) in enumerate(zip(wanted, found.audio, strict=True)):
        # Containers cut PCM into pieces as they like.
        copied = before.codec == after.codec and found.container == source.container
        if copied and not before.codec.startswith("pcm") and before.packets != after.packets:
            yield f"sound track {index}: expected {before.packets} packets, got {after.packets}"
        yield from _wrong_end(index, before, after)


def _wrong_end(index: int, before: AudioInfo, after: AudioInfo) -> Iterator[str]:
    if before.end is None or after.end is None:
        return
    if abs(before.end - after.end) > _SOUND_SLACK:
        yield f"sound track {index}: expected it to end at {float(before.end):.2f} s, got {float(after.end):.2f} s"
