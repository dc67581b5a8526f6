"""Netpbm, Targa and JPEG 2000: formats that are read, but written as PNG, which holds them unchanged.

Anything PNG would not preserve, or that is not decoded exactly, is refused: more than 8 bits, several images in a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from anonymize.errors import UnsupportedInput
from anonymize.media.still.file import CODESTREAM, PictureFile
from anonymize.media.still.parts import boxes

_FIELD = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])*([0-9]+)")
_COMMENT = re.compile(rb"#[^\r\n]*")
_COLOURS = {16: "sRGB", 17: "grey", 18: "sYCC"}
_PLAIN_BOXES = frozenset(("jP  ", "ftyp", "jp2h", "jp2c", "jp"))


def check_foreign(file: PictureFile) -> None:
    """Raise `UnsupportedInput` for a file that would not be decoded exactly."""
    if file.container == "ppm":
        _check_netpbm(file)
    elif file.container == "jp2":
        _check_jpeg2000(file)


def foreign_words(file: PictureFile) -> tuple[str, ...]:
    """What the file holds besides its image, in words."""
    if file.container == "ppm":
        return ("comments",) if _COMMENT.search(file.data[: _header(file)[1]]) else ()
    if file.container == "tga":
        held = {"an identification": file.data[0] > 0, "an extension": file.data[-18:].startswith(b"TRUEVISION-XFILE")}
        return tuple(word for word, there in held.items() if there and (word != "an extension" or _extended(file.data)))
    names = dict.fromkeys(name for name, _ in _boxes(file) if name not in _PLAIN_BOXES)
    return tuple(f"a box {name.strip()}" for name in names)


def foreign_profile(file: PictureFile) -> bytes:
    """The colour profile of a JPEG 2000; empty if it has none."""
    colours = [body for name, body in _head_boxes(file) if name == "colr"]
    return colours[0][3:] if colours and colours[0][:1] == b"\2" else b""


def _extended(data: bytes) -> bool:
    """Whether a Targa's footer points to an extension."""
    return any(data[-26:-18])


def _header(file: PictureFile) -> tuple[list[int], int]:
    """The numbers in a Netpbm header (width, height, maximum value), and the offset of the pixels."""
    numbers: list[int] = []
    place = 2
    for _ in range(2 if file.data[1:2] in b"14" else 3):
        found = _FIELD.match(file.data, place)
        if found is None:
            raise ValueError("its head ends early")
        numbers.append(int(found[1][:9]))
        place = found.end()
    return numbers, place + 1


def _check_netpbm(file: PictureFile) -> None:
    (width, height, *most), start = _header(file)
    if most and most[0] != 255:
        raise UnsupportedInput(
            f"a Netpbm picture whose brightest value is {most[0]}, not 255, is not supported; convert it to PNG",
            file.name,
        )
    kind = file.data[1:2]
    if kind in b"456":
        row = (width + 7) // 8 if kind == b"4" else width * (3 if kind == b"6" else 1)
        rest = file.data[start + row * height :].strip()
        if rest:
            raise UnsupportedInput(
                "something follows the picture, perhaps further ones, which are not supported; convert each to PNG",
                file.name,
            )


def _check_jpeg2000(file: PictureFile) -> None:
    streams = [body for name, body in _boxes(file) if name == "jp2c"] or [file.data]
    if len(streams) > 1:
        raise UnsupportedInput("JPEG 2000 with further pictures is not supported; convert each to PNG", file.name)
    size = streams[0][4:]
    count = int.from_bytes(size[36:38], "big")
    depths = {size[38 + 3 * number] for number in range(count) if len(size) > 38 + 3 * number}
    if not streams[0].startswith(CODESTREAM) or depths != {7}:
        raise UnsupportedInput(
            "JPEG 2000 with other than 8 bits for each sample is not supported; convert it to PNG", file.name
        )
    boxed = dict(_head_boxes(file))
    colour = boxed.get("colr", b"\2")
    named = int.from_bytes(colour[3:7], "big") if colour[:1] == b"\1" else 16
    if colour[:1] not in (b"\1", b"\2") or named not in _COLOURS or "pclr" in boxed:
        raise UnsupportedInput("JPEG 2000 in such colours is not supported; convert it to PNG", file.name)


def _boxes(file: PictureFile) -> Iterator[tuple[str, bytes]]:
    """The boxes of a JPEG 2000 file; none for a bare code stream."""
    return iter(()) if file.data.startswith(CODESTREAM) else boxes(file.data)


def _head_boxes(file: PictureFile) -> list[tuple[str, bytes]]:
    return [inner for name, body in _boxes(file) if name == "jp2h" for inner in boxes(body)]
