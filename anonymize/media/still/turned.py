"""The orientation of an image, where its parts disagree or viewers follow only some of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import product

import numpy as np
from PIL import ExifTags, Image

from anonymize.media.frames.orient import Orientation
from anonymize.media.still.file import PictureFile, parts_of
from anonymize.media.still.formats.heif import exif_items
from anonymize.media.still.parts import WALKERS

BY_NUMBER = {
    1: Orientation(),
    2: Orientation(False, True, False),
    3: Orientation(False, True, True),
    4: Orientation(False, False, True),
    5: Orientation(True, False, False),
    6: Orientation(True, True, False),
    7: Orientation(True, True, True),
    8: Orientation(True, False, True),
}
"""Orientations by EXIF's number."""
_XMP = re.compile(rb"tiff:Orientation(?:\s*=\s*[\"']|>)\s*([1-8])")
_EXIF_PARTS = ("APP1", "eXIf", "EXIF")
_AS_GOOD = (Orientation(), Orientation(False, True, False))
"""Orientations that make no difference to detection: mirrored is as good as upright."""
_SAMPLE = np.arange(6).reshape(2, 3)


def exif_orientation(block: bytes) -> int:
    """The orientation in an EXIF block; 1 if there is none."""
    exif = Image.Exif()
    try:
        exif.load(block)
        value = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - viewers cannot read it either
        return 1
    return value if isinstance(value, int) and value in BY_NUMBER else 1


def exif_orientations(file: PictureFile) -> list[int]:
    """The orientations in the EXIF blocks of a file, in order."""
    return [exif_orientation(block) for block in exif_blocks(file)]


def exif_blocks(file: PictureFile) -> list[bytes]:
    """The EXIF blocks of a file, in order; none for TIFF, which is one itself."""
    if file.container in ("heic", "avif"):
        return list(exif_items(file.data))
    walk = WALKERS.get(file.container)
    blocks = [body for name, body in parts_of(walk, file) if name in _EXIF_PARTS] if walk else []
    return [block for block in blocks if not block.startswith(b"http")]


def other_turns(file: PictureFile, shown: Orientation, exif: Iterable[int]) -> tuple[Orientation, ...]:
    """Other orientations in which viewers may show an image, relative to how it is decoded here.

    EXIF and XMP may differ. Viewers follow EXIF in JPEG, but many do not in other formats; in HEIC and AVIF it does not
    apply, yet some follow it, instead of the format's own orientation or in addition.

    Args:
        file: the image.
        shown: how it is turned here, relative to how it is stored.
        exif: the orientations in EXIF.
    """
    said = {*exif, *(int(number) for number in _XMP.findall(file.data))}
    if file.container in ("heic", "avif"):
        others = [BY_NUMBER[number] for number in sorted(said - {1}) if BY_NUMBER[number] != shown]
        ways = [*others, *(joined(shown, other) for other in others)]
    else:
        as_stored = {1} if file.container != "jpg" and shown != Orientation() else set()
        ways = [BY_NUMBER[number] for number in sorted(said | as_stored)]
    turns = dict.fromkeys(_from(shown, way) for way in ways)
    return tuple(turn for turn in turns if turn not in _AS_GOOD)


def joined(*turns: Orientation) -> Orientation:
    """The orientation that results from several, applied one after the other."""
    return _named(reduce(lambda sample, turn: turn.apply(sample), turns, _SAMPLE).tolist())


def _from(shown: Orientation, way: Orientation) -> Orientation:
    """The orientation that leads from `shown` to `way`."""
    return next(turn for turn in BY_NUMBER.values() if joined(shown, turn) == way)


def _named(sample: Sequence[Sequence[int]]) -> Orientation:
    return next(
        turn
        for turn in (Orientation(*flags) for flags in product((False, True), repeat=3))
        if turn.apply(_SAMPLE).tolist() == sample
    )
