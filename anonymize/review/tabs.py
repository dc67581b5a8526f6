"""Which window of a browser may edit: the first one, until it is closed, falls silent, or another takes over."""

from __future__ import annotations

import threading
import time

HELD = 12.0
"""Seconds without a word from the window that edits, after which another may."""


class Tabs:
    """The window that edits one review. Windows are told apart by words that they make up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: str | None = None
        self._heard = 0.0

    def claim(self, tab: str, *, take: bool = False) -> bool:
        """Whether `tab` may edit: it does already, nobody else does, or it takes over."""
        with self._lock:
            now = time.monotonic()
            if take or self._holder in (None, tab) or now - self._heard > HELD:
                self._holder = tab
            if self._holder == tab:
                self._heard = now
            return self._holder == tab

    def leave(self, tab: str) -> None:
        """`tab` was closed: let another edit."""
        with self._lock:
            if self._holder == tab:
                self._holder = None
