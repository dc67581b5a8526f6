"""The delay line: frames wait here, are tracked and looked at, and leave through the gate when their time is up.

    line = DelayLine(settings)
    line.take(frame, arrived)                            # every frame, in order
    held = line.wanted(now, interval)                    # which one to look at next
    line.learn(index, found)                             # what a look found, late or not
    for cleared in line.due(now): hand_over(cleared, sinks)

Time is of two kinds: seconds of the presentation, by which the rule goes; the monotonic clock, by which frames leave.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from anonymize.data import Detections, Track, seconds
from anonymize.live.chain.gate import FAULT, Cleared, clear, withhold
from anonymize.live.chain.things import Things
from anonymize.media.frames.frame import VideoPicture
from anonymize.redact import Memory
from anonymize.settings import Settings
from anonymize.track import Tracker


@dataclass(slots=True)
class Held:
    """A frame that waits.

    Args:
        frame: a raw picture of our own, to be drawn on when it leaves.
        arrived: when it came, on the monotonic clock.
        settings: what holds for it.
        sound: False once tracking failed around it; it can only be withheld then.
    """

    frame: VideoPicture
    arrived: float
    settings: Settings
    sound: bool = True

    @property
    def due(self) -> float:
        """When it must leave, on the monotonic clock."""
        return self.arrived + self.settings.live.lookahead

    @property
    def time(self) -> Fraction:
        """When it is shown, in seconds."""
        return seconds(self.frame)


class DelayLine:
    """Frames between their arrival and their leave. Memory is bounded by `lookahead`.

    Args:
        settings: for the frames from now on.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: deque[Held] = deque()
        self._tracker = _tracker(settings)
        self._memory = Memory()
        self._things = Things()
        self._looks: list[Fraction] = []
        self._cuts: list[Fraction] = []
        self._asked = -1
        self._asked_at = Fraction(0)
        self._next = 0
        self._break = False
        self.faults: list[str] = []
        """Exceptions in tracking and drawing that nobody has taken note of yet: the frames concerned were withheld."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def next_due(self) -> float | None:
        """When the first frame must leave; None while none waits."""
        return self._held[0].due if self._held else None

    @property
    def index(self) -> int:
        """The index that the next frame must have."""
        return self._next

    def change(self, settings: Settings) -> None:
        """Let `settings` hold for the frames from now on; those that wait keep theirs."""
        before, self._settings = self._settings, settings
        self._tracker.retune(settings.follow, settings.detect.high)
        if (before.targets, before.detect.detectors) != (settings.targets, settings.detect.detectors):
            self.break_off()  # what was looked for before is not what must be found from now on

    def break_off(self) -> None:
        """Let a new scene begin with the next frame, whatever it shows: its source was lost in between."""
        self._break = True

    def take(self, frame: VideoPicture, arrived: float) -> None:
        """Take in the next frame. It is ours from now on."""
        assert frame.index == self._next, f"frame {frame.index} came for {self._next}"
        self._next += 1
        held = Held(frame, arrived, self._settings)
        self._held.append(held)
        if not self._settings.targets:
            return
        try:
            new_scene = self._tracker.see(frame)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing may be shown that was tracked by it
            self._start_over(error)
            return
        if new_scene or self._break:
            self._cuts.append(held.time)
            self._break = False

    def wanted(self, now: float, interval: float, expected: float) -> Held | None:
        """The frame to look at next: the newest, or the first or last of a scene; None if none needs it yet.

        Args:
            now: on the monotonic clock.
            interval: seconds between two looks.
            expected: seconds that a look takes.
        """
        open_to_looks = [held for held in self._held if held.frame.index > self._asked and held.sound]
        if not open_to_looks or not self._settings.targets:
            return None
        chosen = next((h for h in self._at_cuts(open_to_looks) if h.due >= now + expected), None)
        if chosen is None:
            newest = open_to_looks[-1]
            last = self._looks[-1] if self._looks else None
            if last is None or newest.time - last >= interval or now - newest.arrived >= interval:
                chosen = newest
        return chosen

    def asked(self, held: Held) -> None:
        """A look at `held` is under way: only later frames are looked at from now on."""
        self._asked, self._asked_at = held.frame.index, held.time

    def learn(self, index: int, found: Detections) -> bool:
        """Take in what a look at frame `index` found. It serves that frame, and the tracks of all that wait.

        Returns:
            Whether the frame itself was still waiting.
        """
        if index != self._asked:
            return False  # from before a fault: the tracker that saw that frame is gone
        try:
            self._tracker.find(index, found)
        except Exception as error:  # noqa: BLE001 - see `take`
            self._start_over(error)
            return False
        self._looks.append(self._asked_at)
        return bool(self._held) and self._held[0].frame.index <= index

    def due(self, now: float) -> Iterator[tuple[Held, Cleared]]:
        """The frames whose time is up, fit to be shown."""
        while self._held and self._held[0].due <= now:
            held = self._held.popleft()
            yield held, self._judged(held)
            self._forget()

    def _judged(self, held: Held) -> Cleared:
        if not held.sound:
            return withhold(held.frame, FAULT)
        try:
            tracks = self._covered_on(held) if held.settings.targets else []
            return clear(held.frame, tracks, self._looks, self._cuts, held.settings, self._memory)
        except Exception as error:  # noqa: BLE001 - fail closed: what cannot be drawn is not shown
            self._start_over(error)
            return withhold(held.frame, FAULT)

    def _covered_on(self, held: Held) -> list[Track]:
        """The tracks that are on a frame and must not be seen."""
        tracks = self._tracks_on(held.frame.index)
        if held.time in self._cuts:
            self._things.begin_anew()
        return self._things.others(tracks, held.time, held.settings)

    @property
    def things(self) -> int:
        """Tracks that were left visible on the last frame that left: things in a zone that is left alone."""
        return self._things.visible

    def _tracks_on(self, index: int) -> list[Track]:
        """The tracks that are on frame `index`, cut down to it and numbered as if it were the first."""
        tracks = self._tracker.settle(index + 1)
        return [
            replace(t, first=0, xyxy=t.xyxy[-1:], score=t.score[-1:], why=t.why[-1:])
            for t in tracks
            if t.end == index + 1
        ]

    def _at_cuts(self, held: list[Held]) -> Iterator[Held]:
        """Of `held`, the frames before and after the first cut among them."""
        for before, after in zip([None, *held], held, strict=False):
            if after.time in self._cuts:
                if before is not None:
                    yield before
                yield after
                return

    def _start_over(self, error: Exception) -> None:
        """Trust nothing that was tracked; begin again with the next frame, as if a scene began there."""
        self.faults.append(f"{type(error).__name__}: {error}")
        for held in self._held:
            held.sound = False
        self._tracker = _tracker(self._settings)
        self._memory = Memory()
        self._things = Things()
        self._looks, self._cuts = [], []
        self._asked = self._next - 1
        self._break = True

    def _forget(self) -> None:
        """Drop the looks and cuts that no frame can be bracketed by any more."""
        if not self._held:
            return
        first = self._held[0].time
        del self._looks[: max(0, bisect_left(self._looks, first) - 1)]
        oldest = self._looks[0] if self._looks else first
        del self._cuts[: bisect_left(self._cuts, oldest)]


def _tracker(settings: Settings) -> Tracker:
    return Tracker(settings.follow, settings.detect.high)
