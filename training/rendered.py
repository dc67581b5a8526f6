"""Drawn plates in the place of photographed ones: more countries' shapes and alphabets than the sets hold.

A drawn plate takes the place of a real one, on the same vehicle, under the same light: as bright, as contrasty and as
sharp as what was there. The label stays, as the drawn plate fills the box.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from anonymize.samples.plates import BLACK, BLUE, DESIGNS, GREEN, RED, WHITE, YELLOW, Design, render_plate
from training.geometry import Floats, Picture

LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ"
PATTERNS = (
    "AA 0000",
    "000 AAA",
    "A 00000",
    "AAA 000",
    "00 A 0000",
    "0000 AA",
    "AA·000·AA",
    "A0000",
    "AAA-0A00",
    "000·000",
)
SHORT = ("AA", "00 A", "000", "A-00", "AAA", "0000", "00·00")
INKS = (
    (WHITE, BLACK),
    (WHITE, RED),
    (WHITE, BLUE),
    (WHITE, GREEN),
    (YELLOW, BLACK),
    (BLACK, WHITE),
    (BLUE, WHITE),
    (RED, WHITE),
    (GREEN, WHITE),
)
WORDS = ("POLICE", "TAXI", "EXPORT", "PRIVATE", "DIPLOMATIC", "TRANSPORT", "ISLAND", "REPUBLIC")


def random_design(rng: np.random.Generator) -> Design:
    """A plate of no country in particular: one or two lines, any usual colours, strip or header or neither."""
    two = rng.random() < 0.4
    width = int(rng.integers(180, 360)) if two else int(rng.integers(300, 530))
    height = round(width / (rng.uniform(1.1, 2.0) if two else rng.uniform(2.0, 5.0)))
    ground, ink = INKS[int(rng.integers(len(INKS)))] if rng.random() < 0.7 else INKS[0]
    lines = (SHORT[int(rng.integers(len(SHORT)))], PATTERNS[int(rng.integers(len(PATTERNS)))])
    return Design(
        "drawn at random",
        (width, height),
        lines if two else lines[1:],
        ground,
        ink,
        strip=LETTERS[int(rng.integers(len(LETTERS)))] if rng.random() < 0.25 else None,
        header=WORDS[int(rng.integers(len(WORDS)))] if rng.random() < 0.25 else None,
        band=BLUE if rng.random() < 0.3 else None,
        letters=LETTERS,
        strokes=rng.random() < 0.3,
    )


@dataclass(frozen=True, slots=True)
class Bank:
    """Plates drawn beforehand, as drawing takes longer than pasting; `aspects` are their widths over heights."""

    plates: tuple[Picture, ...]
    aspects: Floats

    def pick(self, aspect: float, rng: np.random.Generator) -> Picture:
        """One of the plates whose shape comes nearest to `aspect`."""
        near = np.argsort(np.abs(np.log(self.aspects / aspect)))[: max(8, len(self.plates) // 8)]
        return self.plates[int(near[rng.integers(len(near))])]


def draw_bank(count: int, seed: int = 7, height: int = 72) -> Bank:
    """`count` plates, half of them of known designs, `height` pixels high."""
    rng = np.random.default_rng(seed)
    designs = [DESIGNS[i % len(DESIGNS)] if i % 2 else random_design(rng) for i in range(count)]
    plates = tuple(render_plate(rng, design=d, height=height, wear=float(rng.uniform(0, 0.8))).picture for d in designs)
    return Bank(plates, np.array([p.shape[1] / p.shape[0] for p in plates], np.float32))


def replace_plate(
    crop: Picture, quad: npt.NDArray[np.float64], plate: Picture, rng: np.random.Generator, zoom: float
) -> None:
    """Pastes `plate` onto the quadrilateral where a real plate was seen; changes `crop` in place.

    Args:
        crop: the view, `(height, width, 3)`.
        quad: corners in pixels of the crop, `(4, 2)`: top left, top right, bottom right, bottom left of the plate.
        plate: drawn straight on.
        rng: moves the corners a little and varies light and contrast.
        zoom: crop pixels for one pixel of the photograph; above 1 the photograph is soft, so the plate is made soft.
    """
    top, left = np.maximum(np.floor(quad.min(axis=0) - 2)[::-1], 0).astype(int)
    bottom, right = np.ceil(quad.max(axis=0) + 2)[::-1].astype(int)
    there = crop[top:bottom, left:right]
    long, tall = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
    if there.size == 0 or tall < 4 or long < 8:
        return
    size = (max(4, round(long)), max(4, round(tall)))
    small = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
    lit = _lit(np.asarray(small, np.float32), there, rng)
    if zoom > 1:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), 0.5 * zoom), np.float32)
    inward = rng.uniform(0, 0.05, (4, 2)) * (quad.mean(axis=0) - quad)
    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, (quad + inward - [left, top]).astype(np.float32))
    shape = there.shape[1::-1]
    cover = cv2.warpPerspective(np.ones(size[::-1], np.float32), matrix, shape)[..., None]
    drawn = cv2.warpPerspective(lit, matrix, shape, borderMode=cv2.BORDER_REPLICATE)
    there[:] = np.clip(there * (1 - cover) + drawn * cover, 0, 255).astype(np.uint8)


def _lit(plate: Floats, there: Picture, rng: np.random.Generator) -> Floats:
    """`plate` under the light of the place it goes to: about as bright, with up to its contrast."""
    mean = plate.mean()
    bright = float(there.mean()) * rng.uniform(0.85, 1.5)
    scale = np.clip(bright / max(mean, 1.0), 0.15, 1.2)
    values = (plate - mean) * rng.uniform(0.5, 1.0) + mean
    return np.asarray(np.clip(values * scale, 0, 255), np.float32)
