"""Where an exported net fails, shown on pictures of nobody: drawn plates on drawn cars, spoilt in known ways.

The counts are about drawings. They show which way a spoilt picture pulls, not how often a real plate is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from anonymize.samples.figures import car, street
from anonymize.samples.plates import render_plate
from training.evaluate import Detect, detector
from training.geometry import Boxes, Picture, as_boxes, iou
from training.sources import KINDS

PLATE = KINDS.index("plate")
SIDE = 640
WIDTHS = (320, 128, 64, 32, 24, 16, 12)
"""Of the plate, in pixels of the network's input."""
TRIES = 20
TILE = (150, 110)
LABEL = 26
FRAME = {True: (60, 190, 60), False: (50, 50, 230)}
Spoil = Callable[[Picture, Boxes, np.random.Generator], Picture]


def _as_it_is(picture: Picture, _box: Boxes, _rng: np.random.Generator) -> Picture:
    return picture


def _moved(picture: Picture, box: Boxes, _rng: np.random.Generator) -> Picture:
    length = max(3, round(0.3 * float(box[0, 2] - box[0, 0])))
    return np.asarray(cv2.blur(picture, (length, 1)), np.uint8)


def _dark(picture: Picture, _box: Boxes, rng: np.random.Generator) -> Picture:
    noisy = picture * 0.12 + rng.normal(0, 5, picture.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _half_hidden(picture: Picture, box: Boxes, _rng: np.random.Generator) -> Picture:
    x0, y0, x1, y1 = (round(float(v)) for v in box[0])
    spoilt = picture.copy()
    spoilt[y0 - 2 : y1 + 2, x0 - 2 : (x0 + x1) // 2] = (70, 90, 60)
    return spoilt


ROWS: tuple[tuple[str, float, Spoil], ...] = (
    ("as it is", 1.0, _as_it_is),
    ("from the side", 0.4, _as_it_is),
    ("smeared by 30%", 1.0, _moved),
    ("at 12% light", 1.0, _dark),
    ("half hidden", 1.0, _half_hidden),
)
"""What a row is called, how far the car is squeezed in width, and what is done to the picture."""


def picture_of(width: int, squeeze: float, rng: np.random.Generator) -> tuple[Picture, Boxes]:
    """A drawn car in a drawn street, `SIDE` pixels wide, its plate `width` pixels wide; and the plate's box, (1, 4)."""
    paint = tuple(int(v) for v in rng.integers(40, 200, 3))
    sprite = car(render_plate(rng, height=80, wear=0.2), (paint[0], paint[1], paint[2]))
    ((_, (x0, y0, x1, y1)),) = sprite.targets
    across = width / (x1 - x0)
    down = across / squeeze
    size = max(1, round(sprite.picture.shape[1] * across)), max(1, round(sprite.picture.shape[0] * down))
    small = cv2.resize(sprite.picture, size, interpolation=cv2.INTER_AREA if down < 1 else cv2.INTER_LINEAR)
    alpha = cv2.resize(sprite.alpha, size, interpolation=cv2.INTER_AREA)[..., None] / 255
    scene = street((SIDE, SIDE * 3 // 4))
    wanted = np.array([rng.uniform(0.4, 0.6) * SIDE, rng.uniform(0.65, 0.8) * scene.shape[0]])
    shift = np.rint(wanted - np.array([(x0 + x1) / 2 * across, (y0 + y1) / 2 * down])).astype(int)
    x, y = int(shift[0]), int(shift[1])
    left, top, right, bottom = max(0, x), max(0, y), min(SIDE, x + size[0]), min(scene.shape[0], y + size[1])
    part = np.s_[top - y : bottom - y, left - x : right - x]
    there = scene[top:bottom, left:right]
    there[:] = there * (1 - alpha[part]) + small[part] * alpha[part]
    return scene, as_boxes([[x + x0 * across, y + y0 * down, x + x1 * across, y + y1 * down]])


def found(detect: Detect, picture: Picture, box: Boxes, threshold: float) -> bool:
    """Whether a plate was found at `box` with half of the union shared."""
    boxes, scores, kinds = detect(picture)
    own = boxes[(kinds == PLATE) & (scores >= threshold)]
    return bool(len(own)) and float(iou(own, box).max()) >= 0.5


def sheet(weights: Path, threshold: float, seed: int = 5) -> Picture:
    """A row for each way of spoiling, a column for each width: one try as a tile, and how many of `TRIES` were found.

    A green frame is round a plate that was found, a red one round a plate that was missed.
    """
    detect = detector(weights, SIDE)
    rows = []
    for name, squeeze, spoil in ROWS:
        tiles = []
        for width in WIDTHS:
            rng = np.random.default_rng((seed, width))
            hits, tile = 0, np.zeros((0, 0, 3), np.uint8)
            for _ in range(TRIES):
                picture, box = picture_of(width, squeeze, rng)
                picture = spoil(picture, box, rng)
                hit = found(detect, picture, box, threshold)
                hits += hit
                tile = tile if tile.size else _tile(picture, box, hit)
            tiles.append(_labelled(tile, f"{width} px: {hits}/{TRIES}"))
        rows.append(np.hstack([_labelled(np.full((TILE[1], TILE[0], 3), 255, np.uint8), name), *tiles]))
    return np.vstack(rows)


def _tile(picture: Picture, box: Boxes, hit: bool) -> Picture:
    x0, y0, x1, y1 = (float(v) for v in box[0])
    height = max((x1 - x0) * 1.6 * TILE[1] / TILE[0], (y1 - y0) * 1.6)
    zoom = TILE[1] / height
    shift = [TILE[0] / 2 - zoom * (x0 + x1) / 2, TILE[1] / 2 - zoom * (y0 + y1) / 2]
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    tile = cv2.warpAffine(picture, matrix, TILE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    corners = [round(zoom * v + shift[i % 2]) for i, v in enumerate((x0, y0, x1, y1))]
    cv2.rectangle(tile, (corners[0] - 2, corners[1] - 2), (corners[2] + 2, corners[3] + 2), FRAME[hit], 2)
    return np.asarray(tile, np.uint8)


def _labelled(tile: Picture, text: str) -> Picture:
    label = np.full((LABEL, TILE[0], 3), 255, np.uint8)
    cv2.putText(label, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([tile, label])
