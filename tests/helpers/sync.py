"""Clips that flash and beep together, and when a file flashes and beeps: is sound still in step with the picture?"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from tests.helpers.media import AUDIO_RATE, Picture, make_video, solid, time_of

RATE = 25
STEP = 10
"""Frames from one flash to the next."""
FIRST = 5
"""The first frame that flashes."""
LATE = 0.045
"""Seconds by which a beep may be found beside its flash: a frame, and what a lossy codec smears."""


def flashing(path: Path, *, frames: int = 50, start: Fraction = Fraction(0), lead: float = 0.0, **options: Any) -> Path:
    """A clip of `frames` dark frames, white from frame 5 on at every tenth, with a beep at each.

    Args:
        path: where; the suffix chooses the container.
        frames: how many, 25 a second.
        start: what the container's clock shows at the first frame, in seconds.
        lead: seconds by which the sound begins earlier than the picture.
        options: of `make_video`.
    """
    flashes = range(FIRST, frames, STEP)
    pictures: list[Picture] = [solid((235, 235, 235) if i in flashes else (20, 20 + i, 20)) for i in range(frames)]
    sound = np.zeros((2, round((frames / RATE + lead) * AUDIO_RATE)), np.float32)
    wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(AUDIO_RATE // 12) / AUDIO_RATE)
    for flash in flashes:
        at = round((flash / RATE + lead) * AUDIO_RATE)
        sound[:, at : at + len(wave)] = wave[: sound.shape[1] - at]
    base = Fraction(options.pop("time_base", Fraction(1, 90_000)))
    pts = [round((start + Fraction(i, RATE)) / base) for i in range(frames)]
    named: dict[str, Any] = {"audio_delay": float(start) - lead, "audio": sound, "size": (64, 48)}
    return make_video(path, frames=pictures, pts=pts, time_base=base, **named | options)


def flashes(path: Path) -> list[float]:
    """When a file's picture turns white, in seconds by its own clock."""
    with av.open(str(path)) as file:
        shown = [(time_of(f), f.to_ndarray(format="gray").mean() > 150) for f in file.decode(video=0)]
    return [float(time) for (time, bright), (_, before) in zip(shown[1:], shown, strict=False) if bright and not before]


def beeps(path: Path, track: int = 0) -> list[float]:
    """When a file begins to sound after silence, in seconds by its own clock."""
    found, quiet = [], AUDIO_RATE
    for time, rate, samples in _sound(path, track):
        for at in np.flatnonzero(np.abs(samples) > 0.15).tolist():
            silence = quiet + at
            if silence > rate // 20:
                found.append(float(time) + at / rate)
            quiet = -at - 1
        quiet += len(samples)
    return found


def _sound(path: Path, track: int) -> list[tuple[Fraction, int, npt.NDArray[np.float32]]]:
    with av.open(str(path)) as file:
        resampler = av.AudioResampler(format="fltp", layout="mono")
        return [
            (time_of(made), made.sample_rate, made.to_ndarray()[0])
            for frame in file.decode(audio=track)
            for made in resampler.resample(frame)
        ]


def apart(one: Sequence[float], other: Sequence[float]) -> float:
    """The most by which two lists of as many moments differ, in seconds; infinite if they are not as many."""
    if len(one) != len(other) or not one:
        return float("inf")
    return float(np.abs(np.array(one) - np.array(other)).max())
