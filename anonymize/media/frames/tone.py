"""Tone mapping: PQ and HLG in BT.2020 become 8-bit BT.709.

White is 203 cd/m2 (ITU-R BT.2408); brighter values are compressed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from anonymize.media.protocols import Colour

PQ, HLG = 16, 18
"""ITU-T H.273's code points of the transfer functions."""
BT709 = Colour(1, 1, 1, 1)
_WHITE = 203.0
_RGB = 0
_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
"""Linear BT.2020 to linear BT.709 (ITU-R BT.2087)."""


def is_hdr(picture: av.VideoFrame) -> bool:
    """Whether `picture` is coded in PQ or HLG."""
    return picture.color_trc in (PQ, HLG)


def shown_as(picture: av.VideoFrame) -> Colour:
    """The colour tags of `picture` after conversion to 8-bit 4:2:0 in limited range for a stream."""
    if is_hdr(picture):
        return BT709
    matrix = 2 if picture.colorspace == _RGB else int(picture.colorspace)
    return Colour(int(picture.color_primaries), int(picture.color_trc), matrix, 1)


def mapped(picture: av.VideoFrame, columns: int, rows: int, scaler: VideoReformatter) -> av.VideoFrame:
    """An HDR `picture` as yuv420p in BT.709.

    Args:
        picture: in PQ or HLG.
        columns, rows: size of the result in pixels.
        scaler: kept by the caller between frames.
    """
    method = Interpolation.AREA if columns < picture.width else Interpolation.BICUBIC
    scaled = scaler.reformat(picture, columns, rows, "rgb48le", interpolation=method, threads=1)
    light = _linear(picture.color_trc)[np.asarray(scaled.to_ndarray(), np.uint16) >> 6]
    if picture.color_primaries not in (1, 2):
        light = np.asarray(cv2.transform(light, _TO_709), np.float32)
    codes = _coded()[np.clip(light * 4095 + 0.5, 0, 4095).astype(np.uint16)]
    made = av.VideoFrame.from_ndarray(np.ascontiguousarray(codes), "rgb24")
    return made.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)


@cache
def _linear(transfer: int) -> NDArray[np.float32]:
    """(1024,) float32: code values -> light on the screen, 1 being its brightest."""
    code = np.linspace(0, 1, 1024)
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        root = code ** (1 / m2)
        nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        nits = 1000 * scene**1.2
    light = nits / _WHITE
    return np.asarray(light * (1 + light / 16) / (1 + light), np.float32)


@cache
def _coded() -> NDArray[np.uint8]:
    """(4096,) uint8: light -> code value of BT.709, for a screen with a gamma of 2.2."""
    light: NDArray[Any] = np.linspace(0, 1, 4096)
    return np.asarray(light ** (1 / 2.2) * 255 + 0.5, np.uint8)
