"""A virtual camera over an annotated still: a clip whose every frame's boxes are known exactly.

The camera pans, zooms and tilts smoothly. Each clip has a burst of motion blur, a dip in brightness and sensor noise,
at places drawn from the seed. The same still, subjects and `Shot` give the same pictures and truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind
from anonymize.evaluate.truth import FrameTruth, Subject, clipped, write_truth
from anonymize.samples.encode import Picture, encode

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Still:
    """What the camera films: a BGR picture and (kind, box in its pixels, ignore) for every subject on it."""

    picture: Picture
    subjects: Sequence[tuple[Kind, Box, bool]] = ()


@dataclass(frozen=True, slots=True)
class Shot:
    """How the camera moves, and the disturbances on the way.

    Args:
        size: (width, height) of the clip in pixels, both even.
        frames: length.
        rate: frames a second.
        zoom: smallest and largest magnification; 1 shows the whole still, less a margin for the tilt.
        tilt: largest turn to either side, degrees.
        burst: length in frames of the motion blur, and of the dip in brightness; 0 for neither.
        smear: length of the motion blur as a share of the clip's height.
        dim: brightness during the dip, as a share.
        noise: standard deviation of the sensor noise, in 8-bit steps.
        crf: x264's constant rate factor.
        seed: chooses the path, and when blur and dip happen.
    """

    size: tuple[int, int] = (1280, 720)
    frames: int = 60
    rate: int = 25
    zoom: tuple[float, float] = (1.0, 1.6)
    tilt: float = 3.0
    burst: int = 5
    smear: float = 0.016
    dim: float = 0.35
    noise: float = 2.0
    crf: int = 20
    seed: int = 0


def film(path: Path, still: Still, shot: Shot | None = None) -> Path:
    """Write the clip to `path` and its truth beside it, with the suffix ``.jsonl``; return the truth's path."""
    shot = shot or Shot()
    encode(path, pictures(still.picture, shot), shot.size, rate=shot.rate, crf=shot.crf)
    return write_truth(path.with_suffix(".jsonl"), truth(still, shot))


def poses(still_size: tuple[int, int], shot: Shot) -> FloatArray:
    """Where the camera is on each frame, as (frames, 2, 3) affine maps from still pixels to clip pixels.

    `still_size` is (width, height). The tilted view never leaves the still.
    """
    rng = np.random.default_rng(shot.seed)
    t = np.linspace(0.0, 1.0, shot.frames)
    low, high = shot.zoom
    phase = rng.choice([0.0, 0.5]) if low < high else 0.0
    zoom = low + (high - low) * (0.5 - 0.5 * np.cos(2 * np.pi * (phase + t * rng.choice([0.5, 1.0]))))
    angle = np.radians(shot.tilt) * np.sin(2 * np.pi * (rng.random() + t))
    start, end = rng.uniform(-0.7, 0.7, 2), rng.uniform(-0.7, 0.7, 2)
    ease = 0.5 - 0.5 * np.cos(np.pi * t)
    pan = start + (end - start) * ease[:, None]

    still, size = np.array(still_size, float), np.array(shot.size, float)
    cos, sin = np.cos(np.radians(shot.tilt)), np.sin(np.radians(shot.tilt))
    view = np.array([size[0] * cos + size[1] * sin, size[0] * sin + size[1] * cos])
    scale = zoom * (view / still).max()
    slack = np.maximum(still - view / scale[:, None], 0.0) / 2
    centre = still / 2 + pan * slack

    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=-1).reshape(-1, 2, 2)
    linear = scale[:, None, None] * turn
    shift = size / 2 - np.einsum("fij,fj->fi", linear, centre)
    return np.concatenate([linear, shift[:, :, None]], axis=2)


def pictures(still: Picture, shot: Shot) -> Iterator[Picture]:
    """Render the clip's frames, each (height, width, 3) BGR."""
    rng = np.random.default_rng([shot.seed, 1])
    blur_at, dim_at = _bursts(shot, rng)
    smear = _smear_kernel(max(3, round(shot.smear * shot.size[1])), rng.uniform(0, 180))
    grain = _grain(shot, rng)
    for index, pose in enumerate(poses((still.shape[1], still.shape[0]), shot)):
        picture = cv2.warpAffine(
            still, _between_centres(pose), shot.size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        if index in blur_at:
            picture = cv2.filter2D(picture, -1, smear)
        if index in dim_at:
            picture = cv2.convertScaleAbs(picture, alpha=shot.dim)
        yield _with_grain(np.asarray(picture, np.uint8), grain, rng)


def truth(still: Still, shot: Shot) -> Iterator[FrameTruth]:
    """Say where every subject is on every frame, in order."""
    size = (still.picture.shape[1], still.picture.shape[0])
    for index, pose in enumerate(poses(size, shot)):
        found = (
            clipped(number, kind, project(box, pose, kind), shot.size, ignore=ignore)
            for number, (kind, box, ignore) in enumerate(still.subjects)
        )
        subjects: tuple[Subject, ...] = tuple(s for s in found if s is not None)
        yield FrameTruth(index, index / shot.rate, shot.size, subjects)


def project(box: Box, pose: FloatArray, kind: Kind) -> Box:
    """Map a box of the still through `pose`; the result bounds a face's turned ellipse, or else the turned box."""
    half = np.array([(box[2] - box[0]) / 2, (box[3] - box[1]) / 2])
    centre = pose[:, :2] @ np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]) + pose[:, 2]
    reach = np.abs(pose[:, :2]) * half
    extent = np.hypot(reach[:, 0], reach[:, 1]) if kind is Kind.FACE else reach.sum(axis=1)
    return (
        float(centre[0] - extent[0]),
        float(centre[1] - extent[1]),
        float(centre[0] + extent[0]),
        float(centre[1] + extent[1]),
    )


def _between_centres(pose: FloatArray) -> FloatArray:
    """Turn a map between pixel edges (ours) into one between pixel centres (OpenCV's)."""
    return np.column_stack([pose[:, :2], pose[:, 2] + pose[:, :2] @ np.array([0.5, 0.5]) - 0.5])


def _bursts(shot: Shot, rng: np.random.Generator) -> tuple[range, range]:
    """When the blur and the dip happen: one in each half of the clip, in either order."""
    half = shot.frames // 2
    starts = [int(rng.integers(0, max(1, half - shot.burst))), half + int(rng.integers(0, max(1, half - shot.burst)))]
    rng.shuffle(starts)
    first, second = (range(start, start + shot.burst) for start in starts)
    return first, second


def _smear_kernel(length: int, degrees: float) -> NDArray[np.float32]:
    """Make a line of `length` pixels through the centre of a (length, length) kernel that sums to 1."""
    centre = (length - 1) / 2
    reach = centre * np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    kernel = np.zeros((length, length), np.float32)
    for x, y in np.linspace(centre - reach, centre + reach, 4 * length):
        kernel[round(float(y)), round(float(x))] += 1
    return np.asarray(kernel / kernel.sum(), np.float32)


def _grain(shot: Shot, rng: np.random.Generator) -> NDArray[np.int16]:
    """Draw noise for one frame and 64 pixels more each way; each frame cuts its own window out of it."""
    field = rng.standard_normal((shot.size[1] + 64, shot.size[0] + 64, 3), dtype=np.float32)
    return np.asarray(np.rint(field * shot.noise), np.int16)


def _with_grain(picture: Picture, grain: NDArray[np.int16], rng: np.random.Generator) -> Picture:
    y, x = rng.integers(0, 65, 2)
    noisy = picture + grain[y : y + picture.shape[0], x : x + picture.shape[1]]
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)
