"""The regression gate: our new figures against those in the repository. What is a quarter worse fails.

Both were measured on the same clips, made by the same code. On another kind of processor that makes them from other
last digits, and who is found at a threshold differs: on one kind 120 box-frames of the short clips leaked, on another
53. So the figures are compared with those that were taken of the very same pictures, where there are any, else clip by
clip with the worst that were taken on any machine (`report.record` keeps them):

- *leaked box-frames*, *exposed subjects* and *collateral* must each be less than `WORSE` times what they were. A few
  box-frames more, or a trace of collateral, is no worsening; another exposed subject where there was none is one.
- *clip by clip*, for what is spread thinly: the mean difference must not exceed the scatter of the differences: the
  lower end of its 95% bootstrap interval must not be above zero.

A clip that failed, or that shows other subjects than before, cannot be compared, and fails the gate too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonymize.evaluate.interval import DRAWS, SEED, TAIL
from benchmarks import report
from benchmarks.report import OURS

WORSE = 1.25
FEW_BOXES, TRACE = 2, 0.001
"""Box-frames, and share of the detail elsewhere, that may come on top of what was there."""
OTHER_CODING = 0.02
"""Share of a clip's box-frames that another machine's encoder may make countable, or not."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """One comparison: `worse` fails the gate; `text` describes what was compared, and the result."""

    worse: bool
    text: str


def compare_sections(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[GateResult]:
    """Compare two sections of results (``results.json``'s "faces" or "plates"), for every run of ours in the new one.

    Args:
        old: what is in the repository.
        new: fresh figures; its runs of ours must be among the old ones, by their commands.

    Returns:
        At least one comparison, and one that is worse if nothing could be compared.
    """
    runs = [row for row in new["rows"] if row["tool"] == OURS]
    found = [one for row in runs for one in _run(_reference(old, row), row)]
    return found or [GateResult(True, "no run of ours in the fresh results")]


def _reference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a run of ours is compared with; None if no such run is known."""
    taken = [row for one in (old, *old.get("elsewhere", ())) for row in one["rows"] if row["command"] == new["command"]]
    counted = [row for row in taken if "total" in row]
    if not counted or "total" not in new:
        return next(iter(taken), None)
    return next((row for row in counted if report.pictures(row) == report.pictures(new)), _worst(counted))


def _worst(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first row, each of its clips with the highest counts of any row that has the clip."""
    by_name = [{clip["clip"]: clip for clip in row["clips"]} for row in rows]
    clips = []
    for clip in rows[0]["clips"]:
        others = [known[clip["clip"]] for known in by_name if _same(known.get(clip["clip"]), clip)]
        counts = {key: max(one[key] for one in others) for key in ("leaked", "exposed", "lost") if key in clip}
        clips.append({**clip, **counts})
    return {**rows[0], "clips": clips}


def _run(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Iterator[GateResult]:
    """One run of ours."""
    name = new["command"]
    if old is None or "total" not in old:
        yield GateResult(True, f"{name}: no such run in the repository's results to compare with")
        return
    for failure in new["failures"]:
        yield GateResult(True, f"{name}: failed on {failure}")
    if "total" not in new:
        return
    clips = {clip["clip"]: clip for clip in old["clips"]}
    pairs = [(clips[clip["clip"]], clip) for clip in new["clips"] if clip["clip"] in clips]
    strange = [clip["clip"] for clip in new["clips"] if not _same(clips.get(clip["clip"]), clip)]
    if strange or not pairs:
        yield GateResult(True, f"{name}: other clips or truth than before: {', '.join(strange) or 'all'}")
        return
    yield _counted(f"{name}: leaked box-frames", "leaked", "boxes", FEW_BOXES, pairs)
    yield _counted(f"{name}: exposed subjects", "exposed", "subjects", 0, pairs)
    if all("blocks" in clip for pair in pairs for clip in pair):
        blocks = sum(old["blocks"] for old, _ in pairs)
        yield _counted(f"{name}: lost blocks elsewhere", "lost", "blocks", TRACE * blocks, pairs)
    yield _clip_by_clip(name, pairs)


def _same(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> bool:
    """Whether it is the same clip: as many subjects, and box-frames but for a few, since encoders differ by machine."""
    if old is None or old["subjects"] != new["subjects"]:
        return False
    return bool(abs(old["boxes"] - new["boxes"]) <= OTHER_CODING * old["boxes"])


Pairs = Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
"""Old and new figures of each clip."""


def _counted(what: str, key: str, of: str, leeway: float, pairs: Pairs) -> GateResult:
    """Whether `key` grew by a quarter, and by more than `leeway`."""
    old, new = (sum(pair[i][key] for pair in pairs) for i in (0, 1))
    total = sum(pair[1][of] for pair in pairs)
    worse = not total or (new >= WORSE * old and new > old + leeway)
    higher = ", higher than before" if new > old else ""
    return GateResult(worse, f"{what} {old:,} -> {new:,} of {total:,}{higher}")


def _clip_by_clip(name: str, pairs: Pairs) -> GateResult:
    """Whether the clips as such got worse."""
    changes = np.array([new["leaked"] - old["leaked"] for old, new in pairs], np.float64)
    boxes = np.array([new["boxes"] for _, new in pairs], np.float64)
    n = len(pairs)
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), DRAWS)
    low = float(np.quantile(drawn @ changes / np.maximum(drawn @ boxes, 1), TAIL))
    text = f"{name}: clip by clip {(changes > 0).sum()} worse, {(changes < 0).sum()} better"
    return GateResult(low > 0, f"{text}; surely worse by {max(low, 0.0):.2%}")
