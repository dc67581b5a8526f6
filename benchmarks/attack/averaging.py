"""Rebuild a moving face from the mosaics of many frames.

The attacker knows the software and follows the face (its motion is given to them exactly: the worst case). Every cell
of every frame is one linear equation, the mean of the pixels it covers, for an unknown face that moves along. Least
squares solves them. A grid that stands still in the picture gives new equations on every frame; one that is locked to
the face, with colours held in time, gives the same again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_matrix, vstack
from scipy.sparse.linalg import lsqr

from anonymize.data import Box, Shape
from anonymize.redact import Memory
from anonymize.settings import Style
from benchmarks.attack.draw import Picture, fixed_mosaic, ours

SIDE = 96
"""Pixels of the face's box."""
ROOM = 192
"""Pixels of the scene's sides."""
CELL = 12
"""Pixels of a mosaic cell: 8 cells across the face, for both kinds of grid."""
DAMPING = 0.05

Grey = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A face rebuilt from `frames` frames of one tool's mosaics.

    Args:
        tool: whose mosaic.
        frames: how many of them were used.
        likeness: correlation with the true face's detail, what is finer than two cells left out of both: 0 to 1.
        face: (SIDE, SIDE) grey.
    """

    tool: str
    frames: int
    likeness: float
    face: Grey


def portrait() -> Picture:
    """A face that may be shown: NASA's portrait of Eileen Collins, (SIDE, SIDE, 3) RGB, from scikit-image's wheel."""
    path = Path(skimage.__file__).with_name("data") / "astronaut.png"
    with Image.open(path) as picture:
        whole = np.asarray(picture.convert("RGB"))
    return np.asarray(cv2.resize(whole[60:188, 160:288], (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def attack(face: Picture, counts: tuple[int, ...] = (1, 4, 16, 60), seed: int = 0) -> Iterator[Rebuilt]:
    """Rebuild `face` from more and more frames of both kinds of mosaic."""
    way = walk(max(counts), seed)
    truth = _grey(face)
    for tool, mosaics in (("grid fixed to the picture", _fixed(face, way)), ("ours", _ours(face, way))):
        for count in counts:
            found = solve(mosaics[:count], way[:count], locked=tool == "ours")
            yield Rebuilt(tool, count, likeness(found, truth), found)


def walk(frames: int, seed: int = 0) -> list[tuple[int, int]]:
    """Where the face's left upper corner is on each frame: it drifts across some cells, a pixel or two a frame."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(-2, 3, (frames, 2))
    places = 48 + np.cumsum(steps, axis=0)
    return [(int(x), int(y)) for x, y in np.clip(places, 0, ROOM - SIDE)]


def solve(mosaics: list[Grey], way: list[tuple[int, int]], *, locked: bool) -> Grey:
    """The face that explains the cells of `mosaics` best, (SIDE, SIDE) grey; `locked`: the grid moves with the face."""
    rows, values = [], []
    for mosaic, (x, y) in zip(mosaics, way, strict=True):
        shift = (0, 0) if locked else (x % CELL, y % CELL)
        matrix = _means(shift)
        rows.append(matrix)
        values.append(matrix @ mosaic[y : y + SIDE, x : x + SIDE].ravel())
    start = np.full(SIDE * SIDE, float(np.mean(values[0])))
    system, wanted = vstack(rows), np.concatenate(values)
    found = start + lsqr(system, wanted - system @ start, damp=DAMPING, iter_lim=300)[0]
    return np.asarray(np.clip(found.reshape(SIDE, SIDE), 0, 255))


def likeness(found: Grey, truth: Grey) -> float:
    """Correlation of the two faces' detail finer than the mosaic's cells."""
    fine = [face - cv2.GaussianBlur(face, (0, 0), CELL / 2) for face in (found, truth)]
    if min(float(face.std()) for face in fine) < 1e-6:
        return 0.0
    return float(np.corrcoef(fine[0].ravel(), fine[1].ravel())[0, 1])


def strip(results: list[Rebuilt], face: Picture) -> NDArray[np.uint8]:
    """The true face, one mosaic, and what each tool's frames give at the most, side by side: (SIDE, 4 * SIDE)."""
    most = {result.tool: result for result in results}
    mosaic = _fixed(face, [(48, 48)])[0][48 : 48 + SIDE, 48 : 48 + SIDE]
    faces = [_grey(face), mosaic, most["grid fixed to the picture"].face, most["ours"].face]
    return np.hstack(faces).astype(np.uint8)


def _means(shift: tuple[int, int]) -> csr_matrix:
    """The matrix that gives the cell means of a flattened face whose corner lies `shift` pixels into a cell.

    Cells cut by the face's border are left out: they hold background too.
    """
    index = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    left, top = (-shift[0]) % CELL, (-shift[1]) % CELL
    across, down = (SIDE - left) // CELL, (SIDE - top) // CELL
    cells = index[top : top + down * CELL, left : left + across * CELL].reshape(down, CELL, across, CELL)
    columns = cells.transpose(0, 2, 1, 3).reshape(-1)
    rows = np.repeat(np.arange(down * across), CELL * CELL)
    return csr_matrix((np.full(len(columns), 1 / CELL**2), (rows, columns)), shape=(down * across, SIDE * SIDE))


def _fixed(face: Picture, way: list[tuple[int, int]]) -> list[Grey]:
    return [_grey(fixed_mosaic(scene, box, CELL)) for scene, box in _scenes(face, way)]


def _ours(face: Picture, way: list[tuple[int, int]]) -> list[Grey]:
    memory = Memory()
    return [_grey(ours(scene, box, Shape.BOX, Style.MOSAIC, 8, memory)) for scene, box in _scenes(face, way)]


def _scenes(face: Picture, way: list[tuple[int, int]]) -> Iterator[tuple[Picture, Box]]:
    """The face before a plain wall, and its box."""
    for x, y in way:
        scene = np.full((ROOM, ROOM, 3), 120, np.uint8)
        scene[y : y + SIDE, x : x + SIDE] = face
        yield scene, (float(x), float(y), float(x + SIDE), float(y + SIDE))


def _grey(picture: Picture) -> Grey:
    return np.asarray(picture.mean(axis=-1), np.float64)
