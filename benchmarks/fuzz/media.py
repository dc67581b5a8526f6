"""Variants of pictures and videos: bits flipped, parts cut out, files spliced, parts of their containers moved about.

Whatever is drawn comes from the generator that is passed in, so that a variant can be made again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.fuzz.parts import FAMILIES, Family, Fragment, everything


@dataclass(frozen=True, slots=True)
class FuzzCase:
    """A file, the good files of its format, and how they are taken apart."""

    data: bytes
    good: Sequence[bytes]
    family: Family


@dataclass(frozen=True, slots=True)
class Spot:
    """A part and another of the same file, as the lists that hold them and their places there; and a good file."""

    held: list[Fragment]
    index: int
    others: list[Fragment]
    other: int
    foreign: bytes
    family: Family

    @property
    def part(self) -> Fragment:
        """The part itself."""
        return self.held[self.index]


Break = Callable[[FuzzCase, random.Random], tuple[bytes, str]]
"""Gives another file, and what was done."""

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1)
"""Values at which arithmetic goes wrong."""
SMALL = 400
"""Bytes of a part that holds fields rather than pictures, at most."""


def variant(kind: str, good: Sequence[bytes], rng: random.Random) -> tuple[bytes, str]:
    """A broken file of the format `kind`, and what was done to which of the `good` ones, in words."""
    chosen = rng.randrange(len(good))
    data, done = good[chosen], []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data, what = rng.choice(_BREAKS)(FuzzCase(data, good, FAMILIES[kind]), rng)
        done.append(what)
    return data, f"file {chosen}: {'; '.join(done)}"


def _flips(case: FuzzCase, rng: random.Random) -> tuple[bytes, str]:
    held, count = bytearray(case.data), rng.choice((1, 1, 2, 4, 16, 64))
    end = rng.choice((len(case.data), len(case.data), min(len(case.data), 1024)))
    for _ in range(count if held else 0):
        held[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(held), f"{count} bits flipped below byte {end}"


def _noise(case: FuzzCase, rng: random.Random) -> tuple[bytes, str]:
    length = min(len(case.data), rng.choice((1, 4, 64, 1000)))
    at = rng.randrange(len(case.data) - length + 1)
    with_what = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    return case.data[:at] + with_what + case.data[at + length :], f"{length} bytes overwritten at {at}"


def _cut(case: FuzzCase, rng: random.Random) -> tuple[bytes, str]:
    a, b = sorted(rng.randrange(len(case.data) + 1) for _ in range(2))
    way = rng.randrange(4)
    if way < 2:
        return case.data[:b], f"cut to {b} bytes"
    if way == 2:
        return case.data[a:], f"the first {a} bytes cut off"
    return case.data[:a] + case.data[b:], f"bytes {a} to {b} cut out"


def _splice(case: FuzzCase, rng: random.Random) -> tuple[bytes, str]:
    other = rng.choice(case.good)
    a, b = rng.randrange(len(case.data) + 1), rng.randrange(len(other) + 1)
    if rng.random() < 0.2:
        return case.data + other, "another file put after it"
    return case.data[:a] + other[b:], f"from byte {a} on, another file from its byte {b} on"


def _moved(case: FuzzCase, rng: random.Random) -> tuple[bytes, str]:
    """One or two parts dropped, doubled, swapped, replaced, put elsewhere, renamed, made longer or shorter."""
    parts = case.family.take(case.data)
    places = list(everything(parts))
    if not places:
        return _flips(case, rng)
    spot = Spot(*rng.choice(places), *rng.choice(places), rng.choice(case.good), case.family)
    name, way = _told(spot.part.name), rng.choice(tuple(_MOVES))
    what = _MOVES[way](spot, rng)
    return case.family.joined(parts), f"{way} {name} ({what})"


def _drop(spot: Spot, rng: random.Random) -> str:
    count = rng.choice((1, 1, 1, 2, 8))
    del spot.held[spot.index : spot.index + count]
    return f"{count} from there"


def _double(spot: Spot, rng: random.Random) -> str:
    count = rng.choice((1, 1, 3, 200)) if len(spot.held[spot.index].body) < SMALL else 1
    spot.held[spot.index : spot.index] = [spot.held[spot.index].copy() for _ in range(count)]
    return f"{count} times"


def _swap(spot: Spot, _: random.Random) -> str:
    name = spot.others[spot.other].name
    spot.held[spot.index], spot.others[spot.other] = spot.others[spot.other].copy(), spot.held[spot.index].copy()
    return f"with {_told(name)}"


def _shuffle(spot: Spot, rng: random.Random) -> str:
    count = rng.choice((2, 4, 16))
    few = spot.held[spot.index : spot.index + count]
    rng.shuffle(few)
    spot.held[spot.index : spot.index + count] = few
    return f"{count} shuffled"


def _replace(spot: Spot, rng: random.Random) -> str:
    places = list(everything(spot.family.take(spot.foreign)))
    alike = [(held, index) for held, index in places if held[index].name == spot.part.name] or places
    there, at = rng.choice(alike)
    spot.held[spot.index] = there[at].copy()
    return f"with {_told(there[at].name)} of another file"


def _nest(spot: Spot, rng: random.Random) -> str:
    depth, name = rng.choice((1, 4, 100, 2000)), spot.part.name
    inner = spot.family.joined([spot.part])
    for _ in range(depth):
        inner = spot.family.joined([Fragment(name, inner)])
    spot.held[spot.index] = Fragment(b"", inner)
    return f"{depth} deep"


def _rename(spot: Spot, rng: random.Random) -> str:
    part = spot.part
    name = bytearray(part.name)
    name[rng.randrange(len(name))] ^= 1 << rng.randrange(8)
    part.name = rng.choice((bytes(name), spot.others[spot.other].name or part.name))
    return f"to {_told(part.name)}"


def _resize(spot: Spot, rng: random.Random) -> str:
    """A header that says another length: 32 bits before or after the name, in either order; or the same, in EBML."""
    part, value = spot.part, rng.choice(NUMBERS)
    if (len(part.name) == 4 and not part.name.isascii()) or len(part.name) != 4:
        size = rng.choice((bytes(8), b"\x01" + (value % (1 << 56)).to_bytes(7, "big"), b"\xff", b"\x40\x00"))
        part.raw = part.name + size
    elif rng.random() < 0.5:
        part.raw = (value % (1 << 32)).to_bytes(4, "big") + part.name
    else:
        part.raw = part.name + (value % (1 << 32)).to_bytes(4, "little")
    return f"to {value}"


def _longer(spot: Spot, rng: random.Random) -> str:
    part = spot.part
    cut = rng.randrange(len(part.body) + 1)
    part.body = rng.choice((part.body[:cut], b"", part.body + rng.randbytes(rng.choice((1, 16, 5000)))))
    return f"to {len(part.body)} bytes"


def _number(spot: Spot, rng: random.Random) -> str:
    """A field of 1, 2, 4 or 8 bytes somewhere in the part set to a value at which arithmetic goes wrong."""
    part, width, value = spot.part, rng.choice((1, 2, 4, 4, 8)), rng.choice(NUMBERS)
    order = rng.choice(("big", "little"))
    if len(part.body) < width:
        part.body = part.body + bytes(width)
    at = rng.randrange(min(len(part.body), SMALL) - width + 1)
    made = (value % (1 << 8 * width)).to_bytes(width, order)  # type: ignore[arg-type]  # it is one of the two
    part.body = part.body[:at] + made + part.body[at + width :]
    return f"{value} in {width} bytes at {at}"


def _insert(spot: Spot, rng: random.Random) -> str:
    spot.held.insert(spot.index, Fragment(b"", rng.randbytes(rng.choice((1, 8, 188, 4096)))))
    return "junk before it"


_MOVES: dict[str, Callable[[Spot, random.Random], str]] = {
    "dropped": _drop,
    "doubled": _double,
    "swapped": _swap,
    "moved": _shuffle,
    "replaced": _replace,
    "nested": _nest,
    "renamed": _rename,
    "resized": _resize,
    "body changed in": _longer,
    "number set in": _number,
    "number put in": _number,
    "inserted": _insert,
}


def _told(name: bytes) -> str:
    return name.decode() if name.isalnum() else name.hex()


_BREAKS: tuple[Break, ...] = (_flips, _flips, _noise, _cut, _splice, *[_moved] * 6)
"""What is done, as often as it stands here: containers most of all, for their bytes are few and their readers ours."""
