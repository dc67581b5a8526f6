"""Contact sheets: labels, ignored areas and finds drawn on pictures, to be looked at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.evaluate import Detect, detector
from training.geometry import Picture
from training.labels import read_picture
from training.sources import Example

COLOURS = ((0, 220, 255), (0, 220, 0), (255, 120, 0), (255, 0, 255))
"""BGR of face, head, person and plate."""
CELL = 420
"""Pixels of a sheet's cell, each way."""


def contact_sheet(
    examples: list[Example], data: Path, weights: Path | None, count: int, seed: int, threshold: float = 0.3
) -> Picture:
    """`count` pictures in rows of four: labels with a full line, areas to ignore hatched in their kind's colour, or the
    finds of the net at `weights` from `threshold` on, with their scores."""
    rng = np.random.default_rng(seed)
    some = [examples[i] for i in sorted(rng.permutation(len(examples))[:count])]
    detect = detector(weights, 640) if weights else None
    cells = [_cell(example, read_picture(data / example.image), detect, threshold) for example in some]
    cells += [np.zeros((CELL, CELL, 3), np.uint8)] * (-len(cells) % 4)
    rows = [np.concatenate(cells[i : i + 4], axis=1) for i in range(0, len(cells), 4)]
    return np.asarray(np.concatenate(rows), dtype=np.uint8)


def _cell(example: Example, picture: Picture, detect: Detect | None, threshold: float) -> Picture:
    scale = CELL / max(picture.shape[:2])
    shape = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(picture, shape, interpolation=way), np.uint8)
    if detect:
        for box, score, kind in zip(*detect(picture), strict=True):
            if score >= threshold:
                _frame(small, box * scale, int(kind))
                place = (int(box[0] * scale), max(8, int(box[1] * scale) - 2))
                cv2.putText(small, f"{score:.2f}"[1:], place, cv2.FONT_HERSHEY_PLAIN, 0.7, COLOURS[int(kind)])
    else:
        for box, kind in zip(example.ignored, example.ignored_kinds, strict=True):
            _hatch(small, box * scale, kind)
        for box, kind in zip(example.boxes, example.kinds, strict=True):
            _frame(small, box * scale, kind)
    cell = np.zeros((CELL, CELL, 3), np.uint8)
    cell[: shape[1], : shape[0]] = small
    cv2.putText(cell, Path(example.image).stem[-40:], (2, CELL - 4), cv2.FONT_HERSHEY_PLAIN, 0.8, (255, 255, 255))
    return cell


def _frame(picture: Picture, box: np.ndarray, kind: int) -> None:
    x0, y0, x1, y1 = (round(float(v)) for v in box)
    cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), COLOURS[kind], 1)


def _hatch(picture: Picture, box: np.ndarray, kind: int) -> None:
    """Every eighth diagonal of the area in the kind's colour, shifted by kind so that all show."""
    x0, y0, x1, y1 = (max(0, round(float(v))) for v in box)
    part = picture[y0:y1, x0:x1]
    rows, columns = np.indices(part.shape[:2])
    part[(rows + columns + x0 + y0) % 16 == 4 * kind] = COLOURS[kind]
