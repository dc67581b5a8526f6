"""Decoded pictures in one flat file, so that training spends no time on decoding."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from training.geometry import Picture
from training.labels import read_picture


class Cache:
    """Pictures by name, as read-only views of a memory-mapped file of uint8 BGR samples."""

    def __init__(self, folder: Path) -> None:
        self._places = json.loads((folder / "cache.json").read_text(encoding="utf-8"))
        self._samples = np.memmap(folder / "cache.bin", dtype=np.uint8, mode="r")

    def __contains__(self, image: str) -> bool:
        return image in self._places

    def __getitem__(self, image: str) -> Picture:
        """The picture, shape `(height, width, 3)`."""
        start, height, width = self._places[image]
        flat: Picture = self._samples[start : start + height * width * 3]
        return flat.reshape(height, width, 3)


def build_cache(data: Path, images: list[str], folder: Path) -> None:
    """Decodes `images` (paths relative to `data`) into `folder`, in place of what was there."""
    places: dict[str, tuple[int, int, int]] = {}
    start = 0
    with (folder / "cache.bin").open("wb") as samples, ThreadPoolExecutor() as pool:
        for some in (images[i : i + 128] for i in range(0, len(images), 128)):
            for image, picture in zip(some, pool.map(read_picture, [data / image for image in some]), strict=True):
                samples.write(picture.tobytes())
                places[image] = (start, picture.shape[0], picture.shape[1])
                start += picture.size
    (folder / "cache.json").write_text(json.dumps(places), encoding="utf-8")
