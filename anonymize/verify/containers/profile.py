"""What a colour profile holds besides the numbers that colours need (ICC.1:2022), found by parsing it.

Only profiles like those written here pass, whatever wrote this one: a header that identifies nobody, tags of numbers,
each of exactly the size that its numbers take, and two texts that are always the same.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator

from anonymize.media.still.profile import RIGHTS, TITLE

_KINDS = {
    **dict.fromkeys(("wtpt", "bkpt", "rXYZ", "gXYZ", "bXYZ"), (b"XYZ ",)),
    **dict.fromkeys(("rTRC", "gTRC", "bTRC", "kTRC"), (b"curv", b"para")),
    **dict.fromkeys(("A2B0", "A2B1", "A2B2"), (b"mft1", b"mft2", b"mAB ")),
    **dict.fromkeys(("B2A0", "B2A1", "B2A2"), (b"mft1", b"mft2", b"mBA ")),
    "chad": (b"sf32",),
    "cicp": (b"cicp",),
}
"""Tags that colours need, with the types that their numbers may have."""
_NAMELESS = {4: 4, 40: 4, 44: 4, 48: 4, 52: 4, 56: 8, 80: 4, 84: 16, 100: 28}
"""Header fields that can tell who made the profile, with what and for what: offset and length."""
_PARAMETERS = (1, 3, 4, 5, 7)


def foreign(profile: bytes) -> Iterator[str]:
    """Everything in `profile` that says nothing about colours, in words; nothing if it is empty."""
    if not profile:
        return
    try:
        yield from dict.fromkeys(f"{what} in its colour profile" for what in _foreign(profile))
    except (struct.error, IndexError, ValueError):
        yield "a colour profile that does not follow the standard"


def _foreign(profile: bytes) -> Iterator[str]:
    if any(profile[place : place + size].strip(b"\0") for place, size in _NAMELESS.items()):
        yield "a maker, device, creator or identifier"
    if profile[24:36] != struct.pack(">6H", 2000, 1, 1, 0, 0, 0):
        yield "a date"
    size, count = struct.unpack_from(">I", profile)[0], struct.unpack_from(">I", profile, 128)[0]
    taken = {(0, 132 + 12 * count)}
    for number in range(count):
        name, place, length = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        tag, data = name.decode("latin-1"), profile[place : place + length]
        taken.add((place, place + length))
        if tag in ("desc", "cprt"):
            if _text(data) not in (TITLE, RIGHTS):
                yield "a description"
        elif data[:4] not in _KINDS.get(tag, ()):
            yield tag if tag.isprintable() else "an unknown tag"
        elif data[4:8].strip(b"\0") or length != _size(data):
            yield f"more than numbers in {tag}"
    if len(profile) != size or _gaps(profile, sorted(taken)):
        yield "bytes that belong to no tag"


def _gaps(profile: bytes, taken: list[tuple[int, int]]) -> bool:
    """Whether there is more than padding between the tags or after them."""
    end = 0
    for start, stop in taken:
        if start - end > 3 or profile[end:start].strip(b"\0"):
            return True
        end = max(end, stop)
    return len(profile) - end > 3 or bool(profile[end:].strip(b"\0"))


def _text(data: bytes) -> str:
    """The text of a tag, if it is one of ours and nothing else; otherwise "?"."""
    for text in (TITLE, RIGHTS):
        plain, wide = text.encode() + b"\0", text.encode("utf-16-be")
        if data in (
            b"desc" + struct.pack(">4xI", len(plain)) + plain + bytes(78),
            b"text" + bytes(4) + plain,
            b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(wide), 28) + wide,
        ):
            return text
    return "?"


def _size(data: bytes) -> int:
    """Bytes that the numbers of an element take, by its own header."""
    kind = data[:4]
    fixed = {b"XYZ ": 20, b"sf32": 44, b"cicp": 12}
    if kind in fixed:
        return fixed[kind]
    if kind == b"curv":
        return 12 + 2 * int(struct.unpack_from(">I", data, 8)[0])
    if kind == b"para":
        return 12 + 4 * _PARAMETERS[struct.unpack_from(">H", data, 8)[0]]
    ins, outs, points = data[8:11]
    if kind in (b"mft1", b"mft2"):
        width = 1 + (kind == b"mft2")
        before, after = struct.unpack_from(">HH", data, 48) if width == 2 else (256, 256)
        return int(44 + 4 * width + width * (before * ins + points**ins * outs + after * outs))
    return _of_pieces(data, ins, outs)


def _of_pieces(data: bytes, ins: int, outs: int) -> int:
    """Bytes of a table whose parts stand where its header says; -1 if there are bytes between them."""
    b, matrix, m, grid, a = struct.unpack_from(">5I", data, 12)
    connection, device = (outs, ins) if data[:4] == b"mAB " else (ins, outs)
    spans = [(0, 32), *((place, place + 48) for place in (matrix,) if place)]
    for place, curves in ((b, connection), (m, connection), (a, device)):
        end = place
        for _ in range(curves if place else 0):
            end += -(-_size(data[end:]) // 4) * 4
        spans.append((place, end))
    if grid:
        cells = math.prod(data[grid : grid + ins]) * outs * data[grid + 16]
        spans.append((grid, grid + 20 + -(-cells // 4) * 4))
    spans = sorted(span for span in spans if span[1])
    joined = all(after[0] == before[1] for before, after in itertools.pairwise(spans))
    return spans[-1][1] if joined else -1
