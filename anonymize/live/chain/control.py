"""How a running camera is told to stop, or to go on with other settings: from any thread, or a signal handler."""

from __future__ import annotations

from anonymize.live.wakeup import Wakeup
from anonymize.settings import Settings


class Control:
    """Thread-safe; what is asked for happens within a frame or so."""

    def __init__(self) -> None:
        self._wakeup = Wakeup()
        self._settings: Settings | None = None
        self.stopped = False
        """Whether `stop` was called."""

    def stop(self) -> None:
        """Take in no more frames, let out those that wait, finish the sinks."""
        self.stopped = True
        self._wakeup.wake()

    def reload(self, settings: Settings) -> None:
        """Go on with `settings`, from the next frame on; if they need another detector, from when it is ready."""
        self._settings = settings
        self._wakeup.wake()

    def take(self) -> Settings | None:
        """The settings asked for since the last call, if any were."""
        self._wakeup.clear()
        settings, self._settings = self._settings, None
        return settings

    def fileno(self) -> int:
        """Readable when there is something to do."""
        return self._wakeup.fileno()
