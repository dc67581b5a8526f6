"""The network that is asked about one place: is a face, a head or a plate to be seen there?

A detector that takes a lantern for a face does so again and again, and no less surely than a face in the distance. This
network looks for nothing. It is shown one place with what surrounds it, always in the same size, and what it learnt
from is what our detectors found in pictures with known faces, heads and plates, rightly and wrongly (`training/`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Kind
from anonymize.detect.detector import Picture
from anonymize.models import session
from anonymize.settings import Device

NAME = "argus-place"
SIDE = 96
"""The side in pixels of the picture that it is shown."""
SPANS: Mapping[Kind, float] = {Kind.HEAD: 3.0, Kind.FACE: 4.2, Kind.PLATE: 2.6}
"""How many times the side of a find that picture shows, by kind."""
TALL = 1.5
"""The side of a plate is its width, or so many times its height if that is more."""
SHRUNK, FINER = 0.7, 1.25
"""What is shrunk by more than the first is averaged to the second, of its final size, before it is cut out."""
REACH = 0.8
"""The share of a side to which its surroundings are cut out first: more than half, since training turns them."""
BATCH = 32
"""The most places that it is shown at once."""

Floats = NDArray[np.float32]

STRAIGHT: Floats = np.eye(2, dtype=np.float32)


class Witness:
    """Says of places whether something is there.

    Args:
        threads: processor threads; 0 for all.

    Raises:
        ModelError: as `anonymize.models.session`.
    """

    def __init__(self, threads: int = 0) -> None:
        self._session = session(NAME, threads, Device.CPU)
        self._answers = self._session.notes()["kinds"].split(",")

    def sees(self, picture: Picture, kinds: Sequence[Kind], boxes: Floats) -> Floats:
        """(N,) how surely a find of each of `kinds`, all in `SPANS`, is in its box: 0 to 1; 0 outside of the picture.

        Args:
            picture: in which pixels are square.
            kinds: of the finds.
            boxes: (N, 4) in its pixels; they may reach past its border.
        """
        said = self.says(picture, kinds, boxes)
        return np.array([said[kind][row] for row, kind in enumerate(kinds)], np.float32)

    def says(self, picture: Picture, kinds: Sequence[Kind], boxes: Floats) -> Mapping[Kind, Floats]:
        """By kind, (N,) how surely one is in each of the boxes, shown as finds of `kinds`; see `sees`."""
        height, width = picture.shape[:2]
        inside = (boxes[:, :2] < [width, height]).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
        seen = np.zeros((len(boxes), len(self._answers)), np.float32)
        rows = np.flatnonzero(inside).tolist()
        for some in (rows[start : start + BATCH] for start in range(0, len(rows), BATCH)):
            shown = np.stack([place(picture, kinds[row], boxes[row]) for row in some]).transpose(0, 3, 1, 2)
            both = np.ascontiguousarray(np.concatenate([shown, shown[..., ::-1]]))  # as it is, and mirrored
            (answers,) = self._session.run(["answers"], {"image": both})
            seen[some] = (answers[: len(some)] + answers[len(some) :]) / 2
        return {kind: seen[:, self._answers.index(kind.label)] for kind in SPANS}

    def release_memory(self) -> None:
        """Release the network's memory."""
        self._session.release_memory()


def place(picture: Picture, kind: Kind, box: Floats) -> Picture:
    """(`SIDE`, `SIDE`, 3) what the network is shown of a find of `kind` in `box` (4,) of `picture`; black beyond it."""
    return cut_out(picture, ((box[:2] + box[2:]) / 2).astype(np.float32), span(kind, box))


def span(kind: Kind, box: Floats) -> float:
    """How many pixels the side of that picture shows."""
    wide, high = (box[2:] - box[:2]).tolist()
    return SPANS[kind] * max(max(wide, TALL * high) if kind.wide else math.sqrt(wide * high), 1.0)


def cut_out(picture: Picture, centre: Floats, span: float, turned: Floats = STRAIGHT) -> Picture:
    """A square of `picture` around `centre` (2,) with sides of `span` pixels, in `SIDE` pixels.

    `turned` (2, 2) is applied to it, in training.
    """
    scale, reach = SIDE / span, REACH * span
    height, width = picture.shape[:2]
    left, top = (max(0, int(middle - reach)) for middle in centre)
    right, bottom = (min(side, int(middle + reach) + 1) for side, middle in zip((width, height), centre, strict=True))
    if right <= left or bottom <= top:
        return np.zeros((SIDE, SIDE, 3), np.uint8)
    part = picture[top:bottom, left:right]
    shrunk = np.ones(2, np.float32)
    if scale < SHRUNK:
        rows, columns = part.shape[:2]
        size = max(1, round(columns * FINER * scale)), max(1, round(rows * FINER * scale))
        shrunk = np.array([size[0] / columns, size[1] / rows], np.float32)
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    linear = scale * turned
    shift = SIDE / 2 - linear @ (centre - np.array([left, top], np.float32))
    way = np.column_stack([linear / shrunk, shift])
    shown = cv2.warpAffine(np.ascontiguousarray(part), way, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(shown, dtype=np.uint8)
