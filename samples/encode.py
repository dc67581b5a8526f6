"""Pictures to an H.264 file, in-process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

BT709, LIMITED = 1, 1
"""FFmpeg's numbers for the BT.709 primaries, transfer and matrix, and for limited range."""

Picture = NDArray[np.uint8]
"""(height, width, 3), BGR."""


def encode(
    path: Path,
    pictures: Iterable[Picture],
    size: tuple[int, int],
    *,
    rate: int = 25,
    crf: int = 20,
    preset: str = "medium",
    options: Mapping[str, str] | None = None,
) -> Path:
    """Write `pictures` of `size` (width, height, both even) as H.264, 4:2:0, BT.709, and return `path`.

    `crf`, `preset` and `options` are x264's. Pictures are taken one by one: memory does not grow with their number.
    """
    with av.open(str(path), "w") as out:
        chosen = {"crf": str(crf), "preset": preset, **(options or {})}
        stream = out.add_stream("libx264", rate=rate, options=chosen)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        for index, picture in enumerate(pictures):
            frame = _yuv(picture)
            frame.pts, frame.time_base = index, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _yuv(picture: NDArray[Any]) -> av.VideoFrame:
    bgr = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
    frame = bgr.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED)
    frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = BT709, LIMITED, BT709, BT709
    return frame
