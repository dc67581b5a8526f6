"""Finds → tracks: pass 1 over a video, or the running state of a live one.

    tracker = Tracker(settings.follow, settings.detect.high)
    for frame in source:
        new_scene = tracker.see(frame)
        tracker.find(frame.index, detections)      # on the frames that were looked at
    tracks = tracker.finish()

Live takes results out while it runs: `tracker.settle(index)` gives the tracks on the frames before `index` as they are
known by then, once, and forgets them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Frame, Kind, Track
from anonymize.settings import Follow
from anonymize.track.associate import match, overlapping
from anonymize.track.history import FLASH, LAG, FrameHistory, MotionSample, likeness
from anonymize.track.subject import MOST_GROWTH, Trajectory

Floats = NDArray[np.float64]

_AGREE = 3
"""Weak finds that make a subject, if they come ..."""
_AGREE_WITHIN = 1.0
"""... within so many seconds."""
_PATIENTLY = frozenset({Kind.FACE})
"""Kinds of which weak finds make a subject if they agree. A sign or a row of windows is taken for a plate at
every look, so that more looks prove nothing."""
_MOST_WEAK = 24
"""Weak finds followed at a time, in case they become subjects."""
_SURE = 0.5
"""Score of a find that makes its subject sure, however little a preset begins to follow one for, ..."""
_SURE_ONCE = 0.85
"""... if it has this score, or its scores over a few looks come to it: what one look in many takes for a face, and no
other does however faintly, mostly is none."""
_LATELY = 8
"""Looks, about a second of them, over which fainter finds ..."""
_SURE_TOGETHER = 1.5
"""... make it sure, if their scores come to so much."""
_WEAKLY = (0.25, 0.65)
"""Seconds for which a weak subject is covered before and after each find, at least; and for each point of its scores at
these looks."""
_SAME = 0.5
"""Overlap from which two boxes may be one subject's."""
_SLACK = 0.2
"""Share of a box's side by which a subject may be off and still match its find; its doubt comes on top."""
_ALIKE = 0.75
"""Correlation with its last find from which a subject that no detector finds any more is still taken to be there."""
_PATIENCE = 4
"""Times `hold` for which it is covered then, at most."""
_OUT = 0.4
"""Seconds beyond `hold` after which a trace back ends that leads to nothing alike."""
_LONG = 0.3
"""Seconds between two finds from which the pictures between them are followed in both directions."""
_JITTER = 0.4
"""Seconds before and after within which a box takes the largest size of its neighbours."""
_CHUNK = 2048
"""Rows of one subject that are kept open, about; what is older is packed."""


class Tracker:
    """Follows faces and plates through the frames of one video.

    Args:
        follow: how long to hold, bridge and so on.
        high: score from which a find is strong: starts a track by itself.
    """

    def __init__(self, follow: Follow, high: float) -> None:
        self._follow = follow
        self._high = high
        self._patience = max(follow.bridge, follow.hold * _PATIENCE)
        self._history = FrameHistory(self._patience + _AGREE_WITHIN, 2 * self._patience + _AGREE_WITHIN)
        self._subjects: list[Trajectory] = []
        self._done: list[Track] = []
        self._settled = 0
        self._ids = 0
        self._looks: Counter[int] = Counter()
        self._looked_at: list[int] = []
        """Frames of the looks so far, ascending; those forgotten that no subject has rows of."""

    def retune(self, follow: Follow, high: float) -> None:
        """Go on with other settings; what is followed already stays so."""
        self._follow = follow
        self._high = high
        self._patience = max(follow.bridge, follow.hold * _PATIENCE)
        self._history.keep(self._patience + _AGREE_WITHIN, 2 * self._patience + _AGREE_WITHIN)

    def see(self, frame: Frame) -> bool:
        """Take in the next frame: every one, in order. True if a new scene begins with it.

        Raises:
            ValueError: the frame is not the next one.
        """
        return self.take(MotionSample.of(frame, self._history.last))

    def take(self, sample: MotionSample) -> bool:
        """`see`, with what is seen of the next frame: another process may have seen it.

        Raises:
            ValueError: the frame is not the next one.
        """
        new = self._history.take(sample)
        if sample.index % (LAG // 2) == 0:
            self._advance([s for s in self._subjects if s.end + LAG // 2 <= self._history.end], self._history.end - 1)
        return new

    def find(self, index: int, finds: Detections) -> None:
        """Take in what a look at frame `index` found: looks in ascending order, each after `see` of its frame.

        A look may come late: the frame before a cut after the cut, or in live seconds after its frame. One `find` per
        frame: merge what several detectors found.

        Raises:
            ValueError: the frame was not seen, or so long ago that its time is forgotten.
        """
        if index not in self._history.times:
            raise ValueError(
                f"frame {index} was not seen, or is long past: the last one seen is {self._history.end - 1}"
            )
        self._retire(index)
        scene = self._history.scene(index)
        self._looks[scene] += 1
        self._note_look(index)
        for old in [number for number in self._looks if number < self._history.scene(next(iter(self._history.times)))]:
            del self._looks[old]
        active = [s for s in self._subjects if self._history.scene(s.seen_last) == scene and s.seen_last < index]
        self._advance(active, index)
        active = [s for s in active if s.end > index]
        started = []
        for kind in Kind:
            chosen = finds.select(finds.kind == kind)
            if len(chosen):
                started += self._associate(index, kind, [s for s in active if s.kind == kind], chosen)
        self._trace_back(started)
        self._fuse(index, list(dict.fromkeys([*(s for s in active if s.trusted), *started])))
        for subject in self._subjects:
            if subject.seen_last == index:
                self._judge(subject)
        self._drop_weak()

    def settle(self, until: int) -> list[Track]:
        """The tracks on frames before `until` that were not taken out yet, as they are known now; then forget them.

        For live: what is found later no longer changes these frames. A track that goes on comes out in pieces that
        share its id.
        """
        self._retire(until)
        self._advance([s for s in self._subjects if s.trusted], until - 1)
        pieces = [piece for t in self._done if (piece := _slice(t, self._settled, until)) is not None]
        for subject in self._subjects:
            pieces += self._tracks_of(subject, max(self._settled, subject.taken), until)
        self._done = [t for t in self._done if t.end > until]
        self._settled = max(self._settled, until)
        for subject in self._subjects:
            subject.trim(until - self._jitter())
        return _joined(pieces)

    def finish(self) -> list[Track]:
        """All tracks that were not taken out yet, by first frame. Call it once, after the last look."""
        self._trust_brief(self._subjects)
        return self.settle(self._history.end)

    # following the pictures

    def _advance(self, subjects: Sequence[Trajectory], upto: int) -> None:
        """Carry subjects forward, so that each that is still followed has a row for every frame to `upto`."""
        index = min((s.end for s in subjects if not s.gone), default=upto + 1)
        for there in range(index, min(upto + 1, self._history.end)):
            scene = self._history.scene(there)
            moving = [
                s for s in subjects if s.end == there and self._history.scene(s.seen_last) == scene and not s.gone
            ]
            if not moving:
                continue
            moved = self._history.carried(there - 1, there, [s.rows[-1] for s in moving])
            for i, subject in enumerate(moving):
                box, doubt, inside = moved.step(i, subject.drift)
                subject.rows.append(box)
                subject.cover.append(box)
                subject.doubt.append(subject.doubt[-1] + doubt)
                elapsed = self._history.times[there] - subject.last_time
                if inside and self._is_there(subject.patch, there, box, elapsed):
                    subject.held_to = there + 1
                subject.gone = elapsed > self._patience

    def _is_there(self, patch: NDArray[np.uint8] | None, index: int, box: Floats, elapsed: float) -> bool:
        """Whether a subject found `elapsed` seconds before or after, looking like `patch`, is covered in `box`."""
        if elapsed <= self._follow.hold:
            return True
        return elapsed <= self._follow.hold * _PATIENCE and likeness(patch, self._history.patch(index, box)) >= _ALIKE

    def _trace_back(self, subjects: Iterable[Trajectory]) -> None:
        """Carry subjects backward from their first find, as far as they are there, their scene, or what is settled."""
        for subject in subjects:
            start, box = subject.first, subject.rows[0]
            if start not in self._history.times:
                continue  # weak for so long that the pictures before it are gone
            patch, began = self._history.patch(start, box), self._history.times[start]
            path: list[tuple[Floats, float]] = []
            covered, last = 0, began
            for index, moved, doubt, inside in self._history.backward(start, box):
                now = self._history.times[index]
                if index < self._settled or (last - now > _OUT and began - now > self._follow.hold):
                    break
                path.append((moved, doubt))
                if inside and self._is_there(patch, index, moved, began - now):
                    covered, last = len(path), now
            subject.precede(path[:covered])

    # deciding who is who

    def _associate(self, index: int, kind: Kind, active: list[Trajectory], finds: Detections) -> list[Trajectory]:
        """Give finds of one kind to subjects, strong ones first; the subjects that began to be trusted by it."""
        boxes, scores = finds.xyxy.astype(np.float64), finds.score.tolist()
        started = []
        for strong in (True, False):
            group = np.flatnonzero((finds.score >= self._high) == strong)
            free = [s for s in active if s.seen_last != index]
            slack = _SLACK + np.minimum([s.doubt[index - s.first] for s in free], MOST_GROWTH)
            pairs = match(self._in_picture(index, _at(index, free)), slack, self._in_picture(index, boxes[group]))
            for subject, i in [(free[row], group[column]) for row, column in pairs]:
                self._meet(subject, index, boxes[i], scores[i])
                if not subject.trusted and self._convinces(subject, index):
                    started.append(self._trust(subject))
            left = np.setdiff1d(group, group[[column for _, column in pairs]])
            if strong:
                started += [self._trust(self._begin(index, kind, boxes[i], scores[i])) for i in left]
            elif kind in _PATIENTLY:
                for i in left[_apart(boxes[left], _at(index, active))]:
                    self._begin(index, kind, boxes[i], scores[i])
        return started

    def _in_picture(self, index: int, boxes: Floats) -> Floats:
        """Boxes cut off at the picture's border, as some detectors give them; those all outside as they are."""
        size = self._history.size(index)
        if size is None:
            return boxes
        cut = np.clip(boxes, 0, [*size, *size])
        return np.where((cut[:, 2:] - cut[:, :2] > 1).all(axis=1, keepdims=True), cut, boxes)

    def _begin(self, index: int, kind: Kind, box: Floats, score: float) -> Trajectory:
        """A subject that so far is one find."""
        time, patch = self._history.times[index], self._history.patch(index, box)
        subject = Trajectory(-1, kind, index, [box], [box], [0.0], {index: score}, time, index + 1, patch)
        self._subjects.append(subject)
        return subject

    def _trust(self, subject: Trajectory) -> Trajectory:
        """Take a subject seriously."""
        subject.id, self._ids = self._ids, self._ids + 1
        return subject

    def _meet(self, subject: Trajectory, index: int, box: Floats, score: float) -> None:
        """Join a find to a subject."""
        size = self._history.size(index)
        if size is not None:
            box = _past_border(box, subject.rows[index - subject.first], *size)
        subject.patch = self._history.patch(index, box)
        clock, back = self._history.clock(subject.seen_last, index), None
        if clock[-1] - clock[0] > _LONG:
            back = self._way_back(index, box, subject.seen_last)
        subject.meet(index, box, score, clock, back)

    def _way_back(self, index: int, box: Floats, start: int) -> tuple[Floats, Floats] | None:
        """(N, 4) boxes and (N,) doubt on the frames ``start <= i <= index``, followed backward from a find."""
        path = [(box, 0.0)]
        for i, moved, doubt, _ in self._history.backward(index, box):
            path.append((moved, doubt))
            if i == start:
                boxes, doubts = zip(*reversed(path), strict=True)
                return np.array(boxes), np.array(doubts)
        return None

    def _convinces(self, subject: Trajectory, index: int) -> bool:
        """Whether a weak subject's finds so far make it one to be covered."""
        if subject.finds[index] >= self._high:
            return True
        now = self._history.times[index]
        return sum(now - self._history.times.get(i, -np.inf) <= _AGREE_WITHIN for i in subject.finds) >= _AGREE

    def _judge(self, subject: Trajectory) -> None:
        """See how sure a subject is by its latest finds; it does not become less so."""
        since = self._looked_at[-_LATELY:][0]
        scores = [score for i, score in subject.finds.items() if i >= since]
        together = sum(scores) if subject.kind in _PATIENTLY else max(scores)
        subject.evidence = max(subject.evidence, together)
        once = _SURE_ONCE if subject.kind in _PATIENTLY else _SURE
        subject.sure |= (max(scores) >= _SURE and together >= once) or together >= _SURE_TOGETHER

    def _trust_brief(self, subjects: Iterable[Trajectory]) -> None:
        """Take weak subjects seriously that were found at every look of a scene too short for enough of them.

        A single picture is such a scene: nothing will ever confirm what is found in it.
        """
        looks = [(s, self._looks[self._history.scene(s.seen_last)]) for s in subjects if not s.trusted]
        self._trace_back([self._trust(s) for s, times in looks if times < _AGREE and s.count >= times])

    def _fuse(self, index: int, subjects: list[Trajectory]) -> None:
        """Make one of any two subjects that are, and mostly were, at the same place."""
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
        """Keep no more weak subjects than can be followed at bounded cost, the likeliest."""
        weak = sorted((s for s in self._subjects if not s.trusted), key=lambda s: -max(s.finds.values()))
        self._forget({*weak[_MOST_WEAK:]})

    def _forget(self, subjects: Set[Trajectory]) -> None:
        """Follow some subjects no longer."""
        self._subjects = [s for s in self._subjects if s not in subjects]

    # taking results out

    def _retire(self, index: int) -> None:
        """Close the subjects that no find on frame `index` or later can belong to, pack what is old of the others."""
        over = dict.fromkeys(s for s in self._subjects if self._given_up(s, index))
        self._trust_brief(over)
        self._advance([s for s in over if s.trusted], index - 1)
        for subject in over:
            self._pack(subject, self._history.end)
        self._forget(over.keys())
        for subject in self._subjects:
            if len(subject.rows) > _CHUNK:
                self._pack(subject, subject.seen_last - self._jitter())

    def _given_up(self, subject: Trajectory, index: int) -> bool:
        """Whether nobody waits for another find of a subject: its scene or the time to bridge is over."""
        waited = self._history.now(index) - subject.last_time
        if self._history.scene(subject.seen_last) < self._history.scene(index):
            return self._history.scene_age(index) > FLASH
        in_sight = subject.trusted and subject.held_to == subject.end
        return waited > (self._patience if in_sight else self._follow.bridge)

    def _pack(self, subject: Trajectory, until: int) -> None:
        """Turn what is known of a subject before frame `until` into a track (or a piece of it)."""
        tracks = list(self._tracks_of(subject, subject.taken, until))
        if tracks:
            self._done += tracks
            subject.taken = until
        subject.trim(until - self._jitter())

    def _tracks_of(self, subject: Trajectory, start: int, stop: int) -> Iterator[Track]:
        """What is to be covered of a subject on the frames ``start <= index < stop``; of a weak one, in pieces."""
        if not subject.trusted or subject.count < self._follow.min_finds:
            return
        track = subject.track(start, min(stop, subject.held_to), self._jitter())
        if track is None:
            return
        only_look = self._looks[self._history.scene(subject.seen_last)] == 1  # nothing could confirm it
        if subject.sure or (only_look and subject.evidence >= _SURE):
            yield track
            return
        track = replace(track, weak=True)
        least, each = _WEAKLY
        reach = self._frames(max(least, each * subject.evidence))
        for first, end in _united(self._until_next_looks(index, reach) for index in subject.finds):
            piece = _slice(track, first, end)
            if piece is not None:
                yield piece

    def _until_next_looks(self, index: int, reach: int) -> tuple[int, int]:
        """From the look before the one at frame `index` to the one after it, and `reach` frames at least, half-open."""
        at = bisect_left(self._looked_at, index)
        before = self._looked_at[at - 1] if at else 0
        after = self._looked_at[at + 1] if at + 1 < len(self._looked_at) else self._history.end
        return min(before, index - reach), max(after, index + reach) + 1

    def _note_look(self, index: int) -> None:
        """Note a look at frame `index`; forget those before all rows."""
        looks = self._looked_at
        looks.append(index)
        oldest = min((next(iter(s.finds)) for s in self._subjects), default=index)
        del looks[: max(min(bisect_left(looks, oldest) - 1, len(looks) - _LATELY), 0)]

    def _jitter(self) -> int:
        """Frames in `_JITTER` seconds."""
        return min(max(self._frames(_JITTER), 1), 50)

    def _frames(self, span: float) -> int:
        """Frames in `span` seconds, as they come lately."""
        return round(span / max(self._history.interval, 1e-3))


def _at(index: int, subjects: Sequence[Trajectory]) -> Floats:
    """(N, 4) where subjects are on frame `index`."""
    return np.array([s.rows[index - s.first] for s in subjects]).reshape(-1, 4)


def _apart(boxes: Floats, known: Floats) -> NDArray[np.bool_]:
    """(N,) which of `boxes` (N, 4) lie where none of `known` (M, 4) does."""
    apart = np.ones(len(boxes), bool)
    for there, _ in overlapping(boxes, known, _SAME):
        apart[there] = False
    return apart


def _slice(track: Track, start: int, stop: int) -> Track | None:
    """The part of a track on the frames ``start <= index < stop``, if there is one."""
    first, end = max(track.first, start), min(track.end, stop)
    if first >= end:
        return None
    rows = slice(first - track.first, end - track.first)
    return replace(track, first=first, xyxy=track.xyxy[rows], score=track.score[rows], why=track.why[rows])


def _joined(pieces: Iterable[Track]) -> list[Track]:
    """Pieces of one subject that follow one another as one track; all by first frame. The last knows best how sure."""
    tracks: list[Track] = []
    for _, group in groupby(sorted(pieces, key=lambda t: (t.id, t.first)), key=lambda t: t.id):
        parts = list(group)
        ends = [i for i in range(1, len(parts)) if parts[i - 1].end != parts[i].first]
        for first, end in pairwise([0, *ends, len(parts)]):
            some = parts[first:end]
            tracks.append(
                replace(
                    some[0],
                    xyxy=np.concatenate([p.xyxy for p in some]),
                    score=np.concatenate([p.score for p in some]),
                    why=tuple(why for p in some for why in p.why),
                    weak=parts[-1].weak,
                )
            )
    return sorted(tracks, key=lambda t: (t.first, t.id))


def _united(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Half-open spans, ascending, as the fewest that cover the same."""
    first = end = 0
    for start, stop in spans:
        if start > end:
            if end > first:
                yield first, end
            first = start
        end = max(end, stop)
    if end > first:
        yield first, end


def _past_border(box: Floats, before: Floats, width: float, height: float) -> Floats:
    """A find that the picture's border cuts off, taken to be no smaller than its subject was a moment ago."""
    (x0, y0, x1, y1), size = box, before[2:] - before[:2]
    x0 = min(x0, x1 - size[0]) if x0 <= 1 else x0
    y0 = min(y0, y1 - size[1]) if y0 <= 1 else y0
    x1 = max(x1, x0 + size[0]) if x1 >= width - 1 else x1
    y1 = max(y1, y0 + size[1]) if y1 >= height - 1 else y1
    return np.array([x0, y0, x1, y1])
