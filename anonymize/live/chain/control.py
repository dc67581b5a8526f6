"""Stop a running camera or change its settings, from any thread or signal handler."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from anonymize.live.wakeup import Wakeup
from anonymize.settings import Settings


class Control:
    """Requests to a running camera. Thread-safe; they take effect within about one frame."""

    def __init__(self) -> None:
        self._wakeup = Wakeup()
        self._settings: deque[Settings] = deque(maxlen=1)  # read and emptied in one step, also beside a signal handler
        self.stopped = False
        """Whether `stop` was called."""

    def stop(self) -> None:
        """Accept no more frames, release those that wait, finish the sinks."""
        self.stopped = True
        self._wakeup.wake()

    def reload(self, settings: Settings) -> None:
        """Apply `settings` from the next frame on, or as soon as the detector that they need is ready."""
        self._settings.append(settings)
        self._wakeup.wake()

    def take(self) -> Settings | None:
        """The settings requested since the last call, if any."""
        self._wakeup.clear()
        with suppress(IndexError):
            return self._settings.pop()
        return None

    def fileno(self) -> int:
        """Descriptor, readable when there is a request."""
        return self._wakeup.fileno()
