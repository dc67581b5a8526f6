"""Cut-out figures that move over a background, and what of them can be seen on each frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind
from anonymize.evaluate.truth import FrameTruth, Subject, clipped
from anonymize.samples.encode import Picture

COVERED = 0.1
"""From this share on, a subject behind another figure is truth to ignore: whose detail is it?"""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A figure: picture (h, w, 3) BGR, alpha (h, w) uint8, and what there is to hide on it, in its own pixels."""

    picture: Picture
    alpha: NDArray[np.uint8]
    targets: tuple[tuple[Kind, Box], ...] = ()


@dataclass(frozen=True, slots=True)
class SpritePlace:
    """Where a sprite stands: its top left corner, in scene pixels, and its magnification."""

    x: float
    y: float
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Actor:
    """A sprite and its path: `way` maps seconds to a place, or to None while it is absent."""

    sprite: Sprite
    way: Callable[[float], SpritePlace | None]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A background (larger than the picture by `margin` pixels each way) and actors, the furthest first."""

    background: Picture
    actors: Sequence[Actor]
    margin: int = 16

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture."""
        return self.background.shape[1] - 2 * self.margin, self.background.shape[0] - 2 * self.margin


_LEAST = 0.01
"""Pixels of a side below which nothing of a subject is in the picture: truth is written with two decimals."""


def play(scene: Scene, frames: int, rate: int) -> Iterator[tuple[Picture, FrameTruth]]:
    """Render the frames, seen by a camera in an unsteady hand, each with its truth."""
    for index in range(frames):
        yield _frame(scene, index, index / rate)


def _frame(scene: Scene, index: int, time: float) -> tuple[Picture, FrameTruth]:
    drift = _drift(time, scene.margin)
    shift = np.array([[1, 0, drift[0] - scene.margin], [0, 1, drift[1] - scene.margin]])
    picture = np.asarray(cv2.warpAffine(scene.background, shift, scene.size, flags=cv2.INTER_LINEAR), np.uint8)
    owner = np.full(picture.shape[:2], -1, np.int16)
    seen: list[tuple[int, Kind, Box]] = []
    for number, actor in enumerate(scene.actors):
        place = actor.way(time)
        if place is None:
            continue
        place = SpritePlace(place.x + drift[0], place.y + drift[1], place.scale)
        _paste(picture, owner, number, actor.sprite, place)
        seen.extend((number, kind, _moved(box, place)) for kind, box in actor.sprite.targets)
    found = (_subject(owner, *item) for item in seen)
    return picture, FrameTruth(index, time, scene.size, tuple(s for s in found if s is not None))


def _drift(time: float, margin: int) -> tuple[float, float]:
    """How far the hand has moved the picture, at most `margin` pixels each way."""
    return (
        margin * (0.6 * sin(1.1 * time) + 0.3 * sin(2.7 * time)),
        margin * (0.5 * sin(0.9 * time + 1) + 0.3 * sin(3.1 * time)),
    )


def _paste(picture: Picture, owner: NDArray[np.int16], number: int, sprite: Sprite, place: SpritePlace) -> None:
    """Draw a sprite into `picture`, and its number into `owner` where it is opaque."""
    height, width = sprite.alpha.shape
    x0, y0 = max(0, int(place.x)), max(0, int(place.y))
    x1 = min(picture.shape[1], ceil(place.x + width * place.scale))
    y1 = min(picture.shape[0], ceil(place.y + height * place.scale))
    if x0 >= x1 or y0 >= y1:
        return
    centre = 0.5 * place.scale - 0.5
    pose = np.array([[place.scale, 0, place.x - x0 + centre], [0, place.scale, place.y - y0 + centre]])
    how = cv2.INTER_AREA if place.scale < 1 else cv2.INTER_LINEAR
    size = (x1 - x0, y1 - y0)
    figure = cv2.warpAffine(sprite.picture, pose, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(sprite.alpha, pose, size, flags=how)
    share = (alpha.astype(np.float32) / 255)[..., None]
    below = picture[y0:y1, x0:x1]
    picture[y0:y1, x0:x1] = np.rint(below + share * (figure.astype(np.float32) - below)).astype(np.uint8)
    owner[y0:y1, x0:x1][alpha > 127] = number


def _moved(box: Box, place: SpritePlace) -> Box:
    x0, y0, x1, y1 = (v * place.scale for v in box)
    return (x0 + place.x, y0 + place.y, x1 + place.x, y1 + place.y)


def _subject(owner: NDArray[np.int16], number: int, kind: Kind, box: Box) -> Subject | None:
    """Make the truth of one target, less what later actors cover; None when nothing of it can be seen."""
    height, width = owner.shape
    subject = clipped(number, kind, box, (width, height))
    if subject is None:
        return None
    x0, y0, x1, y1 = (round(v) for v in subject.xyxy)
    area = owner[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    covered = float((area > number).mean()) if area.size else 1.0
    if covered >= 1 or min(subject.xyxy[2] - subject.xyxy[0], subject.xyxy[3] - subject.xyxy[1]) < _LEAST:
        return None
    visible = subject.visible * (1 - covered)
    return Subject(number, kind, subject.xyxy, subject.height, visible, ignore=covered > COVERED)
