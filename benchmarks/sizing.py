"""How many cameras fit on a machine: `python -m benchmarks.sizing`. Modelled from parts that are measured here.

Measured, in processor time, so that other work on the machine counts little: a look at the smallest sizes and one at
all others, and what a frame costs beside looks (decoding, tracking, drawing, encoding). A camera asks for so much of
the processor that both looks, and the first once more, are over while a frame waits; its looks use one core at most.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
from av.video.stream import VideoStream

from anonymize.detect import detect, first_detectors
from anonymize.live.chain.canvas import Canvas
from anonymize.live.detector.pace import MARGIN, ORDINARY, SMALL, Effort
from anonymize.media.frames.orient import Orientation
from anonymize.redact import Memory, redact
from anonymize.samples.figures import street
from anonymize.settings import Settings
from anonymize.track import Tracker
from benchmarks.report import table

SIZES = ((640, 360), (1280, 720), (1920, 1080))
RATES = (12, 25)
CORES = (2, 4, 8)
SMALLEST = (16.0, 32.0)
"""Faces and plates, in pixels (plates half as much again)."""
SPARE = 0.85
"""Share of the processor that may be asked for."""
FRAMES = 40


def main() -> None:
    """Measure and print the tables."""
    av.logging.set_level(av.logging.ERROR)
    parts, rows = [], []
    for size in SIZES:
        per_frame = chain(size)
        for smallest in SMALLEST:
            small, ordinary = (look(size, smallest, effort) for effort in (SMALL, ORDINARY))
            parts.append(
                [_name(size), f"{smallest:g}", *(f"{1000 * one:.0f} ms" for one in (per_frame, small, ordinary))]
            )
            asked = (small + ordinary + max(small, ordinary)) / (Settings().live.lookahead - MARGIN)
            for rate in RATES:
                fit = [str(int(SPARE * cores / (per_frame * rate + asked))) if asked <= 1 else "-" for cores in CORES]
                rows.append([_name(size), str(rate), f"{smallest:g}", *fit])
    print(table(["picture", "smallest face", "a frame", "look, small", "look, others"], parts))
    print(table(["picture", "frames/s", "smallest face", *(f"{cores} cores" for cores in CORES)], rows))


def look(size: tuple[int, int], smallest: float, effort: Effort) -> float:
    """Seconds of processor time of a look at all of a picture."""
    settings = Settings()
    settings = replace(settings, detect=replace(settings.detect, min_face=smallest, min_plate=1.5 * smallest))
    detecting = first_detectors(settings, threads=1)
    picture = _picture(size, 0)
    picture.pts, picture.time_base = 0, Fraction(1, 25)
    frame = Canvas(*size).frame(picture, Orientation(), 0, 0)
    return _took(
        lambda: detect(frame, detecting, effort.of(settings.detect), settings.targets, groups=effort.groups).result(), 3
    )


def chain(size: tuple[int, int]) -> float:
    """Seconds of processor time that a frame costs beside looks."""
    data, settings = _coded(size), Settings()
    canvas, tracker, memory = Canvas(*size), Tracker(settings.follow, settings.detect.high, agree=1), Memory()

    def play() -> None:
        with av.open(io.BytesIO(data), "r") as source, av.open(io.BytesIO(), "w", format="mpegts") as out:
            stream = out.add_stream("libx264", rate=25, options={"preset": "veryfast", "tune": "zerolatency"})
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for number, picture in enumerate(source.decode(video=0)):
                frame = canvas.frame(picture, Orientation(), number, number * 3600)
                tracker.see(frame)
                redact(frame.planes, (), settings.redact, memory)
                for packet in stream.encode(frame.picture):
                    out.mux(packet)

    begun = time.process_time()
    play()
    return (time.process_time() - begun) / FRAMES


def _took(act: Callable[[], object], times: int) -> float:
    act()
    begun = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - begun) / times


def _picture(size: tuple[int, int], shift: int) -> av.VideoFrame:
    wide = street((size[0] + 2 * FRAMES, size[1]))
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[:, shift : shift + size[0]]), "bgr24").reformat(
        format="yuv420p"
    )


def _coded(size: tuple[int, int]) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "veryfast", "tune": "zerolatency"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(FRAMES):
            picture = _picture(size, number)
            picture.pts, picture.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(picture))
    return target.getvalue()


def _name(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


if __name__ == "__main__":
    main()
