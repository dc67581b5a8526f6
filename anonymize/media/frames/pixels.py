"""Pixel formats: which are edited directly, which through a bit-exact planar equivalent, and what black is in each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
from av.video.format import VideoFormat
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from anonymize.errors import UnsupportedInput

EXACT = Interpolation.POINT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""Scaler flags with which repacking does not change any sample."""

FULL_RANGE = 2

# Repacking only: the samples of the left format are unchanged in the right one (rgb565 and the like are widened).
TWINS = {
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "nv24": "yuv444p",
    "nv42": "yuv444p",
    "p010le": "yuv420p10le",
    "p012le": "yuv420p12le",
    "p016le": "yuv420p16le",
    "p210le": "yuv422p10le",
    "p212le": "yuv422p12le",
    "p216le": "yuv422p16le",
    "p410le": "yuv444p10le",
    "p412le": "yuv444p12le",
    "p416le": "yuv444p16le",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
    "y210le": "yuv422p10le",
    "y212le": "yuv422p12le",
    "vuya": "yuva444p",
    "vuyx": "yuv444p",
    "ayuv": "yuva444p",
    "uyva": "yuva444p",
    "xv30le": "yuv444p10le",
    "xv36le": "yuv444p12le",
    "ayuv64le": "yuva444p16le",
    "rgb24": "gbrp",
    "bgr24": "gbrp",
    "rgb0": "gbrp",
    "bgr0": "gbrp",
    "0rgb": "gbrp",
    "0bgr": "gbrp",
    "rgba": "gbrap",
    "bgra": "gbrap",
    "argb": "gbrap",
    "abgr": "gbrap",
    "pal8": "gbrap",
    "rgb8": "gbrp",
    "bgr8": "gbrp",
    "rgb565le": "gbrp",
    "rgb555le": "gbrp",
    "bgr565le": "gbrp",
    "bgr555le": "gbrp",
    "x2rgb10le": "gbrp10le",
    "x2bgr10le": "gbrp10le",
    "rgb48le": "gbrp16le",
    "rgb48be": "gbrp16le",
    "bgr48le": "gbrp16le",
    "bgr48be": "gbrp16le",
    "rgba64le": "gbrap16le",
    "rgba64be": "gbrap16le",
    "bgra64le": "gbrap16le",
    "bgra64be": "gbrap16le",
    "monow": "gray",
    "monob": "gray",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Memory layout of a planar format."""

    name: str
    """FFmpeg's name, never one of the `yuvj` aliases: full range is a colour tag here."""
    depth: int
    """Bits per sample."""
    shifts: tuple[tuple[int, int], ...]
    """Binary logarithm of the pixels per sample (x, y), per plane in FFmpeg's order."""
    alpha: bool
    """Whether the last plane is alpha."""
    rgb: bool
    """Whether the planes are green, blue and red."""

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        """The sample type."""
        return np.uint8 if self.depth <= 8 else np.uint16

    @property
    def bytes_a_pixel(self) -> float:
        """Of a frame in memory: 1.5 in 4:2:0 with 8 bits."""
        return sum(self.dtype().itemsize / (1 << x + y) for x, y in self.shifts)

    def black(self, plane: int, colour_range: int) -> int:
        """The value of opaque black in `plane`; `colour_range`: 1 limited, 2 full, 0 unknown.

        Alpha is redacted too: its edges would show the outline of a head.
        """
        if self.alpha and plane == len(self.shifts) - 1:
            return (1 << self.depth) - 1
        if self.rgb:
            return 0
        if plane > 0:
            return 1 << (self.depth - 1)
        full = colour_range == FULL_RANGE or (colour_range == 0 and len(self.shifts) - self.alpha == 1)
        return 0 if full else 16 << (self.depth - 8)

    def plane_size(self, plane: int, width: int, height: int) -> tuple[int, int]:
        """Samples (columns, rows) of `plane` in a frame of `width` x `height` pixels."""
        x, y = self.shifts[plane]
        return -(-width >> x), -(-height >> y)


@cache
def layout_of(name: str) -> Layout | None:
    """The layout of the format `name`, or of its planar equivalent; None if it cannot be edited."""
    name = planar_name(name)
    form = VideoFormat(name)
    parts = form.components
    if not parts:  # frames in a graphics card's memory
        return None
    odd = form.has_palette or form.is_bit_stream or form.is_bayer or "f16" in name or "f32" in name or "msb" in name
    big = form.is_big_endian and parts[0].bits > 8
    if odd or big or [c.plane for c in sorted(parts, key=lambda c: c.plane)] != list(range(len(parts))):
        return None
    wide = VideoFormat(name, 64, 64)
    sizes = {c.plane: (c.width, c.height) for c in wide.components}
    return Layout(
        name=name,
        depth=parts[0].bits,
        shifts=tuple(((64 // w).bit_length() - 1, (64 // h).bit_length() - 1) for _, (w, h) in sorted(sizes.items())),
        alpha=parts[-1].is_alpha,
        rgb=form.is_rgb,
    )


def planar_name(name: str) -> str:
    """The planar format in which frames of the format `name` are edited: itself, or its bit-exact equivalent."""
    if name.startswith("yuvj"):
        return "yuv" + name[4:]
    if name in TWINS:
        return TWINS[name]
    little = name.removesuffix("be") + "le"
    return little if name.endswith("be") else name


def required_layout(name: str, file: str) -> Layout:
    """The layout for editing frames of the format `name`.

    Raises:
        UnsupportedInput: there is none.
    """
    layout = layout_of(name)
    if layout is None:
        raise UnsupportedInput(
            f"pixel format {name} cannot be edited without changing it; convert it to yuv420p first", file
        )
    return layout


def to_planar(frame: av.VideoFrame, layout: Layout, reformatter: VideoReformatter) -> av.VideoFrame:
    """`frame` repacked into `layout` without changing a sample; `frame` itself if it has that layout."""
    if frame.format.name in (layout.name, layout.name.replace("yuv", "yuvj", 1)) and all(
        plane.line_size >= 0 for plane in frame.planes
    ):
        return frame
    if frame.format.name == layout.name:
        return _top_down(frame)
    return reformatter.reformat(frame, format=layout.name, interpolation=EXACT, threads=1)


def _top_down(frame: av.VideoFrame) -> av.VideoFrame:
    """A top-down copy of a frame that is stored bottom-up, which numpy cannot view through PyAV."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base, name="in"
    )
    copy, sink = graph.add("copy"), graph.add("buffersink")
    source.link_to(copy)
    copy.link_to(sink)
    graph.configure()
    graph.push(frame)
    result = graph.pull()
    assert isinstance(result, av.VideoFrame)
    return result


def view(frame: av.VideoFrame, layout: Layout, plane: int) -> NDArray[Any]:
    """The samples of `plane` as a (rows, columns) view into the stored frame; `frame` must have `layout`."""
    width, height = layout.plane_size(plane, frame.width, frame.height)
    store = frame.planes[plane]
    line = store.line_size // layout.dtype().itemsize
    samples: NDArray[Any] = np.frombuffer(memoryview(store), layout.dtype)
    return samples[: line * height].reshape(height, line)[:, :width]


def clean_copy(frame: av.VideoFrame, layout: Layout) -> av.VideoFrame:
    """A new frame with `frame`'s samples, time and colour tags only: no captions, no user data."""
    copy = av.VideoFrame(frame.width, frame.height, layout.name)
    for plane in range(len(layout.shifts)):
        np.copyto(view(copy, layout, plane), view(frame, layout, plane))
    _tag(copy, frame)
    return copy


def blacked(frame: av.VideoFrame, layout: Layout) -> av.VideoFrame:
    """A black frame with the time, size and colour tags of `frame`."""
    black = av.VideoFrame(frame.width, frame.height, layout.name)
    full = FULL_RANGE if frame.format.name.startswith("yuvj") else frame.color_range
    for plane in range(len(layout.shifts)):
        view(black, layout, plane)[...] = layout.black(plane, full)
    _tag(black, frame)
    return black


def _tag(frame: av.VideoFrame, like: av.VideoFrame) -> None:
    """Give `frame` the time and the colour tags of `like`."""
    frame.pts, frame.time_base, frame.duration = like.pts, like.time_base, like.duration
    frame.colorspace, frame.color_range = like.colorspace, like.color_range
    frame.color_primaries, frame.color_trc = like.color_primaries, like.color_trc
    if like.format.name.startswith("yuvj"):
        frame.color_range = FULL_RANGE
