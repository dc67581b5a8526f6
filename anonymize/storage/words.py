"""Error messages of storages, made fit for our own."""

from __future__ import annotations


def said(error: BaseException) -> str:
    """The first line of a storage's error, without the queries of addresses in it: they may hold signatures."""
    words = str(error).partition("\n")[0] or type(error).__name__
    return " ".join(word.partition("?")[0] for word in words.split())
