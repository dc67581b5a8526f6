"""Ground truth in the MOT Challenge's format (``gt.txt``): one box per line, comma-separated.

    frame, id, left, top, width, height, counts (0 or 1), class, visibility

Frames and pixels are counted from 1. The format's limits: it has no faces and no plates, so every box is of the kind
that the caller gives, and classes are ignored; the picture's size comes from the video; a frame without a line has no
subjects, and a video may go on after the last line.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from anonymize.data import Box, Kind
from anonymize.errors import UnreadableInput
from anonymize.evaluate.truth.lines import NUMBER, WHAT
from anonymize.evaluate.truth.subjects import Subject, clipped
from anonymize.text import untrusted
from anonymize.text.ranges import PIXELS, SHARE, brief

Row = tuple[int, Box, bool, float]
"""Subject id, whole box, ignored, visible share."""


def read_mot(path: Path) -> dict[int, list[Row]]:
    """The rows of each frame, frames from 0.

    Raises:
        UnreadableInput: it cannot be read, or a line is malformed; the message gives its number.
    """
    frames: dict[int, list[Row]] = defaultdict(list)
    for number, line in enumerate(untrusted.lines(path, WHAT, UnreadableInput), 1):
        if not line.strip():
            continue
        try:
            frame, row = _row(line)
        except ValueError as error:
            raise UnreadableInput(
                f"not a line of MOT ground truth ({brief(error)})", f"{path.name}, line {number}"
            ) from error
        frames[frame].append(row)
    return frames


def subject(row: Row, kind: Kind, size: tuple[int, int]) -> Subject | None:
    """A row as a subject of a picture of `size`; None if it is out of view."""
    number, box, ignore, visible = row
    whole = clipped(number, kind, box, size, ignore=ignore)
    if whole is None:
        return None
    return Subject(whole.id, kind, whole.xyxy, whole.height, whole.visible * visible, ignore)


def _row(line: str) -> tuple[int, Row]:
    values = [float(value) for value in line.split(",")]
    if len(values) < 6:
        raise ValueError(f"expected at least 6 values, got {len(values)}")
    frame, number = (NUMBER.number(value) for value in values[:2])
    left, top, width, height = (PIXELS.number(value) for value in values[2:6])
    if frame < 1 or frame % 1 or number % 1:
        raise ValueError("expected a frame from 1 on and a whole number as id")
    if not (width > 0 and height > 0):
        raise ValueError("expected a box with a width and a height")
    ignore = len(values) > 6 and values[6] == 0
    visible = SHARE.number(values[8]) if len(values) > 8 and values[8] >= 0 else 1.0
    box = (left - 1, top - 1, left - 1 + width, top - 1 + height)
    return int(frame) - 1, (int(number), box, ignore, visible)
