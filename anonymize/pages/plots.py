"""Plots as numbers for templates: columns as a path, round times on an axis."""

from __future__ import annotations

from collections.abc import Sequence

from anonymize.text.words import clock

TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)


def steps(heights: Sequence[float]) -> str:
    """An SVG path of columns, one unit wide and at most 92 of 100 high; equal neighbours are drawn as one."""
    parts, start = [], 0
    for index in range(1, len(heights) + 1):
        if index < len(heights) and heights[index] == heights[start]:
            continue
        if heights[start]:
            high = round(92 * heights[start], 1)
            parts.append(f"M{start} 100v{-high:g}h{index - start}v{high:g}z")
        start = index
    return "".join(parts)


def ticks(seconds: float) -> list[tuple[float, str]]:
    """Position in per cent and label of at most seven round times from 0 to `seconds`."""
    if seconds <= 0:
        return []
    step = next((step for step in TICKS if seconds / step <= 6), 86400)
    return [(round(100 * i * step / seconds, 2), clock(i * step)) for i in range(int(seconds / step + 1e-9) + 1)]
