"""Colour profiles (ICC.1:2022), reduced to the numbers that define colours.

A profile may also name a monitor, a camera or a person, and private tags may hold anything, even images. So none is
copied: a new profile is written from the numbers of the old one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

TITLE, RIGHTS = "Colours", "None"
"""The mandatory texts of a profile, the same in all that are written here."""
MOST_BYTES = 8 << 20
"""Size of a profile, at most: those of printing presses take 3 MB."""

_SPACES = {"L": b"GRAY", "LA": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB ", "YCbCr": b"RGB ", "CMYK": b"CMYK"}
_CLASSES = frozenset((b"mntr", b"scnr", b"prtr", b"spac"))
_D50 = bytes.fromhex("0000f6d6000100000000d32d")
_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)

_CHANNELS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4, b"XYZ ": 3, b"Lab ": 3}
_PARAMETERS = (1, 3, 4, 5, 7)
"""Number of parameters of each type of parametric curve."""

_STANDARD: Mapping[str, tuple[tuple[float, ...], float]] = MappingProxyType(
    {
        "sRGB": ((0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.71410), 0.0),
        "Display P3": ((0.51512, 0.24120, -0.00105, 0.29198, 0.69225, 0.04189, 0.15710, 0.06657, 0.78407), 0.0),
        "Adobe RGB": ((0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457), 563 / 256),
    }
)
"""Red, green and blue of well-known profiles as XYZ at D50; exponent of their curves, 0 for the sRGB curve."""
_ALIKE_COLOURS, _ALIKE_CURVES = 0.002, 0.004
"""Differences within which a profile counts as a well-known one; one 8-bit step is 0.004."""


class _Unusable(ValueError):
    """A profile that violates the standard, or does not apply to the image's channels."""


def colour_profile(profile: bytes, channels: str) -> bytes:
    """A profile that defines the same colours as `profile`, and nothing else.

    For sRGB, Display P3 and Adobe RGB it is always the same. Applying this function twice changes nothing.

    Args:
        profile: an ICC profile as stored in a file.
        channels: of the image, as in `frame.CHANNELS`.

    Returns:
        The new profile; empty if `profile` is invalid for such an image, so that viewers ignore it.
    """
    try:
        return _written(profile, _SPACES[channels])
    except (_Unusable, struct.error, IndexError):
        return b""


def _written(profile: bytes, space: bytes) -> bytes:
    if len(profile) > MOST_BYTES or profile[36:40] != b"acsp" or profile[16:20] != space:
        raise _Unusable
    kind, connection = profile[12:16], profile[20:24]
    if kind not in _CLASSES or connection not in (b"XYZ ", b"Lab ") or profile[8] not in (2, 4):
        raise _Unusable
    held = dict(_tags(profile))
    if not _sufficient(held, space):
        raise _Unusable
    standard = _standard(held) if space == b"RGB " else None
    if standard is not None:
        return _profile(2, b"mntr", space, b"XYZ ", 0, standard)
    intent = min(struct.unpack_from(">I", profile, 64)[0], 3)
    return _profile(profile[8], kind, space, connection, intent, held)


def _sufficient(held: Mapping[str, bytes], space: bytes) -> bool:
    """Whether the tags suffice to compute colours."""
    if "A2B0" in held:
        return True
    needed = ("kTRC",) if space == b"GRAY" else ("rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC")
    return space != b"CMYK" and all(tag in held for tag in needed)


def _profile(
    version: int, kind: bytes, space: bytes, connection: bytes, intent: int, held: Mapping[str, bytes]
) -> bytes:
    """The bytes of a profile whose header does not tell who made it, with what, or when."""
    tags = {"desc": _text(version, TITLE, title=True), "cprt": _text(version, RIGHTS, title=False), **held}
    place = 132 + 12 * len(tags)
    table, body, places = b"", b"", {}
    for tag, data in tags.items():
        if data not in places:
            places[data] = place + len(body)
            body += data + bytes(-len(data) % 4)
        table += tag.encode() + struct.pack(">II", places[data], len(data))
    head = struct.pack(">I4xI", place + len(body), (0x02100000 if version == 2 else 0x04300000))
    head += kind + space + connection + _DATE + b"acsp" + bytes(24) + struct.pack(">I", intent) + _D50
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _text(version: int, text: str, *, title: bool) -> bytes:
    if version == 4:
        wide = text.encode("utf-16-be")
        return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(wide), 28) + wide
    plain = text.encode() + b"\0"
    return b"desc" + struct.pack(">4xI", len(plain)) + plain + bytes(78) if title else b"text" + bytes(4) + plain


def _tags(profile: bytes) -> Iterator[tuple[str, bytes]]:
    """The tags that define colours, each rewritten from its numbers."""
    (count,) = struct.unpack_from(">I", profile, 128)
    for number in range(min(count, 200)):
        name, place, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        tag, data = name.decode("latin-1"), profile[place : place + size]
        if tag in _KEPT and len(data) == size:
            yield tag, _KEPT[tag](data)


def _exact(data: bytes, size: int) -> bytes:
    """The first `size` bytes of an element, with the reserved bytes zeroed."""
    if len(data) < size:
        raise _Unusable
    return data[:4] + bytes(4) + data[8:size]


def _xyz(data: bytes) -> bytes:
    if data[:4] != b"XYZ ":
        raise _Unusable
    return _exact(data, 20)


def _numbers(data: bytes) -> bytes:
    """The nine numbers of a chromatic adaptation matrix."""
    if data[:4] != b"sf32":
        raise _Unusable
    return _exact(data, 44)


def _code_points(data: bytes) -> bytes:
    if data[:4] != b"cicp":
        raise _Unusable
    return _exact(data, 12)


def _curve(data: bytes) -> bytes:
    """A curve, without the data after it."""
    if data[:4] == b"curv":
        (count,) = struct.unpack_from(">I", data, 8)
        return _exact(data, 12 + 2 * count)
    if data[:4] == b"para":
        (number,) = struct.unpack_from(">H", data, 8)
        made = _exact(data, 12 + 4 * _PARAMETERS[number])
        return made[:10] + bytes(2) + made[12:]
    raise _Unusable


def _table(data: bytes) -> bytes:
    """A colour lookup table of any of the four types."""
    kind, (ins, outs, points) = data[:4], data[8:11]
    if kind in (b"mft1", b"mft2"):
        wide = int(kind == b"mft2")
        before, after = struct.unpack_from(">HH", data, 48) if wide else (256, 256)
        size = 48 + 4 * wide + (1 + wide) * (before * ins + points**ins * outs + after * outs)
        made = _exact(data, size)
        return made[:11] + b"\0" + made[12:]
    if kind not in (b"mAB ", b"mBA "):
        raise _Unusable
    return _pieces(data, ins, outs, kind == b"mAB ")


def _pieces(data: bytes, ins: int, outs: int, to_connection: bool) -> bytes:
    """A lookup table of type mAB or mBA: B curves, matrix, M curves, grid and A curves, any of which may be absent."""
    places = struct.unpack_from(">5I", data, 12)
    b, matrix, m, grid, a = places
    device, connection = (ins, outs) if to_connection else (outs, ins)
    pieces = (
        _curves(data, b, connection) if b else b"",
        _cut(data, matrix, 48) if matrix else b"",
        _curves(data, m, connection) if m else b"",
        _grid(data, grid, ins, outs) if grid else b"",
        _curves(data, a, device) if a else b"",
    )
    ends = [32, *(32 + end for end in accumulate(map(len, pieces)))]
    made = [start if place else 0 for start, place in zip(ends, places, strict=False)]
    return data[:4] + bytes(4) + bytes((ins, outs, 0, 0)) + struct.pack(">5I", *made) + b"".join(pieces)


def _curves(data: bytes, place: int, count: int) -> bytes:
    made = b""
    for _ in range(count):
        curve = _curve(data[place:])
        padded = curve + bytes(-len(curve) % 4)
        made, place = made + padded, place + len(padded)
    return made


def _grid(data: bytes, place: int, ins: int, outs: int) -> bytes:
    points, precision = data[place : place + ins], data[place + 16]
    if precision not in (1, 2) or not all(points):
        raise _Unusable
    values = _cut(data, place + 20, math.prod(points) * outs * precision)
    return points.ljust(16, b"\0") + bytes((precision, 0, 0, 0)) + values + bytes(-len(values) % 4)


def _cut(data: bytes, place: int, size: int) -> bytes:
    if place + size > len(data):
        raise _Unusable
    return data[place : place + size]


_KEPT: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        **dict.fromkeys(("wtpt", "rXYZ", "gXYZ", "bXYZ"), _xyz),
        **dict.fromkeys(("rTRC", "gTRC", "bTRC", "kTRC"), _curve),
        **dict.fromkeys(("A2B0", "A2B1", "A2B2", "B2A0", "B2A1", "B2A2"), _table),
        "chad": _numbers,
        "cicp": _code_points,
    }
)
"""The tags that define colours -> functions that rewrite them."""


def _standard(held: Mapping[str, bytes]) -> dict[str, bytes] | None:
    """The tags of the well-known profile that defines the same colours; None if there is none."""
    if any(tag.startswith(("A2B", "B2A", "cicp")) for tag in held):
        return None
    colours = np.array([struct.unpack(">3i", held[tag][8:]) for tag in ("rXYZ", "gXYZ", "bXYZ")]).ravel() / 65536
    curves = [_values(held[tag]) for tag in ("rTRC", "gTRC", "bTRC")]
    for primaries, exponent in _STANDARD.values():
        curve = _standard_curve(exponent)
        wanted = _values(curve)
        if np.abs(colours - primaries).max() < _ALIKE_COLOURS and all(
            np.abs(values - wanted).max() < _ALIKE_CURVES for values in curves
        ):
            whole = [round(value * 65536) for value in primaries]
            xyz = [b"XYZ " + struct.pack(">4x3i", *whole[i : i + 3]) for i in (0, 3, 6)]
            white = b"XYZ " + bytes(4) + _D50
            return {"wtpt": white, **dict(zip(("rXYZ", "gXYZ", "bXYZ"), xyz, strict=True))} | dict.fromkeys(
                ("rTRC", "gTRC", "bTRC"), curve
            )
    return None


def _standard_curve(exponent: float) -> bytes:
    """The curve of a well-known profile: a power, or that of sRGB as 1024 samples."""
    if exponent:
        return b"curv" + struct.pack(">4xIH", 1, round(exponent * 256))
    coded = np.linspace(0, 1, 1024)
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return b"curv" + struct.pack(">4xI", 1024) + bytes(np.rint(light * 65535).astype(">u2").tobytes())


def _values(curve: bytes) -> NDArray[np.float64]:
    """(256,) float64: the output of a curve for inputs from 0 to 1, in sRGB encoding, so that dark colours count."""
    coded = np.linspace(0, 1, 256)
    if curve[:4] == b"curv":
        samples = np.frombuffer(curve[12:], ">u2").astype(np.float64)
        if len(samples) < 2:
            light = coded ** (samples[0] / 256 if len(samples) else 1.0)
        else:
            light = np.interp(coded, np.linspace(0, 1, len(samples)), samples / 65535)
    else:
        light = _parametric(curve, coded)
    light = np.clip(np.nan_to_num(light, nan=2.0), 0, 2)
    return np.asarray(np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055))


def _parametric(curve: bytes, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A parametric curve at `x` (ICC.1:2022, 10.18)."""
    number = curve[9]
    g, a, b, c, d, e, f = [value / 65536 for value in struct.unpack(f">{_PARAMETERS[number]}i", curve[12:])] + [0.0] * (
        7 - _PARAMETERS[number]
    )
    if number == 0:
        return np.asarray(x**g)
    with np.errstate(invalid="ignore", divide="ignore"):
        power = (a * x + b) ** g
        if number in (1, 2):
            return np.asarray(np.where(a * x + b >= 0, power, 0) + (c if number == 2 else 0))
        return np.asarray(np.where(x >= d, power + e, c * x + f))
