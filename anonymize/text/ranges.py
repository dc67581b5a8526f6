"""Valid ranges of numbers, for settings, plans, zones, spans, ground truth and the command line.

A field of a settings class is annotated with `Annotated[float, Range(...)]`, and its `__post_init__` calls `in_range`,
so that no such object can contain NaN, infinity or a value out of range.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from numbers import Real
from typing import Annotated, Any, TypeVar

from anonymize.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers from `low` to `high`, both included; never NaN or infinity.

    Args:
        low, high: the ends.
        unit: for messages.
    """

    low: float
    high: float
    unit: str = ""

    def check(self, value: T) -> T:
        """`value`, if it is a number within the range. Raises `ValueError`."""
        if not is_number(value):
            raise ValueError(f"expected a number, got {shown(value)}")
        if not self.low <= value <= self.high:  # type: ignore[operator]  # so that NaN is refused too
            unit = f" {self.unit}" if self.unit else ""
            raise ValueError(f"must be {self.low:g} to {self.high:g}{unit}, got {shown(value)}")
        return value

    def number(self, value: Any) -> float:
        """`value` as a float, if it is a number within the range. Raises `ValueError`."""
        self.check(value)
        return float(value)

    def whole(self, value: Any) -> int:
        """`value` as an int, if it is a whole number within the range. Raises `ValueError`."""
        self.check(value)
        if value != int(value):
            raise ValueError(f"expected a whole number, got {shown(value)}")
        return int(value)


PIXELS = Range(-1e6, 1e6, "pixels")
"""Coordinates: no picture is larger, and they may lie outside of it."""
SHARE = Range(0, 1)
SECONDS = Range(0, 1e9, "seconds")


def shown(value: Any) -> str:
    """`value` for a message, shortened."""
    return brief(repr(value), 60)


def brief(text: object, limit: int = 200) -> str:
    """`text` for a message: cut if it is longer than `limit` characters."""
    whole = str(text)
    return whole if len(whole) <= limit else f"{whole[: limit - 3]}..."


def is_number(value: Any) -> bool:
    """Whether `value` is a number; booleans are not, although Python can add them."""
    plain = type(value) in (int, float)  # asking an abstract class takes longer, and plans have millions
    return plain or (isinstance(value, Real) and not isinstance(value, bool))


def in_range(value: Any) -> None:
    """Raise `UsageError` if a number in the dataclass instance `value` is not within the range of its field."""
    hints = typing.get_type_hints(type(value), include_extras=True)
    for field in fields(value):
        for allowed, number in _numbers(hints[field.name], getattr(value, field.name)):
            try:
                allowed.check(number)
            except ValueError as error:
                raise UsageError(f"{type(value).__name__.lower()}.{field.name}: {error}") from None


def _numbers(hint: Any, value: Any) -> Iterator[tuple[Range, Any]]:
    """The numbers in `value`, which is of the type `hint`, each with its range."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        yield from ((extra, value) for extra in arguments[1:] if isinstance(extra, Range))
    elif origin in (types.UnionType, typing.Union) and value is not None:
        yield from (found for one in arguments if one is not types.NoneType for found in _numbers(one, value))
    elif origin is tuple:
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        for one, item in zip(kinds, value, strict=True):
            yield from _numbers(one, item)


_EXACT = re.compile(r"\d{1,12}(\.\d{1,12})?(/\d{1,12})?")


def exact(value: Any) -> Fraction:
    """A number of seconds as a fraction, from 12, 12.5, "12.5" or "25/2".

    Raises:
        ValueError: it is not a number, or has too many digits.
    """
    text = value if isinstance(value, str) else format(SECONDS.number(value), ".9f")
    if not _EXACT.fullmatch(text):
        raise ValueError(f"expected seconds, such as 12.5 or 25/2, got {shown(value)}")
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"expected seconds, such as 12.5 or 25/2, got {shown(value)}") from None
