"""Two videos and their ground truth, frame by frame in step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
import numpy as np

from anonymize.errors import InputError, UnreadableInput
from anonymize.evaluate.detail import Luma
from anonymize.evaluate.truth import FrameTruth, Truth
from anonymize.media import check_readable
from anonymize.media.clock.edits import edit_lists
from anonymize.media.clock.presentation import Presentation
from anonymize.media.video.open import main_video


@dataclass(frozen=True, slots=True)
class _Picture:
    """One decoded frame: its time in seconds, the length of a clock tick, its upright luma."""

    time: Fraction
    tick: Fraction
    luma: Luma


@dataclass(frozen=True, slots=True)
class FramePair:
    """A frame of both videos and its ground truth; `time` is the original's presentation time in seconds."""

    before: Luma
    after: Luma
    truth: FrameTruth
    time: Fraction


def aligned(original: Path, redacted: Path, truth: Truth) -> Iterator[FramePair]:
    """Walk two videos (or pictures) and their truth in step; fail where they differ.

    Raises:
        InputError: they do not belong together.
        UnreadableInput: one of them cannot be read.
    """
    names = (original.name, redacted.name, truth.name)
    streams = _decode(original), _decode(redacted)
    frames: Iterator[FrameTruth] = iter(())
    shift = Fraction(0)
    for index in count():
        before, after = (next(stream, None) for stream in streams)
        if index == 0 and before is not None:
            frames = truth.frames(before.luma.shape[::-1])
        frame = next(frames, None)
        if before is None and after is None:
            if frame is not None and (truth.least is None or index < truth.least):
                raise InputError(
                    f"the videos end after {index} frames, {names[2]} goes on: it belongs to another video"
                )
            return
        if before is None or after is None or frame is None:
            ended = [name for name, item in zip(names, (before, after, frame), strict=True) if item is None]
            raise InputError(f"{' and '.join(ended)} end after {index} frames, the others go on: frames were lost")
        sizes = (before.luma.shape[::-1], after.luma.shape[::-1], frame.size)
        if len(set(sizes)) > 1:
            given = ", ".join(f"{name} {w}x{h}" for name, (w, h) in zip(names, sizes, strict=True))
            raise InputError(f"frame {index} differs in size: {given}")
        if index == 0:
            shift = after.time - before.time
        apart = after.time - before.time - shift
        if abs(apart) > max(before.tick, after.tick):
            raise InputError(
                f"frame {index} of {names[1]} is shown {float(apart):+.4f} s apart from that of {names[0]}: "
                "a frame was dropped or the timing was changed"
            )
        yield FramePair(before.luma, after.luma, frame, before.time)


def _decode(path: Path) -> Iterator[_Picture]:
    check_readable(path)
    try:
        with av.open(str(path)) as source:
            stream = main_video(source, path.name)
            stream.thread_type = "AUTO"
            origin = Presentation.of(stream, source.streams.audio, edit_lists(path)).origin
            for frame in source.decode(stream):
                if frame.pts is None or frame.time_base is None:
                    raise UnreadableInput("a frame without a timestamp cannot be compared", path.name)
                grey = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
                time = frame.pts * frame.time_base - origin
                yield _Picture(time, frame.time_base, np.rot90(grey, frame.rotation // 90))
    except (av.FFmpegError, OSError) as error:
        raise UnreadableInput(f"{error}", path.name) from error
