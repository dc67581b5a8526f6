"""Read redacted plates: drawn ones of a single design, so that the attacker knows where every letter is."""

from __future__ import annotations

from typing import Any

import numpy as np

from anonymize.data import Shape
from anonymize.samples.plates import DESIGNS, Design, render_plate
from benchmarks.attack.draw import Draw

DESIGN: Design = next(design for design in DESIGNS if design.name == "britain front")
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HEIGHT = 20
"""Pixels of the plate."""
PADDING = 0.15


def inputs(count: int, draw: Draw, seed: int) -> tuple[Any, Any]:
    """Redacted plates and what stands on them.

    Returns:
        (N, 3, height, width) float32 from 0 to 1, and (N, letters) int64, places in `SIGNS`.
    """
    rng = np.random.default_rng(seed)
    pictures, texts = [], []
    for _ in range(count):
        plate = render_plate(rng, design=DESIGN, height=HEIGHT)
        height, width = plate.picture.shape[:2]
        dx, dy = round(PADDING * width), round(PADDING * height)
        room = np.pad(plate.picture, ((2 * dy, 2 * dy), (2 * dx, 2 * dx), (0, 0)), constant_values=90)
        shift = rng.uniform(-2, 2, 2)
        box = (dx + shift[0], dy + shift[1], 3 * dx + width + shift[0], 3 * dy + height + shift[1])
        drawn = draw(room, box, Shape.BOX)
        pictures.append(drawn[2 * dy : 2 * dy + height, 2 * dx : 2 * dx + width])
        texts.append([SIGNS.index(sign) for sign in plate.text[0] if sign != " "])
    return np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) / 255, np.array(texts, np.int64)


def chance() -> float:
    """The share of letters and digits that someone gets right who sees nothing."""
    signs = [sign for sign in DESIGN.lines[0] if sign != " "]
    return sum(1 / len(DESIGN.letters) if sign == "A" else 0.1 for sign in signs) / len(signs)
