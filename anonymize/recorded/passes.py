"""The two passes over recorded media: detect and plan; draw the plan and write.

    source -> scan -> track -> plan
    source -> redact what the plan says -> sink

Recorded video is read twice, so that what is learnt at its end can be redacted at its beginning. A long one is read in
segments, in one process or several (`anonymize.parallel.segments`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

from anonymize import media
from anonymize.data import Timestamps
from anonymize.detect import Detector, alone, from_behind, rule_of
from anonymize.detect.scan import Follower
from anonymize.errors import PlanError
from anonymize.kinds import Raised
from anonymize.media import Cut, Sink, Source, VideoSink
from anonymize.parallel.segments import SegmentRunner, redacted
from anonymize.plan import About, Plan, Regions, consent, weakly_found
from anonymize.plan.compose import compose, refuse_unmet
from anonymize.plan.faint import clearest, uncovered
from anonymize.progress import OnProgress, Progress, ignore
from anonymize.redact import Memory
from anonymize.settings import Output, Settings

_SURELY = Fraction(1)
"""Seconds after the last frame that packets announce; decoding brings no frame later than that."""


def detect(
    source: Source,
    settings: Settings,
    detectors: Sequence[Detector],
    sha256: str,
    on_progress: OnProgress = ignore,
    runner: SegmentRunner | None = None,
) -> tuple[Plan, Timestamps]:
    """Scan `source` and plan what to redact; the plan, and when each frame is shown.

    Args:
        source: read to its end, once.
        settings: what to detect, how thoroughly, and how to draw it.
        detectors: of the first look; may be empty if only zones are redacted.
        sha256: of the source, for the plan's header.
        on_progress: called after every frame.
        runner: of its segments; read in one go, in this process, if not given.

    Raises:
        InputError: the source cannot be read to its end.
        UsageError: a span in `settings` meets none of its frames, a zone lies outside the picture, or no track is
            where a person to show should be.
    """
    size, total = (source.info.width, source.info.height), source.info.frame_count
    runner = runner or SegmentRunner.whole(source, settings)
    if runner.cut:
        _refuse_unmet(runner.cut.times, size, settings, source.info.name)  # before an hour is spent on it
    done = False
    while not done:  # once more, in one go, if the segments turn out not to be usable
        times, follower = Timestamps(), Follower(settings)
        with runner.fallback():
            for frame in runner.scanned(detectors):
                times.append(frame)
                follower.take(frame)
                on_progress(Progress("detect", len(times), total))
            done = True
    found = follower.finish()
    for detector in detectors:
        detector.release_memory()  # the encoder needs the memory
    _refuse_unmet(times, size, settings, source.info.name)
    about = About(
        sha256=sha256,
        frames=len(times),
        width=size[0],
        height=size[1],
        settings=settings,
        found_by={detector.name: detector.sha256 for detector in detectors},
    )
    regions = Regions(compose(found.tracks, times, found.detected, found.cuts, size, settings))
    rule = rule_of(settings, once=media.is_picture(source))
    weak = {track.id: Raised.FIND for track in found.tracks if track.weak}
    weak |= dict.fromkeys(from_behind(found.tracks, found.around, rule), Raised.BEHIND)
    weak |= dict.fromkeys(alone(found.tracks, found.around, rule, size), Raised.ALONE)
    doubts = tuple(weakly_found(regions.columns(), weak, times))
    cuts = tuple(sorted({bisect_left(times, cut) for cut in found.cuts} - {0}))
    covered = Plan(about, regions, doubts=doubts).covered()
    faint = uncovered(found.faint, ((first, end, one.xyxy) for first, end, one in covered.rows()), size)
    wanted = [one for one in faint if one.kind in settings.targets]
    minutes = float(times[-1] - times[0]) / 60 if len(times) else 0.0
    asked = clearest(wanted, settings.detect.low, minutes)
    made = Plan(about, regions, doubts=doubts, cuts=cuts, faint=asked)
    return consent.visible(made, times, settings, source.info.name), times


def refuse_unmet_ahead(source: Source, settings: Settings) -> None:
    """Check before any frame is decoded that every zone meets the picture, and every time the video.

    Raises:
        UsageError: a zone lies outside the picture, or a time certainly lies after the last frame.
    """
    size, name = (source.info.width, source.info.height), source.info.name
    refuse_unmet((), size, settings, name)
    spans = [*settings.only, *settings.obscured, *(zone.span for zone in (*settings.zones, *settings.spared))]
    begins = [*(span.start for span in spans), *(one.at for one in settings.show_persons if one.at is not None)]
    latest = max(begins, default=Fraction(0))
    if latest and (times := media.announced(source)):
        last, before = times[-1], times[max(len(times) - 2, 0)]
        if latest >= last + max(last - before, _SURELY):
            _refuse_unmet(times, size, settings, name)


def _refuse_unmet(times: Sequence[Fraction], size: tuple[int, int], settings: Settings, name: str) -> None:
    refuse_unmet(times, size, settings, name)
    consent.refuse_unmet(times, settings, name)


def render(source: Source, plan: Plan, sink: Sink, on_progress: OnProgress = ignore) -> Timestamps:
    """Draw `plan` on every frame of `source` and write it to `sink`; the times of the frames written.

    Args:
        source: read to its end, once.
        plan: what to draw.
        sink: finished here.
        on_progress: called after every frame.

    Raises:
        PlanError: the plan does not cover exactly the frames of the source.
        InputError: the source cannot be read to its end.
        OutputError: the sink cannot be written.
    """
    memory = Memory()
    times = Timestamps()
    for frame in source.frames():
        times.append(frame)
        sink.write(redacted(frame, plan.at(frame.index), plan.about.redact, memory))
        on_progress(Progress("render", len(times), plan.about.frames))
    _check_covered(plan, len(times))
    sink.finish()
    return times


def render_segments(
    cut: Cut, runner: SegmentRunner, plan: Plan, sink: VideoSink, output: Output, on_progress: OnProgress = ignore
) -> Timestamps:
    """`render` in segments.

    Args:
        cut: of the source.
        runner: of the source.
        plan: what to draw.
        sink: finished here.
        output: how to encode it.
        on_progress: called after every frame.

    Raises:
        CannotCut: it has to be rendered in one go, into a new sink.
        PlanError, InputError, OutputError: as `render` does.
    """
    _check_covered(plan, len(cut.times))
    steps = sink.join(runner.drawn(cut, plan, sink.target, output), cut.times)
    for done, _ in enumerate(steps, 1):
        on_progress(Progress("render", done, plan.about.frames))
    sink.finish()
    return cut.times


def _check_covered(plan: Plan, frames: int) -> None:
    if frames != plan.about.frames:
        raise PlanError(f"the plan covers {plan.about.frames} frames, the video has {frames}: detect again")
