"""How much of what should be gone is still there: measured from pixels, against exact ground truth.

`evaluate` decodes the original and the redacted video once, side by side, and asks of every truth box whether its
detail survived. It shares no code with the detectors, the tracker or the reader it judges.

- **leak**: a box is cut into 4x4 cells; a cell *survives* when the redacted one keeps over 30% of the original's detail
  and correlates with it over 0.5; a box leaks on a frame when over a fifth of its informative cells survive.
- **exposed subject**: one that leaks on at least one frame. One frame is enough to identify someone.
- **collateral**: the share of informative 16x16 blocks away from every truth box whose detail was lost.

Detail is what a high-pass leaves of the luma. Not counted: ignored boxes, boxes under half visible, under 12 px high,
or with fewer than 4 informative cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest
from math import ceil
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box
from anonymize.errors import InputError, UnreadableInput
from anonymize.truth import FrameTruth, Subject, read_truth

Luma = NDArray[np.uint8]
"""(height, width), upright, full range."""
Detail = NDArray[np.float32]

CELLS = 4
"""A truth box is cut into CELLS x CELLS."""
BLOCK = 16
"""Side in pixels of the blocks that collateral is measured on."""
DETAIL = 2.0
"""Standard deviation, in 8-bit steps, from which a cell or block is informative."""
KEPT, ALIKE = 0.3, 0.5
"""A cell survives with more than this share of its detail, and more than this correlation."""
LEAKING = 0.2
"""A box leaks when more than this share of its informative cells survives."""
ENOUGH_CELLS, ENOUGH_VISIBLE, ENOUGH_HEIGHT = 4, 0.5, 12.0
"""What a box needs to be counted."""
GROWTH = 0.6
"""Share of its width and height by which a truth box grows on every side before collateral looks outside it."""
HEIGHTS = ((12.0, 16.0), (16.0, 32.0), (32.0, 64.0), (64.0, float("inf")))
"""Height buckets in pixels, half-open."""


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over a group of boxes. Rates are None where there was nothing to count: that is no pass."""

    boxes: int = 0
    leaked: int = 0
    subjects: int = 0
    exposed: int = 0

    @property
    def leak_rate(self) -> float | None:
        """Leaked box-frames / box-frames."""
        return self.leaked / self.boxes if self.boxes else None

    @property
    def exposed_rate(self) -> float | None:
        """Subjects with at least one leaked frame / subjects."""
        return self.exposed / self.subjects if self.subjects else None

    def __add__(self, other: Score) -> Score:
        return Score(
            self.boxes + other.boxes,
            self.leaked + other.leaked,
            self.subjects + other.subjects,
            self.exposed + other.exposed,
        )

    def as_dict(self) -> dict[str, float | int | None]:
        """Counts and rates, for JSON."""
        return {
            "boxes": self.boxes,
            "leaked": self.leaked,
            "leak_rate": self.leak_rate,
            "subjects": self.subjects,
            "exposed": self.exposed,
            "exposed_rate": self.exposed_rate,
        }


@dataclass(frozen=True, slots=True)
class Leak:
    """One subject that can still be recognised on one frame; `survived` is the share (0-1) of its informative cells."""

    frame: int
    id: int
    kind: str
    height: float
    survived: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` found.

    Args:
        frames: compared pairs of frames.
        total: over all counted boxes.
        by_kind: the same, by kind label.
        by_height: the same, by height bucket: ``12-16``, ``16-32``, ``32-64``, ``64+``.
        uncounted: box-frames too small, too hidden, too flat or ignored.
        blocks: informative blocks away from every truth box.
        lost: those of them whose detail is gone.
        leaks: where it leaked, in order of frames.
    """

    frames: int
    total: Score
    by_kind: Mapping[str, Score]
    by_height: Mapping[str, Score]
    uncounted: int
    blocks: int
    lost: int
    leaks: tuple[Leak, ...] = ()

    @property
    def collateral(self) -> float | None:
        """Lost blocks / informative blocks."""
        return self.lost / self.blocks if self.blocks else None

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "frames": self.frames,
            "total": self.total.as_dict(),
            "by_kind": {name: score.as_dict() for name, score in self.by_kind.items()},
            "by_height": {name: score.as_dict() for name, score in self.by_height.items()},
            "uncounted": self.uncounted,
            "blocks": self.blocks,
            "lost": self.lost,
            "collateral": self.collateral,
            "leaks": [
                {"frame": k.frame, "id": k.id, "kind": k.kind, "height": k.height, "survived": round(k.survived, 3)}
                for k in self.leaks
            ],
        }


def evaluate(original: Path, redacted: Path, truth: Path) -> Evaluation:
    """Compare two videos frame by frame on what `truth` says had to be hidden. Memory does not grow with length.

    Both must have the same upright size, the same number of frames, as many as `truth` has, and the same timing (to a
    tick of the coarser clock, from the first frame on): a dropped, doubled or shifted frame is an error, not a score.

    Raises:
        InputError: the three do not belong together; the message says where they part.
        UnreadableInput: one of them cannot be read, or holds no frame.
    """
    counted = _Counts()
    for pair in _aligned(original, redacted, truth):
        counted.add(*pair)
    if not counted.frames:
        raise UnreadableInput(f"{original.name}: no frame to compare")
    return counted.result()


def combine(evaluations: Iterable[Evaluation]) -> Evaluation:
    """Sum over several videos; subjects of different videos are different people, and `leaks` is left empty."""
    parts = list(evaluations)
    return Evaluation(
        frames=sum(p.frames for p in parts),
        total=sum((p.total for p in parts), Score()),
        by_kind=_summed(p.by_kind for p in parts),
        by_height=_summed(p.by_height for p in parts),
        uncounted=sum(p.uncounted for p in parts),
        blocks=sum(p.blocks for p in parts),
        lost=sum(p.lost for p in parts),
    )


def survival(original: Luma, redacted: Luma, box: Box) -> tuple[int, int]:
    """Count the cells of `box` that are informative in `original`, and those of them that survive in `redacted`.

    Both pictures have the same shape; `box` lies within them. A box under 4 pixels wide or high has no cells.
    """
    x0, y0, x1, y1 = (round(v) for v in box)
    width, height = x1 - x0, y1 - y0
    if min(width, height) < CELLS:
        return 0, 0
    sigma = max(1.0, min(width, height) / 12)
    margin = ceil(3 * sigma)
    top, left = max(0, y0 - margin), max(0, x0 - margin)
    around = np.s_[top : y1 + margin, left : x1 + margin]
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    before = _high_pass(original[around], sigma)[inside]
    after = _high_pass(redacted[around], sigma)[inside]
    rows, columns = (np.arange(CELLS) * side // CELLS for side in (height, width))

    def mean(values: Detail) -> Detail:
        sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
        areas = np.outer(np.diff(rows, append=height), np.diff(columns, append=width))
        return np.asarray(sums / areas, np.float32)

    informative, survives = _compare(mean, before, after)
    return int(informative.sum()), int((informative & survives).sum())


def collateral(original: Luma, redacted: Luma, boxes: Iterable[Box]) -> tuple[int, int]:
    """Count the informative blocks outside all `boxes` grown by `GROWTH`, and those of them whose detail was lost.

    Blocks that only partly fit into the picture, at its right and lower border, are left out.
    """
    rows, columns = original.shape[0] // BLOCK, original.shape[1] // BLOCK
    if not rows or not columns:
        return 0, 0
    whole = np.s_[: rows * BLOCK, : columns * BLOCK]
    before, after = (_high_pass(picture, BLOCK / 12)[whole] for picture in (original, redacted))

    def mean(values: Detail) -> Detail:
        return np.asarray(cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)

    informative, survives = _compare(mean, before, after)
    for x0, y0, x1, y1 in boxes:
        dx, dy = GROWTH * (x1 - x0), GROWTH * (y1 - y0)
        informative[
            max(0, int((y0 - dy) // BLOCK)) : max(0, ceil((y1 + dy) / BLOCK)),
            max(0, int((x0 - dx) // BLOCK)) : max(0, ceil((x1 + dx) / BLOCK)),
        ] = False
    return int(informative.sum()), int((informative & ~survives).sum())


def bucket(height: float) -> str | None:
    """Name the height bucket of a box, ``32-64`` for instance; None under 12 px."""
    for low, high in HEIGHTS:
        if low <= height < high:
            return f"{low:.0f}+" if high == float("inf") else f"{low:.0f}-{high:.0f}"
    return None


@dataclass(slots=True)
class _Tally:
    """A `Score` in the making."""

    boxes: int = 0
    leaked: int = 0
    seen: set[int] = field(default_factory=set)
    exposed: set[int] = field(default_factory=set)

    def add(self, subject: int, leaks: bool) -> None:
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
    leaks: list[Leak] = field(default_factory=list)

    def add(self, original: Luma, redacted: Luma, truth: FrameTruth) -> None:
        self.frames += 1
        for subject in truth.subjects:
            self._look(original, redacted, truth.frame, subject)
        blocks, lost = collateral(original, redacted, [s.xyxy for s in truth.subjects])
        self.blocks += blocks
        self.lost += lost

    def _look(self, original: Luma, redacted: Luma, frame: int, subject: Subject) -> None:
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
        for tally in (self.total, self.by_kind.setdefault(kind, _Tally()), self.by_height[name]):
            tally.add(subject.id, leaks)
        if leaks:
            self.leaks.append(Leak(frame, subject.id, kind, subject.height, surviving / informative))

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
        )


@dataclass(frozen=True, slots=True)
class _Picture:
    """One decoded frame: its time in seconds, the length of a clock tick, its upright luma."""

    time: Fraction
    tick: Fraction
    luma: Luma


def _aligned(original: Path, redacted: Path, truth: Path) -> Iterator[tuple[Luma, Luma, FrameTruth]]:
    """Walk the two videos and the truth in step, and stop with an error where they part."""
    names = (original.name, redacted.name, truth.name)
    start: Fraction | None = None
    shift = Fraction(0)
    streams = zip_longest(_decode(original), _decode(redacted), read_truth(truth))
    for index, (before, after, frame) in enumerate(streams):
        if before is None or after is None or frame is None:
            ended = [name for name, item in zip(names, (before, after, frame), strict=True) if item is None]
            raise InputError(f"{' and '.join(ended)} end after {index} frames, the others go on: frames were lost")
        sizes = (before.luma.shape[::-1], after.luma.shape[::-1], frame.size)
        if len(set(sizes)) > 1:
            told = ", ".join(f"{name} {w}x{h}" for name, (w, h) in zip(names, sizes, strict=True))
            raise InputError(f"frame {index} differs in size: {told}")
        if start is None:
            start, shift = before.time, after.time - before.time
        apart = after.time - before.time - shift
        if abs(apart) > max(before.tick, after.tick):
            raise InputError(
                f"frame {index} of {names[1]} is shown {float(apart):+.4f} s apart from that of {names[0]}: "
                "a frame was dropped or the timing was changed"
            )
        yield before.luma, after.luma, frame


def _decode(path: Path) -> Iterator[_Picture]:
    try:
        with av.open(str(path)) as source:
            if not source.streams.video:
                raise UnreadableInput(f"{path.name}: no video stream")
            stream = source.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in source.decode(stream):
                if frame.pts is None or frame.time_base is None:
                    raise UnreadableInput(f"{path.name}: a frame without a timestamp cannot be compared")
                grey = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
                yield _Picture(frame.pts * frame.time_base, frame.time_base, np.rot90(grey, frame.rotation // 90))
    except (av.FFmpegError, OSError) as error:
        raise UnreadableInput(f"{path.name}: {error}") from error


def _high_pass(picture: Luma, sigma: float) -> Detail:
    values = picture.astype(np.float32)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _compare(mean: Any, before: Detail, after: Detail) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say of each cell whether it is informative before and whether it survives; `mean` averages over the cells."""
    mean_before, mean_after = mean(before), mean(after)
    std_before = np.sqrt(np.maximum(mean(before * before) - mean_before**2, 0))
    std_after = np.sqrt(np.maximum(mean(after * after) - mean_after**2, 0))
    covariance = mean(before * after) - mean_before * mean_after
    survives = (std_after > KEPT * std_before) & (covariance > ALIKE * std_before * std_after)
    return std_before >= DETAIL, survives


def _summed(groups: Iterable[Mapping[str, Score]]) -> dict[str, Score]:
    total: dict[str, Score] = {}
    for group in groups:
        for name, score in group.items():
            total[name] = total.get(name, Score()) + score
    return total
