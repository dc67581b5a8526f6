"""Unsupported image formats: recognised by their first bytes, and refused with the reason.

FFmpeg would read some of them as a video of one frame, and only the preview of a camera raw.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from anonymize.errors import UnsupportedInput
from anonymize.media.still.formats.tiff import raw
from anonymize.text.suffixes import FILM_SUFFIXES, OTHER_SUFFIXES, RAW_SUFFIXES

HEAD = 132
"""Bytes needed to recognise a format."""

_RAWS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAP", b"ARRI")
_OTHERS: Mapping[bytes, str] = MappingProxyType(
    {
        b"\0\0\0\x0cJXL ": "JPEG XL",
        b"\xff\x0a": "JPEG XL",
        b"II\xbc": "JPEG XR",
        b"8BPS": "Photoshop",
        b"gimp xcf": "GIMP",
        b"v/1\x01": "OpenEXR",
        b"#?RADIANCE": "Radiance HDR",
        b"#?RGBE": "Radiance HDR",
        b"DDS ": "DirectDraw Surface",
        b"qoif": "QOI",
        b"icns": "Apple icon",
        b"BPG\xfb": "BPG",
        b"FLIF": "FLIF",
        b"farbfeld": "farbfeld",
        b"\x01\xda": "SGI",
        b"\x0a\x05\x01\x08": "PCX",
        b"\x59\xa6\x6a\x95": "Sun raster",
        **{b"P7%c" % space: "PAM" for space in b"\n\r\t #"},
        **{b"P%c%c" % (kind, space): "PFM" for kind in b"fF" for space in b"\n\r\t "},
    }
)


def refuse_others(head: bytes, name: str) -> None:
    """Raise `UnsupportedInput` if a file that starts with `head` is an image in an unsupported format.

    Args:
        head: `HEAD` bytes, or the whole file.
        name: for messages.
    """
    if head.startswith(_RAWS) or head[4:12] == b"ftypcrx ":
        raise raw(name)
    known = next((format for magic, format in _OTHERS.items() if head.startswith(magic)), "")
    if _is_icon(head):
        known = "icon"
    if head[128:132] == b"DICM":
        known = "DICOM"
    if known:
        raise UnsupportedInput(f"{known} pictures are not supported; convert it to PNG", name)


def refuse_film(name: str) -> None:
    """Raise `UnsupportedInput` if a file called `name` should be a film of pictures without times (MJPEG)."""
    if Path(name).suffix.lower() in FILM_SUFFIXES:
        made = Path(name).with_suffix(".mkv").name
        raise UnsupportedInput(
            "a film of JPEG pictures without times is not supported; give it some, as with `ffmpeg -framerate 25 -f "
            f"mjpeg -i {shlex.quote(name)} -c copy {shlex.quote(made)}`, or call it .jpg if it is one picture",
            name,
        )


def refuse_named(name: str) -> None:
    """Raise `UnsupportedInput` if the suffix of `name`, of unknown content, is that of an unsupported image format.

    These formats have no magic number, or are drawings that may contain photographs.
    """
    suffix = Path(name).suffix.lower()
    if suffix in RAW_SUFFIXES:
        raise raw(name)
    if suffix in OTHER_SUFFIXES:
        kind = suffix.removeprefix(".").upper()
        raise UnsupportedInput(f"{kind} pictures are not supported; convert it to PNG", name)


def _is_icon(head: bytes) -> bool:
    """Whether this is a Windows icon or cursor; MPEG-4 elementary streams start with the same four bytes."""
    entry = head[6:22]
    return (
        head[:4] in (b"\0\0\1\0", b"\0\0\2\0")
        and 0 < int.from_bytes(head[4:6], "little") < 256
        and len(entry) == 16
        and entry[3] == 0
        and int.from_bytes(entry[12:], "little") >= 22
    )
