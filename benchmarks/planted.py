"""Does `anonymize verify` find planted leaks? Good outputs of ours, with one subject's own pixels put back.

A good output hides every subject: what the detectors found and, beside it, everything in the truth. Then the
original pixels of one subject are restored on 1, 3 or 30 frames, and the file is examined twice: with plan and source,
and with nothing but itself. The good outputs are examined in the same ways, for false alarms.

    python -m benchmarks.planted [--clips FOLDER] [--cases 200] [--blind 60]
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from anonymize import media, report
from anonymize.data import Box, Frame, Region, Timestamps, Why
from anonymize.detect import Detector, build, second_detectors
from anonymize.evaluate import survival
from anonymize.evaluate.truth import FrameTruth, Subject, read_truth
from anonymize.kinds import Verdict
from anonymize.plan import Plan, Regions
from anonymize.recorded import passes
from anonymize.redact import Memory, redact
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from anonymize.track import outline
from anonymize.verify import Evidence, Verified, Wanted, examine
from benchmarks.clips import Clip, face_clips
from benchmarks.report import table

SPANS = (1, 3, 30)
"""Frames for which a subject shows."""
SIZES = ((16, 24), (24, 32), (32, 64), (64, 200))
"""Height in pixels, half-open; as many cases of each as the clips hold."""
ENOUGH_CELLS, ENOUGH_VISIBLE = 4, 0.5
"""What a subject needs to be counted, as in every other measure of ours."""
SAME_TIME = 0.25
"""Seconds by which a find may lie beside what was planted, and still be it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One subject that shows on ``first <= frame < first + frames``."""

    clip: int
    subject: int
    first: int
    frames: int
    height: float


@dataclass(frozen=True, slots=True)
class Good:
    """A clip with a plan that hides everybody.

    Args:
        clip: the clip.
        plan: what was found, and everything in the truth.
        truth: by frame.
        times: of every frame.
    """

    clip: Clip
    plan: Plan
    truth: tuple[FrameTruth, ...]
    times: Timestamps


@dataclass(slots=True)
class Tally:
    """How many of how many were found."""

    found: int = 0
    of: int = 0
    missed: list[Case] = field(default_factory=list)

    def add(self, case: Case, found: bool) -> None:
        """Count one case."""
        self.of += 1
        self.found += found
        if not found:
            self.missed.append(case)

    @property
    def summary(self) -> str:
        """As a share, with the counts."""
        return f"{self.found / self.of:.1%} ({self.found}/{self.of})" if self.of else "-"


def good_plan(clip: Clip, settings: Settings, detectors: Sequence[Detector]) -> Good:
    """Detect in a clip, and add to the plan what only the truth holds."""
    truth, times = tuple(read_truth(clip.truth)), Timestamps()
    with media.open_source(clip.video) as source:
        for frame in source.frames():
            times.append(frame)
        made, _ = passes.detect(source, settings, detectors, report.sha256(clip.video))
    size = (made.about.width, made.about.height)
    rows = [*made.regions.rows(), *(row for frame in truth for row in _told(frame, settings, size))]
    return Good(clip, Plan(made.about, Regions(rows)), truth, times)


def cases(goods: Sequence[Good], count: int, seed: int = 0) -> list[Case]:
    """Draw `count` cases: spans in turn, sizes in turn, as far as the clips hold them."""
    rng = random.Random(seed)
    drawn: list[Case] = []
    places = {(size, span): list(_places(goods, size, span)) for size in SIZES for span in SPANS}
    for held in places.values():
        rng.shuffle(held)
    wanted = [(size, span) for size in SIZES for span in SPANS]
    while len(drawn) < count and any(places.values()):
        for key in wanted:
            if places[key] and len(drawn) < count:
                drawn.append(places[key].pop())
    return drawn


def plant(good: Good, case: Case | None, target: Path, settings: Settings) -> None:
    """Render the good plan to `target`, with the case's subject as the source shows it; None plants nothing."""
    memory = Memory()
    with media.open_source(good.clip.video) as source, media.open_sink(target, source, settings.output) as sink:
        for frame in source.frames():
            drawn = frame.writable()
            redact(drawn.planes, good.plan.at(frame.index), good.plan.about.redact, memory)
            if case and case.first <= frame.index < case.first + case.frames:
                _restore(drawn, frame, _subject(good.truth[frame.index], case.subject).xyxy)
            sink.write(drawn)
        sink.finish()


def examined(good: Good, output: Path, settings: Settings, detectors: Sequence[Detector], *, blind: bool) -> Verified:
    """Examine `output`, with plan and source or with nothing."""
    looking = second_detectors(settings, detectors)
    if blind:
        return examine(output, Evidence(), settings, looking)
    with media.open_source(good.clip.video) as source:
        for _ in source.frames():
            continue
        wanted = Wanted(source.info, good.times, settings.output)
        return examine(output, Evidence(wanted, source, good.plan), settings, looking)


def found(verified: Verified, good: Good, case: Case) -> bool:
    """Whether the examination names the planted subject: at its place and time, as a leak or as a doubt."""
    start, end = good.times[case.first], good.times[case.first + case.frames - 1]
    boxes = [_subject(good.truth[i], case.subject).xyxy for i in range(case.first, case.first + case.frames)]
    return verified.verdict is not Verdict.PASS and any(
        find.start <= end + SAME_TIME and find.end >= start - SAME_TIME and any(meets(find.box, box) for box in boxes)
        for find in (*verified.leaks, *verified.doubts)
    )


def _told(frame: FrameTruth, settings: Settings, size: tuple[int, int]) -> Iterator[tuple[int, int, Region]]:
    for subject in frame.subjects:
        appearance = settings.redact.of(subject.kind)
        box = outline(subject.xyxy, appearance, *size)
        region = Region(box, subject.kind, Why.MANUAL, track=1_000_000 + subject.id, shape=appearance.shape)
        yield frame.frame, frame.frame + 1, region


def _places(goods: Sequence[Good], size: tuple[int, int], span: int) -> Iterator[Case]:
    """Every subject once, at a stretch of frames on all of which it can be recognised."""
    for number, good in enumerate(goods):
        with media.open_source(good.clip.video) as source:
            known = [_recognisable(frame, good.truth[frame.index]) for frame in source.frames()]
        for subject in sorted({identity for frame in known for identity in frame}):
            runs = [i for i in range(len(known) - span + 1) if all(subject in known[j] for j in range(i, i + span))]
            fitting = [i for i in runs if size[0] <= known[i + span // 2][subject] < size[1]]
            if fitting:
                first = fitting[(number + subject) * 7 % len(fitting)]
                yield Case(number, subject, first, span, known[first + span // 2][subject])


def _recognisable(frame: Frame, truth: FrameTruth) -> dict[int, float]:
    """The height of every subject of a frame that counts."""
    luma = frame.luma(frame.width, frame.height)
    return {
        subject.id: subject.height
        for subject in truth.subjects
        if not subject.ignore
        and subject.visible >= ENOUGH_VISIBLE
        and survival(luma, luma, subject.xyxy)[0] >= ENOUGH_CELLS
    }


def _restore(drawn: Frame, original: Frame, box: Box) -> None:
    x0, y0, x1, y1 = (round(value) for value in box)
    for after, before in zip(drawn.planes, original.planes, strict=True):
        step_x, step_y = after.step
        part = np.s_[y0 // step_y : -(-y1 // step_y), x0 // step_x : -(-x1 // step_x)]
        after.pixels[part] = before.pixels[part]


def _subject(frame: FrameTruth, identity: int) -> Subject:
    return next(subject for subject in frame.subjects if subject.id == identity)


def meets(a: Box, b: Box) -> bool:
    """Whether the middle of one lies in the other."""
    return any(
        inner[0] <= x <= inner[2] and inner[1] <= y <= inner[3]
        for inner, other in ((a, b), (b, a))
        for x, y in [((other[0] + other[2]) / 2, (other[1] + other[3]) / 2)]
    )


def measure(
    goods: Sequence[Good], drawn: Sequence[Case], blind: int, settings: Settings, scratch: Path
) -> dict[str, Any]:
    """Examine the good outputs and all cases; `blind` of those of 32 px and more with nothing but the file, too."""
    detectors = build(settings.detect.detectors, settings.targets)
    target = scratch / "output.mp4"
    alarms, blind_alarms = Tally(), Tally()
    nothing = Case(0, 0, 0, 0, 0)
    for good in goods:
        plant(good, None, target, settings)
        alarms.add(nothing, examined(good, target, settings, detectors, blind=False).verdict is not Verdict.PASS)
        if blind:
            blind_alarms.add(
                nothing, examined(good, target, settings, detectors, blind=True).verdict is not Verdict.PASS
            )
        print(f"{good.clip.video.name}: alarms {alarms.summary}, alone {blind_alarms.summary}", flush=True)
    full = {span: Tally() for span in SPANS}
    small = Tally()
    alone = {span: Tally() for span in SPANS}
    for number, case in enumerate(drawn):
        good = goods[case.clip]
        plant(good, case, target, settings)
        hit = found(examined(good, target, settings, detectors, blind=False), good, case)
        (small if case.height < 24 and case.frames > 1 else full[case.frames]).add(case, hit)
        if case.height >= 32 and sum(tally.of for tally in alone.values()) < blind:
            alone[case.frames].add(case, found(examined(good, target, settings, detectors, blind=True), good, case))
        print(f"{number + 1}/{len(drawn)} {case} {'found' if hit else 'MISSED'}", flush=True)
    return {
        "with plan and source, 1 frame": full[1].summary,
        "with plan and source, 3 frames, 24 px and more": full[3].summary,
        "with plan and source, 30 frames, 24 px and more": full[30].summary,
        "with plan and source, 3 and 30 frames, 16 to 24 px": small.summary,
        **{f"alone, {span} frame(s), 32 px and more": tally.summary for span, tally in alone.items()},
        "false alarms with plan and source": alarms.summary,
        "false alarms alone": blind_alarms.summary,
        "missed": [str(case) for tally in (*full.values(), small, *alone.values()) for case in tally.missed],
    }


def main(
    clips: Annotated[
        Path | None, typer.Option(help="Folder of NN.mp4 with NN.jsonl; the face clips if absent.")
    ] = None,
    cases_wanted: Annotated[int, typer.Option("--cases", min=1)] = 200,
    blind: Annotated[int, typer.Option(min=0, help="Cases that are examined without plan and source, too.")] = 60,
    output: Annotated[Path | None, typer.Option(help="Where to write the figures as JSON.")] = None,
) -> None:
    """Plant leaks into good outputs and count how many are found."""
    settings = from_mapping(Settings, {"output": {"speed": "veryfast"}}, Settings())
    detectors = build(settings.detect.detectors, settings.targets)
    chosen = folder_clips(clips) if clips else face_clips()
    goods = [good_plan(clip, settings, detectors) for clip in chosen]
    with TemporaryDirectory() as scratch:
        figures = measure(goods, cases(goods, cases_wanted), blind, settings, Path(scratch))
    print(table(["", "found"], [[name, value] for name, value in figures.items() if name != "missed"]))
    if output:
        output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def folder_clips(folder: Path) -> list[Clip]:
    """The clips of a folder that have a truth beside them."""
    return [Clip(p, p.with_suffix(".jsonl")) for p in sorted(folder.glob("*.mp4")) if p.with_suffix(".jsonl").exists()]


if __name__ == "__main__":
    typer.run(main)
