"""Reading untrusted text within limits: plans, zones, presets, cameras, ground truth, reports.

Every problem becomes an error of the caller's class that says where it is. Nothing here waits for a pipe, follows
endless nesting, or accepts an invalid number.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

from anonymize.errors import AnonymizeError
from anonymize.text.ranges import shown
from anonymize.text.words import near, system

Fail = Callable[[str, object], AnonymizeError]
"""Makes the error to raise, from a message and the path concerned."""

FILE = 64 << 20
"""The most bytes of a file that is read at once."""
LINE = 4 << 20
"""The most characters of a line in a file that is read line by line."""
DIGITS = 18
"""The most digits of a whole number: what fits in 64 bits."""


def descriptor(path: Path) -> int:
    """A descriptor of the regular file `path`, open for reading: devices and pipes could block or never end.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    found = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(found).st_mode
    if stat.S_ISREG(mode):
        return found
    os.close(found)
    kind = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
    raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))


def content(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of the file `path`. Raises `OSError` as `descriptor` does."""
    with os.fdopen(descriptor(path), "rb") as file:
        return file.read(limit)


@contextmanager
def opened(path: Path, what: str, fail: Fail) -> Iterator[TextIO]:
    """The text file `path`, open for reading; read errors in the block are converted too.

    Args:
        path: the file.
        what: what it should be, for messages: "plan", "preset".
        fail: makes the error.
    """
    try:
        with os.fdopen(descriptor(path), encoding="utf-8-sig") as file:
            yield file
    except FileNotFoundError as error:
        raise fail(f"cannot read this {what}: no such file{near(path)}", path) from error
    except OSError as error:
        raise fail(f"cannot read this {what}: {system(error)}", path) from error
    except UnicodeDecodeError as error:
        raise fail(f"not a {what}: it is not UTF-8 text (editors can save it as such)", path) from error


def text(path: Path, what: str, fail: Fail, limit: int = FILE) -> str:
    """The content of the text file `path`, of at most `limit` characters; see `opened`."""
    with opened(path, what, fail) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        amount = f"{limit >> 20} MiB" if limit >> 20 else f"{limit >> 10} KiB"
        raise fail(f"not a {what}: it is larger than {amount}", path)
    return content


def lines(path: Path, what: str, fail: Fail) -> Iterator[str]:
    """The lines of the text file `path`; see `opened`."""
    with opened(path, what, fail) as file:
        number = 0
        while line := file.readline(LINE + 1):
            number += 1
            if len(line) > LINE:
                raise fail(
                    f"not a {what}: the line is longer than {LINE >> 20} Mi characters", f"{path}, line {number}"
                )
            yield line


def json_value(content: str, place: str, fail: Fail) -> Any:
    """The JSON value in `content`, from `place`. Duplicate keys and infinite numbers are errors, made by `fail`."""
    try:
        return _JSON.decode(content)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in content.strip() else ""
        raise fail(f"not JSON: {error.msg} ({line}column {error.colno})", place) from error
    except RecursionError as error:
        raise fail("refused: it is nested too deeply", place) from error
    except ValueError as error:
        raise fail(f"not JSON: {error}", place) from error


def toml_value(content: str, place: str, fail: Fail) -> dict[str, Any]:
    """The TOML table in `content`, from `place`. Infinite numbers are errors, made by `fail`."""
    try:
        return tomllib.loads(content, parse_float=_finite)
    except RecursionError as error:
        raise fail("refused: it is nested too deeply", place) from error
    except ValueError as error:  # includes `TOMLDecodeError`
        raise fail(f"not valid TOML: {error}", place) from error


def _finite(digits: str) -> float:
    number = float(digits.replace("_", ""))
    if not math.isfinite(number):
        raise ValueError(f"{shown(digits)} is not a finite number")
    return number


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"{digits[:9]}... has more than {DIGITS} digits")
    return int(digits)


def _no_number(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads although JSON does not have them."""
    raise ValueError(f"{name} is not a number in JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without duplicate keys, which two readers could read differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


_JSON = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=_no_number, parse_int=_whole, parse_float=_finite, strict=True
)
