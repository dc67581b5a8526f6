"""Finds → tracks: pass 1 over a video, or the running state of a live one.

    tracker = Tracker(settings.follow, settings.detect.high)
    for frame in source:
        new_scene = tracker.see(frame)
        tracker.find(frame.index, detections)      # on the frames on which detectors ran
    tracks = tracker.finish()

Live streams take results while running: `tracker.settle(index)` gives the tracks on the frames before `index`, as known
by then, and forgets them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Frame, Kind, Track, Why
from anonymize.kinds import ONE_OF, PEOPLE, firm
from anonymize.settings import Follow
from anonymize.track.associate import match, overlapping
from anonymize.track.history import FLASH, LAG, FrameHistory, MotionSample, likeness
from anonymize.track.pieces import cut_to, joined, united
from anonymize.track.subject import MOST_GROWTH, Trajectory, apart

Floats = NDArray[np.float64]

AGREE = 3
"""So many weak finds make a subject ..."""
_AGREE_WITHIN = 1.0
"""... if they come within so many seconds ..."""
_AGREE_TOGETHER = 0.6
"""... and their scores sum to this, as those of any three do from .2 on: fainter ones must come more often."""
_BY_AGREEMENT = PEOPLE
"""Kinds of which weak finds make a subject if they agree. A sign or a row of windows is mistaken for a plate in every
detection, so that repetition proves nothing."""
_MOST_WEAK = 24
"""The most weak finds followed at a time, in case they become subjects."""
_MOST_FAINT = 200
"""The most subjects remembered that were found too faintly to be covered: the clearest of them."""
_SURE = 0.5
"""A find with this score makes its subject sure, whatever the preset's thresholds, ..."""
_SURE_ONCE = 0.85
"""... if its scores over a few detections sum to this: what only one of many detections takes for a face, and no other
even faintly, usually is not one."""
_RECENT = 8
"""The number of latest detections, about a second, over which fainter finds ..."""
_SURE_TOGETHER = 1.5
"""... make it sure if their scores sum to so much."""
_WEAKLY = (0.25, 0.65)
"""The least seconds for which a weak subject is covered before and after each find; and the seconds for each point of
the sum of its scores."""
_SAME = 0.5
"""Overlap (IoU) from which two boxes may belong to one subject."""
_SLACK = 0.2
"""How far a subject may be off and still match its find, as a share of its box's side, in addition to its doubt."""
_LESS = 0.75
"""A find with less than this share of the best score of its subject's finds may show a part of it."""
_ALIKE = 0.75
"""Correlation with its last find from which a subject that detectors no longer find is still assumed to be there ..."""
_PATIENCE = 4
"""... for so many times `hold`, at most."""
_ONWARD = 0.5
"""Seconds after a find for which a subject that who hides it took along is also covered where it would have gone ..."""
_ORIGIN = 0.25
"""... and before the first find for which it is covered where it would have come from."""
_OUT = 0.4
"""Seconds beyond `hold` after which tracing back ends if it leads to nothing similar."""
_LONG = 0.3
"""Seconds between two finds from which the frames between them are followed in both directions."""
_JITTER = 0.4
"""Seconds before and after within which a box takes the largest size of its neighbours."""
_CHUNK = 2048
"""About how many rows of one subject are kept open; older ones are packed."""


@dataclass(slots=True)
class _PathBack:
    """A subject followed back from its first find.

    Args:
        patch: its appearance there.
        began: seconds of that frame.
        last: seconds of the earliest frame on which it is.
        rows: boxes and doubt, latest first.
        covered: so many of them are of frames on which it is, or between.
    """

    patch: NDArray[np.uint8] | None
    began: float
    last: float
    rows: list[tuple[Floats, float]] = field(default_factory=list)
    covered: int = 0


class Tracker:
    """Follows faces and plates through the frames of one video.

    Args:
        follow: how long to hold, bridge and so on.
        high: score from which a find is strong and starts a track by itself.
        agree: so many weak finds of a face start one. With 1 what is found once is covered at once: a live stream
            cannot wait for the finds that would confirm it.
    """

    def __init__(self, follow: Follow, high: float, agree: int = AGREE) -> None:
        self._follow = follow
        self._high = high
        self._agree = agree
        self._patience = max(follow.bridge, follow.hold * _PATIENCE)
        self._history = FrameHistory(self._patience + _AGREE_WITHIN, 2 * self._patience + _AGREE_WITHIN)
        self._subjects: list[Trajectory] = []
        self._done: list[Track] = []
        self._faint: list[Track] = []
        self._settled = 0
        self._ids = 0
        self._detections: Counter[int] = Counter()
        """Number of detections by scene."""
        self._detected_on: list[int] = []
        """Frames of the detections so far, ascending, except those before all rows of subjects."""

    def retune(self, follow: Follow, high: float) -> None:
        """Continue with other settings; subjects that are followed already remain."""
        self._follow = follow
        self._high = high
        self._patience = max(follow.bridge, follow.hold * _PATIENCE)
        self._history.keep(self._patience + _AGREE_WITHIN, 2 * self._patience + _AGREE_WITHIN)

    def see(self, frame: Frame) -> bool:
        """Take the next frame: every one, in order. Return whether a new scene begins with it.

        Raises:
            ValueError: the frame is not the next one.
        """
        return self.take(MotionSample.of(frame, self._history.last))

    def take(self, sample: MotionSample) -> bool:
        """`see`, with the motion sample of the next frame, which another process may have made.

        Raises:
            ValueError: the frame is not the next one.
        """
        new = self._history.take(sample)
        scene = self._history.scene(sample.index)
        for undone in [number for number in self._detections if number > scene]:  # a flash, of this scene after all
            self._detections[scene] += self._detections.pop(undone)
        if sample.index % (LAG // 2) == 0:
            self._advance([s for s in self._subjects if s.end + LAG // 2 <= self._history.end], self._history.end - 1)
        return new

    def remembers(self, index: int) -> bool:
        """Whether frame `index` was taken, and not so long ago that `find` refuses it."""
        return index in self._history.times

    def find(
        self, index: int, finds: Detections, *, parts: bool = False, confirmed: NDArray[np.bool_] | None = None
    ) -> None:
        """Take the finds of a detection on frame `index`: in ascending order, each after `see` of its frame.

        It may come late: on the frame before a cut after the cut, or on a live stream seconds after its frame. Call it
        once for each frame, with the merged finds of all detectors.

        Args:
            index: of the frame.
            finds: on it.
            parts: whether a find may show a part of a subject: at the scales for small faces, a few letters of a plate
                near the camera look like one. If it does, the subject keeps its size.
            confirmed: (N,) which finds count by themselves, whatever their score; if None, none does.

        Raises:
            ValueError: the frame was not taken, or so long ago that its time is forgotten.
        """
        if not self.remembers(index):
            raise ValueError(
                f"frame {index} was not taken, or is long past: the last one taken is {self._history.end - 1}"
            )
        self._retire(index)
        scene = self._history.scene(index)
        self._detections[scene] += 1
        self._note_detection(index)
        oldest = self._history.scene(next(iter(self._history.times)))
        for old in [number for number in self._detections if number < oldest]:
            del self._detections[old]
        active = [s for s in self._subjects if self._history.scene(s.seen_last) == scene and s.seen_last < index]
        self._advance(active, index)
        active = [s for s in active if s.end > index]
        started = []
        counting = np.zeros(len(finds), bool) if confirmed is None else confirmed
        for kind in finds.kinds():
            here = finds.kind == kind
            firmly = (finds.score >= firm(kind, self._high)) | counting
            mine = [s for s in active if s.kind == kind]
            started += self._associate(index, kind, mine, finds.select(here), firmly[here], parts)
        self._trace_back(started)
        self._fuse(index, list(dict.fromkeys([*(s for s in active if s.trusted), *started])))
        for subject in self._subjects:
            if subject.seen_last == index:
                self._assess(subject)
        self._drop_weak()

    def settle(self, until: int) -> list[Track]:
        """The tracks on frames before `until` that were not returned yet, as known now; then forget them.

        For live streams: later finds no longer change these frames. A track that continues is returned in pieces that
        share its id.
        """
        self._retire(until)
        self._advance([s for s in self._subjects if s.trusted], until - 1)
        pieces = [piece for t in self._done if (piece := cut_to(t, self._settled, until)) is not None]
        for subject in self._subjects:
            pieces += self._tracks_of(subject, max(self._settled, subject.taken), until)
        self._done = [t for t in self._done if t.end > until]
        self._settled = max(self._settled, until)
        for subject in self._subjects:
            subject.trim(until - self._jitter())
        return joined(pieces)

    def finish(self) -> list[Track]:
        """All tracks that were not returned yet, by first frame. Call it once, after the last `find`."""
        self._trust_brief(self._subjects)
        uncovered = [s for s in self._subjects if not self._is_covered(s)]
        self._note_faint(uncovered)
        self._forget({*uncovered})
        return self.settle(self._history.end)

    def faint(self) -> list[Track]:
        """What was found too faintly or too seldom to be covered, after `finish`: from the first find to the last.

        Their ids are -1. The clearest ones alone, by the sum of the scores of their finds.
        """
        return sorted(self._faint, key=_clarity, reverse=True)[:_MOST_FAINT]

    # following subjects from frame to frame

    def _advance(self, subjects: Sequence[Trajectory], upto: int) -> None:
        """Carry subjects forward, so that each that is still followed has a row for every frame up to `upto`."""
        index = min((s.end for s in subjects if not s.gone), default=upto + 1)
        for there in range(index, min(upto + 1, self._history.end)):
            scene = self._history.scene(there)
            moving = [
                s for s in subjects if s.end == there and self._history.scene(s.seen_last) == scene and not s.gone
            ]
            if not moving:
                continue
            moved = self._history.carried(there - 1, there, [s.followed for s in moving])
            for i, subject in enumerate(moving):
                box, doubt, _ = moved.step(i, subject.drift)
                still, onward, seen = None, None, False
                elapsed = self._history.times[there] - subject.last_time
                if subject.onward is not None and subject.pace is not None and elapsed <= _ONWARD:
                    onward = self._history.with_camera(there - 1, there, subject.onward)
                    onward = onward + np.tile(subject.pace, 2) * moved.elapsed
                if subject.stands:
                    still = self._history.with_camera(there - 1, there, subject.rows[-1])
                    seen = likeness(subject.patch, self._history.patch(there, still)) >= _ALIKE
                own = moved.own[i] + (box - moved.boxes[i])[:2]
                led_back = still is None and subject.turned_back(own)
                lost = led_back and onward is not None and self._lost(subject.patch, there, box, onward)
                subject.advance(box, still, own, doubt, seen=seen, onward=onward, lost=lost)
                box = subject.rows[-1]
                inside = moved.inside(box)
                if inside and self._is_there(subject.patch, there, box, elapsed):
                    subject.held_to = there + 1
                subject.gone = elapsed > self._patience

    def _lost(self, patch: NDArray[np.uint8] | None, index: int, box: Floats, onward: Floats) -> bool:
        """Whether who hides a subject took it along, on frame `index`: to `box` (4,), where it would hardly be if it
        went as before, to `onward` (4,), and where nothing looks like `patch`, its appearance when it was found."""
        return apart(box, onward) and likeness(patch, self._history.patch(index, box)) < _ALIKE

    def _is_there(self, patch: NDArray[np.uint8] | None, index: int, box: Floats, elapsed: float) -> bool:
        """Whether a subject is assumed to be in a box.

        Args:
            patch: its appearance when it was found.
            index: the frame.
            box: (4,) upright pixels.
            elapsed: seconds from the find to the frame, or back.
        """
        if elapsed <= self._follow.hold:
            return True
        return elapsed <= self._follow.hold * _PATIENCE and likeness(patch, self._history.patch(index, box)) >= _ALIKE

    def _trace_back(self, subjects: Iterable[Trajectory]) -> None:
        """Carry subjects backward from their first find, as long as they are there, up to a cut or settled frames."""
        kept = [s for s in subjects if s.first in self._history.times]  # others are weak for longer than pictures last
        for start, group in groupby(sorted(kept, key=lambda s: s.first), key=lambda s: s.first):
            together, began = list(group), self._history.times[start]
            paths = [_PathBack(self._history.patch(start, s.rows[0]), began, began) for s in together]
            follow = [partial(self._go_back, path) for path in paths]
            self._history.backward(start, [s.rows[0] for s in together], follow)
            for subject, path in zip(together, paths, strict=True):
                subject.precede(path.rows[: path.covered])
                self._cover_origin(subject)

    def _cover_origin(self, subject: Trajectory) -> None:
        """Cover a subject before its first find also where it would have come from, if who hid it took it along."""
        start, pace = subject.begun, subject.pace
        earliest = max(subject.first, self._settled, next(iter(self._history.times)))
        if pace is None or earliest >= start:
            return
        came, lost = subject.rows[start - subject.first], False
        patch = self._history.patch(start, came)
        for index in range(start - 1, earliest - 1, -1):
            now, later = self._history.times[index], self._history.times[index + 1]
            if self._history.times[start] - now > _ORIGIN:
                return
            came = self._history.with_camera(index + 1, index, came) - np.tile(pace, 2) * (later - now)
            lost = lost or self._lost(patch, index, subject.rows[index - subject.first], came)
            if lost:
                subject.also(index, came)

    def _go_back(self, path: _PathBack, index: int, box: Floats, doubt: float, inside: bool) -> bool:
        """Follow `path` back to frame `index`; whether to go on."""
        now = self._history.times[index]
        if index < self._settled or (path.last - now > _OUT and path.began - now > self._follow.hold):
            return False
        path.rows.append((box, doubt))
        if inside and self._is_there(path.patch, index, box, path.began - now):
            path.covered, path.last = len(path.rows), now
        return True

    # association

    def _associate(
        self,
        index: int,
        kind: Kind,
        active: list[Trajectory],
        finds: Detections,
        firmly: NDArray[np.bool_],
        parts: bool,
    ) -> list[Trajectory]:
        """Assign the finds of one kind on a frame to subjects, strong ones first.

        Args:
            index: the frame.
            kind: of all `active` subjects and `finds`.
            active: the subjects with a row for the frame.
            finds: on the frame.
            firmly: (N,) which of them count by themselves.
            parts: see `find`.

        Returns:
            The subjects that became trusted.
        """
        boxes, scores = finds.xyxy.astype(np.float64), finds.score.tolist()
        started = []
        for strong in (True, False):
            group = np.flatnonzero(firmly == strong)
            free = [s for s in active if s.seen_last != index]
            slack = np.minimum([s.doubt[index - s.first] for s in free], MOST_GROWTH)
            slack += [_SLACK if strong or not s.stands_surely else 0.0 for s in free]
            pairs = match(self._in_picture(index, _at(index, free)), slack, self._in_picture(index, boxes[group]))
            met = [(free[row], int(group[column])) for row, column in pairs]
            self._meet(index, [(subject, boxes[i], scores[i]) for subject, i in met], parts)
            started += [self._trust(s) for s, _ in met if not s.trusted and self._convinces(s, index)]
            left = np.setdiff1d(group, group[[column for _, column in pairs]])
            if strong:
                started += [self._trust(self._begin(index, kind, boxes[i], scores[i])) for i in left]
            elif kind in _BY_AGREEMENT:
                for i in left[_apart(boxes[left], _at(index, active))]:
                    begun = self._begin(index, kind, boxes[i], scores[i])
                    if self._agree <= 1:
                        started.append(self._trust(begun))
        return started

    def _in_picture(self, index: int, boxes: Floats) -> Floats:
        """Boxes clipped to the picture, as some detectors give them; those outside unchanged."""
        size = self._history.size(index)
        if size is None:
            return boxes
        cut = np.clip(boxes, 0, [*size, *size])
        return np.where((cut[:, 2:] - cut[:, :2] > 1).all(axis=1, keepdims=True), cut, boxes)

    def _begin(self, index: int, kind: Kind, box: Floats, score: float) -> Trajectory:
        """Start a subject with one find."""
        time, patch = self._history.times[index], self._history.patch(index, box)
        subject = Trajectory(-1, kind, index, [box], [box], [0.0], {index: score}, time, index + 1, patch)
        self._subjects.append(subject)
        return subject

    def _trust(self, subject: Trajectory) -> Trajectory:
        """Make a subject trusted, and give it an id."""
        subject.id, self._ids = self._ids, self._ids + 1
        return subject

    def _meet(self, index: int, finds: Iterable[tuple[Trajectory, Floats, float]], parts: bool) -> None:
        """Assign finds on frame `index`, each a box (4,) and its score, to subjects; for `parts` see `find`."""
        size = self._history.size(index)
        met, far = [], []
        for subject, box, score in finds:
            if size is not None:
                box = _past_border(box, subject.rows[index - subject.first], *size)
            weak = score < max(self._high, _LESS * subject.best)
            box = subject.whole(index, box, parts=parts, weak=weak)
            clock = self._history.clock(subject.seen_last, index)
            met.append((subject, box, score, clock, weak))
            if clock[-1] - clock[0] > _LONG:
                far.append((subject, box))
        ways = self._ways_back(index, far)
        for subject, box, score, clock, weak in met:
            subject.patch = self._history.patch(index, box)
            subject.meet(index, box, score, clock, ways.get(subject), weak=weak)
            if subject.count == 2:  # its pace is known from now on
                self._cover_origin(subject)

    def _ways_back(
        self, index: int, finds: Sequence[tuple[Trajectory, Floats]]
    ) -> dict[Trajectory, tuple[Floats, Floats]]:
        """(N, 4) boxes and (N,) doubt from the last find of each subject to one on frame `index`, followed backward.

        Subjects that cannot be followed so far back are missing.
        """
        paths: list[list[tuple[Floats, float]]] = [[(box, 0.0)] for _, box in finds]

        def back_to(start: int, path: list[tuple[Floats, float]], at: int, box: Floats, doubt: float, _: bool) -> bool:
            path.append((box, doubt))
            return at > start

        follow = [partial(back_to, subject.seen_last, path) for (subject, _), path in zip(finds, paths, strict=True)]
        self._history.backward(index, [box for _, box in finds], follow)
        ways = {}
        for (subject, _), path in zip(finds, paths, strict=True):
            if len(path) == index - subject.seen_last + 1:
                boxes, doubts = zip(*reversed(path), strict=True)
                ways[subject] = np.array(boxes), np.array(doubts)
        return ways

    def _convinces(self, subject: Trajectory, index: int) -> bool:
        """Whether a weak subject's finds so far are enough to trust it."""
        if subject.finds[index] >= firm(subject.kind, self._high):
            return True
        if self._agree > 1 and not _has_one(subject):
            return False
        times = self._history.times
        late = [score for i, score in subject.finds.items() if times[index] - times.get(i, -np.inf) <= _AGREE_WITHIN]
        return len(late) >= self._agree and sum(late) >= _AGREE_TOGETHER

    def _assess(self, subject: Trajectory) -> None:
        """Update how sure a subject is from its latest finds; it never becomes less sure."""
        since = self._detected_on[-_RECENT:][0]
        scores = [score for i, score in subject.finds.items() if i >= since]
        together = sum(scores) if subject.kind in _BY_AGREEMENT else max(scores)
        subject.evidence = max(subject.evidence, together)
        once = _SURE_ONCE if subject.kind in _BY_AGREEMENT else _SURE
        subject.sure |= (max(scores) >= _SURE and together >= once) or together >= _SURE_TOGETHER

    def _trust_brief(self, subjects: Iterable[Trajectory]) -> None:
        """Trust weak subjects that every detection found in a scene too short for enough detections.

        A single picture is such a scene: nothing can confirm its finds.
        """
        counts = [(s, self._detections[self._history.scene(s.seen_last)]) for s in subjects if not s.trusted]
        self._trace_back([self._trust(s) for s, times in counts if times < AGREE and s.count >= times and _has_one(s)])

    def _fuse(self, index: int, subjects: list[Trajectory]) -> None:
        """Merge any two subjects that are, and mostly were, at the same place."""
        boxes, there = _at(index, subjects), np.ones(len(subjects), bool)
        for ones, others in overlapping(boxes, boxes, _SAME):
            left = (ones < others) & there[ones] & there[others]
            for a, b in zip(ones[left].tolist(), others[left].tolist(), strict=True):
                first, second = sorted((a, b), key=lambda i: (subjects[i].first, subjects[i].id))
                elder, younger = subjects[first], subjects[second]
                both_there = there[a] and there[b] and elder.kind == younger.kind
                if both_there and younger.first >= elder.taken and elder.accompanies(younger, _SAME):
                    elder.fuse(younger)
                    there[second] = False
        self._forget({subjects[i] for i in np.flatnonzero(~there)})

    def _drop_weak(self) -> None:
        """Keep only the best `_MOST_WEAK` weak subjects, to bound the cost."""
        weak = sorted((s for s in self._subjects if not s.trusted), key=lambda s: -max(s.finds.values()))
        self._note_faint(weak[_MOST_WEAK:])
        self._forget({*weak[_MOST_WEAK:]})

    def _is_covered(self, subject: Trajectory) -> bool:
        """Whether its finds are enough to cover it."""
        return subject.trusted and subject.count >= self._follow.min_finds

    def _note_faint(self, subjects: Iterable[Trajectory]) -> None:
        """Remember those of `subjects` that will not be covered."""
        for subject in subjects:
            if not self._is_covered(subject):
                track = subject.track(subject.begun, subject.seen_last + 1, 0)
                self._faint += [replace(track, weak=True)] if track else []
        if len(self._faint) > 2 * _MOST_FAINT:
            self._faint = sorted(self._faint, key=_clarity, reverse=True)[:_MOST_FAINT]

    def _forget(self, subjects: Set[Trajectory]) -> None:
        """Stop following some subjects."""
        self._subjects = [s for s in self._subjects if s not in subjects]

    # results

    def _retire(self, index: int) -> None:
        """Close the subjects to which no find on frame `index` or later can belong; pack old rows of the others."""
        over = dict.fromkeys(s for s in self._subjects if self._given_up(s, index))
        self._trust_brief(over)
        self._note_faint(over)
        self._advance([s for s in over if s.trusted], index - 1)
        for subject in over:
            self._pack(subject, self._history.end)
        self._forget(over.keys())
        for subject in self._subjects:
            if len(subject.rows) > _CHUNK:
                self._pack(subject, subject.seen_last - self._jitter())

    def _given_up(self, subject: Trajectory, index: int) -> bool:
        """Whether no further find of a subject is expected: its scene or the time to bridge is over."""
        waited = self._history.now(index) - subject.last_time
        if self._history.scene(subject.seen_last) < self._history.scene(index):
            return self._history.scene_age(index) > FLASH
        there = subject.trusted and subject.held_to == subject.end
        return waited > (self._patience if there else self._follow.bridge)

    def _pack(self, subject: Trajectory, until: int) -> None:
        """Turn the rows of a subject before frame `until` into a track (or a piece of it)."""
        tracks = list(self._tracks_of(subject, subject.taken, until))
        if tracks:
            self._done += tracks
            subject.taken = until
        subject.trim(until - self._jitter())

    def _tracks_of(self, subject: Trajectory, start: int, stop: int) -> Iterator[Track]:
        """The track of a subject on the frames ``start <= index < stop``; in pieces if it is weak."""
        if not self._is_covered(subject):
            return
        track = subject.track(start, min(stop, subject.held_to), self._jitter())
        if track is None:
            return
        only_one = self._detections[self._history.scene(subject.seen_last)] == 1  # no other could confirm it
        if subject.sure or (only_one and subject.evidence >= _SURE):
            yield track
            return
        track = replace(track, weak=True)
        least, each = _WEAKLY
        reach = self._frames(max(least, each * subject.evidence))
        for first, end in united(self._until_next_detections(index, reach) for index in subject.finds):
            piece = cut_to(track, first, end)
            if piece is not None:
                yield piece

    def _until_next_detections(self, index: int, reach: int) -> tuple[int, int]:
        """From the detection before the one on frame `index` to that after it, at least `reach` frames; half-open."""
        on = self._detected_on
        at = bisect_left(on, index)
        before = on[at - 1] if at else 0
        after = on[at + 1] if at + 1 < len(on) else self._history.end
        return min(before, index - reach), max(after, index + reach) + 1

    def _note_detection(self, index: int) -> None:
        """Record a detection on frame `index`; forget those before all rows."""
        on = self._detected_on
        on.append(index)
        oldest = min((next(iter(s.finds)) for s in self._subjects), default=index)
        del on[: max(min(bisect_left(on, oldest) - 1, len(on) - _RECENT), 0)]

    def _jitter(self) -> int:
        """Frames in `_JITTER` seconds."""
        return min(max(self._frames(_JITTER), 1), 50)

    def _frames(self, span: float) -> int:
        """Frames in `span` seconds at the recent frame rate."""
        return round(span / max(self._history.interval, 1e-3))


def _has_one(subject: Trajectory) -> bool:
    """Whether one of its finds is as good as its kind needs."""
    return max(subject.finds.values()) >= ONE_OF.get(subject.kind, 0.0)


def _at(index: int, subjects: Sequence[Trajectory]) -> Floats:
    """(N, 4) the boxes of subjects on frame `index`."""
    return np.array([s.rows[index - s.first] for s in subjects]).reshape(-1, 4)


def _apart(boxes: Floats, known: Floats) -> NDArray[np.bool_]:
    """(N,) which of `boxes` (N, 4) overlap none of `known` (M, 4)."""
    apart = np.ones(len(boxes), bool)
    for there, _ in overlapping(boxes, known, _SAME):
        apart[there] = False
    return apart


def _clarity(track: Track) -> float:
    """The sum of the scores of its finds."""
    return float(track.score[[why is Why.DETECTED for why in track.why]].sum())


def _past_border(box: Floats, before: Floats, width: float, height: float) -> Floats:
    """Extend a find that the border cuts off to at least its subject's size before.

    Args:
        box: (4,) the find.
        before: (4,) the subject's box just before.
        width, height: of the picture in pixels.
    """
    (x0, y0, x1, y1), size = box, before[2:] - before[:2]
    x0 = min(x0, x1 - size[0]) if x0 <= 1 else x0
    y0 = min(y0, y1 - size[1]) if y0 <= 1 else y0
    x1 = max(x1, x0 + size[0]) if x1 >= width - 1 else x1
    y1 = max(y1, y0 + size[1]) if y1 >= height - 1 else y1
    return np.array([x0, y0, x1, y1])
