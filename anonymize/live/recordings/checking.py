"""Recordings examined as any other output is, and compared with what the recorder and the custody log noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anonymize.detect import Detector
from anonymize.errors import UsageError
from anonymize.kinds import Verdict
from anonymize.live.recordings import custody
from anonymize.live.recordings.folder import RecordedSegment, Recordings, look
from anonymize.live.recordings.times import show
from anonymize.progress import Progress
from anonymize.recorded.release import check_file
from anonymize.report import Report
from anonymize.settings import Settings

HASH = "as recorded"
OnSegment = Callable[[RecordedSegment, Progress | Report], None]
"""Told how far the examination of a segment is, and what came of it."""
_WORST = (Verdict.FAIL, Verdict.PASS_WITH_DOUBTS, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of an examination.

    Args:
        verdict: the worst of all segments.
        complaints: what is wrong with the custody log.
    """

    verdict: Verdict
    complaints: tuple[str, ...]


def chosen(folder: Path, start: float | None, end: float | None) -> Recordings:
    """The recordings to examine. Raises `UsageError` if there are none, and what `look` raises."""
    found = look(folder, start, end)
    if not found.segments:
        raise UsageError("no recording of that time; `anonymize recordings list` shows what there is", folder).coded(
            "nothing-recorded"
        )
    return found


def check(
    folder: Path,
    segments: Sequence[RecordedSegment],
    settings: Settings,
    detectors: Sequence[Detector],
    on_segment: OnSegment,
    by: str = "",
) -> Checked:
    """Examine `segments` of `folder`, one after the other, and note it in the custody log.

    Args:
        folder: of the recordings.
        segments: at least one.
        settings: what to detect and how thoroughly, as for `anonymize verify`, but for heads: all sides count.
        detectors: of the first look.
        on_segment: told after every frame, and the report on each segment.
        by: who asks, for the custody log; the user of the system if empty.

    Raises:
        UsageError: see `check_file`.
        OutputError: the custody log cannot be written.
    """
    complaints = tuple(custody.complaints(folder))
    settings = replace(settings, detect=replace(settings.detect, behind=0.0))  # live hides heads from all sides
    verdicts = {}
    for segment in segments:
        report = _examined(folder, segment, settings, detectors, on_segment)
        verdicts[segment.name] = report.verdict
        on_segment(segment, report)
    worst = min(verdicts.values(), key=_WORST.index)
    facts = {"from": show(segments[0].began), "to": show(max(segment.ended for segment in segments))}
    failed = [name for name, verdict in verdicts.items() if verdict is Verdict.FAIL]
    custody.note(folder, "verify", by, **facts, segments=list(verdicts), verdict=worst.value, failed=failed)
    return Checked(worst, complaints)


def _examined(
    folder: Path, segment: RecordedSegment, settings: Settings, detectors: Sequence[Detector], on_segment: OnSegment
) -> Report:
    """The report on one segment: that of `check_file`, with a check of its hash."""
    report = check_file(folder / segment.name, settings, detectors, on_progress=lambda news: on_segment(segment, news))
    if not segment.sha256:
        found = {"name": HASH, "passed": True, "detail": "unknown: the recorder's hash of it is lost"}
    elif report.output["sha256"] == segment.sha256:
        found = {"name": HASH, "passed": True, "detail": "the hash is the one that the recorder noted"}
    else:
        found = {"name": HASH, "passed": False, "detail": "the segment was changed since it was recorded"}
    checks = [*report.verified["checks"], found]
    verdict = report.verdict if found["passed"] else Verdict.FAIL
    error = report.error if found["passed"] else "; ".join(filter(None, (report.error, str(found["detail"]))))
    verified = {**report.verified, "checks": checks, "verdict": verdict}
    return replace(report, verdict=verdict, error=error, verified=verified)
