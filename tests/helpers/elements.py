"""Elements put into the headers of finished files, for what FFmpeg's writers cannot say."""

from collections.abc import Iterator
from pathlib import Path

PLACES = {0x114D9B74, 0x1C53BB6B}
"""Matroska's elements that tell where others are."""
SEGMENT, TRACKS, TRACK, VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
"""Matroska elements on the way to what is said of a picture."""


def element(number: int, payload: bytes) -> bytes:
    """A Matroska element, its size written in eight bytes."""
    name = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return name + (len(payload) | 1 << 56).to_bytes(8, "big") + payload


def in_matroska(path: Path, **said: int) -> Path:
    """`path`, with numbers said of its (first) picture: `crop_left=16`, `display_width=...` and the like."""
    numbers = {
        "display_width": 0x54B0,
        "display_height": 0x54BA,
        "display_unit": 0x54B2,
        "crop_bottom": 0x54AA,
        "crop_top": 0x54BB,
        "crop_left": 0x54CC,
        "crop_right": 0x54DD,
    }
    more = b"".join(element(numbers[name], value.to_bytes(4, "big")) for name, value in said.items())
    data = path.read_bytes()
    parts = [(n, data[start:end], data[body:end]) for n, start, body, end in _elements(data)]
    path.write_bytes(b"".join(element(n, _placeless(held)) if n == SEGMENT else whole for n, whole, held in parts))
    path.write_bytes(_with(path.read_bytes(), (SEGMENT, TRACKS, TRACK, VIDEO), more))
    return path


def _placeless(segment: bytes) -> bytes:
    """A segment without what tells of places in it, for they are others now."""
    return b"".join(segment[start:end] for number, start, _, end in _elements(segment) if number not in PLACES)


def _with(data: bytes, way: tuple[int, ...], more: bytes) -> bytes:
    """`data` with `more` at the end of the first element at the end of `way`."""
    if not way:
        return data + more
    for number, start, body, end in _elements(data):
        if number == way[0]:
            return data[:start] + element(number, _with(data[body:end], way[1:], more)) + data[end:]
    raise ValueError(f"no element {way[0]:x}")


def _elements(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The number of each element in `data`, where it starts, where its payload starts, and where it ends."""
    at = 0
    while at < len(data):
        start, name = at, 9 - data[at].bit_length()
        number, at = int.from_bytes(data[at : at + name], "big"), at + name
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length], "big") & (1 << 7 * length) - 1
        body = at + length
        at = len(data) if size == (1 << 7 * length) - 1 else body + size
        yield number, start, body, at


def in_mp4(path: Path, box: bytes, payload: bytes, track: int = 0) -> Path:
    """`path` (its index at the end), with a box more in the description of the samples of its video track `track`."""
    data = path.read_bytes()
    made = (8 + len(payload)).to_bytes(4, "big") + box + payload
    begin = data.index(b"moov")
    for _ in range(track + 1):
        begin = data.index(b"trak", begin + 1)
    at = data.index(b"stsd", begin) + 12
    data = _longer(data, data.index(b"moov") - 4, len(made))
    for name in (b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        data = _longer(data, data.index(name, begin) - 4, len(made))
    size = int.from_bytes(data[at : at + 4], "big")
    data = _longer(data, at, len(made))
    path.write_bytes(data[: at + size] + made + data[at + size :])
    return path


def _longer(data: bytes, at: int, more: int) -> bytes:
    """`data` with a box at `at` that says it is `more` bytes longer."""
    return data[:at] + (int.from_bytes(data[at : at + 4], "big") + more).to_bytes(4, "big") + data[at + 4 :]


def clap(width: int, height: int, x: int, y: int) -> bytes:
    """The payload of a clean aperture: its size, and how many half pixels its middle is off that of the picture."""
    signed = [(width, 1), (height, 1), (x, 2), (y, 2)]
    return b"".join(a.to_bytes(4, "big", signed=True) + b.to_bytes(4, "big") for a, b in signed)
