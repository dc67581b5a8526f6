"""The regression gate: our new figures against those in the repository. A worse leak fails.

Both were measured on the same clips, so they are compared in two ways, each with its own tolerance:

- *all together*: the new rate must not lie above the 95% interval of the old one. The interval of the leak rate is
  a bootstrap over clips, that of the exposed rate is over subjects (Wilson).
- *clip by clip*: the mean difference must not exceed the scatter of the differences: the lower end of
  its 95% bootstrap interval must not be above zero.

A clip that failed, or whose number of boxes changed, cannot be compared, and fails the gate too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonymize.evaluate.interval import DRAWS, SEED, TAIL, leak_interval, share_interval

OURS = "anonymize"


@dataclass(frozen=True, slots=True)
class GateResult:
    """One comparison: `worse` fails the gate; `text` describes what was compared, and the result."""

    worse: bool
    text: str


def compare_sections(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[GateResult]:
    """Compare two sections of results (``results.json``'s "faces" or "plates"), for every run of ours in the new one.

    Args:
        old: what is in the repository.
        new: fresh figures; its runs of ours must be among the old ones.

    Returns:
        At least one comparison, and one that is worse if nothing could be compared.
    """
    before = {row["tool"]: row for row in old["rows"]}
    runs = [row for row in new["rows"] if row["tool"].startswith(OURS)]
    found = [one for row in runs for one in _run(before.get(row["tool"]), row)]
    return found or [GateResult(True, "no run of ours in the fresh results")]


def _run(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Iterator[GateResult]:
    """One run of ours."""
    name = new["tool"]
    if old is None or "total" not in old:
        yield GateResult(True, f"{name}: no such run in the repository's results to compare with")
        return
    for failure in new["failures"]:
        yield GateResult(True, f"{name}: failed on {failure}")
    if "total" not in new:
        return
    clips = {clip["clip"]: clip for clip in old["clips"]}
    pairs = [(clips[clip["clip"]], clip) for clip in new["clips"] if clip["clip"] in clips]
    strange = [clip["clip"] for clip in new["clips"] if clip["boxes"] != clips.get(clip["clip"], {}).get("boxes")]
    if strange or not pairs:
        yield GateResult(True, f"{name}: other clips or truth than before: {', '.join(strange) or 'all'}")
        return
    yield _leak(name, pairs)
    yield _exposed(name, pairs)
    yield _clip_by_clip(name, pairs)


Pairs = Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
"""Old and new figures of each clip."""


def _leak(name: str, pairs: Pairs) -> GateResult:
    interval = leak_interval([(old["boxes"], old["leaked"]) for old, _ in pairs])
    boxes = sum(new["boxes"] for _, new in pairs)
    old, new = (sum(pair[i]["leaked"] for pair in pairs) / max(boxes, 1) for i in (0, 1))
    return _judged(f"{name}: leak", old, new, interval)


def _exposed(name: str, pairs: Pairs) -> GateResult:
    subjects = sum(old["subjects"] for old, _ in pairs)
    old, new = (sum(pair[i]["exposed"] for pair in pairs) for i in (0, 1))
    interval = share_interval(old, subjects)
    return _judged(f"{name}: exposed", old / max(subjects, 1), new / max(subjects, 1), interval)


def _judged(what: str, old: float, new: float, interval: tuple[float, float] | None) -> GateResult:
    if interval is None:
        return GateResult(True, f"{what}: nothing was counted")
    higher = ", higher than before" if new > old else ""
    return GateResult(new > interval[1], f"{what} {old:.2%} -> {new:.2%}{higher}, tolerated up to {interval[1]:.2%}")


def _clip_by_clip(name: str, pairs: Pairs) -> GateResult:
    """Whether the clips as such got worse."""
    changes = np.array([new["leaked"] - old["leaked"] for old, new in pairs], np.float64)
    boxes = np.array([new["boxes"] for _, new in pairs], np.float64)
    n = len(pairs)
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), DRAWS)
    low = float(np.quantile(drawn @ changes / np.maximum(drawn @ boxes, 1), TAIL))
    text = f"{name}: clip by clip {(changes > 0).sum()} worse, {(changes < 0).sum()} better"
    return GateResult(low > 0, f"{text}; surely worse by {max(low, 0.0):.2%}")
