"""How much of what should be hidden is still visible: measured from pixels, against exact ground truth.

`evaluate` decodes the original and the redacted video once, side by side, and tests for every truth box whether its
detail survived. It shares no code with the detectors, the tracker or the drawing that it evaluates.

- **leak**: a box is cut into 4x4 cells; a cell *survives* when the redacted one keeps over 30% of the original's detail
  and correlates with it over 0.5; a box leaks on a frame when over a fifth of its informative cells survive.
- **exposed subject**: one that leaks on at least one frame. One frame is enough to identify someone.
- **collateral**: the share of informative 16x16 blocks away from every truth box whose detail was lost.

Detail is the high-passed luma. A face whose middle lies in a labelled head is that head's subject in the totals.

Not counted: ignored boxes, boxes under half visible, under 12 px high, or with fewer than 4 informative cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anonymize.data import Kind
from anonymize.errors import UnreadableInput
from anonymize.evaluate.detail import LEAKING, Luma, collateral, survival
from anonymize.evaluate.score import HEIGHTS, BareSubject, Evaluation, Score, Traced, bucket
from anonymize.evaluate.truth import FrameTruth, Subject, Truth, read_any, refuse_unlabelled
from anonymize.evaluate.walk import aligned

ENOUGH_CELLS, ENOUGH_VISIBLE = 4, 0.5
"""Minimum informative cells and visible share of a box that is counted; its height must have a bucket, too."""

Key = tuple[str, int]
"""A subject within a video: kind and id."""


def evaluate(original: Path, redacted: Path, truth: Path | Truth, kind: Kind | None = None) -> Evaluation:
    """Compare two videos, or pictures, frame by frame on what `truth` says had to be hidden.

    Memory grows with the number of subjects and leaks, not with length.

    Both must have the same upright size, the same number of frames, as many as `truth` has, and the same timing (to a
    tick of the coarser clock, from the first frame on): a dropped, doubled or shifted frame is an error, not a score.

    Args:
        original: before the redaction.
        redacted: after it.
        truth: what was there to hide: a file in one of the formats that `anonymize.evaluate.truth` reads, or read
            already.
        kind: see `read_any`.

    Raises:
        UsageError: no label of `truth` is of `kind`.
        InputError: the three do not belong together; the message says where they differ.
        UnreadableInput: one of them cannot be read, or holds no frame.
    """
    counted = _Counts()
    if not isinstance(truth, Truth):
        truth = read_any(truth, kind)
        refuse_unlabelled([truth], kind)
    for step in aligned(original, redacted, truth):
        counted.add(step.before, step.after, step.truth, float(step.time))
    if not counted.frames:
        raise UnreadableInput("no frame to compare", original.name)
    return counted.result()


@dataclass(slots=True)
class _Tally:
    """A `Score` in the making."""

    boxes: int = 0
    leaked: int = 0
    seen: set[Key] = field(default_factory=set)
    exposed: set[Key] = field(default_factory=set)

    def add(self, subject: Key, leaks: bool) -> None:
        self.boxes += 1
        self.seen.add(subject)
        if leaks:
            self.leaked += 1
            self.exposed.add(subject)

    def score(self) -> Score:
        return Score(self.boxes, self.leaked, len(self.seen), len(self.exposed))


@dataclass(slots=True)
class _Counts:
    """An `Evaluation` in the making."""

    frames: int = 0
    total: _Tally = field(default_factory=_Tally)
    by_kind: dict[str, _Tally] = field(default_factory=dict)
    by_height: dict[str, _Tally] = field(default_factory=lambda: {str(bucket(low)): _Tally() for low, _ in HEIGHTS})
    uncounted: int = 0
    blocks: int = 0
    lost: int = 0
    leaks: list[BareSubject] = field(default_factory=list)
    traced: dict[Key, dict[str, tuple[int, int]]] = field(default_factory=dict)
    by_second: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, original: Luma, redacted: Luma, truth: FrameTruth, time: float) -> None:
        self.frames += 1
        for subject in truth.subjects:
            self._measure(original, redacted, truth.frame, int(time), subject, _whose(subject, truth.subjects))
        blocks, lost = collateral(original, redacted, [s.xyxy for s in truth.subjects])
        self.blocks += blocks
        self.lost += lost

    def _measure(self, original: Luma, redacted: Luma, frame: int, second: int, subject: Subject, who: Key) -> None:
        name = bucket(subject.height)
        if subject.ignore or subject.visible < ENOUGH_VISIBLE or name is None:
            self.uncounted += 1
            return
        informative, surviving = survival(original, redacted, subject.xyxy)
        if informative < ENOUGH_CELLS:
            self.uncounted += 1
            return
        leaks = surviving > LEAKING * informative
        kind = subject.kind.label
        self.by_kind.setdefault(kind, _Tally()).add((kind, subject.id), leaks)
        for tally in (self.total, self.by_height[name]):
            tally.add(who, leaks)
        heights = self.traced.setdefault((kind, subject.id), {})
        heights[name] = _one_more(heights.get(name, (0, 0)), leaks)
        self.by_second[second] = _one_more(self.by_second.get(second, (0, 0)), leaks)
        if leaks:
            self.leaks.append(BareSubject(frame, subject.id, kind, subject.height, surviving / informative))

    def result(self) -> Evaluation:
        return Evaluation(
            frames=self.frames,
            total=self.total.score(),
            by_kind={name: tally.score() for name, tally in sorted(self.by_kind.items())},
            by_height={name: tally.score() for name, tally in self.by_height.items()},
            uncounted=self.uncounted,
            blocks=self.blocks,
            lost=self.lost,
            leaks=tuple(self.leaks),
            subjects=tuple(Traced(number, kind, heights) for (kind, number), heights in sorted(self.traced.items())),
            by_second=self.by_second,
        )


def _whose(subject: Subject, others: Sequence[Subject]) -> Key:
    """The subject in the totals to which the box of `subject` belongs: the smallest of `others` that is its head, or
    its own."""
    x, y = ((subject.xyxy[side] + subject.xyxy[side + 2]) / 2 for side in (0, 1))
    heads = [
        other
        for other in others
        if other.kind is Kind.HEAD
        and not other.ignore
        and other.xyxy[0] <= x < other.xyxy[2]
        and other.xyxy[1] <= y < other.xyxy[3]
    ]
    if subject.kind is not Kind.FACE or not heads:
        return subject.kind.label, subject.id
    return Kind.HEAD.label, min(heads, key=lambda head: head.height).id


def _one_more(counts: tuple[int, int], leaks: bool) -> tuple[int, int]:
    """(Boxes, leaked boxes) with another box added."""
    return counts[0] + 1, counts[1] + leaks
