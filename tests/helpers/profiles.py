"""Colour profiles as files hold them, with what has no place in one planted in every spot there is."""

import io
import struct
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageCms

OWNER = "Jane Doe's MacBook"
SERIAL = b"SN-0451-7734"

D50 = (0.9642, 1.0, 0.8249)
COLOURS: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "sRGB": ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)),
    "Display P3": ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)),
    "a monitor": ((0.4501, 0.2304, 0.0102), (0.3752, 0.7102, 0.1203), (0.1389, 0.0594, 0.6944)),
}


def xyz(*values: float) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(value * 65536) for value in values))


def para(*values: float) -> bytes:
    number = {1: 0, 3: 1, 4: 2, 5: 3, 7: 4}[len(values)]
    return b"para" + struct.pack(f">4xHxx{len(values)}i", number, *(round(value * 65536) for value in values))


def curv(*values: int) -> bytes:
    return b"curv" + struct.pack(f">4xI{len(values)}H", len(values), *values)


SRGB_CURVE = para(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def text(words: str) -> bytes:
    return b"text" + bytes(4) + words.encode() + b"\0"


def mluc(words: str) -> bytes:
    wide = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(wide), 28) + wide


def tags(colours: str = "a monitor", curve: bytes = SRGB_CURVE) -> dict[str, bytes]:
    """The tags of an ordinary profile of a monitor."""
    red, green, blue = COLOURS[colours]
    return {
        "desc": mluc("Color LCD"),
        "cprt": mluc("Copyright Somebody, Inc."),
        "wtpt": xyz(*D50),
        "rXYZ": xyz(*red),
        "gXYZ": xyz(*green),
        "bXYZ": xyz(*blue),
        **dict.fromkeys(("rTRC", "gTRC", "bTRC"), curve),
    }


def profile(
    held: Mapping[str, bytes] | None = None,
    *,
    space: bytes = b"RGB ",
    kind: bytes = b"mntr",
    connection: bytes = b"XYZ ",
    head: Mapping[int, bytes] | None = None,
    gap: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """An ICC profile, version 4.

    Args:
        held: the tags.
        space, kind, connection: of the head.
        head: bytes written over the head at these places.
        gap: bytes before the first tag.
        after: bytes after the last.
    """
    held = tags() if held is None else held
    place, table, body = 132 + 12 * len(held), b"", gap
    for tag, data in held.items():
        table += tag.encode() + struct.pack(">II", place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    body += after
    first = bytearray(128)
    struct.pack_into(">I4sI4s4s4s6H4s", first, 0, place + len(body), b"appl", 0x04200000, kind, space, connection,
                     2026, 11, 28, 9, 41, 22, b"acsp")  # fmt: skip
    first[68:80] = bytes.fromhex("0000f6d6000100000000d32d")
    for where, what in (head or {}).items():
        first[where : where + len(what)] = what
    return bytes(first) + struct.pack(">I", len(held)) + table + body


def preview() -> bytes:
    """A small JPEG of something."""
    target = io.BytesIO()
    Image.linear_gradient("L").resize((32, 32)).save(target, "JPEG")
    return target.getvalue()


def with_tag(tag: str, data: bytes) -> Callable[[], bytes]:
    return lambda: profile({**tags(), tag: data})


HIDDEN: Mapping[str, Callable[[], bytes]] = {
    "description": with_tag("desc", mluc(OWNER)),
    "rights": with_tag("cprt", text(OWNER)),
    "device-maker": with_tag("dmnd", mluc(OWNER)),
    "device-model": with_tag("dmdd", mluc(OWNER)),
    "viewing": with_tag("vued", mluc(OWNER)),
    "apple-name": with_tag("dscm", mluc(OWNER)),
    "apple-model": with_tag("mmod", b"mmod" + bytes(8) + SERIAL),
    "apple-native": with_tag("ndin", b"ndin" + bytes(4) + SERIAL),
    "apple-extra": with_tag("aapy", b"para" + bytes(4) + SERIAL),
    "video-card": with_tag("vcgt", b"vcgt" + bytes(8) + SERIAL),
    "metadata": with_tag("meta", b"dict" + bytes(12) + OWNER.encode("utf-16-be")),
    "technology": with_tag("tech", b"sig " + bytes(4) + SERIAL),
    "targets": with_tag("targ", text(OWNER)),
    "calibration": with_tag("calt", b"dtim" + bytes(4) + SERIAL),
    "preview": with_tag("prvw", b"data" + bytes(8) + preview()),
    "second-white": with_tag("bkpt", b"text" + bytes(4) + SERIAL),
    "text-as-white": with_tag("wtpt", xyz(*D50) + SERIAL),
    "more-after-a-curve": with_tag("rTRC", SRGB_CURVE + SERIAL),
    "more-after-colours": with_tag("gXYZ", xyz(*COLOURS["a monitor"][1]) + OWNER.encode()),
    "reserved": with_tag("bTRC", SRGB_CURVE[:4] + b"SN-0" + SRGB_CURVE[8:]),
    "measured": with_tag("meas", b"meas" + bytes(4) + SERIAL),
    "maker": lambda: profile(head={48: b"SN-0", 52: b"0451"}),
    "creator": lambda: profile(head={80: b"SN-0"}),
    "identifier": lambda: profile(head={84: SERIAL}),
    "rest-of-head": lambda: profile(head={100: SERIAL}),
    "attributes": lambda: profile(head={56: b"SN-04517"}),
    "date": lambda: profile(head={24: b"\7\xea\0\5"}),
    "gap": lambda: profile(gap=SERIAL),
    "after": lambda: profile(after=SERIAL),
}
"""Profiles that tell more than colours, by what tells it."""


def converted(picture: Image.Image, icc: bytes) -> np.ndarray:
    """The pixels of `picture` in sRGB, if `icc` is its profile."""
    made = ImageCms.profileToProfile(
        picture, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )  # fmt: skip
    assert made is not None
    return np.asarray(made).astype(int)
