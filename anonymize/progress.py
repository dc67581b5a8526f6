"""Progress on one file: its stages, a share that never falls, and the time left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage has come.

    Args:
        stage: "read", "detect", "render", "verify" or "repair".
        done: frames done.
        total: frames in all; None where the container does not say.
        ahead: the stages that are certain to follow.
        perhaps: how many passes may follow, each of repair, render and verify.
    """

    stage: str
    done: int
    total: int | None
    ahead: tuple[str, ...] = ()
    perhaps: int = 0


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """The `OnProgress` that does nothing."""


def followed_by(on_progress: OnProgress, *stages: str, perhaps: int = 0) -> OnProgress:
    """`on_progress`, with `ahead` set to `stages`, and `perhaps`."""
    return lambda news: on_progress(replace(news, ahead=stages, perhaps=perhaps))


COSTS = {"read": 0.1, "detect": 1.0, "render": 0.25, "verify": 0.5, "repair": 0.2}
"""Time a frame takes in each stage, relative to detection: assumed until measured."""
PERHAPS = 0.5
"""Share of the time of one more pass that is reserved where one may follow."""
SOON = 0.3
"""Seconds before a speed means anything."""


@dataclass(slots=True)
class Course:
    """The overall progress of one file, from the `Progress` passed to `take` in order.

    Each stage gets its part of the share that is left when it begins. So when a repair adds passes, the time left
    grows but the share does not fall.
    """

    news: Progress | None = None
    share: float | None = None
    """Of the whole, 0 to 1; None while unknown."""
    _begins: float = 0.0
    """Share at which the stage begins."""
    _part: float = 0.0
    """Share that the stage takes."""
    _since: float = 0.0
    _latest: float = 0.0
    _first: int = 0
    """Frames that were done at the first news of the stage."""
    _costs: dict[str, float] = field(default_factory=dict)
    """Seconds a frame, of stages that are over."""

    def take(self, news: Progress, now: float) -> bool:
        """Take `news`, received at `now` (seconds of any clock). Return whether a stage begins."""
        before = self.news
        begins = before is None or replace(before, done=0, total=None) != replace(news, done=0, total=None)
        if begins:
            if before is not None and before.done > self._first:
                self._costs[before.stage] = (self._latest - self._since) / (before.done - self._first)
            self._begins += self._part
            ahead = sum(COSTS[stage] for stage in news.ahead)
            perhaps = PERHAPS * sum(COSTS[stage] for stage in ("repair", "render", "verify")) if news.perhaps else 0.0
            self._part = (1 - self._begins) * COSTS[news.stage] / (COSTS[news.stage] + ahead + perhaps)
            self._since, self._first = now, news.done
        self.news, self._latest = news, now
        if news.total or self._begins:
            within = min(news.done / news.total, 1.0) if news.total else 0.0
            self.share = max(self.share or 0.0, min(self._begins + self._part * within, 1.0))
        return begins

    def finish(self) -> None:
        """Mark the file as done: no more passes follow."""
        self.share, self._begins, self._part = 1.0, 1.0, 0.0

    @property
    def total(self) -> int | None:
        """Frames of this stage, or None where unknown: a container's number may be an estimate."""
        return self.news.total if self.news and self.news.total and self.news.done <= self.news.total else None

    def rate(self, now: float) -> float:
        """Frames a second in this stage; 0 until it means anything."""
        spent = now - self._since
        return max(self.news.done - self._first, 0) / spent if self.news and spent > SOON else 0.0

    def left(self, now: float) -> float | None:
        """Seconds until every certain stage is done; None where unknown."""
        rate, total = self.rate(now), self.total
        if self.news is None or not rate or not total:
            return 0.0 if self.share == 1.0 else None
        ahead = sum(self._costs.get(stage, COSTS[stage] / COSTS[self.news.stage] / rate) for stage in self.news.ahead)
        return (total - self.news.done) / rate + total * ahead
