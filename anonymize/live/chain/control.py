"""Stop a running camera or change its settings, from any thread or signal handler."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress

from anonymize.live.wakeup import Wakeup
from anonymize.settings import Settings


class Control:
    """Requests to a running camera. Thread-safe; they take effect within about one frame."""

    def __init__(self) -> None:
        self._wakeup = Wakeup()
        self._settings: deque[Settings] = deque(maxlen=1)  # read and emptied in one step, also beside a signal handler
        self.forgetting: list[Callable[[], None]] = []
        """Called before `on_applied`: what keeps a released picture lets go of it, which may show what is to be hidden
        from now on."""
        self.on_applied: Callable[[Settings], None] | None = None
        """Called with settings that were asked for, before the first frame leaves that they apply to."""
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

    def applied(self, settings: Settings) -> None:
        """Say that `settings` are in force: every frame that leaves from now on has what they hide hidden."""
        for forget in self.forgetting:
            forget()
        if self.on_applied is not None:
            self.on_applied(settings)

    def fileno(self) -> int:
        """Descriptor, readable when there is a request."""
        return self._wakeup.fileno()
