"""HEIC and AVIF files with properties that encoders here do not write, patched in box by box."""

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

from anonymize.media.still.parts import boxes
from tests.helpers.planting import box

Property = tuple[bytes, bytes]
"""A property's type and payload."""


def irot(quarters: int) -> Property:
    """Turned by so many quarters against the clock."""
    return b"irot", bytes((quarters,))


def imir(axis: int) -> Property:
    """Mirrored: 0 upside down, 1 left to right."""
    return b"imir", bytes((axis,))


def clap(x0: int, y0: int, x1: int, y1: int, size: tuple[int, int]) -> Property:
    """Only these pixels, half-open, of a picture of `size` (width, height)."""
    right, down = x0 + x1 - size[0], y0 + y1 - size[1]  # twice the way of the middle
    return b"clap", struct.pack(">IIIIiIiI", x1 - x0, 1, y1 - y0, 1, right, 2, down, 2)


def encoded(suffix: str, pixels: NDArray[Any], **options: Any) -> bytes:
    """`pixels` as HEIC or AVIF, nearly without loss."""
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    target = BytesIO()
    if suffix == "heic":
        size = (pixels.shape[1], pixels.shape[0])
        given = {"quality": 95, "chroma": 444} | options
        pillow_heif.encode(mode, size, np.ascontiguousarray(pixels).tobytes(), target, **given)
    else:
        picture = Image.fromarray(pixels.squeeze() if pixels.shape[2] == 1 else pixels)
        picture.save(target, "AVIF", **{"quality": 95, "subsampling": "4:4:4"} | options)
    return target.getvalue()


def with_properties(data: bytes, *properties: Property, item: int = 1) -> bytes:
    """The file with `properties`, in order, of `item`."""
    return _rewritten(data, properties, item)


def _rewritten(data: bytes, properties: Sequence[Property], item: int) -> bytes:
    made, added, place = b"", 0, 0
    for name, payload in boxes(data):
        if name == "meta":
            inner = b""
            for kind, body in boxes(payload[4:]):
                inner += box(kind.encode(), _iprp(body, properties, item) if kind == "iprp" else body)
            meta = box(b"meta", payload[:4] + inner)
            added, place = len(meta) - len(payload) - 8, len(made)
            made += meta
        else:
            made += box(name.encode("latin-1"), payload)
    return _moved(made, added, place)


def _iprp(body: bytes, properties: Sequence[Property], item: int) -> bytes:
    held = dict(boxes(body))
    count = sum(1 for _ in boxes(held["ipco"]))
    ipco = held["ipco"] + b"".join(box(kind, payload) for kind, payload in properties)
    ipma = held["ipma"]
    assert ipma[:4] == bytes(4), "few properties, small numbers"
    (entries,) = struct.unpack_from(">I", ipma, 4)
    made, place = ipma[:8], 8
    for _ in range(entries):
        (number,), uses = struct.unpack_from(">H", ipma, place), ipma[place + 2]
        used = ipma[place + 3 : place + 3 + uses]
        if number == item:
            used += bytes(0x80 | (count + i + 1) for i in range(len(properties)))
        made += struct.pack(">HB", number, len(used)) + used
        place += 3 + uses
    return box(b"ipco", ipco) + box(b"ipma", made)


def _moved(data: bytes, added: int, meta: int) -> bytes:
    """`data` with the places in `iloc`, which are the file's, moved by what was `added` to its meta box."""
    made = bytearray(data)
    at = data.index(b"iloc", meta) + 4
    version, sizes = data[at], data[at + 4]
    assert version in (0, 1)
    assert sizes == 0x44, "places and lengths of four bytes"
    base = data[at + 5] >> 4
    (count,) = struct.unpack_from(">H", data, at + 6)
    place = at + 8
    for _ in range(count):
        method = struct.unpack_from(">H", data, place + 2)[0] & 15 if version else 0
        place += (4 if version else 2) + 2 + base
        (extents,) = struct.unpack_from(">H", data, place)
        place += 2
        for _ in range(extents):
            if method == 0:
                struct.pack_into(">I", made, place, struct.unpack_from(">I", data, place)[0] + added)
            place += 8
    return bytes(made)
