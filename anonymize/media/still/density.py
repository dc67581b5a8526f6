"""Pixel aspect ratios of image files, from their horizontal and vertical resolutions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from io import BytesIO

from PIL import ExifTags, Image, TiffImagePlugin

from anonymize.media.still.file import quiet

_ISOBMFF = b"ftyp"
_PASP = re.compile(rb"pasp(.{4})(.{4})", re.DOTALL)
_MOST_HEAD = 1 << 20
"""Bytes in which HEIF files describe their images."""


def densities(data: bytes) -> tuple[Fraction, ...]:
    """Pixel aspect ratios of the upright image, other than 1, from every place in the file `data` that states one."""
    if data[4:8] == _ISOBMFF:
        stated = [
            _ratio(int.from_bytes(wide, "big"), int.from_bytes(high, "big"))
            for wide, high in _PASP.findall(data[:_MOST_HEAD])
        ]
        # Both, since the image may be turned by a quarter, which libheif handles.
        return tuple(each for aspect in stated if aspect and aspect != 1 for each in (aspect, 1 / aspect))
    with suppress(Exception), quiet(), Image.open(BytesIO(data)) as opened:  # anything unreadable is ignored
        transposed = opened.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
        stated = [_ratio(down, across) for across, down in _resolutions(opened, data)]
        return tuple(1 / aspect if transposed else aspect for aspect in stated if aspect and aspect != 1)
    return ()


def _resolutions(opened: Image.Image, data: bytes) -> Iterator[tuple[object, object]]:
    """Pixels per unit, across and down."""
    for key in ("jfif_density", "dpi", "resolution"):
        if isinstance(pair := opened.info.get(key), tuple):
            yield pair
    if isinstance(pair := opened.info.get("aspect"), tuple):  # PNG without a unit
        yield pair
    for tags in (opened.getexif(), getattr(opened, "tag_v2", None)):
        if isinstance(tags, (Image.Exif, TiffImagePlugin.ImageFileDirectory_v2)):
            yield tags.get(ExifTags.Base.XResolution), tags.get(ExifTags.Base.YResolution)
    if data.startswith(b"GIF") and len(data) > 12 and data[12]:
        yield 64, data[12] + 15


def _ratio(width: object, height: object) -> Fraction | None:
    """`width` over `height`; None unless both are positive numbers."""
    with suppress(TypeError, ValueError, ZeroDivisionError, OverflowError):
        wide, high = (Fraction(float(str(value))) for value in (width, height))
        if wide > 0 and high > 0:
            return (wide / high).limit_denominator(1000)
    return None
