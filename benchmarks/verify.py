"""Of those whom the tool itself missed, whom does verification notice?

Each clip is detected and drawn as `run` does it. Pixels decide whom that missed, against the clip's truth: whoever
leaks on any frame. Then the output is examined with its plan and source, as `run` examines it before it gives it its
name. A missed subject is

- **stopped** when a find that fails the output lies on it: `run` ends with exit code 7, or repairs the output where
  the preset says so; so does a doubt, where the preset fails outputs with doubts;
- **doubted** when only a doubt lies on it: the output is released, and the doubt is in its list;
- **named** when only a faint place lies on it: the output is released, and the place is in the list of those to look
  at, about which a review asks; on the first screen where it is among the first `FIRST` of its clip;
- **passed** when nothing lies on it. Its output may still have failed for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anonymize import media, report
from anonymize.data import Kind, Timestamps
from anonymize.detect import build
from anonymize.evaluate import evaluate
from anonymize.evaluate.truth import FrameTruth, read_truth
from anonymize.kinds import Verdict
from anonymize.recorded import passes
from anonymize.settings import Doubts, Settings
from anonymize.verify import Find, Verified
from benchmarks.clips import Clip
from benchmarks.planted import Good, examined, meets, plant

STOPPED, DOUBTED, NAMED, PASSED = "stopped", "doubts", "named", "passed"
FIRST = 5
"""Faint places that a run prints, the likeliest ones; the report and the review have all."""
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
        places: how many faint places were named in all, besides those that hardly show a plate.
        first: of the missed, those whom one of the first `FIRST` places lies on.
        seconds: the length of the clip.
    """

    clip: str
    subjects: int
    missed: dict[Who, str]
    failed: bool
    doubts: int
    places: int = 0
    first: frozenset[Who] = frozenset()
    seconds: float = 0.0


def measure(clip: Clip, settings: Settings, scratch: Path) -> Outcome:
    """Detect, draw, judge and examine one clip."""
    detectors = build(settings.detect.detectors, settings.targets)
    truth, times = tuple(read_truth(clip.truth)), Timestamps()
    with media.open_source(clip.video) as source:
        for frame in source.frames():
            times.append(frame)
        plan, _ = passes.detect(source, settings, detectors, report.sha256(clip.video))
        suffix = media.output_suffix(source, settings.output)
    made = Good(clip, plan, truth, times)
    target = scratch / f"output{suffix}"
    plant(made, None, target, settings)
    found = evaluate(clip.video, target, clip.truth)
    wanted = {kind.label for kind in settings.targets}
    leaked = {(leak.kind, leak.id) for leak in found.leaks if leak.kind in wanted}
    verified = examined(made, target, settings, detectors, blind=False)
    subjects = sum(one.kind in wanted for one in found.subjects)
    outcome = judged(clip.video.name, subjects, leaked, truth, verified, settings)
    return replace(outcome, seconds=float(times[-1]) if times else 0.0)


def judged(
    name: str,
    subjects: int,
    leaked: Iterable[Who],
    truth: Sequence[FrameTruth],
    verified: Verified,
    settings: Settings,
) -> Outcome:
    """What verification made of each one who leaked, and of the output."""
    strict = settings.verify.doubts is Doubts.FAIL
    missed: dict[Who, str] = {}
    for who in leaked:
        if _lies_on(verified.leaks, who, truth):
            missed[who] = STOPPED
        elif _lies_on(verified.doubts, who, truth):
            missed[who] = STOPPED if strict else DOUBTED
        else:
            missed[who] = NAMED if _lies_on(verified.faint, who, truth) else PASSED
    printed = verified.faint[: min(FIRST, verified.faint_places or verified.faint_unlikely)]
    first = {who for who, what in missed.items() if what == NAMED and _lies_on(printed, who, truth)}
    failed = verified.verdict is Verdict.FAIL or (strict and bool(verified.doubts))
    return Outcome(name, subjects, missed, failed, len(verified.doubts), verified.faint_places, frozenset(first))


def row(clips: str, preset: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of some clips with one preset, for JSON."""
    missed = [what for outcome in outcomes for what in outcome.missed.values()]
    clean = [outcome for outcome in outcomes if not outcome.missed]
    return {
        "clips": clips,
        "preset": preset,
        "subjects": sum(outcome.subjects for outcome in outcomes),
        "missed": len(missed),
        **{what: missed.count(what) for what in (STOPPED, DOUBTED, NAMED, PASSED)},
        "named_first": sum(len(outcome.first) for outcome in outcomes),
        "places": sum(outcome.places for outcome in outcomes),
        "outputs": len(outcomes),
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
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
