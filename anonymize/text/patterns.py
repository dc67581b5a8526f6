"""Regular expressions that a user writes to say which text is meant."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import import_module
from typing import Any

from anonymize.text.ranges import shown
from anonymize.text.words import printable

LONGEST = 300
"""The most characters of a pattern."""


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """`pattern`, ready to search with. Raises `ValueError` that says what is wrong, and where."""
    if len(pattern) > LONGEST or printable(pattern) != pattern:
        raise ValueError(f"expected one line of at most {LONGEST} characters, got {shown(pattern)}")
    try:
        made = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{shown(pattern)} is not a regular expression: {_words(error)}") from error
    if _repeats_twice(import_module("re._parser").parse(pattern)):
        raise ValueError(
            f"{shown(pattern)} repeats what repeats itself, as (a+)+ does, which may take for ever: "
            r"write one repetition, as [\w.-]+ for (\w+[.-])+"
        )
    if made.search(""):
        raise ValueError(f"{shown(pattern)} fits the empty text, and so any text: leave it out to hide all text")
    return made


def fits(pattern: re.Pattern[str], text: str) -> bool:
    """Whether `pattern` is found in `text` as it was read, with wide and composed letters made plain, or without its
    spaces: readers put spaces where there are none, and leave them out."""
    plain = unicodedata.normalize("NFKC", text)
    return any(pattern.search(each) for each in {text, plain, "".join(plain.split())})


def _words(error: Exception) -> str:
    """What is wrong, for a person."""
    if not isinstance(error, re.error):
        return "it is too large"
    place = f" (character {error.pos + 1})" if error.pos is not None else ""
    hint = "; .* stands for any text, and \\ before a sign for the sign itself" if "repeat" in error.msg else ""
    return f"{error.msg}{place}{hint}"


def _repeats_twice(parsed: Any, within: bool = False) -> bool:
    """Whether a part without a bound stands within another."""
    for operation, argument in parsed:
        name, endless = str(operation), False
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            endless = argument[1] > 20
            if endless and within:
                return True
        if any(_repeats_twice(part, within or endless) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> list[Any]:
    """The patterns within the argument of an operation."""
    if hasattr(argument, "data") and hasattr(argument, "state"):
        return [argument]
    return [part for each in argument for part in _parts(each)] if isinstance(argument, (list, tuple)) else []
