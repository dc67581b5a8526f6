"""What the demonstration film is made of: a person cut out of a photograph, drawn vehicles, a drawn street.

The photograph is scikit-image's ``astronaut`` (Eileen Collins, NASA, public domain); the textures are its ``brick``,
``gravel`` and ``grass``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonymize.data import Box, Kind
from anonymize.samples.encode import Picture
from anonymize.samples.plates import Plate
from anonymize.samples.scene import Sprite

Colour = tuple[int, int, int]
"""BGR."""

BUST = 345
"""Rows of the photograph that are used: head and chest."""
FACE: Box = (180.0, 62.0, 274.0, 190.0)
"""Her face in the photograph: hairline to chin, ear to ear."""
CHIN = 190


def photograph(name: str) -> Picture:
    """Load one of scikit-image's pictures as (height, width, 3) BGR."""
    with files("skimage").joinpath("data", name).open("rb") as file:
        return np.ascontiguousarray(np.asarray(Image.open(file).convert("RGB"), np.uint8)[..., ::-1])


def person(*, hue: int = 0, mirrored: bool = False) -> Sprite:
    """Cut the astronaut out, head and chest, her suit turned by `hue` (OpenCV's degrees, 0-179)."""
    picture, alpha = photograph("astronaut.png")[:BUST], _outline()[:BUST]
    if hue:
        picture = _dyed(picture, hue)
    x0, y0, x1, y1 = FACE
    if mirrored:
        width = picture.shape[1]
        picture, alpha = np.ascontiguousarray(picture[:, ::-1]), np.ascontiguousarray(alpha[:, ::-1])
        x0, x1 = width - x1, width - x0
    return Sprite(picture, alpha, ((Kind.FACE, (x0, y0, x1, y1)),))


def car(plate: Plate, colour: Colour) -> Sprite:
    """Draw a car from the front, 560 x 420 pixels, with `plate` on its bumper."""
    picture, alpha = np.zeros((420, 560, 3), np.uint8), np.zeros((420, 560), np.uint8)
    dark = tuple(v // 2 for v in colour)
    for polygon, paint in (
        ([(60, 400), (60, 330), (150, 330), (150, 400)], (28, 28, 28)),
        ([(410, 400), (410, 330), (500, 330), (500, 400)], (28, 28, 28)),
        ([(130, 40), (170, 18), (390, 18), (430, 40), (480, 170), (80, 170)], dark),
        ([(40, 200), (75, 165), (485, 165), (520, 200), (530, 330), (505, 370), (55, 370), (30, 330)], colour),
        ([(148, 46), (178, 32), (382, 32), (412, 46), (446, 158), (114, 158)], (96, 84, 70)),
        ([(170, 60), (250, 36), (200, 156), (130, 156)], (128, 116, 102)),
        ([(150, 250), (410, 250), (395, 285), (165, 285)], (32, 32, 32)),
        ([(40, 318), (520, 318), (505, 370), (55, 370)], dark),
    ):
        _fill(picture, alpha, polygon, paint)
    for x in (95, 465):
        cv2.ellipse(picture, (x, 232), (42, 24), 0, 0, 360, (225, 235, 235), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, 232), 15, (250, 252, 252), -1, cv2.LINE_AA)
    for y in (258, 267, 276):
        cv2.line(picture, (160, y), (400, y), (90, 90, 90), 2, cv2.LINE_AA)
    box = _mount(picture, plate, centre=(280, 331), height=40)
    return Sprite(_shaded(picture), alpha, ((Kind.PLATE, box),))


def van(plate: Plate, colour: Colour) -> Sprite:
    """Draw a van from behind, 460 x 520 pixels, with `plate` on its door."""
    picture, alpha = np.zeros((520, 460, 3), np.uint8), np.zeros((520, 460), np.uint8)
    dark = tuple(v * 2 // 3 for v in colour)
    for polygon, paint in (
        ([(55, 510), (55, 440), (125, 440), (125, 510)], (28, 28, 28)),
        ([(335, 510), (335, 440), (405, 440), (405, 510)], (28, 28, 28)),
        ([(50, 30), (80, 12), (380, 12), (410, 30), (430, 470), (30, 470)], colour),
        ([(75, 60), (220, 60), (220, 200), (70, 200)], (80, 70, 60)),
        ([(240, 60), (385, 60), (390, 200), (240, 200)], (80, 70, 60)),
        ([(30, 440), (430, 440), (425, 475), (35, 475)], (50, 50, 50)),
        ([(35, 300), (62, 300), (62, 400), (32, 400)], (40, 40, 190)),
        ([(398, 300), (425, 300), (428, 400), (398, 400)], (40, 40, 190)),
    ):
        _fill(picture, alpha, polygon, paint)
    cv2.line(picture, (230, 20), (230, 440), dark, 3, cv2.LINE_AA)
    cv2.rectangle(picture, (242, 270), (268, 280), (30, 30, 30), -1)
    box = _mount(picture, plate, centre=(230, 370), height=74)
    return Sprite(_shaded(picture), alpha, ((Kind.PLATE, box),))


def street(size: tuple[int, int]) -> Picture:
    """Draw a street, (width, height): sky, a brick front with windows and a shop sign, pavement and road."""
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    wall, pavement, road = round(0.06 * height), round(0.50 * height), round(0.66 * height)
    picture[:wall] = np.linspace((235, 200, 160), (235, 225, 210), wall)[:, None]
    picture[wall:pavement] = _tiled("brick.png", (width, pavement - wall), (88, 112, 158), 0.5, side=210)
    picture[pavement:road] = _tiled("gravel.png", (width, road - pavement), (165, 170, 172), 0.15, side=160)
    picture[road:] = _tiled("gravel.png", (width, height - road), (92, 90, 90), 0.25, side=130)
    picture[road : road + 8] = (150, 152, 155)
    for x in range(0, width, 150):
        cv2.rectangle(picture, (x, round(0.84 * height)), (x + 80, round(0.84 * height) + 8), (205, 208, 208), -1)
    for x in range(60, width - 120, 190):
        _window(picture, (x, round(0.12 * height)), (110, 150))
    sign = (round(0.36 * width), round(0.38 * height))
    cv2.rectangle(picture, sign, (sign[0] + 352, sign[1] + 52), (70, 40, 30), -1)
    below = (sign[0] + 18, sign[1] + 37)
    cv2.putText(picture, "BAKERY  since 1924", below, cv2.FONT_HERSHEY_DUPLEX, 0.95, (210, 225, 235), 2)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)


def hedge(size: tuple[int, int]) -> Sprite:
    """Draw a hedge, (width, height), that hides what walks behind it."""
    picture = _tiled("grass.png", size, (52, 96, 62), 1.1, side=230)
    alpha = np.full((size[1], size[0]), 255, np.uint8)
    ragged = np.abs(np.convolve(np.random.default_rng(7).normal(0, 7, size[0] + 8), np.ones(9) / 5, mode="valid"))
    alpha[np.arange(size[1])[:, None] < ragged[None, :]] = 0
    return Sprite(picture, alpha)


@cache
def _outline() -> NDArray[np.uint8]:
    """Cut her out of the studio: head and collar by graph cut from a drawn mask, the suit by its known outline."""
    picture = photograph("astronaut.png")
    guess = np.full(picture.shape[:2], cv2.GC_BGD, np.uint8)
    cv2.ellipse(guess, (228, 108), (84, 104), 0, 0, 360, (cv2.GC_PR_FGD,), -1)
    cv2.ellipse(guess, (225, 112), (42, 62), 0, 0, 360, (cv2.GC_FGD,), -1)
    guess[CHIN:] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cut, _, _ = cv2.grabCut(picture, guess, (0, 0, 1, 1), *models, 4, cv2.GC_INIT_WITH_MASK)
    alpha = np.where((cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    suit = [(110, 225), (300, 232), (340, 262), (357, 300), (362, BUST + 1), (22, BUST + 1), (42, 300), (58, 258)]
    cv2.fillPoly(alpha, [np.array(suit)], (255,))
    cv2.ellipse(alpha, (209, 223), (101, 63), 25, 0, 360, (255,), -1)
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.0), np.uint8)


def _dyed(picture: Picture, hue: int) -> Picture:
    """Turn the colour of the suit, which is the only strongly coloured thing below the chin."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    suit = (hsv[..., 1] > 110) & (np.arange(picture.shape[0])[:, None] > CHIN)
    hsv[..., 0] = np.where(suit, (hsv[..., 0].astype(np.int16) + hue) % 180, hsv[..., 0])
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)


def _fill(picture: Picture, alpha: NDArray[np.uint8], polygon: list[tuple[int, int]], paint: tuple[int, ...]) -> None:
    corners = [np.array(polygon, np.int32)]
    cv2.fillPoly(picture, corners, paint, cv2.LINE_AA)
    cv2.fillPoly(alpha, corners, (255,), cv2.LINE_AA)


def _mount(picture: Picture, plate: Plate, *, centre: tuple[int, int], height: int) -> Box:
    """Mount a plate on a vehicle and return its box."""
    width = round(height * plate.picture.shape[1] / plate.picture.shape[0])
    x, y = centre[0] - width // 2, centre[1] - height // 2
    picture[y : y + height, x : x + width] = cv2.resize(plate.picture, (width, height), interpolation=cv2.INTER_AREA)
    return (float(x), float(y), float(x + width), float(y + height))


def _shaded(picture: Picture) -> Picture:
    """Light a drawing from above, with a little grain."""
    light = np.linspace(1.12, 0.82, picture.shape[0])[:, None, None]
    grain = np.random.default_rng(3).normal(0, 3, picture.shape)
    return np.asarray(np.clip(picture * light + grain, 0, 255), np.uint8)


def _tiled(name: str, size: tuple[int, int], tint: Colour, contrast: float, *, side: int) -> Picture:
    """Cover (width, height) with a grey texture, turned on its side, coloured, in squares of `side` pixels."""
    grey = photograph(name)[..., 0].T.astype(np.float32)
    grey = cv2.resize((grey - grey.mean()) * contrast, (side, side), interpolation=cv2.INTER_AREA)
    square = np.block([[grey, grey[:, ::-1]], [grey[::-1], grey[::-1, ::-1]]])
    repeats = (-(-size[1] // (2 * side)), -(-size[0] // (2 * side)))
    cover = np.tile(square, repeats)[: size[1], : size[0], None]
    return np.asarray(np.clip(np.array(tint, np.float32) + cover, 0, 255), np.uint8)


def _window(picture: Picture, corner: tuple[int, int], size: tuple[int, int]) -> None:
    (x, y), (w, h) = corner, size
    cv2.rectangle(picture, (x - 8, y - 8), (x + w + 8, y + h + 10), (205, 210, 212), -1)
    cv2.rectangle(picture, (x, y), (x + w, y + h), (74, 66, 58), -1)
    cv2.fillPoly(picture, [np.array([(x, y + h), (x, y + h // 2), (x + w // 2, y), (x + w, y)])], (98, 90, 82))
    cv2.line(picture, (x + w // 2, y), (x + w // 2, y + h), (205, 210, 212), 6)
