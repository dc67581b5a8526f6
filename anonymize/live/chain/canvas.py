"""Convert pictures of any format, size and orientation to one: upright, 8 bit, 4:2:0, limited range, one size.

canvas = Canvas(1280, 720)
frame = canvas.frame(picture, orientation, index=0, pts=3600)     # a copy, which may be drawn on
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from anonymize.aspect import aspects_of
from anonymize.data import SQUARE
from anonymize.errors import UnsupportedInput
from anonymize.media.frames.frame import VideoPicture, View
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.pixels import FULL_RANGE, clean_copy, required_layout, view
from anonymize.media.frames.tone import is_hdr, mapped, shown_as

TICK = Fraction(1, 90_000)
"""Seconds per pts unit of every frame made here."""
FORMAT = "yuv420p"
LIMITED = 1
"""FFmpeg's number for limited range."""
_MEASURED = 8
_KEPT = 64 << 20
"""The most bytes of scaled copies kept with a picture."""
_LAYOUT = required_layout(FORMAT, "canvas")


class CanvasPicture(VideoPicture):
    """A `VideoPicture` that is upright and 8 bit, so that its luma needs no FFmpeg scaler."""

    __slots__ = ()

    def luma(self, width: int, height: int) -> NDArray[np.uint8]:
        """The luma plane scaled to (`height`, `width`), uint8, in the stored range."""
        scaled = cv2.resize(self.planes[0].pixels, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(scaled, np.uint8)


class LoadedPicture(CanvasPicture):
    """A copy for detectors, which ask for the same scale for each place that changed: scaled copies are kept.

    It cannot be drawn on, so what is kept is never of another picture.
    """

    __slots__ = ("_scales",)

    def bgr(self, width: int, height: int) -> NDArray[np.uint8]:
        """See `VideoPicture.bgr`. Read-only, since callers share it."""
        kept: dict[tuple[int, int], NDArray[np.uint8]] = getattr(self, "_scales", {})
        found = kept.get((width, height))
        if found is None:
            found = super().bgr(width, height)
            found.flags.writeable = False
            if sum(each.nbytes for each in kept.values()) + found.nbytes <= _KEPT:
                self._scales = kept | {(width, height): found}
        return found


class Canvas:
    """A fixed frame size. Pictures of another shape are scaled to fit and centred on black.

    Args:
        width, height: upright pixels, both even.
        aspect: pixel aspect ratio, width over height.

    Raises:
        ValueError: a side is odd or below 2.
    """

    def __init__(self, width: int, height: int, aspect: Fraction = SQUARE) -> None:
        if width % 2 or height % 2 or min(width, height) < 2:
            raise ValueError(f"canvas: expected even sides of 2 or more, got {width} x {height}")
        self.width, self.height = width, height
        self.aspects = aspects_of(aspect)
        """Pixel aspect ratios of all frames, unless `frame` is given others."""
        self._view = View(_LAYOUT, Orientation())

    def frame(
        self,
        picture: av.VideoFrame,
        orientation: Orientation,
        index: int,
        pts: int,
        aspects: tuple[Fraction, ...] | None = None,
    ) -> VideoPicture:
        """A writable copy of `picture`, upright and of the canvas's size.

        Args:
            picture: in any format and size.
            orientation: how it must be turned.
            index: of the frame.
            pts: in `TICK`.
            aspects: of its upright pixels (`anonymize.data.Frame`); by default the canvas's.

        Raises:
            UnsupportedInput: FFmpeg cannot convert the picture.
        """
        aspects = aspects or self.aspects
        wider = aspects[0] / self.aspects[0]
        wider = SQUARE if len(aspects_of(SQUARE, wider)) == 1 else wider
        on_canvas = aspects_of(*(aspect / wider for aspect in aspects))
        same = picture.format.name == FORMAT and (picture.width, picture.height) == (self.width, self.height)
        same &= not is_hdr(picture)
        if same and wider == SQUARE and orientation == Orientation() and picture.color_range != FULL_RANGE:
            return self._framed(clean_copy(picture, _LAYOUT), index, pts, on_canvas)
        try:
            return self._framed(self._fitted(picture, orientation, wider), index, pts, on_canvas)
        except (av.error.FFmpegError, ValueError) as error:
            raise UnsupportedInput(f"a picture in {picture.format.name} cannot be converted: {error}") from error

    def black(self, index: int, pts: int) -> VideoPicture:
        """A black frame."""
        return self._framed(self._empty(), index, pts, self.aspects)

    def load(
        self, samples: NDArray[np.uint8], index: int, pts: int, aspects: tuple[Fraction, ...] | None = None
    ) -> LoadedPicture:
        """The frame that `store` copied to `samples` ((nbytes,) uint8); see `frame` for the other arguments."""
        made = self._framed(self._empty(), index, pts, aspects or self.aspects)
        end = 0
        for plane in made.planes:
            start, end = end, end + plane.pixels.size
            np.copyto(plane.pixels, samples[start:end].reshape(plane.pixels.shape))
        return LoadedPicture(made.picture, index, self._view, aspects=made.aspects)

    @property
    def nbytes(self) -> int:
        """Bytes of one frame."""
        return self.width * self.height * 3 // 2

    def _framed(self, picture: av.VideoFrame, index: int, pts: int, aspects: tuple[Fraction, ...]) -> CanvasPicture:
        picture.pts, picture.time_base = pts, TICK
        return CanvasPicture(picture, index, self._view, aspects=aspects, own=True)

    def _empty(self) -> av.VideoFrame:
        picture = av.VideoFrame(self.width, self.height, FORMAT)
        picture.color_range = LIMITED
        for plane in range(3):
            view(picture, _LAYOUT, plane)[...] = _LAYOUT.black(plane, LIMITED)
        return picture

    def _fitted(self, picture: av.VideoFrame, orientation: Orientation, wider: Fraction) -> av.VideoFrame:
        """`picture` converted, scaled, turned and centred; its pixels are `wider` times as wide as the canvas's."""
        across, down = orientation.pair(picture.width, picture.height)
        wide = across * float(wider)
        scale = min(self.width / wide, self.height / down)
        width = min(_even(wide * scale), self.width)
        height = min(_even(down * scale), self.height)
        columns, rows = orientation.pair(width, height)
        full = picture.color_range == FULL_RANGE or picture.format.name.startswith("yuvj")
        if is_hdr(picture):
            stored = mapped(picture, columns, rows, self._view.scaler("tone"))
        else:
            stored = self._view.scaler("canvas").reformat(
                picture,
                columns,
                rows,
                FORMAT,
                interpolation=Interpolation.AREA if columns < picture.width else Interpolation.BICUBIC,
                src_color_range=FULL_RANGE if full else None,
                dst_color_range=LIMITED,
                threads=1,
            )
        made = self._empty()
        left, top = (self.width - width) // 4 * 2, (self.height - height) // 4 * 2
        for plane, (x, y) in enumerate(_LAYOUT.shifts):
            upright = orientation.apply(view(stored, _LAYOUT, plane))
            target = view(made, _LAYOUT, plane)
            np.copyto(target[top >> y : (top + height) >> y, left >> x : (left + width) >> x], upright)
        colour = shown_as(picture)
        made.colorspace, made.color_primaries, made.color_trc = colour.matrix, colour.primaries, colour.transfer
        return made


def canvas_for(width: int, height: int, longest: int) -> Canvas:
    """The canvas for upright pictures of `width` x `height` pixels, scaled down so that no side exceeds `longest`."""
    scale = min(1.0, longest / max(width, height))
    return Canvas(_even(width * scale), _even(height * scale))


def brightness(luma: NDArray[np.uint8]) -> float:
    """The mean of a luma plane (height, width), from one pixel in `_MEASURED` either way."""
    return float(luma[::_MEASURED, ::_MEASURED].mean())


def store(frame: VideoPicture, samples: NDArray[Any]) -> None:
    """Copy the Y, U and V planes of a canvas frame, in this order, into `samples` ((Canvas.nbytes,) uint8)."""
    end = 0
    for plane in frame.planes:
        start, end = end, end + plane.pixels.size
        np.copyto(samples[start:end].reshape(plane.pixels.shape), plane.pixels)


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)
