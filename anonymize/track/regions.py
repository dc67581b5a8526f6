"""Tracks → the regions that are drawn on one frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from anonymize.data import Box, Region, Shape, Track
from anonymize.settings import Look, Redact

_BLOCK = 64
_TOUCH = 2.0
"""Pixels from the picture's border within which a box is taken to be cut off by it."""
_BEYOND = 0.5
"""Share of its side by which a box that is cut off reaches past the border."""


class TrackIndex:
    """Tracks, so arranged that the ones alive on a frame are found without looking at the others."""

    def __init__(self, tracks: Iterable[Track]) -> None:
        self._blocks: defaultdict[int, list[Track]] = defaultdict(list)
        for track in tracks:
            for block in range(track.first // _BLOCK, (track.end - 1) // _BLOCK + 1):
                self._blocks[block].append(track)

    def alive(self, index: int) -> list[Track]:
        """The tracks that have a box on frame `index`."""
        return [t for t in self._blocks.get(index // _BLOCK, ()) if t.first <= index < t.end]


def regions_at(
    tracks: TrackIndex | Sequence[Track], index: int, redact: Redact, width: int, height: int
) -> list[Region]:
    """What is to be drawn on frame `index` of a `width` × `height` picture, padded and shaped as `redact` says."""
    alive = tracks.alive(index) if isinstance(tracks, TrackIndex) else [t for t in tracks if t.first <= index < t.end]
    return [region for t in alive if _visible(region := _region(t, index, redact, width, height), width, height)]


def _region(track: Track, index: int, redact: Redact, width: int, height: int) -> Region:
    row = index - track.first
    x0, y0, x1, y1 = track.xyxy[row].tolist()
    look = redact.of(track.kind)
    return Region(
        xyxy=outline((x0, y0, x1, y1), look, width, height),
        kind=track.kind,
        why=track.why[row],
        track=track.id,
        shape=look.shape,
        score=float(track.score[row]),
    )


def _visible(region: Region, width: int, height: int) -> bool:
    x0, y0, x1, y1 = region.xyxy
    return x0 < width and y0 < height and x1 > 0 and y1 > 0


def outline(box: Box, look: Look, width: int, height: int) -> Box:
    """The bounding box of what is drawn over `box`.

    The box is padded on every side. Where it touches the picture's border its subject is taken to go on behind it, so
    it is first extended past the border. An ellipse is drawn inscribed in what is returned, so this is grown about its
    centre until the inscribed ellipse holds all of the unpadded box.
    """
    x0, x1 = _extended(box[0], box[2], width)
    y0, y1 = _extended(box[1], box[3], height)
    pad_x, pad_y = look.padding * (x1 - x0), look.padding * (y1 - y0)
    centre, half = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0]) / 2 + [pad_x, pad_y]
    if look.shape is Shape.ELLIPSE:
        corner = np.array([x1 - x0, y1 - y0]) / 2 / half
        half = half * max(1.0, float(np.hypot(*corner)))
    (left, top), (right, bottom) = (centre - half).tolist(), (centre + half).tolist()
    return left, top, right, bottom


def _extended(low: float, high: float, size: int) -> tuple[float, float]:
    """An interval that goes on past 0 or `size` by half its length where it touches one."""
    beyond = _BEYOND * (high - low)
    return (min(low, -beyond) if low <= _TOUCH else low), (max(high, size + beyond) if high >= size - _TOUCH else high)
