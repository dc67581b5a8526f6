"""Counts and rates of an evaluation, and the sum of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anonymize.evaluate.interval import Interval, leak_interval, share_interval

HEIGHTS = ((12.0, 16.0), (16.0, 32.0), (32.0, 64.0), (64.0, float("inf")))
"""Height buckets in pixels, half-open."""


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over a group of boxes. Rates are None if there was nothing to count: that is not a pass."""

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
class Traced:
    """The result for one subject.

    Args:
        id: from the truth; unique within a video and kind.
        kind: its label.
        by_height: (box-frames, leaked box-frames) by height bucket.
    """

    id: int
    kind: str
    by_height: Mapping[str, tuple[int, int]]

    def counts(self, height: str | None = None) -> tuple[int, int]:
        """(Box-frames, leaked box-frames), in all or in one height bucket."""
        if height is not None:
            return self.by_height.get(height, (0, 0))
        return sum(boxes for boxes, _ in self.by_height.values()), sum(leaked for _, leaked in self.by_height.values())


@dataclass(frozen=True, slots=True)
class BareSubject:
    """A subject that leaks on one frame; `survived` is the share (0-1) of its informative cells that survived."""

    frame: int
    id: int
    kind: str
    height: float
    survived: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of `evaluate`.

    Args:
        frames: pairs of frames compared.
        total: over all counted boxes.
        by_kind: the same, by kind label.
        by_height: the same, by height bucket: ``12-16``, ``16-32``, ``32-64``, ``64+``.
        uncounted: box-frames too small, too hidden, too flat or ignored.
        blocks: informative blocks away from every truth box.
        lost: those of them whose detail is gone.
        leaks: subjects that leaked, in order of frames.
        subjects: every subject that was counted, with its box-frames.
        by_second: (box-frames, leaked box-frames) by second of the film.
    """

    frames: int
    total: Score
    by_kind: Mapping[str, Score]
    by_height: Mapping[str, Score]
    uncounted: int
    blocks: int
    lost: int
    leaks: tuple[BareSubject, ...] = ()
    subjects: tuple[Traced, ...] = ()
    by_second: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def collateral(self) -> float | None:
        """Lost blocks / informative blocks."""
        return self.lost / self.blocks if self.blocks else None

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "frames": self.frames,
            "total": self._with_intervals(self.total),
            "by_kind": {name: self._with_intervals(score, kind=name) for name, score in self.by_kind.items()},
            "by_height": {name: self._with_intervals(score, height=name) for name, score in self.by_height.items()},
            "uncounted": self.uncounted,
            "blocks": self.blocks,
            "lost": self.lost,
            "collateral": self.collateral,
            "leaks": [
                {"frame": k.frame, "id": k.id, "kind": k.kind, "height": k.height, "survived": round(k.survived, 3)}
                for k in self.leaks
            ],
            "subjects": [
                {"id": one.id, "kind": one.kind, "boxes": one.counts()[0], "leaked": one.counts()[1]}
                for one in self.subjects
            ],
        }

    def interval(self, *, kind: str | None = None, height: str | None = None) -> Interval | None:
        """The 95% interval of the leak rate, of all boxes or those of one kind or height bucket."""
        chosen = (one for one in self.subjects if kind is None or one.kind == kind)
        return leak_interval([one.counts(height) for one in chosen])

    def _with_intervals(self, score: Score, *, kind: str | None = None, height: str | None = None) -> dict[str, Any]:
        """A score as JSON values, with its intervals."""
        return score.as_dict() | {
            "leak_interval": self.interval(kind=kind, height=height),
            "exposed_interval": share_interval(score.exposed, score.subjects),
        }


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
        subjects=tuple(one for p in parts for one in p.subjects),
        by_second=_added(p.by_second for p in parts),
    )


def bucket(height: float) -> str | None:
    """Name the height bucket of a box, ``32-64`` for instance; None under 12 px."""
    for low, high in HEIGHTS:
        if low <= height < high:
            return f"{low:.0f}+" if high == float("inf") else f"{low:.0f}-{high:.0f}"
    return None


def _summed(groups: Iterable[Mapping[str, Score]]) -> dict[str, Score]:
    total: dict[str, Score] = {}
    for group in groups:
        for name, score in group.items():
            total[name] = total.get(name, Score()) + score
    return total


def _added(groups: Iterable[Mapping[int, tuple[int, int]]]) -> dict[int, tuple[int, int]]:
    total: dict[int, tuple[int, int]] = {}
    for group in groups:
        for second, (boxes, leaked) in group.items():
            before = total.get(second, (0, 0))
            total[second] = (before[0] + boxes, before[1] + leaked)
    return total
