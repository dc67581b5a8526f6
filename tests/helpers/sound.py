"""Films with sound in any codec, and what is heard of them, for tests."""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

SECONDS = 1.2
VIDEO = {
    ".avi": "mpeg4",
    ".wmv": "wmv2",
    ".webm": "libvpx",
    ".mpg": "mpeg2video",
    ".ogv": "libtheora",
    ".flv": "flv",
    ".3gp": "h263",
}


@dataclass(frozen=True)
class Heard:
    """What a player plays of a sound track: mono float64 samples, from `start` s after the first picture on."""

    start: float
    rate: int
    samples: NDArray[np.float64]


def with_sound(path: Path, codec: str, *options: str, rate: int = 48_000, channels: int = 1, tracks: int = 1) -> Path:
    """A film of `SECONDS` at `path` with a chirp, at no two moments the same, in FFmpeg's encoder `codec`."""
    chirp = f"aevalsrc='0.4*sin(2*PI*(200+300*t)*t)+0.02*random(0)':d={SECONDS}:s={rate}"
    size = "176x144" if path.suffix == ".3gp" else "64x48"
    video = VIDEO.get(path.suffix, "libx264")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i"]
    command += [f"testsrc=size={size}:rate=25:duration={SECONDS}", "-f", "lavfi", "-i", chirp, "-map", "0"]
    command += ["-map", "1"] * tracks
    command += ["-c:v", video, "-bf", "0", "-pix_fmt", "yuv420p", "-ac", str(channels), "-c:a", codec, *options]
    subprocess.run([*command, "-strict", "-2", str(path)], check=True, timeout=60, capture_output=True)
    return path


def heard(path: Path, track: int = 0) -> Heard:
    """Decode one sound track of `path` as players do, edit lists and all, with silence where there is no sound."""
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
        begin = Fraction(first.pts or 0) * Fraction(first.time_base or 0)
    blocks: list[NDArray[np.float64]] = []
    start = at = rate = 0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=track):
            rate = frame.sample_rate
            time = at if frame.pts is None else round(frame.pts * Fraction(frame.time_base or 0) * rate)
            if not blocks:
                start = at = time
            if time - at > 0.06 * rate:
                blocks.append(np.zeros(time - at))
                at = time
            blocks.append(_mono(frame))
            at += frame.samples
    return Heard(start / rate - float(begin), rate, np.concatenate(blocks))


def _mono(frame: av.AudioFrame) -> NDArray[np.float64]:
    raw = frame.to_ndarray()
    if frame.format.is_packed:
        raw = raw.reshape(-1, len(frame.layout.channels)).T
    mono: NDArray[np.float64] = raw.mean(0, np.float64)
    if raw.dtype == np.uint8:
        return (mono - 128) / 128
    return mono / (2.0 ** (8 * raw.itemsize - 1) if raw.dtype.kind == "i" else 1.0)


def lag(first: NDArray[np.float64], second: NDArray[np.float64]) -> int:
    """By how many samples what is in `second` comes earlier there than in `first`."""
    size = 1 << (len(first) + len(second)).bit_length()
    both = np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size))
    shift = int(np.fft.irfft(both, size).argmax())
    return shift - size if shift > size // 2 else shift


def unplayed(path: Path) -> Fraction:
    """Seconds of the sound in the MP4 at `path` that no player plays: before, after and between what is played."""
    from anonymize.media.clock.edits import edit_lists

    lists = edit_lists(path)
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        stream = container.streams.audio[0]
        edits = lists.get(stream.id, ())
        lasts = Fraction(stream.duration or 0) * Fraction(stream.time_base or 0)
    return lasts - sum(edit.length for edit in edits if edit.start is not None) if edits else Fraction(0)
