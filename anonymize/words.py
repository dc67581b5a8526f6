"""Text for people, from whoever it comes."""

from __future__ import annotations

from unicodedata import category

_CONTROL = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: controls, halves of characters, ends of lines and paragraphs."""


def printable(text: str) -> str:
    """`text` on one line: what would end it, move a terminal's cursor, or is no character at all is escaped."""
    return "".join(letter if category(letter) not in _CONTROL else ascii(letter)[1:-1] for letter in text)
