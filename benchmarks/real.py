"""How real footage looks: what is covered of the frames that were labelled by hand, and what is covered for nothing.

Each clip is detected as `run` does it, and the covers of its labelled frames are drawn. A labelled face, person or
plate counts as covered from 90% of its area on, a head from 85%. A cover is false where it lies outside every labelled
box grown by 60% a side and outside every ignored area.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize import media, report
from anonymize.data import Detections, Kind, Region, Why
from anonymize.detect import build, detect
from anonymize.live.chain.canvas import Canvas
from anonymize.recorded import passes
from anonymize.redact import Memory, redact
from anonymize.settings import Redact, Settings
from anonymize.track import outline

Mask = NDArray[np.bool_]
COVERED = {"face": 0.9, "head": 0.85, "person": 0.9, "plate": 0.9}
"""Share of a box's area from which on it counts as covered."""
GROWN = 0.6
"""Share of its side by which a labelled box grows on each side before a cover beside it is false."""
HEIGHTS = (0, 12, 16, 32, 64, 100_000)
_LIGHT = 200
"""Luma of the picture on which covers are drawn, which are darker."""


@dataclass(slots=True)
class Seen:
    """What was covered on the labelled frames of one clip.

    Args:
        clip: its name.
        frames: labelled ones.
        boxes: (kind, height, view) → [covered, labelled].
        false: share of the picture covered for nothing, by frame.
        covered: share of the picture covered, by frame.
    """

    clip: str
    frames: int = 0
    boxes: dict[tuple[str, str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    false: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)


def labels(data: Path) -> dict[str, list[dict[str, Any]]]:
    """The labelled frames of each clip, by its path below `data`; empty where there are none."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    file = data / "real" / "labels.jsonl"
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        row = json.loads(line)
        found[row["clip"]].append(row)
    return dict(sorted(found.items()))


def measure(video: Path, rows: Iterable[Mapping[str, Any]], settings: Settings) -> Seen:
    """Detect in `video` and look at its labelled frames, each a line of `labels.jsonl`."""
    with media.open_source(video) as source:
        detectors = build(settings.detect.detectors, settings.targets)
        plan, _ = passes.detect(source, settings, detectors, report.sha256(video))
    seen = Seen(video.name)
    for row in rows:
        add(seen, row, drawn(plan.at(int(row["frame"])), (row["width"], row["height"]), settings.redact))
    return seen


def glance(video: Path, rows: Iterable[Mapping[str, Any]], settings: Settings, least: float) -> Seen:
    """Look at the labelled frames of `video` alone, once each and at every scale, and cover what scores `least`.

    Nothing is followed from frame to frame, so this says what the networks see, in a fraction of the time.
    """
    wanted = replace(settings.detect, low=least, high=max(least, settings.detect.high))
    by_frame = {int(row["frame"]): row for row in rows}
    detectors = build(settings.detect.detectors, settings.targets)
    seen = Seen(video.name)
    with media.open_source(video) as source:
        for frame in source.frames():
            if row := by_frame.pop(frame.index, None):
                found = detect(frame, detectors, wanted, settings.targets).result()
                size = row["width"], row["height"]
                add(seen, row, drawn(list(_regions(found, settings.redact, size)), size, settings.redact))
            if not by_frame:
                break
    return seen


def _regions(found: Detections, how: Redact, size: tuple[int, int]) -> Iterator[Region]:
    for (x0, y0, x1, y1), number in zip(found.xyxy.tolist(), found.kind.tolist(), strict=True):
        kind = Kind(number)
        yield Region(outline((x0, y0, x1, y1), how.of(kind), *size), kind, Why.DETECTED, shape=how.of(kind).shape)


def drawn(regions: Sequence[Region], size: tuple[int, int], how: Redact) -> Mask:
    """(height, width) what `regions` cover of a picture of `size` (width, height)."""
    even = size[0] + size[0] % 2, size[1] + size[1] % 2
    frame = Canvas(*even).black(0, 0)
    luma = frame.planes[0].pixels
    luma[...] = _LIGHT
    redact(frame.planes, regions, how, Memory())
    return np.asarray(luma[: size[1], : size[0]] != _LIGHT)


def add(seen: Seen, row: Mapping[str, Any], covers: Mask) -> None:
    """Count one labelled frame, `covers` (height, width) of which are covered."""
    excused = np.zeros_like(covers)
    for box in row["boxes"]:
        x0, y0, x1, y1 = box["xyxy"]
        if box["ignore"]:
            excused[_part((x0, y0, x1, y1))] = True
            continue
        across, down = GROWN * (x1 - x0), GROWN * (y1 - y0)
        excused[_part((x0 - across, y0 - down, x1 + across, y1 + down))] = True
        kind, view = box["kind"], box.get("view") or box.get("seen") or ""
        counts = seen.boxes[kind, _height(y1 - y0), view]
        counts[0] += bool(covers[_part((x0, y0, x1, y1))].mean() >= COVERED[kind])
        counts[1] += 1
    seen.frames += 1
    seen.false.append(float((covers & ~excused).mean()))
    seen.covered.append(float(covers.mean()))


def row(preset: str, clips: Sequence[Seen]) -> dict[str, Any]:
    """The figures of all clips with one preset, for JSON."""
    tables: dict[str, dict[str, list[int]]] = {name: {} for name in ("kind", "height", "view")}
    for clip in clips:
        for (kind, height, view), (covered, of) in clip.boxes.items():
            for name, key in (("kind", kind), ("height", f"{kind} {height}"), ("view", f"{kind} {view}".strip())):
                counts = tables[name].setdefault(key, [0, 0])
                counts[0] += covered
                counts[1] += of
    false = [share for clip in clips for share in clip.false]
    each = {clip.clip: round(float(np.mean(clip.false)), 5) for clip in clips}
    return {
        "preset": preset,
        "clips": len(clips),
        "frames": len(false),
        **{name: dict(sorted(table.items())) for name, table in tables.items()},
        "false": round(float(np.mean(false)), 5),
        "covered": round(float(np.mean([share for clip in clips for share in clip.covered])), 5),
        "worst": dict(Counter(each).most_common(3)),
        "by_clip": each,
    }


def _height(pixels: float) -> str:
    low, high = next(pair for pair in pairwise(HEIGHTS) if pixels < pair[1])
    return f"{low}+ px" if high == HEIGHTS[-1] else f"{low}-{high} px"


def _part(box: tuple[float, float, float, float]) -> tuple[slice, slice]:
    x0, y0, x1, y1 = (max(round(side), 0) for side in box)
    return slice(y0, y1), slice(x0, x1)
