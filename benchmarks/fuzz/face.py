"""The planted face, and whether a file shows it: by correlation with its pixels, without any detector of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pillow_heif
import skimage
from numpy.typing import NDArray
from PIL import Image, ImageSequence

Picture = NDArray[np.uint8]
Grey = NDArray[np.float32]

SIZE = (256, 192)
"""Width and height of every source."""
SIDE = 120
"""Width and height of the portrait in it."""
PLACE = np.s_[32:84, 42:82]
"""Eyes, nose and mouth within the portrait."""
SHOWN = 0.55
"""Correlation from which the face, or a half of it, shows. What covers it, and ground, reach 0.46 (their edges); good
sources 0.92 and more, and one with half of the face hidden 0.58."""
_FINE = 3.0
"""Pixels (sigma) beyond which detail is not looked at: else a dark ellipse is like any face."""


def portrait() -> Picture:
    """A face that may be shown: NASA's portrait of Eileen Collins, (120, 120, 3) RGB."""
    with Image.open(Path(skimage.__file__).with_name("data") / "astronaut.png") as picture:
        whole = np.asarray(picture.convert("RGB"))
    return np.asarray(cv2.resize(whole[:256, 96:352], (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def pictures(count: int) -> list[Picture]:
    """A face that drifts over grainy ground; (192, 256, 3) RGB each."""
    grain = np.random.default_rng(7).integers(90, 130, (SIZE[1], SIZE[0], 3), np.uint8)
    made = []
    for index in range(count):
        picture = grain.copy()
        x, y = 40 + 4 * index, 60 + index
        picture[y : y + SIDE, x : x + SIDE] = portrait()
        made.append(picture)
    return made


def shows(path: Path) -> float:
    """How much the pictures in `path` show of the face: the highest correlation, turned, mirrored or negative as well.

    Args:
        path: a picture or video; whatever can be decoded of it counts.

    Returns:
        0 to 1; from `SHOWN` on somebody could know her.
    """
    return max((_shown(picture) for picture in _decoded(path)), default=0.0)


def count(path: Path) -> int:
    """How many pictures can be decoded of a video."""
    return sum(1 for _ in _decoded(path))


def _shown(grey: NDArray[Any]) -> float:
    detail, best = _detail(grey.astype(np.float32)), 0.0
    for shape, templates in _templates().items():
        if shape[0] > detail.shape[0] or shape[1] > detail.shape[1]:
            continue
        # Where the picture is even the correlation is a quotient of roundings.
        lively = _deviation(detail, shape) > 2
        if lively.any():
            found = (cv2.matchTemplate(detail, wanted, cv2.TM_CCOEFF_NORMED)[lively] for wanted in templates)
            best = max(best, *(float(np.abs(one).max()) for one in found))
    return best


def _detail(grey: Grey) -> Grey:
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), _FINE), np.float32)


def _deviation(picture: Grey, shape: tuple[int, int]) -> Grey:
    """The standard deviation of every part of `picture` that is of that shape, as `matchTemplate` lays them."""
    height, width = shape
    total, squares = cv2.integral2(picture.astype(np.float64))

    def sums(table: NDArray[Any]) -> NDArray[Any]:
        part = table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
        return np.asarray(part / (height * width))

    return np.asarray(np.sqrt(np.maximum(sums(squares) - sums(total) ** 2, 0)), np.float32)


@cache
def _templates() -> dict[tuple[int, int], list[Grey]]:
    """The face and its halves, in the eight ways that a picture can lie, by their shapes."""
    face = _detail(cv2.cvtColor(portrait(), cv2.COLOR_RGB2GRAY).astype(np.float32))[PLACE]
    height, width = face.shape
    found: dict[tuple[int, int], list[Grey]] = {}
    for part in (face, face[: height // 2], face[height // 2 :], face[:, : width // 2], face[:, width // 2 :]):
        for side in (part, part[:, ::-1]):
            for turns in range(4):
                lying = np.ascontiguousarray(np.rot90(side, turns))
                found.setdefault((lying.shape[0], lying.shape[1]), []).append(lying)
    return found


def _decoded(path: Path) -> Iterator[NDArray[Any]]:
    """Every picture that PyAV or Pillow finds in `path`, grey; of transparent ones the colours and the transparency."""
    pillow_heif.register_heif_opener()
    with suppress(OSError, SyntaxError, ValueError, EOFError):  # no picture, or no whole one: FFmpeg may see more
        with Image.open(path) as still:
            for frame in ImageSequence.Iterator(still):
                yield np.asarray(frame.convert("RGB").convert("L"))
                if "A" in frame.getbands() or "transparency" in frame.info:
                    yield np.asarray(frame.convert("RGBA").getchannel("A"))
        return
    try:
        with av.open(str(path)) as container:
            for packet in container.demux([s for s in container.streams if s.type == "video"]):
                yield from _frames(packet)
    except av.error.FFmpegError:
        return


def _frames(packet: Any) -> Iterator[NDArray[Any]]:
    try:
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame):
                yield frame.to_ndarray(format="gray")
    except (av.error.FFmpegError, ValueError):
        return
