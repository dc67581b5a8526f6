"""Draw solid boxes over what platedet finds: `python platedet_solid.py IN OUT CONFIDENCE THREADS CRF PRESET`.

It runs in platedet's own environment and imports nothing of ours. platedet only finds plates in pictures; this is the
least a user must add to redact a video with it: each box pushed out by 15% of its width and height on every side,
filled black, x264, the sound left out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import av
import numpy as np
from numpy.typing import NDArray

GROWN = 0.15


def main(source: str, target: str, confidence: float, threads: int, crf: str, preset: str) -> None:
    """Redact `source` into `target`; timing stays as it is. Boxes of less `confidence` are left out."""
    from onnxruntime import SessionOptions
    from platedet import Platedet  # type: ignore[import-not-found]  # only in its own environment

    options = SessionOptions()
    options.intra_op_num_threads = threads
    # threads that have nothing to do shall not keep a core from the encoder
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    detector = Platedet(sess_options=options)
    with av.open(source) as opened, av.open(target, "w") as out:
        video = opened.streams.video[0]
        stream = out.add_stream("libx264", rate=video.average_rate, options={"crf": crf, "preset": preset})
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        for frame in opened.decode(video):
            found = detector.inference(frame.to_ndarray(format="rgb24"), confidence, return_types=["boxes"])
            planes = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)
            for box in found.get("boxes", {}).get("boxes", ()):
                fill(planes, box, frame.width, frame.height)
            drawn = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            drawn.pts, drawn.time_base = frame.pts, frame.time_base
            drawn.colorspace, drawn.color_range = frame.colorspace, frame.color_range
            out.mux(stream.encode(drawn))
        out.mux(stream.encode(None))


def fill(planes: NDArray[np.uint8], box: Sequence[float], width: int, height: int) -> None:
    """Blacken a box (x0, y0, x1, y1) once it is grown, rounded outward to even pixels.

    `planes` is Y over U over V, as PyAV lays out yuv420p, and changes in place.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    across, down = GROWN * (x1 - x0), GROWN * (y1 - y0)
    left, right = max(0, int((x0 - across) // 2) * 2), min(width, -int(-(x1 + across) // 2) * 2)
    top, bottom = max(0, int((y0 - down) // 2) * 2), min(height, -int(-(y1 + down) // 2) * 2)
    planes[top:bottom, left:right] = 16
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    chroma[:, top // 2 : bottom // 2, left // 2 : right // 2] = 128


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
