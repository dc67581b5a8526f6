"""What each sort of edit changes in a plan.

changed = change(state, Remove(track=3, frames=(0, 20)))        # by key of `EditState.values`, or an `EditError`
state.values.update(changed)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from anonymize.data import Grounds, Kind, Region, Shape, Silence, resounded
from anonymize.kinds import Answer, Raised, Topic
from anonymize.plan.boxes import DETECTED, MANUAL, Rows, by_hand, merged, placed, regions
from anonymize.plan.doubts import Doubt
from anonymize.plan.edits import (
    Arrange,
    Change,
    Draw,
    Edit,
    EditError,
    Hide,
    Judge,
    Merge,
    Place,
    Remove,
    Reply,
    Show,
    Sound,
    Split,
)
from anonymize.plan.model import Plan, VisibleTrack
from anonymize.redact import visible

UNCHANGED = object()
"""In the place of a value that does not differ from the plan's."""


class EditState:
    """A plan, and what the edits in force make of it.

    Args:
        base: the plan as its file has it without the edits.
    """

    def __init__(self, base: Plan) -> None:
        self.base = base
        self.edits: list[Edit] = []
        """Those in force, in order."""
        self.values: dict[Any, Any] = {}
        """What differs from `base`: track → `Rows` or None, ("show", track, version) → when it is visible there,
        ("doubt", track) → `Doubt` or None, ("reply", topic, number, first frame) → `Reply`, ("row", track) → the number
        of its row, "silences" → those of the sound."""
        self._doubts = {one.track: one for one in base.doubts}
        self._shown_found: dict[int, tuple[VisibleTrack, ...]] = {}
        for one in base.shown:
            self._shown_found[one.track] = (*self._shown_found.get(one.track, ()), one)
        self._columns = base.regions.columns()
        self._order = np.argsort(self._columns.track, kind="stable")
        self._sorted = self._columns.track[self._order]

    def rows(self, track: int) -> Rows | None:
        """The boxes of `track`; None if there is no such track."""
        found: Rows | None = self.values.get(track, UNCHANGED)
        return self._found(track) if found is UNCHANGED else found

    def doubt(self, track: int) -> Doubt | None:
        """The doubt about `track`, if there is any."""
        found: Doubt | None = self.values.get(("doubt", track), self._doubts.get(track))
        return found

    def doubts(self) -> Iterator[Doubt]:
        """All doubts about tracks that are there, as they are now."""
        decided = (key[1] for key in self.values if isinstance(key, tuple) and key[0] == "doubt")
        for track in dict.fromkeys([*(one.track for one in self.base.doubts), *decided]):
            if (doubt := self.doubt(track)) and self.rows(track) is not None:
                yield doubt

    def shown(self, track: int, version: str = "") -> tuple[VisibleTrack, ...]:
        """When `track` stays visible, and why; in a version of the output as in all, until it is decided for it."""
        own = self._shown_found.get(track, ())
        always: tuple[VisibleTrack, ...] = self.values.get(("show", track, ""), own)
        found: tuple[VisibleTrack, ...] = self.values.get(("show", track, version), always)
        return found

    def versions(self) -> list[str]:
        """The names of the versions of the output for which something was decided, in order."""
        return sorted({edit.version for edit in self.edits if isinstance(edit, Show | Hide) and edit.version})

    @property
    def silences(self) -> tuple[Silence, ...]:
        """When the sound is not heard."""
        found: tuple[Silence, ...] = self.values.get("silences", self.base.silences)
        return found

    def replies(self) -> list[Reply]:
        """The answers in force to questions about places."""
        return [value for value in self.values.values() if isinstance(value, Reply)]

    def reply(self, topic: Topic, of: int, first: int) -> Reply | None:
        """The answer to a question: about which track or faint find, and from which frame on."""
        found: Reply | None = self.values.get(_reply_key(topic, of, first))
        return found

    def together(self) -> list[list[int]]:
        """The numbers of tracks whose lanes are shown in one row; of several tracks each, in order."""
        found: dict[int, list[int]] = {}
        for key, row in self.values.items():
            if isinstance(key, tuple) and key[0] == "row" and self.rows(key[1]) is not None:
                found.setdefault(row, []).append(key[1])
        return sorted(sorted(several) for several in found.values() if len(several) > 1)

    def in_row_with(self, track: int) -> list[int]:
        """The numbers of the tracks in the row of `track`, itself among them."""
        return next((several for several in self.together() if track in several), [track])

    def changed(self) -> set[int]:
        """The numbers of the tracks whose boxes differ from `base`."""
        return {key for key in self.values if isinstance(key, int)}

    def there(self, track: int) -> Rows:
        """The boxes of `track`. Raises `EditError` if there is no such track."""
        rows = self.rows(track)
        if rows is None:
            raise EditError(f"there is no track {track}")
        return rows

    def within(self, frames: tuple[int, int]) -> tuple[int, int]:
        """`frames`, half-open. Raises `EditError` unless they lie within the video."""
        first, end = frames
        if not 0 <= first < end <= self.base.about.frames:
            raise EditError(f"frames {first} to {end} do not lie within the video's {self.base.about.frames}")
        return first, end

    def refuse_outside(self, rows: Rows) -> None:
        """Raise `EditError` where none of `rows` hides anything of the picture."""
        if not any(self.is_seen(region) for _, _, region in regions(0, rows)):
            size = f"{self.base.about.width} x {self.base.about.height}"
            raise EditError(f"it hides nothing: it lies outside the picture, which is {size} pixels")

    def is_seen(self, region: Region) -> bool:
        """Whether `region` lies in the picture, if only in part."""
        return visible(region, self.base.about.width, self.base.about.height)

    def _found(self, track: int) -> Rows | None:
        """The boxes of `track` in the base."""
        low, high = np.searchsorted(self._sorted, [track, track + 1])
        mine = self._order[low:high]
        if track < 0 or not len(mine):
            return None
        start, repeat = self._columns.start[mine], self._columns.end[mine] - self._columns.start[mine]
        before = np.repeat(np.cumsum(repeat) - repeat, repeat)
        why = np.repeat(self._columns.why[mine], repeat)
        ((_, _, first),) = self.base.regions.picked(mine[:1])
        found = Rows(
            frame=np.repeat(start, repeat) + np.arange(len(before)) - before,
            xyxy=np.repeat(self._columns.xyxy[mine], repeat, axis=0),
            score=np.repeat(self._columns.score[mine], repeat),
            why=why,
            anchor=(why == DETECTED) | (why == MANUAL),
            kind=first.kind,
            shape=first.shape,
            polygon=first.polygon,
        )
        return found.at(np.argsort(found.frame, kind="stable"))


def change(state: EditState, edit: Edit) -> dict[Any, Any]:
    """What `edit` changes, by key of `EditState.values`.

    Raises:
        EditError: it does not fit.
    """
    return _CHANGES[type(edit)](state, edit)


def _draw(state: EditState, edit: Draw) -> dict[Any, Any]:
    first, end = state.within(edit.frames)
    if edit.track < 0 or state.rows(edit.track) is not None:
        raise EditError(f"there is a track {edit.track} already")
    _refuse_cornerless(edit)
    count = end - first
    if edit.boxes and len(edit.boxes) != count:
        raise EditError(f"{len(edit.boxes)} boxes for {count} frames")
    anchor = np.arange(first, end) == (first if edit.anchor < 0 else edit.anchor)
    drawn = by_hand(first, edit.boxes or [edit.box] * count, edit.kind, edit.shape)
    rows = drawn._replace(anchor=anchor, polygon=edit.polygon)
    state.refuse_outside(rows)
    return {edit.track: rows}


def _refuse_cornerless(edit: Draw | Reply) -> None:
    """Raise `EditError` for a polygon without corners, and for corners of another shape."""
    if (edit.shape is Shape.POLYGON) != (isinstance(edit, Draw) and bool(edit.polygon)):
        raise EditError("a polygon needs its corners, and other shapes have none")


def _place(state: EditState, edit: Place) -> dict[Any, Any]:
    rows = state.there(edit.track)
    if rows.polygon:
        raise EditError("a polygon has no box that could be set: draw it anew")
    first, _ = state.within((edit.first, edit.first + len(edit.boxes)))
    boxes = np.array(edit.boxes, np.float64).reshape(-1, 4)
    state.refuse_outside(rows.at(np.zeros(len(boxes), np.intp))._replace(xyxy=boxes))
    return {edit.track: placed(rows, first, boxes)}


def _remove(state: EditState, edit: Remove) -> dict[Any, Any]:
    rows, (first, end) = state.there(edit.track), state.within(edit.frames)
    left = (rows.frame < first) | (rows.frame >= end)
    return {edit.track: rows.at(left) if left.any() else None} | _hidden(state, edit.heads)


def _split(state: EditState, edit: Split) -> dict[Any, Any]:
    rows = state.there(edit.track)
    if edit.new < 0 or state.rows(edit.new) is not None:
        raise EditError(f"there is a track {edit.new} already")
    early = rows.frame < edit.frame
    if early.all() or not early.any():
        raise EditError(f"track {edit.track} does not go on across frame {edit.frame}")
    changed: dict[Any, Any] = {edit.track: rows.at(early), edit.new: rows.at(~early)}
    for version in ("", *state.versions()):  # both keep what was decided
        parts = [(one, replace(one, track=edit.new)) for one in state.shown(edit.track, version)]
        changed["show", edit.track, version] = tuple(a for a, _ in parts if a.first < edit.frame)
        changed["show", edit.new, version] = tuple(b for _, b in parts if b.end > edit.frame)
    if doubt := state.doubt(edit.track):
        changed["doubt", edit.track] = replace(doubt, end=min(doubt.end, edit.frame))
        changed["doubt", edit.new] = replace(doubt, track=edit.new, first=max(doubt.first, edit.frame))
        for number in (edit.track, edit.new):
            if changed["doubt", number].first >= changed["doubt", number].end:
                changed["doubt", number] = None
    if len(several := state.in_row_with(edit.track)) > 1:
        changed["row", edit.new] = state.values["row", several[0]]
    return changed


def _join(state: EditState, edit: Merge) -> dict[Any, Any]:
    one, other = state.there(edit.track), state.there(edit.other)
    if edit.track == edit.other:
        raise EditError("a track cannot be joined with itself")
    if one.kind != other.kind or one.polygon or other.polygon:
        raise EditError("only two of one kind, such as two faces, and none with corners can be joined")
    # Neither a consent nor an answer carries over: each was given for its own track alone.
    gone = _hidden(state, (edit.track, edit.other, *edit.heads))
    answers = {("doubt", number): None for number in (edit.track, edit.other)}
    return {edit.track: merged(one, other), edit.other: None} | gone | answers


def _change(state: EditState, edit: Change) -> dict[Any, Any]:
    rows = state.there(edit.track)
    if (edit.shape is Shape.POLYGON) != bool(rows.polygon):
        raise EditError("a polygon stays one, and nothing else becomes one")
    changed: dict[Any, Any] = {edit.track: rows._replace(kind=edit.kind, shape=edit.shape)}
    # What a person calls an area shows nobody of whom one could be in doubt.
    return changed | ({("doubt", edit.track): None} if edit.kind is Kind.AREA else {})


def _show(state: EditState, edit: Show) -> dict[Any, Any]:
    changed: dict[Any, Any] = {}
    for one in (edit, edit.head) if edit.head else (edit,):
        state.there(one.track)
        first, end = state.within(one.frames)
        key = ("show", one.track, edit.version)
        stays = VisibleTrack(one.track, first, end, Grounds.CONSENT, edit.reason, one.chosen, one.note)
        changed[key] = (*changed.get(key, state.shown(one.track, edit.version)), stays)
    return changed


def _hide(state: EditState, edit: Hide) -> dict[Any, Any]:
    return _hidden(state, (edit.track, *edit.heads), edit.version)


def _hidden(state: EditState, tracks: Iterable[int], version: str = "") -> dict[Any, Any]:
    """That `tracks` stay visible nowhere any more: whoever names no version means all."""
    nowhere = (version,) if version else ("", *state.versions())
    for track in tracks:
        state.there(track)
    return {("show", track, one): () for track in tracks for one in nowhere}


def _judge(state: EditState, edit: Judge) -> dict[Any, Any]:
    rows, known = state.there(edit.track), state.doubt(edit.track)
    if rows.kind is Kind.AREA:
        raise EditError("an area shows nobody: remove it, or say what it is, such as a face")
    if known is None:
        if edit.answer is not Answer.NOTHING:
            return {("doubt", edit.track): None}
        known = Doubt(edit.track, int(rows.frame[0]), int(rows.frame[-1]) + 1, Raised.FIND)
    answered = replace(known, answer=edit.answer, by=edit.by, at=edit.at)
    own = edit.track in state._doubts
    return {("doubt", edit.track): None if edit.answer is None and not own else answered}


def _sound(state: EditState, edit: Sound) -> dict[Any, Any]:
    first, end = edit.seconds
    if not first < end:
        raise EditError(f"seconds {first:g} to {end:g}: expected the earlier one first")
    return {"silences": resounded(state.silences, first, end, edit.how)}


def _reply(state: EditState, edit: Reply) -> dict[Any, Any]:
    first, end = state.within(edit.frames)
    if edit.topic is Topic.FAINT:
        if all(one.number != edit.of for one in state.base.faint):
            raise EditError(f"there is no faint find {edit.of}")
        there = state.rows(edit.track)
        if there is not None:
            raise EditError(f"there is a track {edit.track} already")
    else:
        there = state.there(edit.of)
        if edit.track != edit.of:
            raise EditError(f"an answer about track {edit.of} changes no other")
    if edit.boxes and (len(edit.boxes) != end - first or edit.track < 0):
        raise EditError(f"{len(edit.boxes)} boxes of track {edit.track} for {end - first} frames")
    if edit.boxes and there is not None and there.polygon:
        raise EditError("a polygon is drawn anew where it is to cover more")
    _refuse_cornerless(edit)
    changed: dict[Any, Any] = {_reply_key(edit.topic, edit.of, first): edit}
    if edit.boxes:
        more = by_hand(first, edit.boxes, edit.kind, edit.shape)
        state.refuse_outside(more)
        changed[edit.track] = more if there is None else merged(there, more)
    elif there is not None and edit.topic is Topic.HELD and edit.answer is Answer.NOTHING:
        left = (there.frame < first) | (there.frame >= end)
        changed[edit.track] = there.at(left) if left.any() else None
    return changed


def _arrange(state: EditState, edit: Arrange) -> dict[Any, Any]:
    state.there(edit.track)
    mine = state.in_row_with(edit.track)
    if edit.other < 0:
        if len(mine) == 1:
            raise EditError(f"track {edit.track} has a row of its own")
        rest = [track for track in mine if track != edit.track]
        return {("row", edit.track): edit.track, **{("row", track): rest[0] for track in rest}}
    state.there(edit.other)
    if edit.other in mine:
        raise EditError(f"tracks {edit.track} and {edit.other} are in one row")
    both = sorted([*mine, *state.in_row_with(edit.other)])
    return {("row", track): both[0] for track in both}


def _reply_key(topic: Topic, of: int, first: int) -> tuple[str, Topic, int, int]:
    """The key of an answer; a faint find is asked about once, a track at several places."""
    return "reply", topic, of, 0 if topic is Topic.FAINT else first


_CHANGES: Mapping[type, Callable[[EditState, Any], dict[Any, Any]]] = {
    Draw: _draw,
    Place: _place,
    Remove: _remove,
    Split: _split,
    Merge: _join,
    Change: _change,
    Show: _show,
    Hide: _hide,
    Judge: _judge,
    Sound: _sound,
    Reply: _reply,
    Arrange: _arrange,
}
