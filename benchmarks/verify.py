"""Of those whom the tool itself missed, whom does verification notice?

Each clip is detected and drawn as `run` does it. Pixels decide whom that missed, against the clip's truth: whoever
leaks on any frame. Then the output is examined with its plan and source, as `run` examines it before it gives it its
name. A missed subject is

- **stopped** when a find that fails the output lies on it: `run` ends with exit code 7, or repairs the output where
  the preset says so; so does a doubt, where the preset fails outputs with doubts;
- **named** when only a doubt lies on it: the output is released, and the doubt is in its list;
- **asked** when only a `faint` line of the plan lies on it: the output is released, and the review of the plan asks a
  person about the place;
- **passed** when nothing lies on it. Its output may still have failed for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonymize import media, report
from anonymize.data import Kind, Timestamps
from anonymize.detect import build
from anonymize.evaluate import evaluate
from anonymize.evaluate.truth import FrameTruth, read_truth
from anonymize.kinds import Verdict
from anonymize.plan.faint import Faint
from anonymize.recorded import passes
from anonymize.settings import Doubts, Settings
from anonymize.verify import Find, Verified
from benchmarks.clips import Clip
from benchmarks.planted import Good, examined, meets, plant

STOPPED, NAMED, ASKED, PASSED = "stopped", "doubts", "asked", "passed"
Who = tuple[str, int]
"""Kind and id of a subject within a clip."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one clip.

    Args:
        clip: its name.
        subjects: how many were counted.
        missed: whom the tool missed, and what verification made of each.
        failed: the output was not released.
        doubts: how many doubts were raised in all.
    """

    clip: str
    subjects: int
    missed: dict[Who, str]
    failed: bool
    doubts: int


def measure(clip: Clip, settings: Settings, scratch: Path) -> Outcome:
    """Detect, draw, judge and examine one clip."""
    detectors = build(settings.detect.detectors, settings.targets)
    truth, times = tuple(read_truth(clip.truth)), Timestamps()
    with media.open_source(clip.video) as source:
        for frame in source.frames():
            times.append(frame)
        plan, _ = passes.detect(source, settings, detectors, report.sha256(clip.video))
    made = Good(clip, plan, truth, times)
    target = scratch / "output.mp4"
    plant(made, None, target, settings)
    found = evaluate(clip.video, target, clip.truth)
    wanted = {kind.label for kind in settings.targets}
    leaked = {(leak.kind, leak.id) for leak in found.leaks if leak.kind in wanted}
    verified = examined(made, target, settings, detectors, blind=False)
    subjects = sum(one.kind in wanted for one in found.subjects)
    return judged(clip.video.name, subjects, leaked, truth, verified, settings, plan.faint)


def judged(
    name: str,
    subjects: int,
    leaked: Iterable[Who],
    truth: Sequence[FrameTruth],
    verified: Verified,
    settings: Settings,
    faint: Sequence[Faint] = (),
) -> Outcome:
    """What verification made of each one who leaked, and of the output; `faint` is what the plan asks about."""
    strict = settings.verify.doubts is Doubts.FAIL
    missed = {}
    for who in leaked:
        if _lies_on(verified.leaks, who, truth):
            missed[who] = STOPPED
        elif _lies_on(verified.doubts, who, truth):
            missed[who] = STOPPED if strict else NAMED
        else:
            missed[who] = ASKED if _is_asked_about(faint, who, truth) else PASSED
    failed = verified.verdict is Verdict.FAIL or (strict and bool(verified.doubts))
    return Outcome(name, subjects, missed, failed, len(verified.doubts))


def row(clips: str, preset: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of some clips with one preset, for JSON."""
    missed = [what for outcome in outcomes for what in outcome.missed.values()]
    clean = [outcome for outcome in outcomes if not outcome.missed]
    return {
        "clips": clips,
        "preset": preset,
        "subjects": sum(outcome.subjects for outcome in outcomes),
        "missed": len(missed),
        **{what: missed.count(what) for what in (STOPPED, NAMED, ASKED, PASSED)},
        "passed_in_failed": sum(
            what == PASSED for outcome in outcomes if outcome.failed for what in outcome.missed.values()
        ),
        "clean": len(clean),
        "false_alarms": sum(outcome.failed for outcome in clean),
        "clean_doubts": sum(bool(outcome.doubts) for outcome in clean),
        "by_clip": [
            {
                "clip": outcome.clip,
                "failed": outcome.failed,
                "doubts": outcome.doubts,
                "missed": [f"{kind} {number}: {what}" for (kind, number), what in sorted(outcome.missed.items())],
            }
            for outcome in outcomes
            if outcome.missed or outcome.failed or outcome.doubts
        ],
    }


def _lies_on(finds: Sequence[Find], who: Who, truth: Sequence[FrameTruth]) -> bool:
    """Whether one of the finds lies on that subject, on any frame that was scanned."""
    kind, number = Kind.of(who[0]), who[1]
    return any(
        find.kind is kind and subject.id == number and subject.kind is kind and meets(subject.xyxy, box)
        for find in finds
        for index, box in find.places or ((find.frame, find.box),)
        for subject in truth[index].subjects
    )


def _is_asked_about(faint: Sequence[Faint], who: Who, truth: Sequence[FrameTruth]) -> bool:
    """Whether one of the `faint` lines lies on that subject on any of its frames."""
    kind, number = Kind.of(who[0]), who[1]
    return any(
        one.kind is kind and subject.id == number and subject.kind is kind and meets(subject.xyxy, box)
        for one in faint
        for index, box in enumerate(one.boxes, one.first)
        for subject in truth[index].subjects
    )
