"""What a person's time buys: a scripted reviewer answers the queue of the review from the truth.

Each clip is detected as `run` does it. Then the first question of the queue is asked, again and again; the reviewer
says "hide" where a subject of the truth lies on the place that is shown, and "nothing" elsewhere. After so many answers
the plan is drawn, and pixels decide what it leaks and what it covers for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anonymize
from anonymize import media, plan
from anonymize.data import Box
from anonymize.evaluate import evaluate
from anonymize.evaluate.score import Evaluation, combine
from anonymize.evaluate.truth import FrameTruth, read_truth
from anonymize.plan import Plan
from anonymize.recorded import passes
from anonymize.review.review import Review
from anonymize.settings import Settings
from benchmarks.clips import Clip
from benchmarks.planted import meets

AFTER = (0, 10, 20, 40, 60)
"""Numbers of answers after which is measured."""


@dataclass(slots=True)
class Reviewed:
    """One clip under review.

    Args:
        clip: its name.
        found: the evaluation after so many answers.
        given: answers by topic and word, such as "ends hide".
        left: questions without an answer at the end.
    """

    clip: str
    found: dict[int, Evaluation] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)
    left: int = 0

    @property
    def line(self) -> str:
        """In a line: exposed subjects and lost blocks by number of answers."""
        parts = [
            f"{number}: {one.total.exposed} exposed, {one.lost} lost" for number, one in sorted(self.found.items())
        ]
        return f"{self.clip}: {'; '.join(parts)}; {self.left} left; {dict(sorted(self.given.items()))}"


def measure(clip: Clip, settings: Settings, scratch: Path, after: Sequence[int] = AFTER) -> Reviewed:
    """Detect one clip, review it, and measure after so many answers."""
    truth = {frame.frame: frame for frame in read_truth(clip.truth)}
    made, result = scratch / "plan.jsonl", Reviewed(clip.video.name)
    anonymize.write_plan(clip.video, made, settings)
    with Review(clip.video, made, "script") as review:
        for count, asked in enumerate(_asked(review, max(after))):
            if count in after:
                result.found[count] = _drawn(clip, plan.read(made), scratch)
            given = answer(asked, truth[asked["frame"]])
            review.answer(asked["id"], given)
            result.given[f"{asked['topic']} {given}"] += 1
        last = _drawn(clip, plan.read(made), scratch)
        result.found |= {number: last for number in after if number not in result.found}
        result.left = review.questions()["open"]
    return result


def answer(asked: dict[str, Any], truth: FrameTruth) -> str:
    """What somebody who knows the truth answers to a question."""
    x0, y0, x1, y1 = asked["box"]
    box: Box = (x0, y0, x1, y1)
    return "hide" if any(meets(one.xyxy, box) for one in truth.subjects if one.visible > 0) else "nothing"


def row(clips: str, preset: str, some: Sequence[Reviewed]) -> dict[str, Any]:
    """The figures of some clips, for JSON: for each number of answers what is leaked, exposed and covered."""
    after = sorted({number for one in some for number in one.found})
    totals = [combine(one.found[number] for one in some) for number in after]
    given: Counter[str] = sum((one.given for one in some), Counter())
    return {
        "clips": clips,
        "count": len(some),
        "preset": preset,
        "answers": dict(sorted(given.items())),
        "left": sum(one.left for one in some),
        "rows": [
            {
                "after": number,
                "boxes": total.total.boxes,
                "leaked": total.total.leaked,
                "subjects": total.total.subjects,
                "exposed": total.total.exposed,
                "blocks": total.blocks,
                "lost": total.lost,
            }
            for number, total in zip(after, totals, strict=True)
        ],
    }


def _asked(review: Review, most: int) -> Iterator[dict[str, Any]]:
    """The first question of the queue, so often at most, as long as there is one."""
    for _ in range(most):
        questions = review.questions()["questions"]
        if not questions:
            return
        yield questions[0]


def _drawn(clip: Clip, made: Plan, scratch: Path) -> Evaluation:
    target = scratch / f"drawn{clip.video.suffix}"
    settings = made.about.settings
    with media.open_source(clip.video) as source, media.open_sink(target, source, settings.output) as sink:
        passes.render(source, made, sink)
    return evaluate(clip.video, target, clip.truth)
