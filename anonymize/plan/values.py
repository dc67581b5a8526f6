"""Numbers, boxes and ranges of frames in the lines of a plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anonymize.data import Box
from anonymize.settings import CORNERS, flat
from anonymize.text.ranges import PIXELS, Range, shown

COUNT = Range(0, 1e12, "frames")
SIDE = Range(1, 1e6, "pixels")
TRACK = Range(-1, 1e12)
_SECONDS = Range(0, 1e9, "seconds")


_VERSION = re.compile(r"\w(?:[\w -]{0,38}\w)?")


def check_version(text: Any) -> str:
    """`text`, if it can name a version of an output, and be a part of its file's name. Raises `ValueError`."""
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise ValueError(f"version {shown(text)}: expected up to 40 letters and digits, with blanks or hyphens between")
    return text


def version_of(line: Mapping[str, Any]) -> str:
    """The version of the output that a line is about; empty for all for which nothing else is said."""
    return check_version(line["version"]) if "version" in line else ""


def frames_of(entry: Mapping[str, Any]) -> tuple[int, int]:
    """The half-open range of frames of a line. Raises `ValueError` or `TypeError`."""
    if ("frame" in entry) == ("frames" in entry):
        raise ValueError('expected either "frame": N or "frames": [first, end]')
    first, end = entry["frames"] if "frames" in entry else (entry["frame"], None)
    first = COUNT.whole(first)
    return first, first + 1 if end is None else COUNT.whole(end)


def span_of(values: Any) -> tuple[float, float]:
    """A span of seconds, from zero on. Raises `ValueError` or `TypeError`."""
    first, end = (round(_SECONDS.number(value), 3) for value in values)
    if not first < end:
        raise ValueError(f"seconds {first:g} to {end:g}: expected the earlier one first")
    return first, end


def box_of(values: Any) -> Box:
    """A box in a line of a plan. Raises `ValueError` or `TypeError`."""
    x0, y0, x1, y1 = (PIXELS.number(v) for v in values)
    if not (x0 < x1 and y0 < y1):
        raise ValueError(f"xyxy {list(values)}: expected x0 < x1 and y0 < y1")
    return x0, y0, x1, y1


def around(polygon: tuple[tuple[float, float], ...]) -> Box:
    """The bounding box of a polygon's corners. Raises `ValueError`: it has too few, too many, or no area."""
    if not 3 <= len(polygon) <= CORNERS:
        raise ValueError(f"a polygon needs 3 to {CORNERS} corners, got {len(polygon)}")
    if flat(polygon):
        raise ValueError("it hides nothing: the corners of its polygon lie on one line")
    xs, ys = zip(*polygon, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
