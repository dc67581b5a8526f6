"""What a run would do to one input, and what it would cost: found out without writing anything.

The film is looked through as a run does it, since nothing else says what would be hidden. The rest is measured on a
few pictures of it, which are encoded in memory.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anonymize import media
from anonymize.media import Source, VideoSource
from anonymize.parallel.segments import redacted
from anonymize.plan import Plan
from anonymize.recorded.item import Item
from anonymize.redact import Memory, layers
from anonymize.settings import Settings
from anonymize.verify.sample import sample_size

if TYPE_CHECKING:
    from anonymize.storage import Place

_MOST = 100
"""Frames on which it is worked out how much of the picture is covered, at most: evenly spaced."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do to one input.

    Args:
        item: the input.
        output: where its output would go.
        frames: how many it has.
        tracks: how many of each kind would be hidden at some time.
        visible: how many stretches of tracks would stay visible on purpose.
        covered: share (0-1) of the picture that would be covered, on an average frame.
        seconds: that a run would take, about, with one worker and without repairs, on this machine.
        size: of the output in bytes, about.
    """

    exit_code: ClassVar[int] = 0
    left_out: ClassVar[bool] = False

    item: Item
    output: Place
    frames: int
    tracks: Mapping[str, int]
    visible: int
    covered: float
    seconds: float
    size: int


def forecast(item: Item, output: Place, source: Source, made: Plan, settings: Settings, seconds: float) -> Forecast:
    """What a run would do, now that `source` was looked through to its end.

    Args:
        item: the input.
        output: where its output would go.
        source: open.
        made: what would be drawn.
        settings: everything that is asked for.
        seconds: that looking took.

    Raises:
        AnonymizeError: the output cannot be made as it is asked for.
    """
    suffix = output.suffix if item.named else ""
    begun, covered = time.perf_counter(), covered_share(made)
    if isinstance(source, VideoSource):
        trial = media.trial(source, media.with_quality(source, settings.output, suffix), suffix)
        size = round(trial.pictures * (1 - covered)) + trial.sound  # what is covered takes next to nothing
        rendering = made.about.frames * trial.seconds
    else:
        size = _size_of_picture(output.name, source, made, settings)
        rendering = time.perf_counter() - begun
    return Forecast(
        item=item,
        output=output,
        frames=made.about.frames,
        tracks=made.covered().tracks(),
        visible=len(made.shown),
        covered=round(covered, 4),
        seconds=round(seconds + rendering + _checking(source, made.about.frames, settings, seconds), 1),
        size=size,
    )


def covered_share(plan: Plan) -> float:
    """The share (0-1) of the picture that `plan` covers, on the average of at most 100 frames."""
    about = plan.about
    count = min(_MOST, about.frames)
    frames = np.linspace(0, about.frames - 1, count).round().astype(int).tolist()
    return sum(float((layers(plan.at(i), about.width, about.height) > 0).mean()) for i in frames) / max(1, count)


def _size_of_picture(name: str, source: Source, made: Plan, settings: Settings) -> int:
    """Bytes that a picture takes as it would be written: it is, in memory."""
    from anonymize.media.still.source import StillSink

    sink, memory = media.open_sink(Path(name), source, settings.output), Memory()
    assert isinstance(sink, StillSink)
    for frame in source.frames():
        sink.write(redacted(frame, made.at(frame.index), settings.redact, memory))
    return len(sink.data())


def _checking(source: Source, frames: int, settings: Settings, seconds: float) -> float:
    """Seconds that the check takes: a look of its costs as much as one of those before, and it looks less often."""
    if settings.verify.publish_unverified:
        return 0.0
    if not settings.targets:  # it is read once more, and no detector looks
        return seconds
    rate = source.info.average_rate
    before = max(1.0, frames / max(1, round(settings.detect.every * float(rate or 25))))
    return seconds * sample_size(settings.verify, rate, frames) / before
