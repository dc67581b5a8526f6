"""What a run would do to one input and how long it would take, without writing anything.

The video is scanned as in a run, since only that shows what would be redacted. The rest is measured on a few frames,
which are encoded in memory.
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
"""Maximum number of frames, evenly spaced, on which the covered share of the picture is measured."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do to one input.

    Args:
        item: the input.
        output: where its output would go.
        frames: their number.
        tracks: number of tracks that would be redacted at some time, by kind.
        visible: number of stretches of tracks that would stay visible on purpose.
        covered: share (0-1) of the picture that would be covered, on an average frame.
        seconds: estimate for a run with one worker and without repairs, on this machine.
        size: estimate for the output, in bytes.
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
    """What a run would do, after `source` was scanned to its end.

    Args:
        item: the input.
        output: where its output would go.
        source: open.
        made: what would be drawn.
        settings: all settings of the run.
        seconds: that scanning took.

    Raises:
        AnonymizeError: the output cannot be made with these settings.
    """
    suffix = output.suffix if item.named else ""
    begun, covered = time.perf_counter(), covered_share(made)
    if isinstance(source, VideoSource):
        trial = media.trial(source, media.with_quality(source, settings.output, suffix), suffix)
        size = round(trial.pictures * (1 - covered)) + trial.sound  # covered areas take next to no bytes
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
    """Bytes of a picture's output, which is encoded in memory.

    Args:
        name: of the output.
        source: open.
        made: what would be drawn.
        settings: all settings of the run.
    """
    from anonymize.media.still.source import StillSink

    sink, memory = media.open_sink(Path(name), source, settings.output), Memory()
    assert isinstance(sink, StillSink)
    for frame in source.frames():
        sink.write(redacted(frame, made.at(frame.index), settings.redact, memory))
    return len(sink.data())


def _checking(source: Source, frames: int, settings: Settings, seconds: float) -> float:
    """Estimate of the seconds that verification takes: detection costs as much per frame, on fewer frames.

    Args:
        source: open.
        frames: their number.
        settings: all settings of the run.
        seconds: that scanning took.
    """
    if settings.verify.publish_unverified:
        return 0.0
    if not settings.targets:  # it is read once more, without detection
        return seconds
    rate = source.info.average_rate
    before = max(1.0, frames / max(1, round(settings.detect.every * float(rate or 25))))
    return seconds * sample_size(settings.verify, rate, frames) / before
