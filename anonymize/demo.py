"""The main job on a sample video that the toolkit makes, for someone who has just installed it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.errors import OutputError
from anonymize.inputs import Item, only_item
from anonymize.media import open_source
from anonymize.samples.demo import make_demo

SHOWN = 0.4
"""Which frame is compared, as a share of the clip."""


def prepare(folder: Path) -> Item:
    """Make the sample in `folder`; the job of anonymising it.

    Raises:
        OutputError: the folder cannot be written.
    """
    sample = folder / "street.mp4"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        make_demo(sample)
    except OSError as error:
        raise OutputError(f"{folder}: cannot write the sample: {error.strerror}") from error
    return only_item(str(sample), str(folder / "street-safe.mp4"))


def compare(item: Item) -> Path:
    """A PNG beside the output with one frame of the sample on the left and the same, anonymised, on the right."""
    path = item.target.with_name("before-after.png")
    pictures = [_frame(video) for video in (item.source, item.target) if video]
    cv2.imwrite(str(path), np.hstack(pictures))
    return path


def _frame(video: Path) -> NDArray[np.uint8]:
    with open_source(video) as source:
        wanted = int(SHOWN * (source.info.frame_count or 1))
        return next(
            frame.bgr(frame.width // 2, frame.height // 2) for frame in source.frames() if frame.index == wanted
        )
