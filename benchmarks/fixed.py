"""What a camera on a wall sees: a street that stands still, sensor noise, and now and then somebody who walks by."""

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
from anonymize.samples.scene import Actor, Place, Scene, play
from benchmarks.clips import BUILD, Clip

SIZE, RATE, SECONDS = (1920, 1080), 25, 20
NOISE = 2.0
"""Grey levels, standard deviation."""
WALKS = ((70, 0.5, 2.0, 700.0), (20, 0.3, 11.0, -700.0))
"""Hue, size, when and how fast (pixels a second) each one walks: somebody is there for 30% of the time."""


def fixed_clip(folder: Path = BUILD / "fixed") -> Clip:
    """20 seconds at 1080p, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / "00.mp4"
    if not video.with_suffix(".jsonl").exists():
        truth: list[FrameTruth] = []
        encode(video, _pictures(truth), SIZE, rate=RATE, crf=20)
        write_truth(video.with_suffix(".jsonl"), truth)
    return Clip(video, video.with_suffix(".jsonl"))


def _pictures(truth: list[FrameTruth]) -> Iterator[Picture]:
    actors = [Actor(person(hue=hue, mirrored=walk[2] < 0), partial(_way, *walk)) for hue, *walk in WALKS]
    rng = np.random.default_rng(1)
    noise: list[np.ndarray[Any, np.dtype[np.float32]]] = [
        rng.normal(0, NOISE, (SIZE[1], SIZE[0], 1)).astype(np.float32) for _ in range(16)
    ]
    for picture, frame in play(Scene(street(SIZE), actors, margin=0), SECONDS * RATE, RATE):
        truth.append(frame)
        grain = np.roll(noise[rng.integers(len(noise))], tuple(rng.integers(0, SIZE[1], 2)), axis=(0, 1))
        yield np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)


def _way(scale: float, begin: float, speed: float, time: float) -> Place | None:
    """From one side of the picture to the other, near people lower down."""
    wide, gone = 512 * scale, speed * (time - begin)
    x = -wide + gone if speed > 0 else SIZE[0] + gone
    if time < begin or not -wide <= x <= SIZE[0]:
        return None
    return Place(x, 420 + 560 * scale - BUST * scale - 14 * scale * abs(sin(5.2 * time)), scale)
