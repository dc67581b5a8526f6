"""Small good files of every format, each with the planted face: what variants are made of."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pillow_heif
from PIL import ExifTags, Image, PngImagePlugin

from benchmarks.fuzz.face import SIZE, pictures

FRAMES = 12
RATE = 25
SOUND = 48_000


@dataclass(frozen=True, slots=True)
class Coding:
    """How a video is written: its encoder, the layout of its pixels, the encoder of its sound (none: silent)."""

    codec: str
    pixels: str = "yuv420p"
    sound: str = ""
    options: Mapping[str, str] | None = None
    container: Mapping[str, str] | None = None


_FINE = {"crf": "14", "preset": "ultrafast", "g": "6"}
_EVERY = {"qscale": "3", "g": "6"}
VIDEOS: Mapping[str, tuple[Coding, Coding]] = {
    ".mp4": (
        Coding("libx264", sound="aac", options=_FINE),
        Coding("libx264", options=_FINE | {"bf": "2"}, container={"movflags": "frag_keyframe+empty_moov"}),
    ),
    ".mov": (
        Coding("libx265", sound="pcm_s16le", options=_FINE | {"x265-params": "log-level=none"}),
        Coding("mjpeg", "yuvj420p", options=_EVERY),
    ),
    ".mkv": (
        Coding("libx264", sound="libopus", options=_FINE),
        Coding("ffv1", options={"level": "3", "slicecrc": "1", "g": "1"}),
    ),
    ".webm": (
        Coding("libvpx-vp9", sound="libopus", options={"crf": "20", "b": "0", "deadline": "realtime", "g": "6"}),
        Coding("libvpx", options={"crf": "6", "b": "4M", "deadline": "realtime", "g": "6"}),
    ),
    ".ts": (Coding("libx264", sound="aac", options=_FINE), Coding("mpeg2video", sound="mp2", options=_EVERY)),
    ".avi": (Coding("mpeg4", sound="pcm_s16le", options=_EVERY), Coding("mjpeg", "yuvj420p", options=_EVERY)),
}
"""By suffix two files, so that one can be spliced with another."""


def media(suffix: str) -> list[bytes]:
    """The two good files of a format."""
    if suffix in VIDEOS:
        return [_video(suffix, coding) for coding in VIDEOS[suffix]]
    return [make() for make in _STILLS[suffix]]


def write_video(path: Path, frames: int = FRAMES) -> Path:
    """A short H.264 film of the face in MP4, for commands that need a source."""
    path.write_bytes(_video(".mp4", VIDEOS[".mp4"][0], frames))
    return path


def write_picture(path: Path) -> Path:
    """A PNG of the face."""
    Image.fromarray(pictures(1)[0]).save(path, "PNG")
    return path


def _video(suffix: str, coding: Coding, frames: int = FRAMES) -> bytes:
    held = io.BytesIO()
    kind = {".mkv": "matroska", ".ts": "mpegts"}.get(suffix, suffix[1:])
    with av.open(held, "w", format=kind, container_options=dict(coding.container or {})) as out:
        out.metadata["title"] = "at home"
        stream: Any = out.add_stream(coding.codec, rate=RATE, options=dict(coding.options or {}))
        stream.width, stream.height = SIZE
        stream.pix_fmt = coding.pixels
        stream.codec_context.thread_count = 1  # else the bytes depend on the machine
        sound: Any = out.add_stream(coding.sound, rate=SOUND, layout="stereo") if coding.sound else None
        for index, picture in enumerate(pictures(frames)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=coding.pixels)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            _tone(out, sound, frames / RATE)
    return held.getvalue()


def _tone(out: Any, stream: Any, seconds: float) -> None:
    whole = 0.2 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * SOUND)) / SOUND)
    samples = np.stack([whole, whole]).astype(np.float32)
    for start in range(0, samples.shape[1], 960):
        part = np.ascontiguousarray(samples[:, start : start + 960])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.rate, frame.pts, frame.time_base = SOUND, start, Fraction(1, SOUND)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def _exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (59.0, 54.0, 50.0), 3: "E", 4: (10.0, 45.0, 8.0)}
    return exif.tobytes()


def _still(kind: str, mode: str = "RGB", **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        held = io.BytesIO()
        Image.fromarray(pictures(1)[0]).convert(mode).save(held, kind, **options)
        return held.getvalue()

    return make


def _turned(kind: str) -> Callable[[], bytes]:
    """A picture stored on its side, which EXIF turns upright."""

    def make() -> bytes:
        held = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(np.rot90(pictures(1)[0]))).save(held, kind, exif=_exif(6), quality=92)
        return held.getvalue()

    return make


def _animation(kind: str, count: int = 4, **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        held = io.BytesIO()
        first, *others = [Image.fromarray(picture) for picture in pictures(count)]
        first.save(held, kind, save_all=True, append_images=others, duration=40, **options)
        return held.getvalue()

    return make


def _texted() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "at home")
    return _still("PNG", exif=_exif(), pnginfo=info)()


def _heif() -> bytes:
    held = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pictures(1)[0])).save(held, quality=90, exif=_exif())
    return held.getvalue()


_STILLS: Mapping[str, tuple[Callable[[], bytes], ...]] = {
    ".jpg": (_turned("JPEG"), _still("JPEG", quality=90, progressive=True)),
    ".png": (_texted, _animation("PNG")),
    ".gif": (_animation("GIF"), _still("GIF", "P")),
    ".tif": (_still("TIFF", exif=_exif()), _still("TIFF", compression="tiff_lzw")),
    ".webp": (_still("WEBP", quality=92, exif=_exif()), _animation("WEBP", lossless=True)),
    ".heic": (_heif, _still("AVIF", quality=90)),
}
MEDIA = (*(suffix[1:] for suffix in VIDEOS), *(suffix[1:] for suffix in _STILLS))
"""Formats, by their suffixes."""
