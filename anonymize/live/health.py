"""When a camera is failing, or degraded, and why: the answer of ``/healthz``, the page and the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Limits:
    """When a camera counts as failing, or as degraded: it works, but worse than it should."""

    silent: float = 10.0
    """Seconds without a frame going out."""
    obscured: float = 60.0
    """Seconds during which every frame that went out was fully obscured."""
    hidden: tuple[float, float] = (0.1, 0.5)
    """Shares of the last minute's frames that were fully obscured from which on it is degraded, and failing."""
    over: float = 0.3
    """Seconds over the lookahead after which a frame leaves too late ..."""
    slow: float = 0.1
    """... and the share of such frames in a minute from which on it is degraded."""
    small: float = 10.0
    """Seconds without a look for the smallest faces, while others are made, from which on it is degraded."""
    lost: float = 20.0
    """Seconds since a sink was lost (its disk is full, its server gone) until it is failing; it is degraded at once."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for which a camera is failing or degraded, for programs.

    Args:
        what: ``silent``, ``blank``, ``hidden``, ``late``, ``slow``, ``small``, ``sink`` or an `Obstacle`.
        value: seconds, or for ``hidden``, ``late`` and ``slow`` the share of the last minute's frames.
        failing: whether it is failing for this reason.
        stage: the sink, where it is one.
        detail: what the sink said.
        words: the same for people.
    """

    what: str
    value: float
    failing: bool
    words: str
    stage: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of ``/healthz``."""

    ok: bool
    """False if it is failing."""
    why: str
    degraded: bool = False
    causes: tuple[Cause, ...] = ()
    """Why it is not as it should be."""
    starting: bool = False
    """True while it has not run for long enough to be judged, and is not all well."""


class Obstacle(StrEnum):
    """Why nothing of the empty place can be shown (`anonymize.live.chain.background`)."""

    UNLEARNT = "unlearnt"
    """Too little of it stands still, or people are found in it."""
    UNSEEN = "unseen"
    """The detectors do not look often enough to vouch for it."""
    DIFFERS = "differs"
    """It was learnt, and nearly all differs from it."""

    @property
    def words(self) -> str:
        """What is wrong, and what to do."""
        return _WORDS[self]


_WORDS = {
    Obstacle.UNLEARNT: "all is hidden, as the background is not learnt: too little of the picture has stood still, "
    "with nobody found in it, for 10 s. Start it while the place is empty; where it never is, hide people instead "
    "(--targets heads,persons)",
    Obstacle.UNSEEN: "all is hidden, as the background is not learnt: the detectors look too seldom to vouch that "
    "nobody is there. A lower resolution or fewer cameras help",
    Obstacle.DIFFERS: "all is hidden, as nearly all of the picture differs from the background that was learnt: the "
    "camera moves, or the light has changed. If it stays so, it is learnt anew after a minute",
}


def ill(causes: Sequence[Cause]) -> Health:
    """Health with these causes, at least one."""
    ok = not any(cause.failing for cause in causes)
    words = "; ".join(cause.words for cause in causes)
    return Health(ok, ("degraded: " if ok else "") + words, degraded=ok, causes=tuple(causes))
