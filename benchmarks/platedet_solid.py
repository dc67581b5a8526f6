"""Draw solid boxes over what platedet finds, frame by frame: `python platedet_solid.py IN OUT`.

It runs in platedet's own environment and imports nothing of ours. platedet only finds plates in pictures; this is the
least a user must add to redact a video with it: its own defaults, each box pushed out by 15% of its width and height
on every side, filled black, x264 at crf 20, the sound left out.
"""

from __future__ import annotations

import sys

import av
import numpy as np
from platedet import Platedet

GROWN = 0.15


def main(source: str, target: str) -> None:
    """Redact `source` into `target`; timing stays as it is."""
    detector = Platedet()
    with av.open(source) as opened, av.open(target, "w") as out:
        video = opened.streams.video[0]
        stream = out.add_stream("libx264", rate=video.average_rate, options={"crf": "20", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.time_base = video.time_base
        for frame in opened.decode(video):
            found = detector.inference(frame.to_ndarray(format="rgb24"), return_types=["boxes"])
            planes = frame.to_ndarray(format="yuv420p")
            for box in found.get("boxes", {}).get("boxes", ()):
                _fill(planes, box, frame.width, frame.height)
            drawn = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            drawn.pts, drawn.time_base = frame.pts, frame.time_base
            drawn.colorspace, drawn.color_range = frame.colorspace, frame.color_range
            out.mux(stream.encode(drawn))
        out.mux(stream.encode(None))


def _fill(planes: np.ndarray, box: np.ndarray, width: int, height: int) -> None:
    """Blacken a box, rounded outward to even pixels; `planes` is Y over U over V, as PyAV lays out yuv420p."""
    x0, y0, x1, y1 = (float(v) for v in box)
    across, down = GROWN * (x1 - x0), GROWN * (y1 - y0)
    left, right = max(0, int(x0 - across) // 2 * 2), min(width, -int(-(x1 + across) // 2) * 2)
    top, bottom = max(0, int(y0 - down) // 2 * 2), min(height, -int(-(y1 + down) // 2) * 2)
    planes[top:bottom, left:right] = 16
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    chroma[:, top // 2 : bottom // 2, left // 2 : right // 2] = 128


if __name__ == "__main__":
    main(*sys.argv[1:])
