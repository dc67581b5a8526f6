"""Who is where on a frame."""

from __future__ import annotations

from dataclasses import dataclass

from anonymize.data import Box, Kind


@dataclass(frozen=True, slots=True)
class Subject:
    """One face or plate on one frame.

    Args:
        id: the same number for the same person or plate through the whole clip.
        kind: what it is.
        xyxy: the visible part of its box.
        height: height in pixels of the whole box.
        visible: share (0-1) of the whole box's area that lies inside the picture.
        ignore: it is unknown whether this can be recognised; no measure counts it.
    """

    id: int
    kind: Kind
    xyxy: Box
    height: float
    visible: float = 1.0
    ignore: bool = False


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """Everything there is to hide on one frame; `size` is (width, height) in upright pixels, `time` in seconds."""

    frame: int
    time: float
    size: tuple[int, int]
    subjects: tuple[Subject, ...] = ()


def clipped(id: int, kind: Kind, whole: Box, size: tuple[int, int], *, ignore: bool = False) -> Subject | None:
    """Make a subject from its whole box, which may reach past the picture of `size`; None when it is out of view."""
    x0, y0, x1, y1 = whole
    inside = (max(x0, 0.0), max(y0, 0.0), min(x1, float(size[0])), min(y1, float(size[1])))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return None
    share = (inside[2] - inside[0]) * (inside[3] - inside[1]) / ((x1 - x0) * (y1 - y0))
    return Subject(id, kind, inside, y1 - y0, share, ignore)
