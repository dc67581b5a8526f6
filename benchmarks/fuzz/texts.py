"""Variants of texts: other types, NaN, duplicate and missing keys, depth, bytes that are not text.

JSON and TOML are parsed, changed and written by a writer that can write invalid text.
"""

from __future__ import annotations

import copy
import json
import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Raw:
    """Written as it is."""

    text: str


@dataclass(slots=True)
class TableText:
    """An object whose keys may stand twice."""

    pairs: list[tuple[str, Any]]


BROKEN: tuple[Any, ...] = (
    *(
        Raw(text)
        for text in ("NaN", "nan", "Infinity", "-inf", "1e309", "-1e309", "1e-400", "-0.0", "0x10", "1_0", "+1")
    ),
    *(
        Raw(text)
        for text in ("9" * 19, "9" * 5000, "1" + "0" * 400, "null", "True", "'", '"', "{", "[", "]", "\\", "# ", "")
    ),
)
"""What most readers refuse as no JSON or TOML at all."""
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e12, 1e300, 2**31, 2**53 + 1, 2**63, -(2**63), 65_536),
    *("", " ", "x", "x" * 100_000, "\0", "\x1b[2J", "\n", "../../../etc/passwd", "/dev/zero", "-", "NaN", "1/0", "0:1"),
    *(
        "\ud800",
        "\u202e",
        "face",
        "box",
        "${HOME}",
        "${file:/etc/passwd}",
        "rtsp://u:p@h/",
        "%s%n",
        "{0}",
        "1e999999999",
    ),
    *([], TableText([]), [[]], [None], [0, 0, 0, 0], [[0, 0], [1, 1], [2, 2]], TableText([("kind", "face")])),
)
"""Well-formed, and not what is expected."""


def json_text(text: str, rng: random.Random) -> tuple[bytes, str]:
    """A broken variant of a JSON value, and what was done."""
    value = _tables(json.loads(text))
    done = [_change(value, rng) for _ in range(rng.choice((1, 1, 2, 5)))]
    return _raw(_json(value), rng, done)


def json_lines(text: str, rng: random.Random) -> tuple[bytes, str]:
    """A broken variant of JSON Lines, and what was done."""
    lines: list[Any] = [_tables(json.loads(line)) for line in text.splitlines()]
    done = []
    for _ in range(rng.choice((1, 1, 2, 5))):
        index = rng.choice((0, rng.randrange(len(lines)))) if lines else 0
        way = rng.randrange(10)
        if not lines:
            lines.append(Raw("{}"))
        elif way == 0:
            lines.insert(rng.randrange(len(lines) + 1), lines.pop(index))
            done.append(f"line {index + 1} moved")
        elif way == 1:
            lines[index:index] = [lines[index]] * rng.choice((1, 2, 5000))
            done.append(f"line {index + 1} repeated")
        elif way == 2:
            del lines[index]
            done.append(f"line {index + 1} dropped")
        elif way == 3:
            lines.insert(
                index, Raw(rng.choice(("", " ", "x", "{", "[]", "null", "1", '""', "\0", "{}", "x" * (5 << 20))))
            )
            done.append(f"another line before line {index + 1}")
        else:
            done.append(f"line {index + 1}: {_change(lines[index], rng)}")
    return _raw("".join(_json(line) + "\n" for line in lines), rng, done)


def toml_text(text: str, rng: random.Random) -> tuple[bytes, str]:
    """A broken variant of TOML, and what was done."""
    value = _tables(tomllib.loads(text))
    done = [_change(value, rng) for _ in range(rng.choice((1, 1, 2, 5)))]
    made = "".join(f"{json.dumps(key)} = {_toml(held)}\n" for key, held in value.pairs)
    return _raw(made, rng, done)


def comma_text(text: str, rng: random.Random) -> tuple[bytes, str]:
    """A broken variant of lines of numbers with commas between, and what was done."""
    lines, done = [line.split(",") for line in text.splitlines()], []
    for _ in range(rng.choice((1, 1, 2, 5))):
        line = rng.choice(lines)
        index = rng.randrange(len(line)) if line else 0
        if line and rng.random() < 0.7:
            line[index] = _json(_hostile(rng))
        elif rng.random() < 0.5:
            del line[index:]
        else:
            line *= rng.choice((2, 1000))
        done.append(f"field {index + 1} of a line")
    return _raw("\n".join(",".join(line) for line in lines) + "\n", rng, done)


def _change(value: Any, rng: random.Random) -> str:
    """Change something within `value`, a table or a list, in place. What was done."""
    places = list(_places(value))
    if not places:
        return "nothing to change"
    way, (holder, key) = rng.randrange(12), rng.choice(places)
    pairs = holder.pairs if isinstance(holder, TableText) else None
    if pairs is not None and way == 0:
        pairs.append(pairs[key])
        return f"{pairs[key][0]!r} twice"
    if pairs is not None and way == 1:
        pairs.append((rng.choice(("x", "", "__proto__", "\0", pairs[key][0] + "s", "k" * 10_000)), _hostile(rng)))
        return "a key more"
    if way == 2:
        del (pairs or holder)[key]
        return f"entry {key} dropped"
    if way == 3:
        depth = rng.choice((50, 500, 5_000, 100_000))
        _put(
            holder,
            key,
            Raw(rng.choice(("[", '{"a":')) * depth) if rng.random() < 0.5 else Raw("[" * depth + "]" * depth),
        )
        return f"entry {key} {depth} deep"
    if way == 4:
        count = rng.choice((2, 3, 2_000, 200_000))
        _put(holder, key, [_held(holder, key) if count < 100 else 0] * count)
        return f"entry {key} as a list of {count}"
    if way == 5:
        other_holder, other_key = rng.choice(places)
        other = copy.deepcopy(_held(other_holder, other_key))  # it may hold this very place
        _put(holder, key, other if rng.random() < 0.5 else str(_held(holder, key))[:1000])
        return f"entry {key} as another, or as a text"
    number = _held(holder, key)
    if isinstance(number, (int, float)) and not isinstance(number, bool) and rng.random() < 0.6:
        hostile = rng.choice((-number, number + 1, number - 1, number * 1000, number / 7, number * 1e15, float(number)))
    else:
        hostile = _hostile(rng)
    _put(holder, key, hostile)
    return f"entry {key} = {_json(hostile)[:40]!r}"


def _hostile(rng: random.Random) -> Any:
    return rng.choice(BROKEN if rng.random() < 0.2 else ODD)


def _places(value: Any, depth: int = 0) -> list[tuple[Any, int]]:
    """Every place in `value` that holds something: the table or list, and the index in it."""
    if depth > 20 or not isinstance(value, (TableText, list)):
        return []
    count = min(len(value.pairs if isinstance(value, TableText) else value), 50)
    found: list[tuple[Any, int]] = [(value, index) for index in range(count)]
    for index in range(count):
        found += _places(_held(value, index), depth + 1)
    return found


def _held(holder: Any, index: int) -> Any:
    return holder.pairs[index][1] if isinstance(holder, TableText) else holder[index]


def _put(holder: Any, index: int, value: Any) -> None:
    if isinstance(holder, TableText):
        holder.pairs[index] = (holder.pairs[index][0], value)
    else:
        holder[index] = value


def _tables(value: Any) -> Any:
    if isinstance(value, dict):
        return TableText([(key, _tables(held)) for key, held in value.items()])
    return [_tables(held) for held in value] if isinstance(value, list) else value


def _written(value: Any, is_to: str) -> str:
    def inner(held: Any) -> str:
        if isinstance(held, Raw):
            return held.text
        if isinstance(held, TableText):
            return "{" + ", ".join(f"{json.dumps(key)}{is_to}{inner(one)}" for key, one in held.pairs) + "}"
        if isinstance(held, list):
            return "[" + ", ".join(inner(one) for one in held) + "]"
        return json.dumps(held)

    return inner(value)


def _json(value: Any) -> str:
    return _written(value, ": ")


def _toml(value: Any) -> str:
    return _written(value, " = ")


def _raw(text: str, rng: random.Random, done: list[str]) -> tuple[bytes, str]:
    """The bytes of a text, in a fifth of cases broken as bytes."""
    data, way = text.encode("utf-8", "surrogatepass"), rng.randrange(len(_BYTES) * 5)
    if way < len(_BYTES):
        what, change = _BYTES[way]
        return change(data, rng), "; ".join([*done, what])
    return data, "; ".join(done)


def flips(data: bytes, rng: random.Random) -> bytes:
    """`data` with a few bits flipped."""
    held = bytearray(data)
    for _ in range(rng.choice((1, 4, 32)) if held else 0):
        held[rng.randrange(len(held))] ^= 1 << rng.randrange(8)
    return bytes(held)


def cut(data: bytes, rng: random.Random) -> bytes:
    """`data` cut short."""
    return data[: rng.randrange(len(data) + 1)]


_BYTES: tuple[tuple[str, Callable[[bytes, random.Random], bytes]], ...] = (
    ("bits flipped", flips),
    ("cut", cut),
    ("byte order mark", lambda data, _: b"\xef\xbb\xbf" + data),
    ("UTF-16", lambda data, _: data.decode("utf-8", "replace").encode("utf-16")),
    ("CRLF", lambda data, _: data.replace(b"\n", b"\r\n")),
    ("NUL", lambda data, rng: cut(data, rng) + b"\0" + data[-20:]),
    ("not UTF-8", lambda data, rng: cut(data, rng) + b"\xff\xfe" + data[-20:]),
    ("empty", lambda *_: b""),
    ("a long line", lambda data, _: data + b" " * (9 << 20)),
)
