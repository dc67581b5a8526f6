"""A frame of a still image or an animation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonymize.aspect import upright
from anonymize.data import SQUARE, Detections, Frame, Plane, Reading
from anonymize.media.frames.orient import Orientation

Pixels = NDArray[Any]
"""(rows, columns, channels) uint8 or uint16, upright."""

CHANNELS: Mapping[str, int] = MappingProxyType({"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "YCbCr": 3, "CMYK": 4})
"""Kinds of channels -> their number. YCbCr is JPEG's own: full range, at full resolution."""
BAND = 256
"""Rows converted at a time, so that temporary arrays stay small."""


@dataclass(frozen=True, slots=True, eq=False)
class StillFrame:
    """An `anonymize.data.Frame` on the pixels of an image. Read-only unless made by `writable`.

    Alpha is one of the planes, and its black is opaque: redaction leaves no outline of hair in it.

    Args:
        index: position in the animation, from 0.
        pts: presentation timestamp in units of `time_base`.
        time_base: seconds per unit.
        duration: in seconds, as stored in the file; 0 if not stored.
        pixels: (rows, columns, channels), upright.
        channels: one of `CHANNELS`.
        aspects: see `anonymize.data.Frame.aspects`.
        turns: other orientations in which viewers may show it.
    """

    index: int
    pts: int
    time_base: Fraction
    duration: Fraction
    pixels: Pixels
    channels: str
    aspects: tuple[Fraction, ...] = (SQUARE,)
    turns: tuple[Orientation, ...] = ()

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def depth(self) -> int:
        """Bits per sample."""
        return int(self.pixels.dtype.itemsize) * 8

    @property
    def planes(self) -> tuple[Plane, ...]:
        """A plane for each channel, alpha included."""
        blacks = black(self.channels, self.depth)
        return tuple(Plane(self.pixels[..., i], blacks[i]) for i in range(self.pixels.shape[2]))

    def bgr(self, width: int, height: int) -> NDArray[np.uint8]:
        """The image scaled to (`height`, `width`, 3) uint8 BGR, composited onto a contrasting background."""
        scaled = self._scaled(width, height)
        mine = scaled.shape[2] == 3 and not np.may_share_memory(scaled, self.pixels)
        colour = _to_bgr(scaled, self.channels, scaled if mine else None)
        if self.channels not in ("LA", "RGBA"):
            return colour
        return _on_ground(colour, scaled[..., -1], _ground(colour, scaled[..., -1]))

    def luma(self, width: int, height: int) -> NDArray[np.uint8]:
        """The image scaled to (`height`, `width`) uint8 grey."""
        return np.asarray(cv2.cvtColor(self.bgr(width, height), cv2.COLOR_BGR2GRAY), np.uint8)

    def readings(self) -> tuple[Reading, ...]:
        """The other ways in which a viewer may show this image: turned, on another background, without alpha.

        Detection runs on all of them, since any of them may be what somebody sees.
        """
        flat = [Reading(replace(self, pixels=pixels, channels=kind), _as_found) for pixels, kind in self._flat()]
        own = Reading(self, _as_found)
        turned = [_turned(reading.frame, turn) for reading in (own, *flat) for turn in self.turns]
        return (*flat, *turned)

    def _flat(self) -> Iterator[tuple[Pixels, str]]:
        """The image without alpha, in the ways other than `bgr`: pixels and channels."""
        if self.channels not in ("LA", "RGBA"):
            return
        alpha = self.pixels[..., -1]
        full = np.iinfo(alpha.dtype).max
        if (alpha == full).all():
            return
        small = self._scaled(self.width, self.height)
        colour = _to_bgr(small, self.channels)
        yield _on_ground(colour, small[..., -1], 255 - _ground(colour, small[..., -1]))[..., ::-1], "RGB"
        if ((alpha > 0) & (alpha < full)).any():
            yield np.ascontiguousarray(colour[..., ::-1]), "RGB"
            yield np.ascontiguousarray(small[..., -1:]), "L"

    def _scaled(self, width: int, height: int) -> NDArray[np.uint8]:
        """The image scaled to (height, width, channels) uint8."""
        pixels = self.pixels
        if (height, width) != pixels.shape[:2]:
            smaller = height * width < pixels.shape[0] * pixels.shape[1]
            # Area averaging preserves small faces where a two-tap filter would skip lines.
            method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
            pixels = cv2.resize(pixels, (width, height), interpolation=method).reshape(height, width, -1)
        return np.asarray(pixels >> 8 if pixels.dtype == np.uint16 else pixels, np.uint8)

    def writable(self) -> StillFrame:
        """A deep copy whose planes may be written."""
        return replace(self, pixels=self.pixels.copy())


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A rectangle of an image: its top left corner and its pixels."""

    x: int
    y: int
    pixels: Pixels


def black(channels: str, depth: int) -> tuple[int, ...]:
    """The sample values of opaque black."""
    full = (1 << depth) - 1
    return {
        "L": (0,),
        "LA": (0, full),
        "RGB": (0, 0, 0),
        "RGBA": (0, 0, 0, full),
        "YCbCr": (0, 128, 128),
        "CMYK": (0, 0, 0, full),
    }[channels]


def _to_bgr(pixels: NDArray[np.uint8], channels: str, into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Convert 8-bit `pixels` to (rows, columns, 3) BGR, without alpha.

    Args:
        pixels: (rows, columns, channels).
        channels: one of `CHANNELS`.
        into: array for the result, which may be `pixels`; a new one if not given.
    """
    colour = np.empty((*pixels.shape[:2], 3), np.uint8) if into is None else into
    for y in range(0, len(pixels), BAND):
        colour[y : y + BAND] = _band_to_bgr(pixels[y : y + BAND], channels)
    return colour


def _band_to_bgr(pixels: NDArray[np.uint8], channels: str) -> NDArray[np.uint8]:
    convert: dict[str, Callable[[], Any]] = {
        "L": lambda: cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR),
        "LA": lambda: cv2.cvtColor(np.ascontiguousarray(pixels[..., 0]), cv2.COLOR_GRAY2BGR),
        "RGB": lambda: cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR),
        "RGBA": lambda: cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGR),
        "YCbCr": lambda: cv2.cvtColor(np.ascontiguousarray(pixels[..., [0, 2, 1]]), cv2.COLOR_YCrCb2BGR),
        "CMYK": lambda: np.ascontiguousarray(np.asarray(image(pixels, "CMYK").convert("RGB"))[..., ::-1]),
    }
    return np.asarray(convert[channels](), np.uint8)


def _ground(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> float:
    """A background value: white if the visible part of `colour` is dark, else black, so that silhouettes show."""
    visible = held = 0.0
    for y in range(0, len(colour), BAND):
        weight = alpha[y : y + BAND].astype(np.float32)[..., None] / 255
        visible += float(weight.sum())
        held += float((colour[y : y + BAND] * weight).sum())
    mean = held / (3 * visible) if visible else 0.0
    return 255.0 if mean < 128 else 0.0


def _on_ground(colour: NDArray[np.uint8], alpha: NDArray[np.uint8], ground: float) -> NDArray[np.uint8]:
    """`colour` composited onto the background value `ground` (0 to 255)."""
    laid = np.empty_like(colour)
    for y in range(0, len(colour), BAND):
        weight = alpha[y : y + BAND].astype(np.float32)[..., None] / 255
        laid[y : y + BAND] = np.rint(colour[y : y + BAND] * weight + ground * (1 - weight))
    return laid


def _as_found(found: Detections) -> Detections:
    return found


def _turned(frame: Frame, turn: Orientation) -> Reading:
    """A reading of `frame` turned by `turn`."""
    assert isinstance(frame, StillFrame)
    aspects = tuple(upright(aspect, transposed=turn.transposed) for aspect in frame.aspects)
    made = replace(frame, pixels=np.ascontiguousarray(turn.apply(frame.pixels)), aspects=aspects, turns=())

    def back(found: Detections) -> Detections:
        x0, y0, x1, y1 = found.xyxy.T
        if turn.flip_x:
            x0, x1 = made.width - x1, made.width - x0
        if turn.flip_y:
            y0, y1 = made.height - y1, made.height - y0
        boxes = (y0, x0, y1, x1) if turn.transposed else (x0, y0, x1, y1)
        return Detections(np.stack(boxes, axis=1), found.score, found.kind)

    return Reading(made, back)


def image(pixels: Pixels, channels: str) -> Image.Image:
    """8-bit pixels, or 16-bit grey ones, as a Pillow image without metadata."""
    height, width = pixels.shape[:2]
    mode = "I;16" if pixels.dtype == np.uint16 else channels
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).data.cast("B"))


def samples(picture: Image.Image, mode: str) -> Pixels:
    """The pixels of a Pillow image converted to `mode`: (rows, columns, channels), uint8 or uint16.

    They are converted in bands, since Pillow would need three times the memory.
    """
    picture.load()  # may turn the image
    wide, high = picture.size
    kind = np.uint16 if mode.startswith("I;16") else np.uint8
    pixels = np.empty((high, wide, CHANNELS.get(mode, 1)), kind)
    for y in range(0, high, BAND):
        part = picture.crop((0, y, wide, min(y + BAND, high)))
        part = part if part.mode == mode else part.convert(mode)
        pixels[y : y + BAND] = np.asarray(part).reshape(part.height, wide, -1)
    return pixels
