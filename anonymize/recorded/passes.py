"""The only loop, in its two halves: look at every frame and plan; draw the plan and write.

    source -> watch -> track -> plan
    source -> redact what the plan says -> sink

Recorded video is read twice, so that what is learnt at its end can be redacted at its beginning. A long one is read in
segments, by one process or several (`anonymize.parallel.segments`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from anonymize import media
from anonymize.data import Timestamps
from anonymize.detect import Detector
from anonymize.detect.scan import Followed, ScannedFrame, followed, scan
from anonymize.errors import PlanError
from anonymize.media import Cut, Sink, Source, VideoSink
from anonymize.parallel.segments import Team, redacted
from anonymize.plan import About, Plan, Regions, consent, weakly_found
from anonymize.plan.compose import compose, refuse_unmet
from anonymize.progress import OnProgress, Progress, ignore
from anonymize.redact import Memory
from anonymize.settings import Output, Settings

_SURELY = Fraction(1)
"""Seconds behind the last frame that packets announce, after which decoding it can bring no other."""


def detect(
    source: Source,
    settings: Settings,
    detectors: Sequence[Detector],
    sha256: str,
    on_progress: OnProgress = ignore,
    team: Team | None = None,
) -> tuple[Plan, Timestamps]:
    """Look through `source` and plan what to redact; the plan, and when each frame is shown.

    Args:
        source: where frames come from, read to its end once.
        settings: what to look for, how hard, and how to draw it.
        detectors: what looks; may be empty where only zones are redacted.
        sha256: of the source, for the plan's header.
        on_progress: told after every frame.
        team: who works on it; this process alone, and in one go, if not given.

    Raises:
        InputError: the source cannot be read to its end.
        UsageError: a span in `settings` meets none of its frames, a zone not its picture, or nobody is where a person
            to show should be.
    """

    size = (source.info.width, source.info.height)

    def plan(frames: Iterable[ScannedFrame]) -> tuple[Followed, Timestamps]:
        times = Timestamps()
        return followed(_counted(frames, times, source.info.frame_count, on_progress), settings), times

    def whole() -> tuple[Followed, Timestamps]:
        return plan(scan(source.frames(), detectors, settings))

    if team is None:
        found, times = whole()
    else:

        def in_segments(cut: Cut) -> tuple[Followed, Timestamps]:
            _refuse_unmet(cut.times, size, settings, source.info.name)  # before an hour is spent on it
            return plan(team.observations(cut, looking=bool(detectors)))

        found, times = team.either(in_segments, whole)
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
    weak = {track.id for track in found.tracks if track.weak}
    made = Plan(about, regions, doubts=tuple(weakly_found(regions.columns(), weak, times)))
    return consent.visible(made, times, settings, source.info.name), times


def refuse_unmet_ahead(source: Source, settings: Settings) -> None:
    """See what can be seen before a frame is decoded: whether every zone meets the picture, and every time the film.

    Raises:
        UsageError: a zone lies outside the picture, or a time so far behind the last frame that no doubt is left.
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


def _counted(
    frames: Iterable[ScannedFrame], times: Timestamps, total: int | None, on_progress: OnProgress
) -> Iterator[ScannedFrame]:
    """`frames`, each told of when it is over; `times` gets every frame's."""
    for frame in frames:
        times.append(frame)
        yield frame
        on_progress(Progress("detect", len(times), total))


def render(source: Source, plan: Plan, sink: Sink, on_progress: OnProgress = ignore) -> Timestamps:
    """Draw `plan` on every frame of `source` and write it to `sink`; the times of the frames written.

    Raises:
        PlanError: the plan does not cover exactly the frames that came.
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
    cut: Cut, team: Team, plan: Plan, sink: VideoSink, output: Output, on_progress: OnProgress = ignore
) -> Timestamps:
    """`render`, by `team`, from the segments of `cut`.

    Raises:
        CannotCut: it has to be rendered in one go, into a new sink.
        PlanError, InputError, OutputError: as `render` does.
    """
    _check_covered(plan, len(cut.times))
    steps = sink.join(team.drawn(cut, plan, sink.target, output), cut.times)
    for done, _ in enumerate(steps, 1):
        on_progress(Progress("render", done, plan.about.frames))
    sink.finish()
    return cut.times


def _check_covered(plan: Plan, frames: int) -> None:
    if frames != plan.about.frames:
        raise PlanError(f"the plan covers {plan.about.frames} frames, the video has {frames}: detect again")
