"""Regular expressions that a user writes to say which text is meant."""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache
from importlib import import_module
from typing import Any

from anonymize.text.ranges import shown
from anonymize.text.words import printable

LONGEST = 300
"""The most characters of a pattern."""
MOST_LETTERS = 400
"""Of a line that is read, about."""
MOST_WAYS = 27.0
"""Bits: in about how many ways a pattern may be tried from one letter of such a line on; 26 took a second for half of
one."""


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """`pattern`, ready to search with. Raises `ValueError` that says what is wrong, and where."""
    pattern = unicodedata.normalize("NFC", pattern)
    if len(pattern) > LONGEST or printable(pattern) != pattern:
        raise ValueError(f"expected one line of at most {LONGEST} characters, got {shown(pattern)}")
    try:
        made = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{shown(pattern)} is not a regular expression: {_words(error)}") from error
    parsed = import_module("re._parser").parse(pattern)
    if _repeats_twice(parsed):
        raise ValueError(
            f"{shown(pattern)} repeats what repeats itself, as (a+)+ does, which may take for ever: "
            r"write one repetition, as [\w.-]+ for (\w+[.-])+"
        )
    if _ways(parsed) > MOST_WAYS:
        raise ValueError(
            f"{shown(pattern)} can be tried in too many ways, which may take for ever: write fewer repetitions and "
            r"choices within repetitions, as \w+! for (\w|\w\w)+!"
        )
    if made.search(""):
        raise ValueError(f"{shown(pattern)} fits the empty text, and so any text: leave it out to hide all text")
    return made


def fits(pattern: re.Pattern[str], text: str) -> bool:
    """Whether `pattern` is found in `text` as it was read, with wide and composed letters made plain, or without the
    spaces of both: readers put spaces where there are none, and leave them out."""
    plain = unicodedata.normalize("NFKC", text)
    bare = "".join(plain.split())
    return any(pattern.search(each) for each in {text, plain, bare}) or bool(_spaceless(pattern).search(bare))


@cache
def _spaceless(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """`pattern` whose spaces, but for those within [...], need not be there."""
    text, made, at, within = pattern.pattern, "", 0, False
    if pattern.flags & re.VERBOSE:  # a space means nothing there
        return pattern
    while at < len(text):
        one = text[at : at + 2] if text[at] == "\\" else text[at]
        at += len(one)
        if one == "[" and not within:
            within = True
            for sign in "^]":  # a bracket that comes first is a letter like others
                if text.startswith(sign, at):
                    one, at = one + sign, at + 1
        elif one == "]":
            within = False
        made += r"(?:\s?)" if one in (" ", "\\ ", "\\s") and not within else one
    return re.compile(made)


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


def _ways(parsed: Any) -> float:
    """In about how many ways, in bits, a pattern may be tried from one letter on: each repetition may end anywhere, and
    each of its rounds may choose anew."""
    bits = 0.0
    for operation, argument in parsed:
        inner = [_ways(part) for part in _parts(argument)]
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            most = min(int(argument[1]), MOST_LETTERS)
            bits += most * sum(inner) + math.log2(max(most - int(argument[0]), 0) + 1)
        elif str(operation) == "BRANCH":
            bits += max(inner) + math.log2(len(inner))
        else:
            bits += sum(inner)
    return bits


def _parts(argument: Any) -> list[Any]:
    """The patterns within the argument of an operation."""
    if hasattr(argument, "data") and hasattr(argument, "state"):
        return [argument]
    return [part for each in argument for part in _parts(each)] if isinstance(argument, (list, tuple)) else []
