"""Random views of labelled pictures: scale, place, turn, squeeze, mirror, bend, and mosaics of four.

Coordinates: a view maps picture pixels to crop pixels by a 2x3 matrix, `crop = A @ picture + b`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.geometry import Boxes, Picture, area, as_boxes, clip, floats
from training.rendered import Bank, replace_plate
from training.sources import BY_NAME, KINDS, Example
from training.targets import Labels

Matrix = npt.NDArray[np.float64]
Load = Callable[[str], Picture]

HARD = ("back", "profile", "covered")
"""Views in which a head shows little of a face."""
HEAD, PERSON, PLATE = (KINDS.index(kind) for kind in ("head", "person", "plate"))
NO_LABELS = Labels(as_boxes([]), np.zeros(0, np.int64), as_boxes([]), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """How views are drawn. Widths are of the aimed-at box, in pixels of the crop."""

    aim: float = 0.8
    """Share of views aimed at a box, where the picture has one."""
    nobody: float = 0.4
    """Share aimed, as at a head, at what was wrongly taken for one, where the picture has such a thing."""
    chances: tuple[float, ...] = (3, 4, 2.5, 3)
    """How often an aimed view takes a box of each kind, where the picture has several kinds."""
    hard: float = 2.5
    """How often it takes a head seen from behind, from the side or covered, for one seen from the front."""
    broad: float = 2.5
    """A person's widths are so many times `narrowest` and `middle`."""
    narrowest: float = 7.0
    middle: float = 90.0
    large: float = 0.35
    """Share of aimed views that draw a width from `middle` up to the whole crop instead of below."""
    largest_zoom: float = 3.0
    fill: tuple[float, float] = (0.55, 1.1)
    """Least scale, as a range to draw from: at 1 the picture just covers the crop."""
    turned: float = 0.25
    """Share of views turned by up to 30 degrees; the others turn by 2 degrees or so."""
    squeezed: float = 0.12
    """Share of views narrowed to as little as a third: plates and faces seen from the side."""
    bent: float = 0.06
    mosaic: float = 0.5
    drawn: float = 0.0
    """Share of plates in whose place a drawn one is put."""


def draw(
    example: Example,
    load: Load,
    size: tuple[int, int],
    rng: np.random.Generator,
    how: ViewSettings,
    bank: Bank | None = None,
) -> tuple[Picture, Labels]:
    """One view of `example`, `size` = (width, height); `bank` holds the drawn plates, where `how` wants any."""
    picture = load(example.image)
    matrix = choose(example, size, rng, how)
    crop = warp(picture, matrix, size, int(rng.integers(0, 256)) if rng.random() < 0.5 else 0)
    if bank and how.drawn:
        _redraw_plates(crop, example, matrix, rng, how.drawn, bank)
    boxes, kinds = turn(example.boxes, example.kinds, matrix), np.asarray(example.kinds, dtype=np.int64)
    ignored = turn(example.ignored, (PLATE,) * len(example.ignored), matrix)
    if rng.random() < how.bent:
        crop, boxes, ignored = bend(crop, boxes, ignored, rng.uniform(0.05, 0.35))
    return crop, cut(Labels(boxes, kinds, ignored, np.asarray(example.ignored_kinds, dtype=np.int64)), size)


def _redraw_plates(
    crop: Picture, example: Example, matrix: Matrix, rng: np.random.Generator, share: float, bank: Bank
) -> None:
    """Puts drawn plates in the place of some of the real ones."""
    zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    for box, kind in zip(example.boxes, example.kinds, strict=True):
        if kind == PLATE and rng.random() < share:
            x0, y0, x1, y1 = (float(v) for v in box)
            quad = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) @ matrix[:, :2].T + matrix[:, 2]
            if np.linalg.det(matrix[:, :2]) < 0:  # a mirrored view still shows plates that read from left to right
                quad = quad[[1, 0, 3, 2]]
            plate = bank.pick(max(0.3, (x1 - x0) / (y1 - y0)), rng)
            replace_plate(crop, quad, plate, rng, zoom)


def choose(example: Example, size: tuple[int, int], rng: np.random.Generator, how: ViewSettings) -> Matrix:
    """A random matrix from picture to crop pixels; the picture covers as much of the crop as its scale allows."""
    stretch = BY_NAME[example.source].stretch ** rng.uniform(0, 1) * np.exp(rng.normal(0, 0.08))
    if rng.random() < how.squeezed:
        stretch *= rng.uniform(0.35, 0.9)
    nobody = len(example.nobody) > 0 and rng.random() < how.nobody
    aimed = nobody or (len(example.boxes) > 0 and rng.random() < how.aim)
    if aimed:
        box, kind = (rng.choice(example.nobody), HEAD) if nobody else _aim(example, rng, how)
        large = rng.random() < how.large
        low, high = (how.middle, 0.95 * size[0]) if large else (how.narrowest, how.middle)
        if kind == PERSON:
            low, high = low * how.broad, high * how.broad
        scale = np.exp(rng.uniform(np.log(low), np.log(max(low + 1, high)))) / (box[2] - box[0]) / stretch
        centre = (box[:2] + box[2:]) / 2
    else:
        scale = np.exp(rng.uniform(np.log(0.6), np.log(2.5))) * max(size) / max(example.width, example.height)
        centre = np.array([rng.uniform(0, example.width), rng.uniform(0, example.height)])
    fill = max(size[0] / (example.width * stretch), size[1] / example.height)
    scale = min(max(scale, fill * rng.uniform(*how.fill)), how.largest_zoom)
    degrees = rng.uniform(-30, 30) if rng.random() < how.turned else rng.normal(0, 2)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([scale * stretch * mirror, scale])
    place = np.array(size) * rng.uniform(0.04, 0.96, 2) if aimed else np.array(size) / 2
    middle = place + linear @ (np.array([example.width, example.height]) / 2 - centre)
    half = np.array([example.width * stretch, example.height]) * scale / 2
    middle = np.clip(middle, np.minimum(half, size - half), np.maximum(half, size - half))
    return np.concatenate([linear, (middle - linear @ np.array([example.width, example.height]) / 2)[:, None]], axis=1)


def _aim(example: Example, rng: np.random.Generator, how: ViewSettings) -> tuple[npt.NDArray[np.float32], int]:
    """One of the picture's boxes and its kind: first a kind, then a box of it."""
    kinds = np.asarray(example.kinds, dtype=np.int64)
    present = np.unique(kinds)
    chances = np.asarray(how.chances)[present]
    kind = int(rng.choice(present, p=chances / chances.sum()))
    own = np.nonzero(kinds == kind)[0]
    if not example.views:
        return example.boxes[rng.choice(own)], kind
    wanted = np.array([how.hard if example.views[i] in HARD else 1.0 for i in own])
    return example.boxes[rng.choice(own, p=wanted / wanted.sum())], kind


def warp(picture: Picture, matrix: Matrix, size: tuple[int, int], around: int = 0) -> Picture:
    """The crop under `matrix`, shrunk by area first where a plain warp would alias; `around` fills the outside."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    halvings = int(np.floor(np.log2(max(1.0, 1 / max(scale, 1e-3)))))
    if halvings:
        shape = (max(1, picture.shape[1] >> halvings), max(1, picture.shape[0] >> halvings))
        whole = picture[: shape[1] << halvings, : shape[0] << halvings]
        picture = np.asarray(cv2.resize(whole, shape, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        matrix = np.concatenate([matrix[:, :2] * (1 << halvings), matrix[:, 2:]], axis=1)
    # OpenCV counts from pixel centres; our coordinates count from pixel edges.
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    crop = cv2.warpAffine(picture, shifted, size, flags=cv2.INTER_LINEAR, borderValue=(around, around, around))
    return np.asarray(crop, dtype=np.uint8)


def turn(boxes: Boxes, kinds: tuple[int, ...], matrix: Matrix) -> Boxes:
    """Upright boxes around the mapped ones: around a plate's rectangle, around a face's inscribed ellipse."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    linear = np.abs(matrix[:, :2])
    rectangle = half @ linear.T
    ellipse = np.sqrt(half**2 @ (linear**2).T)
    reach = np.where((np.asarray(kinds, dtype=np.int64) == PLATE)[:, None], rectangle, ellipse)
    return as_boxes(np.concatenate([centre - reach, centre + reach], axis=1))


def cut(labels: Labels, size: tuple[int, int]) -> Labels:
    """Labels cut to the crop: boxes mostly outside, or too small to see, become areas to ignore."""
    inside = clip(labels.boxes, *size)
    width, height = (inside[:, 2:] - inside[:, :2]).T
    visible = area(inside) / np.maximum(area(labels.boxes), 1e-6)
    present = visible > 0.05
    good = (visible >= 0.5) & (width >= 5) & (height >= 2.5)
    dropped = present & ~good
    areas = clip(labels.ignored, *size)
    real = area(areas) > 0
    return Labels(
        inside[good],
        labels.kinds[good],
        np.concatenate([areas[real], inside[dropped]]),
        np.concatenate([labels.ignored_kinds[real], labels.kinds[dropped]]),
    )


def bend(crop: Picture, boxes: Boxes, ignored: Boxes, strength: float) -> tuple[Picture, Boxes, Boxes]:
    """A wide-angle lens: straight lines bow. A point at radius r (half diagonals) is seen from r * (1 + k r^2)."""
    height, width = crop.shape[:2]
    centre = np.array([width, height]) / 2
    unit = float(np.hypot(*centre))
    squeeze = 1 + strength * 0.6
    grid = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    away = (grid - centre) / unit
    radius2 = (away**2).sum(-1, keepdims=True)
    seen = (centre + away * (1 + strength * radius2) / squeeze * unit - 0.5).astype(np.float32)
    bent = cv2.remap(crop, seen[..., 0], seen[..., 1], cv2.INTER_LINEAR)

    def moved(rows: Boxes) -> Boxes:
        x0, y0, x1, y1 = rows.T
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        rim = np.stack([(x0, middle_y), (x1, middle_y), (middle_x, y0), (middle_x, y1)]).transpose(2, 0, 1)
        target = (rim - centre) / unit * squeeze
        radius = np.linalg.norm(target, axis=-1, keepdims=True)
        solved = radius.copy()
        for _ in range(8):
            solved -= (solved * (1 + strength * solved**2) - radius) / (1 + 3 * strength * solved**2)
        points = centre + target * (solved / np.maximum(radius, 1e-9)) * unit
        return as_boxes(np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1))

    return np.asarray(bent, dtype=np.uint8), moved(boxes), moved(ignored)


def join(parts: list[tuple[Picture, Labels]], split: tuple[int, int], size: tuple[int, int]) -> tuple[Picture, Labels]:
    """A mosaic of four views that meet at `split`: top left, top right, bottom left, bottom right."""
    canvas = np.empty((size[1], size[0], 3), np.uint8)
    corners = [(0, 0), (split[0], 0), (0, split[1]), split]
    for (crop, _), (x, y) in zip(parts, corners, strict=True):
        canvas[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    shifts = [floats([x, y, x, y]) for x, y in corners]
    return canvas, Labels(
        np.concatenate([labels.boxes + s for (_, labels), s in zip(parts, shifts, strict=True)]),
        np.concatenate([labels.kinds for _, labels in parts]),
        np.concatenate([labels.ignored + s for (_, labels), s in zip(parts, shifts, strict=True)]),
        np.concatenate([labels.ignored_kinds for _, labels in parts]),
    )
