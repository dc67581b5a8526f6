"""The drawings of a report's page, as numbers for its template: lanes of the timeline, silhouettes in their place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from anonymize.pages.plots import steps
from anonymize.pages.words import plural
from anonymize.text.words import clock

WIDTH = 160
"""Width of the drawing of a picture, in units."""
SMALLEST = 9.0
"""Minimum height of a silhouette, in units: smaller ones could not be seen."""

REASONS = {
    "detected": ("Detected", "found on this very frame"),
    "interpolated": ("Interpolated", "found before and after"),
    "held": ("Held", "before the first or after the last find"),
    "manual": ("By hand", "added by a person"),
    "zone": ("Zone", "always redacted"),
    "unbracketed": ("Whole picture", "not scanned closely enough in time"),
}


def lanes(timeline: Mapping[str, Any], box_frames: Mapping[str, int]) -> list[dict[str, Any]]:
    """One row per reason: its words, and the outline of its steps in a drawing ``bins`` wide and 100 high.

    A step that is not zero is at least a seventh of the height; all rows share one scale.
    """
    rows = timeline.get("lanes", {})
    top = max((max(values) for values in rows.values()), default=1.0)
    drawn = []
    for why in (why for why in REASONS if why in rows):
        values = rows[why]
        name, about = REASONS[why]
        count = plural(box_frames.get(why, 0), "region")
        active = [i for i, value in enumerate(values) if value]
        step = timeline.get("seconds", 0.0) / len(values)
        label = f"{name}: {count}, from {clock(active[0] * step)} to {clock((active[-1] + 1) * step)}"
        drawn.append(
            {
                "why": why,
                "name": name,
                "note": f"{about}; {count}",
                "bins": len(values),
                "path": steps([0.15 + 0.85 * value / top if value else 0.0 for value in values]),
                "label": label,
            }
        )
    return drawn


def marks(finds: Iterable[Mapping[str, Any]], seconds: float) -> list[tuple[float, float]]:
    """Left edges and widths, in thousandths, of the times of `finds`; each wide enough to be seen."""
    if not seconds:
        return [(0.0, 1000.0) for _ in finds]
    spans = []
    for find in finds:
        left = min(max(1000 * find["start"] / seconds, 0.0), 995.0)
        spans.append((round(left, 1), round(max(1000 * (find["end"] - find["start"]) / seconds, 5.0), 1)))
    return spans


def height_for(width: int, height: int) -> float:
    """Height, in units, of the drawing of a picture of `width` x `height` pixels; extreme shapes are limited."""
    return round(min(max(WIDTH * height / max(width, 1), 40.0), 240.0), 1)


def silhouette(subject: Mapping[str, Any], high: float) -> dict[str, Any]:
    """Place of a subject's generic shape (100 x 100 units) in a drawing `WIDTH` x `high`, and its path through it."""
    x0, y0, x1, y1 = subject["largest"]
    left, top, width, height = x0 * WIDTH, y0 * high, (x1 - x0) * WIDTH, (y1 - y0) * high
    grow = max(1.0, SMALLEST / max(height, 0.1))
    left, top = left - (grow - 1) * width / 2, top - (grow - 1) * height / 2
    points = [(round(x * WIDTH, 1), round(y * high, 1)) for x, y in subject["path"]]
    still = len(points) < 2 or max(math.dist(points[0], point) for point in points) < 4
    return {
        "x": round(left, 1),
        "y": round(top, 1),
        "scale_x": round(grow * width / 100, 4),
        "scale_y": round(grow * height / 100, 4),
        "way": "" if still else "M" + "L".join(f"{x:g} {y:g}" for x, y in points),
        "from_x": points[0][0] if points else 0,
        "from_y": points[0][1] if points else 0,
    }
