"""Stop a running camera or change its settings, from any thread or signal handler."""

from __future__ import annotations

from anonymize.live.wakeup import Wakeup
from anonymize.settings import Settings


class Control:
    """Requests to a running camera. Thread-safe; they take effect within about one frame."""

    def __init__(self) -> None:
        self._wakeup = Wakeup()
        self._settings: Settings | None = None
        self.stopped = False
        """Whether `stop` was called."""

    def stop(self) -> None:
        """Accept no more frames, release those that wait, finish the sinks."""
        self.stopped = True
        self._wakeup.wake()

    def reload(self, settings: Settings) -> None:
        """Apply `settings` from the next frame on, or as soon as the detector that they need is ready."""
        self._settings = settings
        self._wakeup.wake()

    def take(self) -> Settings | None:
        """The settings requested since the last call, if any."""
        self._wakeup.clear()
        settings, self._settings = self._settings, None
        return settings

    def fileno(self) -> int:
        """Descriptor, readable when there is a request."""
        return self._wakeup.fileno()
