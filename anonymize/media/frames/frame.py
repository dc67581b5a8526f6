"""A decoded video frame: upright views of its planes, and scaled copies for detectors."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from anonymize.data import SQUARE, Plane
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.pixels import Layout, blacked, clean_copy, to_planar, view

PQ = 16
"""ITU-T H.273's code point of the PQ transfer function."""


@dataclass(frozen=True)
class View:
    """Properties shared by all frames of a stream: memory layout and orientation."""

    layout: Layout
    orientation: Orientation
    scalers: threading.local = field(default_factory=threading.local)

    def scaler(self, purpose: str) -> VideoReformatter:
        """This thread's scaler for `purpose`, kept because setting one up costs more than scaling a small frame."""
        kept: dict[str, VideoReformatter] = self.scalers.__dict__
        return kept.get(purpose) or kept.setdefault(purpose, VideoReformatter())


class VideoPicture:
    """An `anonymize.data.Frame` on an FFmpeg frame. Read-only unless made by `writable`.

    Args:
        picture: the stored frame, with a presentation timestamp.
        index: position in the video, from 0.
        stream: layout and orientation.
        aspects: see `anonymize.data.Frame.aspects`.
        own: whether it is a copy that may be written to.
    """

    __slots__ = ("_luma", "_own", "_planar", "_planes", "_view", "aspects", "index", "picture")

    def __init__(
        self,
        picture: av.VideoFrame,
        index: int,
        stream: View,
        *,
        aspects: tuple[Fraction, ...] = (SQUARE,),
        own: bool = False,
    ) -> None:
        self.picture = picture
        self.index = index
        self.aspects = aspects
        self._view = stream
        self._own = own
        self._planar: av.VideoFrame | None = picture if own else None
        self._planes: tuple[Plane, ...] | None = None
        self._luma: NDArray[np.uint8] | None = None

    @property
    def pts(self) -> int:
        """Presentation timestamp in units of `time_base`."""
        assert self.picture.pts is not None  # sources give every frame one
        return self.picture.pts

    @property
    def time_base(self) -> Fraction:
        """Seconds per unit of `pts`, exact."""
        return Fraction(self.picture.time_base or 0)

    @property
    def width(self) -> int:
        """Upright width in pixels."""
        return self._view.orientation.pair(self.picture.width, self.picture.height)[0]

    @property
    def height(self) -> int:
        """Upright height in pixels."""
        return self._view.orientation.pair(self.picture.width, self.picture.height)[1]

    @property
    def depth(self) -> int:
        """Bits per sample."""
        return self._view.layout.depth

    @property
    def owned(self) -> bool:
        """Whether this is a copy made by `writable`, without the decoder's side data."""
        return self._own

    @property
    def planar(self) -> av.VideoFrame:
        """The stored frame in the stream's planar format."""
        if self._planar is None:
            self._planar = to_planar(self.picture, self._view.layout, self._view.scaler("planar"))
        return self._planar

    @property
    def planes(self) -> tuple[Plane, ...]:
        """Y, U, V (or Y; or G, B, R) and alpha if there is any, upright."""
        if self._planes is None:
            self._planes = tuple(self._plane(index) for index in range(len(self._view.layout.shifts)))
        return self._planes

    def _plane(self, index: int) -> Plane:
        layout, orientation = self._view.layout, self._view.orientation
        pixels = orientation.apply(view(self.planar, layout, index))
        pixels.flags.writeable = self._own
        x, y = layout.shifts[index]
        step = orientation.pair(1 << x, 1 << y)
        return Plane(
            pixels=pixels,
            black=layout.black(index, self.colour_range),
            step=step,
            offset=orientation.offset(self.width, self.height, step),
        )

    @property
    def colour_range(self) -> int:
        """The colour range: 1 limited, 2 full, 0 unknown."""
        return 2 if self.picture.format.name.startswith("yuvj") else self.picture.color_range

    def bgr(self, width: int, height: int) -> NDArray[np.uint8]:
        """The upright frame scaled to (`height`, `width`, 3) uint8 BGR. PQ is converted to sRGB brightness."""
        pixels = self._scaled(width, height, "bgr24").reshape(-1)
        stored = self._view.orientation.pair(width, height)
        upright = self._view.orientation.apply(pixels.reshape(stored[1], stored[0], 3))
        if self.picture.color_trc == PQ:
            return np.asarray(cv2.LUT(np.ascontiguousarray(upright), _pq_to_sdr()), np.uint8)
        return np.ascontiguousarray(upright)

    def luma(self, width: int, height: int) -> NDArray[np.uint8]:
        """The upright frame scaled to (`height`, `width`) uint8 grey; read-only, since callers share it."""
        luma = self._luma
        if luma is None or luma.shape != (height, width):
            luma = np.ascontiguousarray(self._view.orientation.apply(self._scaled(width, height, "gray")))
            luma.flags.writeable = False
            self._luma = luma
        return luma

    def _scaled(self, width: int, height: int, form: str) -> NDArray[Any]:
        """The stored frame, scaled so that upright it has `width` x `height`: (rows, columns, ...) uint8."""
        columns, rows = self._view.orientation.pair(width, height)
        smaller = columns * rows < self.picture.width * self.picture.height
        # Area averaging preserves small faces where a two-tap filter would skip lines.
        method = Interpolation.AREA if smaller else Interpolation.BICUBIC
        scaled = self._view.scaler(f"{form} {columns} {rows}").reformat(
            self.picture, columns, rows, form, interpolation=method, threads=1
        )
        return np.asarray(scaled.to_ndarray(), np.uint8)

    def writable(self) -> VideoPicture:
        """A deep copy whose planes may be written, with time and colour tags but no side data."""
        return VideoPicture(
            clean_copy(self.planar, self._view.layout), self.index, self._view, aspects=self.aspects, own=True
        )

    def blacked(self) -> VideoPicture:
        """A black frame in its place."""
        return VideoPicture(blacked(self.picture, self._view.layout), self.index, self._view, aspects=self.aspects)


@cache
def _pq_to_sdr() -> NDArray[np.uint8]:
    """(256,) uint8: PQ code values -> sRGB, with white at 203 cd/m2; detectors need more contrast than PQ has."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    code = np.linspace(0, 1, 256) ** (1 / m2)
    light = 10000 / 203 * (np.maximum(code - c1, 0) / (c2 - c3 * code)) ** (1 / m1)
    tone = light * (1 + light / 16) / (1 + light)
    srgb = np.where(tone <= 0.0031308, 12.92 * tone, 1.055 * np.maximum(tone, 1e-9) ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(srgb * 255 + 0.5, 0, 255), np.uint8)
