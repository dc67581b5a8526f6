"""Animated GIF, PNG and WebP."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from PIL import Image

from anonymize.errors import UnsupportedInput
from anonymize.media.frames.orient import Orientation
from anonymize.media.still.damage import first_damaged
from anonymize.media.still.file import PictureFile, opened_by_pillow, parts_of, quiet, reason, too_large
from anonymize.media.still.frame import Pixels
from anonymize.media.still.headers import Decoded, removed_from, shown, traits_of
from anonymize.media.still.parts import gif_parts, png_parts, webp_parts
from anonymize.media.still.turned import exif_orientations, other_turns

MOST_PIXELS_MOVING = 33_200_000
"""Pixels of each frame of an animation, at most: 8K."""
MOST_PICTURES = 10_000
"""Frames of an animation, at most."""
MOST_PIXELS_IN_ALL = 4_000_000_000
"""Pixels of all frames of an animation, at most: some two thousand frames in HD. More should be a video."""


def is_animated(file: PictureFile) -> bool:
    """Whether a GIF, WebP or PNG is animated, judging by its parts."""
    if file.container == "gif":
        return _pictures(file) > 1
    if file.container == "webp":
        return any(name == "VP8X" and payload[:1] and payload[0] & 2 for name, payload in parts_of(webp_parts, file))
    return any(name == "acTL" for name, _ in parts_of(png_parts, file))


def animation(file: PictureFile, opened: Image.Image) -> Decoded:
    """Decode an animation, to its end, to know which frames are there.

    Raises:
        UnsupportedInput: it has 16 bits, or too many frames.
        UnreadableInput: its frames are too large.
        DamagedInput: part of it is lost.
    """
    if file.container == "png" and file.data[24] == 16:
        raise UnsupportedInput("animated PNG with 16 bits is not supported; convert it to 8 bits", file.name)
    size = opened.size
    if size[0] * size[1] > MOST_PIXELS_MOVING:
        raise too_large(file.name, size, f"animations of at most {MOST_PIXELS_MOVING // 1_000_000} megapixels")
    _refuse_endless(file, size)
    durations, losses, transparent, hidden = _survey(file, opened)
    channels = "RGBA" if transparent else "RGB"
    if not durations:
        raise file.damaged("none of its pictures can be read")
    if losses and not file.allow_damaged:
        raise file.damaged(losses[0])
    traits = replace(traits_of(file, opened), channels=channels, loop=_loop(file, opened))
    count = len(durations)
    if count == 1:
        durations = [Fraction(0)]  # a single frame is a still image

    def pictures() -> Iterator[Pixels]:
        with quiet():
            for pixels, _ in _walk(file, opened_by_pillow(file), count):
                yield shown(pixels if transparent else pixels[..., :3], channels)[0]

    default = ("the picture shown where animations are not",) if opened.info.get("default_image") else ()
    removed = (*removed_from(file, opened), *default, *hidden)
    turns = other_turns(file, Orientation(), exif_orientations(file))
    return Decoded(traits, size, tuple(durations), removed, tuple(losses), pictures, turns)


def _refuse_endless(file: PictureFile, size: tuple[int, int]) -> None:
    """Raise `UnsupportedInput` if an animation would take hours: a few bytes can encode a large frame."""
    count = _pictures(file)
    if count > MOST_PICTURES or count * size[0] * size[1] > MOST_PIXELS_IN_ALL:
        raise UnsupportedInput(
            f"an animation of {count} pictures of {size[0]} x {size[1]} is too long; at most "
            f"{MOST_PICTURES} pictures with {MOST_PIXELS_IN_ALL // 1_000_000} million pixels in all are taken. "
            "Convert it to a video",
            file.name,
        )


def _pictures(file: PictureFile) -> int:
    """The number of frames of an animation, judging by its parts."""
    walk, held = {"gif": (gif_parts, "image"), "webp": (webp_parts, "ANMF"), "png": (png_parts, "fcTL")}[file.container]
    return sum(name == held for name, _ in parts_of(walk, file))


def _survey(file: PictureFile, opened: Image.Image) -> tuple[list[Fraction], list[str], bool, tuple[str, ...]]:
    """The durations of an animation's frames in seconds, losses, whether any is transparent, and what is hidden."""
    durations: list[Fraction] = []
    losses = ending(file)
    transparent = False
    hidden: dict[str, None] = {}
    lossy = file.container == "webp" and any(name == "VP8" for name, _ in parts_of(webp_parts, file))
    first, words = first_damaged(file.data, file.container)
    try:
        for pixels, duration in _walk(file, opened, None):
            if words and len(durations) == first:
                raise ValueError(words)
            durations.append(duration)
            transparent |= bool((pixels[..., 3] < 255).any())
            hidden.update(dict.fromkeys(shown(pixels, "RGBA", lossy=lossy)[1]))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise anything on hostile bytes
        losses.append(f"all pictures from number {len(durations) + 1} on: {reason(error)}")
    return durations, losses, transparent, tuple(hidden)


def ending(file: PictureFile) -> list[str]:
    """What is lost if the file is truncated: Pillow takes the end of the file for the end of the animation."""
    walk = {"gif": gif_parts, "webp": webp_parts, "png": png_parts}[file.container]
    try:
        for _ in walk(file.data):
            pass
    except ValueError as error:
        return [f"everything after the place where the file is cut off or invalid ({error})"]
    return []


def _walk(file: PictureFile, opened: Image.Image, count: int | None) -> Iterator[tuple[Pixels, Fraction]]:
    """The first `count` frames of an animation (all if None) as RGBA, with their durations in seconds."""
    exact = _png_durations(file) if file.container == "png" else []
    size = opened.size
    hidden_first = int(bool(opened.info.get("default_image")))  # shown only by viewers without animation
    indices = range(count) if count is not None else range(len(exact)) if exact else itertools.count()
    for index in indices:
        try:
            opened.seek(index + hidden_first)
        except EOFError:  # past the last; counting them first would fail at a broken one before the good ones
            return
        if opened.size != size:
            raise ValueError("it is larger than the others")
        pixels = np.asarray(opened.convert("RGBA"))
        yield pixels, exact[index] if exact else Fraction(round(opened.info.get("duration", 0)), 1000)
    if count is None and exact and getattr(opened, "n_frames", 1) - hidden_first > len(exact):
        raise ValueError("they are missing")


def _png_durations(file: PictureFile) -> list[Fraction]:
    """The duration of each frame of an animated PNG in seconds (fcTL: numerator, denominator; 0 means 100)."""
    durations = []
    for name, payload in parts_of(png_parts, file):
        if name == "fcTL":
            above, below = int.from_bytes(payload[20:22], "big"), int.from_bytes(payload[22:24], "big")
            durations.append(Fraction(above, below or 100))
    return durations


def _loop(file: PictureFile, opened: Image.Image) -> int | None:
    """The loop count of an animation, as its own format stores it; None if it has none."""
    if file.container == "png":
        return next((int.from_bytes(body[4:8], "big") for name, body in parts_of(png_parts, file) if name == "acTL"), 0)
    loop = opened.info.get("loop")
    return loop if isinstance(loop, int) else None
