"""The delay line: frames wait here while they are scanned and tracked, and leave through the gate when due.

    line = DelayLine(settings)
    line.take(frame, arrived)                            # every frame, in order
    held = line.wanted(now, interval, expected)          # the frame to scan next
    line.asked(held, effort)                             # at `line.needed`, if it needs one, or for `line.turn`
    line.learn(index, found)                             # its detections, late or not
    for cleared in line.due(now): hand_over(cleared, sinks)

Two clocks are used: presentation time in seconds for the bracketing rule, the monotonic clock for when frames leave.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from anonymize.data import Detections, Track, seconds
from anonymize.detect import GROUPS, sees_parts
from anonymize.detect.incremental import NEVER
from anonymize.kinds import MOTION
from anonymize.live.chain.background import Background
from anonymize.live.chain.curtain import Curtain
from anonymize.live.chain.gate import FAULT, NEW_SCENE, Cleared, clear, clear_still, notice, withhold
from anonymize.live.chain.repeat import LastReleased
from anonymize.live.chain.settling import Settling
from anonymize.live.chain.things import Things
from anonymize.live.detector.pace import ORDINARY, SMALL, THOROUGH, Effort
from anonymize.media.frames.frame import VideoPicture
from anonymize.redact import Memory
from anonymize.settings import Settings, Unbracketed
from anonymize.track import Tracker

VOUCH_EVERY = 1
"""Seconds between two looks whether a place is empty."""
_DRAWING = 0.01
"""Seconds of the lookahead for covering a frame and handing it over."""
Looks = dict[int, list[Fraction]]
"""Group of scales -> when it was looked at (and the finds were tracked), presentation times in seconds, ascending."""


@dataclass(slots=True)
class Held:
    """A waiting frame.

    Args:
        frame: a raw picture that this process owns, drawn on when it leaves.
        arrived: time of arrival on the monotonic clock.
        settings: in force for this frame.
        sound: False once tracking failed around it; it is then withheld.
        outdated: True once targets came that nobody looked for on it; it is then withheld, too.
    """

    frame: VideoPicture
    arrived: float
    settings: Settings
    sound: bool = True
    outdated: bool = False

    @property
    def due(self) -> float:
        """When it must leave, on the monotonic clock."""
        return self.arrived + self.settings.live.lookahead

    @property
    def begins(self) -> float:
        """When it is drawn on, so that it leaves when it is due, on the monotonic clock."""
        return self.due - min(_DRAWING, self.settings.live.lookahead / 4)

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds."""
        return seconds(self.frame)


class DelayLine:
    """Frames between arrival and release. Memory is bounded by `lookahead`.

    Args:
        settings: for frames until `change` is called.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: deque[Held] = deque()
        self._tracker = _tracker(settings)
        self._memory = Memory()
        self._last = LastReleased()
        self._curtain = Curtain()
        self._things = Things()
        self._settling = Settling()
        self.place: Background | None = Background() if MOTION in settings.targets else None
        """The empty place, where all that moves is covered."""
        self._looks: Looks = _no_looks()
        self._cuts: list[Fraction] = []
        self._asked = -1
        self._asked_at: dict[int, Fraction] = {}
        """Group of scales -> when it was last looked at, whether or not an answer has come."""
        self._unanswered: dict[int, tuple[Fraction, Effort]] = {}
        self._next = 0
        self._taken = Fraction(0)
        self.interval = 0.0
        """Seconds from the frame before to the last one taken."""
        self._break = True
        self.faults: list[str] = []
        """Exceptions in tracking and drawing, not yet reported. The frames concerned were withheld."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def next_due(self) -> float | None:
        """When the first frame is drawn on, on the monotonic clock; None if no frame waits."""
        return self._held[0].begins if self._held else None

    @property
    def oldest(self) -> int | None:
        """Presentation time of the first frame, in ticks; None if no frame waits."""
        return self._held[0].frame.pts if self._held else None

    @property
    def index(self) -> int:
        """Index that the next frame must have."""
        return self._next

    def change(self, settings: Settings) -> None:
        """Apply `settings` to frames from now on; of those that already wait more is hidden, if these ask for it."""
        before, self._settings = self._settings, settings
        stricter = {id(held.settings): _stricter(held.settings, settings) for held in self._held}
        for held in self._held:
            held.outdated = held.outdated or not settings.targets <= held.settings.targets
            held.settings = stricter[id(held.settings)]
        self._tracker.retune(settings.follow, settings.detect.high)
        if _looked_for(before) != _looked_for(settings):
            self.break_off()  # earlier looks did not search for the same
        if (MOTION in before.targets) != (MOTION in settings.targets):
            self._start_anew()
            self.place = Background() if MOTION in settings.targets else None

    def break_off(self) -> None:
        """Start a new scene at the next frame, whatever it shows: the source was lost in between."""
        self._break = True

    def take(self, frame: VideoPicture, arrived: float) -> None:
        """Take the next frame and own it from now on."""
        assert frame.index == self._next, f"frame {frame.index} came for {self._next}"
        self._next += 1
        held = Held(frame, arrived, self._settings)
        self.interval = float(held.time - self._taken) if frame.index else 0.0
        self._taken = held.time
        self._held.append(held)
        if not self._settings.targets:
            return
        if self.place is not None:
            self._attempt(lambda place: place.take(frame, held.time))
            return
        try:
            new_scene = self._tracker.see(frame)
        except Exception as error:  # noqa: BLE001 - after any tracking error the frames it covered are withheld
            self._start_over(error)
            return
        if new_scene or self._break:
            self._cuts.append(held.time)
            self._settling.begin(held.time)
            self._break = False
        self._settling.take(held.time, frame.planes[0].pixels)

    @property
    def needed(self) -> Effort | None:
        """The effort that the next scan must have: at the beginning of a scene, and of a frame that stands alone."""
        alone = self.interval >= self._settings.live.lookahead or self.place is not None
        return THOROUGH if alone else self._settling.needed()

    @property
    def turn(self) -> Effort:
        """The sizes that were looked for longest ago."""
        return SMALL if self._asked_at.get(0, NEVER) < self._asked_at.get(1, NEVER) else ORDINARY

    def wanted(self, now: float, interval: float, expected: float) -> Held | None:
        """The frame to scan next: the newest, or the first or last of a scene; None if none is due.

        Args:
            now: on the monotonic clock.
            interval: seconds between two scanned frames.
            expected: seconds that one run of the detector takes.
        """
        unscanned = [held for held in self._held if held.frame.index > self._asked and held.sound]
        if not unscanned or not self._settings.targets:
            return None
        if self.place is not None:
            last = max(self._asked_at.values(), default=NEVER)
            return unscanned[-1] if unscanned[-1].time - last >= VOUCH_EVERY else None
        chosen = next((h for h in self._at_cuts(unscanned) if h.begins >= now + expected), None)
        if chosen is None:
            newest = unscanned[-1]
            last = max(self._asked_at.values(), default=NEVER) if self._settling.needed() is None else NEVER
            if newest.time - last >= interval or now - newest.arrived >= interval:
                chosen = newest
        return chosen

    def asked(self, held: Held, effort: Effort) -> None:
        """Note that `held` is being scanned with `effort`: only later frames are scanned from now on."""
        self._asked = held.frame.index
        self._asked_at |= dict.fromkeys(effort.groups, held.time)
        self._unanswered[held.frame.index] = held.time, effort

    def learn(self, index: int, found: Detections) -> bool:
        """Take the detections of frame `index`, for that frame and for the tracks of all that wait.

        Returns:
            Whether the frame itself was still waiting.
        """
        asked = self._unanswered.pop(index, None)
        if asked is not None and self.place is not None:
            time, effort = asked
            if effort == THOROUGH:
                detect = self._settings.detect
                certain = found.select(found.score >= detect.low)
                self._attempt(lambda place: place.looked(time, certain, detect.high))
            self._unanswered = {later: what for later, what in self._unanswered.items() if later > index}
            return bool(self._held) and self._held[0].frame.index <= index
        if asked is None or not self._tracker.remembers(index):
            return False  # from before a fault, or so late that nothing is known of its frame any more
        try:
            self._tracker.find(index, found, parts=sees_parts(asked[1].groups))
        except Exception as error:  # noqa: BLE001 - see `take`
            self._start_over(error)
            return False
        self._unanswered = {later: what for later, what in self._unanswered.items() if later > index}
        time, effort = asked
        if effort.coarser <= self._settings.live.coarsest:
            for group in effort.groups:
                self._looks[group].append(time)
        self._settling.looked(time, effort)
        return bool(self._held) and self._held[0].frame.index <= index

    def due(self, now: float) -> Iterator[tuple[Held, Cleared]]:
        """The frames that are due, cleared by the gate."""
        while self._held and self._held[0].begins <= now:
            held = self._held.popleft()
            blanks = held.settings.live.unbracketed is Unbracketed.OBSCURE
            out = self._curtain.after(self._cleared(held), held.time, hold=blanks)
            if blanks and not out.obscured and out.late is None and MOTION not in held.settings.targets:
                self._last.released(out.frame)
            yield held, out
            self._forget()

    def notice(self, blank: VideoPicture, words: str) -> Cleared:
        """A frame that shows only `words`, in place of missing frames, as bright as the last frame shown."""
        self._curtain.close(seconds(blank))
        return notice(blank, words, self._curtain.level)

    def _cleared(self, held: Held) -> Cleared:
        if not held.sound:
            return withhold(held.frame, FAULT, self._curtain.level)
        if held.outdated:
            return withhold(held.frame, NEW_SCENE, self._curtain.level)
        try:
            if MOTION in held.settings.targets:
                if self.place is None:  # these settings are over, and what was learnt under them is gone
                    return withhold(held.frame, NEW_SCENE, self._curtain.level)
                return clear_still(held.frame, self.place, held.settings, self._memory, self._curtain.level)
            tracks = self._covered(held) if held.settings.targets else []
            if held.settings.targets and not self._settling.settled(held.time):
                return withhold(held.frame, NEW_SCENE, self._curtain.level)
            last = self._last if held.settings.live.unbracketed is Unbracketed.OBSCURE else None
            level = self._curtain.level
            return clear(held.frame, tracks, self._looks.values(), self._cuts, held.settings, self._memory, last, level)
        except Exception as error:  # noqa: BLE001 - fail closed: a frame that cannot be drawn on is not shown
            self._start_over(error)
            return withhold(held.frame, FAULT, self._curtain.level)

    def _covered(self, held: Held) -> list[Track]:
        """The tracks on a frame that must be covered, cut down to it and numbered as if it were the first."""
        end = held.frame.index + 1
        tracks = [
            replace(t, first=0, xyxy=t.xyxy[-1:], score=t.score[-1:], why=t.why[-1:])
            for t in self._tracker.settle(end)
            if t.end == end
        ]
        if held.time in self._cuts:
            self._things.begin_anew()
        return self._things.others(tracks, held.time, held.settings)

    @property
    def things(self) -> int:
        """Tracks left visible on the last frame released: things in a zone of `--show-zone`."""
        return self._things.visible

    def _at_cuts(self, held: list[Held]) -> Iterator[Held]:
        """The frames of `held` before and after the first cut among them."""
        for before, after in zip([None, *held], held, strict=False):
            if after.time in self._cuts:
                if before is not None:
                    yield before
                yield after
                return

    def _attempt(self, act: Callable[[Background], None]) -> None:
        """Let the empty place take something; after an error it is learnt anew."""
        assert self.place is not None
        try:
            act(self.place)
        except Exception as error:  # noqa: BLE001 - see `take`
            self._start_over(error)
            self.place = Background()

    def _start_over(self, error: Exception) -> None:
        """Discard all tracks and start again at the next frame, as if a scene began there."""
        self.faults.append(f"{type(error).__name__}: {error}")
        self._start_anew()

    def _start_anew(self) -> None:
        """Withhold the frames that wait, and forget all that was found on them."""
        for held in self._held:
            held.sound = False
        self._tracker = _tracker(self._settings)
        self._memory = Memory()
        self._things = Things()
        self._settling = Settling()
        self._looks, self._cuts = _no_looks(), []
        self._asked = self._next - 1
        self._asked_at, self._unanswered = {}, {}
        self._break = True

    def _forget(self) -> None:
        """Drop what was asked and never answered, and the looks and cuts that can no longer bracket a frame."""
        remembers = self._tracker.remembers
        if self.place is None:
            self._unanswered = {index: what for index, what in self._unanswered.items() if remembers(index)}
        if not self._held:
            return
        first = self._held[0].time
        self._settling.forget(first)
        for times in self._looks.values():
            del times[: max(0, bisect_left(times, first) - 1)]
        oldest = min((times[0] for times in self._looks.values() if times), default=first)
        del self._cuts[: bisect_left(self._cuts, oldest)]


def _no_looks() -> Looks:
    return {group: [] for group in sorted(GROUPS)}


def _looked_for(settings: Settings) -> tuple[object, ...]:
    """What looks search for."""
    detect = settings.detect
    return (
        settings.targets,
        settings.text,
        detect.detectors,
        detect.min_face,
        detect.min_plate,
        detect.smallest,
        settings.live.coarsest,
    )


def _stricter(old: Settings, new: Settings) -> Settings:
    """`old`, with the zones of `new` too, and without those in which nothing stays visible any more."""
    zones = old.zones + tuple(zone for zone in new.zones if zone not in old.zones)
    spared = tuple(zone for zone in old.spared if zone in new.spared)
    return old if (zones, spared) == (old.zones, old.spared) else replace(old, zones=zones, spared=spared)


def _tracker(settings: Settings) -> Tracker:
    return Tracker(settings.follow, settings.detect.high, agree=1)
