"""What a camera on a wall sees: a street that stands still, sensor noise, and now and then people who walk by.

Real people in a photographed street where the development data is; without it, one portrait in a drawn one. Beside it,
a real recording of people who enter a hall one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import sin
from pathlib import Path
from typing import Any

import numpy as np

from anonymize.evaluate.truth import FrameTruth, write_truth
from anonymize.samples.encode import Picture, encode
from anonymize.samples.figures import BUST, person, street
from anonymize.samples.scene import Actor, Scene, SpritePlace, play
from benchmarks.clips import BUILD, DATA, Clip
from benchmarks.street import labelled, labelled_clips, photographed, scene, walking

SIZE, RATE, SECONDS = (1920, 1080), 25, 20
NOISE = 2.0
"""Grey levels, standard deviation."""
WALKS = ((70, 0.5, 2.0, 700.0), (20, 0.3, 11.0, -700.0))
"""Of the portrait: hue, size, when and how fast (pixels a second) each one walks."""
GROUPS = ((1.0, 1), (8.0, -1), (14.5, 1))
"""When four people walk by, and which way: somebody is there for more than half of the time."""
FACES = (24.0, 34.0, 48.0, 70.0)
"""Heights of their faces, pixels."""
STREET = 7
"""Which of the streets: one by day, with parked cars."""
REAL = "people_onebyone.mp4"


def fixed_clips(data: Path = DATA, build: Path = BUILD) -> list[Clip]:
    """20 seconds at 1080p, made once, and a real clip where there is one."""
    there = (data / "people" / "annotations.jsonl").exists()
    video = build / ("fixed" if there else "fixed-drawn") / "00.mp4"
    video.parent.mkdir(parents=True, exist_ok=True)
    if not video.with_suffix(".jsonl").exists():
        truth: list[FrameTruth] = []
        encode(video, _pictures(_filmed(data) if there else _drawn(), truth), SIZE, rate=RATE, crf=20)
        write_truth(video.with_suffix(".jsonl"), truth)
    made = Clip(video, video.with_suffix(".jsonl"))
    return [made, labelled(data, REAL, build)] if REAL in labelled_clips(data) else [made]


def _filmed(data: Path) -> Scene:
    """Twelve different people in three groups."""
    walks = [
        (face, begin + 0.25 * number, side * (620.0 + 40 * number))
        for begin, side in GROUPS
        for number, face in enumerate(FACES)
    ]
    return scene(data, SIZE, walking(photographed(data, len(walks)), SIZE, walks), margin=0, seed=STREET)


def _drawn() -> Scene:
    actors = [Actor(person(hue=hue, mirrored=walk[2] < 0), partial(_way, *walk)) for hue, *walk in WALKS]
    return Scene(street(SIZE), actors, margin=0)


def _pictures(scene: Scene, truth: list[FrameTruth]) -> Iterator[Picture]:
    rng = np.random.default_rng(1)
    noise: list[np.ndarray[Any, np.dtype[np.float32]]] = [
        rng.normal(0, NOISE, (SIZE[1], SIZE[0], 1)).astype(np.float32) for _ in range(16)
    ]
    for picture, frame in play(scene, round(SECONDS * RATE), RATE):
        truth.append(frame)
        grain = np.roll(noise[rng.integers(len(noise))], tuple(rng.integers(0, SIZE[1], 2)), axis=(0, 1))
        yield np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)


def _way(scale: float, begin: float, speed: float, time: float) -> SpritePlace | None:
    """From one side of the picture to the other, near people lower down."""
    wide, gone = 512 * scale, speed * (time - begin)
    x = -wide + gone if speed > 0 else SIZE[0] + gone
    if time < begin or not -wide <= x <= SIZE[0]:
        return None
    return SpritePlace(x, 420 + 560 * scale - BUST * scale - 14 * scale * abs(sin(5.2 * time)), scale)
