"""Reading a line of text, with PP-OCR's recogniser from the wheel of rapidocr.

What was read is returned, and kept nowhere: no log, no error, no cache.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.detect.detector import Picture
from anonymize.detect.text.ppocr import Floats, Line
from anonymize.errors import ModelError
from anonymize.models import session
from anonymize.settings import Device

NAME = "ppocr-reader"
HEIGHT = 48
"""Pixels of a line's height in its input."""
NARROWEST, WIDEST = 48, 3200
"""Pixels of a line's width there."""
TALL = 1.5
"""A line that is so many times as high as wide stands on end, as on the spine of a book."""
PLAIN = 0.9
"""A line that is read this surely need not be read upside down, too."""


class Reading(NamedTuple):
    """What a line says, and how sure that is: the probability of the letter that is least sure."""

    text: str
    sure: float


class Reader:
    """Reads lines of printed text in the scripts that PP-OCRv6 knows: Latin, Greek, Chinese and Japanese.

    Args:
        threads: processor threads; 0 for all.
        device: where it runs.

    Raises:
        ModelError: it is not installed, or not the file that is registered.
    """

    def __init__(self, threads: int = 0, device: Device = Device.CPU) -> None:
        self._session = session(NAME, threads, device)
        self._letters = ["", *self._session.notes().get("character", "").split("\n"), " "]
        self.letters = frozenset(self._letters[1:])
        """Those that it knows."""

    def read(self, picture: Picture, line: Line) -> Reading:
        """What `line` in `picture` says, read the way round in which it is surest."""
        upright = _upright(picture, line.corners)
        if upright.shape[0] > TALL * upright.shape[1]:
            return max((self._read(np.rot90(upright, turns)) for turns in (1, 3)), key=lambda one: one.sure)
        found = self._read(upright)
        return found if found.sure >= PLAIN else max(found, self._read(np.rot90(upright, 2)), key=lambda one: one.sure)

    def _read(self, line: NDArray[np.generic]) -> Reading:
        height, width = line.shape[:2]
        wide = min(max(round(width * HEIGHT / height), NARROWEST), WIDEST)
        scaled = cv2.resize(np.ascontiguousarray(line), (wide, HEIGHT), interpolation=cv2.INTER_LINEAR)
        given = (scaled.astype(np.float32).transpose(2, 0, 1) * np.float32(2 / 255) - np.float32(1))[None]
        (chances,) = self._session.run(None, {"x": given})
        return decoded(chances[0], self._letters)


def decoded(chances: Floats, letters: list[str]) -> Reading:
    """What the recogniser's output (steps, letters) says: the likeliest letter of each step, repeated ones once (CTC).

    Raises:
        ModelError: there is another number of letters than its file lists.
    """
    if chances.shape[1] != len(letters):
        raise ModelError(f"{NAME}: expected {len(letters)} letters, the network gives {chances.shape[1]}")
    best = chances.argmax(axis=1)
    new = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
    sure = float(chances[new, best[new]].min()) if new.any() else 0.0
    return Reading("".join(letters[number] for number in best[new]), sure)


def _upright(picture: Picture, corners: Floats) -> Picture:
    """The part of `picture` within the rectangle `corners` (4, 2), turned upright by 45 degrees at most."""
    middle, (width, height), turned = cv2.minAreaRect(corners)
    if turned > 45:
        width, height, turned = height, width, turned - 90
    size = max(1, round(width)), max(1, round(height))
    corner = cv2.boxPoints((middle, (width, height), turned))  # from the lower left on, clockwise
    matrix = cv2.getAffineTransform(
        corner[:3].astype(np.float32), np.array([(0, size[1]), (0, 0), (size[0], 0)], np.float32)
    )
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
        np.uint8
    )
