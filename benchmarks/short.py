"""Four short clips that anyone can make, and that are not easy: what `.ci/run` holds the leak against.

The demonstration film, a crowd of small faces, the same in the dark, and a street full of small plates. All show one
portrait and drawn plates: they tell whether we got worse, not how good we are.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from anonymize.samples.camera import Shot, Still, film
from anonymize.samples.demo import make_demo
from anonymize.samples.encode import Picture
from anonymize.samples.figures import car, person, street, van
from anonymize.samples.plates import DESIGNS, render_plate
from anonymize.samples.scene import Actor, Scene, Sprite, SpritePlace, play
from benchmarks.clips import BUILD, Clip

SIZE, FRAMES = (1280, 720), 50
STILL = (1600, 900)
FACES = (11, 13, 15, 17, 19, 22, 25, 28, 32, 36, 42, 50, 60, 75)
"""Heights in pixels of the still, which the camera shows at .8 to 1.3 of its size."""
PLATES = (0.16, 0.19, 0.22, 0.26, 0.3, 0.36, 0.42, 0.5)
"""Magnifications of cars and vans."""
TALL = 128
"""Height of the portrait's face."""
DARK = 0.22


def short_clips(build: Path = BUILD) -> list[Clip]:
    """The four, made once."""
    folder = build / "short"
    folder.mkdir(parents=True, exist_ok=True)
    videos = [folder / f"{number:02d}.mp4" for number in range(4)]
    if not all(video.with_suffix(".jsonl").exists() for video in videos):
        make_demo(videos[0], seconds=4.0)
        film(videos[1], _crowd(1, 1.0), Shot(size=SIZE, frames=FRAMES, seed=1))
        film(videos[2], _crowd(2, DARK), Shot(size=SIZE, frames=FRAMES, seed=2))
        film(videos[3], _cars(3), Shot(size=SIZE, frames=FRAMES, seed=3))
    return [Clip(video, video.with_suffix(".jsonl")) for video in videos]


def _crowd(seed: int, light: float) -> Still:
    rng = np.random.default_rng(seed)
    people = [
        (_turned(person(hue=int(rng.integers(180)), mirrored=bool(rng.integers(2))), rng), height / TALL)
        for height in FACES
    ]
    return _still(people, rng, light)


def _cars(seed: int) -> Still:
    rng = np.random.default_rng(seed)
    found = []
    for number, scale in enumerate(PLATES):
        plate = render_plate(rng, design=DESIGNS[number % len(DESIGNS)], height=80, wear=0.3)
        colour = tuple(int(v) for v in rng.integers(40, 230, 3))
        found.append(((car if number % 2 else van)(plate, colour), scale))  # type: ignore[arg-type]
    return _still(found, rng, 1.0)


def _turned(sprite: Sprite, rng: np.random.Generator) -> Sprite:
    """The sprite in a light of its own, out of focus by a little."""
    lit = cv2.convertScaleAbs(sprite.picture, alpha=rng.uniform(0.5, 1.1))
    return Sprite(
        np.asarray(cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.5, 3.0)), np.uint8), sprite.alpha, sprite.targets
    )


def _still(sprites: list[tuple[Sprite, float]], rng: np.random.Generator, light: float) -> Still:
    """All of them side by side in a street, in two rows."""
    order = [sprites[i] for i in rng.permutation(len(sprites))]
    actors = []
    for number, (sprite, scale) in enumerate(order):
        column, row = number // 2, number % 2
        x = 60 + column * (STILL[0] - 120) / (len(order) / 2)
        y = (0.42 + 0.3 * row) * STILL[1] + float(rng.uniform(-30, 30))
        actors.append(Actor(sprite, partial(_stands, SpritePlace(x, y, scale))))
    scene = Scene(street(STILL), actors, margin=0)
    picture, truth = next(play(scene, 1, 25))
    subjects = [(subject.kind, subject.xyxy, subject.ignore) for subject in truth.subjects]
    dimmed: Picture = np.asarray(cv2.convertScaleAbs(picture, alpha=light), np.uint8)
    return Still(dimmed, subjects)


def _stands(place: SpritePlace, time: float) -> SpritePlace:
    del time
    return place
