"""What storages say when something goes wrong, fit for a message."""

from __future__ import annotations


def said(error: BaseException) -> str:
    """The first line of what a storage said, without the queries of addresses in it: they may be signed."""
    words = str(error).partition("\n")[0] or type(error).__name__
    return " ".join(word.partition("?")[0] for word in words.split())
