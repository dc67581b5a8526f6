"""A plan with the edits of a person: applied in order, and taken back in the opposite order.

    edited = Edited(base)
    edited.apply(Draw(track=7, frames=(120, 180), box=(600, 80, 700, 190), kind=Kind.FACE))
    edited.undo()
    edited.plan()                       # the plan with all edits that are in force

The regions of a plan as found stay in its file; every edit is one line more (`edit_lines`), and so is taking one back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from anonymize.data import Grounds, Kind, Region, Shape, Silence, Why, resounded
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
from anonymize.plan.regions import FOUND, Regions
from anonymize.redact import visible


class Edited:
    """A plan with the edits of a person.

    Args:
        base: the plan as its file has it without the edits.
    """

    def __init__(self, base: Plan) -> None:
        self.base = base
        self.edits: list[Edit] = []
        """Those in force, in order."""
        self.undone: list[Edit] = []
        """Those taken back, the next one to bring back last."""
        self._before: list[dict[Any, Any]] = []
        """For each edit in force, what it replaced."""
        self._state: dict[Any, Any] = {}
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
        self._top = int(self._sorted[-1]) if len(self._sorted) else -1
        self._plans: dict[str, Plan] = {}
        """By version, as long as nothing changes."""

    def apply(self, edit: Edit, save: Callable[[], None] = lambda: None) -> None:
        """Apply `edit`; edits that were taken back cannot be brought back any more.

        Args:
            edit: what to do.
            save: called once it is known to fit; where it raises, nothing is changed.

        Raises:
            EditError: it does not fit; nothing is changed.
        """
        self._do(edit, save)
        self.undone.clear()

    def _do(self, edit: Edit, save: Callable[[], None]) -> None:
        if isinstance(edit, (Draw, Change, Reply)):
            self._refuse_unknown(edit.kind)
        changed = _APPLY[type(edit)](self, edit)
        save()
        self._before.append({key: self._state.get(key, _UNCHANGED) for key in changed})
        self._state.update(changed)
        self.edits.append(edit)
        self._plans.clear()

    def _refuse_unknown(self, kind: Kind) -> None:
        """Raise `EditError` for a kind that neither we nor the plan's own models know."""
        try:
            Kind.of(kind.label, self.base.about.kinds)
        except ValueError as error:
            raise EditError(str(error)) from None

    def undo(self) -> Edit | None:
        """Take the last edit back; None if there is none."""
        if not self.edits:
            return None
        edit = self.edits.pop()
        for key, value in self._before.pop().items():
            if value is _UNCHANGED:
                self._state.pop(key, None)
            else:
                self._state[key] = value
        self.undone.append(edit)
        self._plans.clear()
        return edit

    def redo(self) -> Edit | None:
        """Bring the edit back that was taken back last; None if there is none."""
        if not self.undone:
            return None
        edit = self.undone[-1]
        self._do(edit, lambda: None)
        return self.undone.pop()

    def unused(self) -> int:
        """A track number that was never used, also not by an edit that was taken back."""
        used = [number for one in (*self.edits, *self.undone) for number in (one.track, getattr(one, "new", -1))]
        return max([self._top, *used]) + 1

    def rows(self, track: int) -> Rows | None:
        """The boxes of `track`; None if there is no such track."""
        found: Rows | None = self._state.get(track, _UNCHANGED)
        return self._found(track) if found is _UNCHANGED else found

    def doubt(self, track: int) -> Doubt | None:
        """The doubt about `track`, if there is any."""
        found: Doubt | None = self._state.get(("doubt", track), self._doubts.get(track))
        return found

    def doubts(self) -> Iterator[Doubt]:
        """All doubts about tracks that are there, as they are now."""
        decided = (key[1] for key in self._state if isinstance(key, tuple) and key[0] == "doubt")
        for track in dict.fromkeys([*(one.track for one in self.base.doubts), *decided]):
            if (doubt := self.doubt(track)) and self.rows(track) is not None:
                yield doubt

    def shown(self, track: int, version: str = "") -> tuple[VisibleTrack, ...]:
        """When `track` stays visible, and why; in a version of the output as in all, until it is decided for it."""
        own = self._shown_found.get(track, ())
        always: tuple[VisibleTrack, ...] = self._state.get(("show", track, ""), own)
        found: tuple[VisibleTrack, ...] = self._state.get(("show", track, version), always)
        return found

    def versions(self) -> list[str]:
        """The names of the versions of the output for which something was decided, in order."""
        return sorted({edit.version for edit in self.edits if isinstance(edit, Show | Hide) and edit.version})

    @property
    def silences(self) -> tuple[Silence, ...]:
        """When the sound is not heard."""
        found: tuple[Silence, ...] = self._state.get("silences", self.base.silences)
        return found

    def replies(self) -> list[Reply]:
        """The answers in force to questions about places."""
        return [value for value in self._state.values() if isinstance(value, Reply)]

    def reply(self, topic: Topic, of: int, first: int) -> Reply | None:
        """The answer to a question: about which track or faint find, and from which frame on."""
        found: Reply | None = self._state.get(_reply_key(topic, of, first))
        return found

    def together(self) -> list[list[int]]:
        """The numbers of tracks whose lanes are shown in one row; of several tracks each, in order."""
        found: dict[int, list[int]] = {}
        for key, row in self._state.items():
            if isinstance(key, tuple) and key[0] == "row" and self.rows(key[1]) is not None:
                found.setdefault(row, []).append(key[1])
        return sorted(sorted(several) for several in found.values() if len(several) > 1)

    def _in_row_with(self, track: int) -> list[int]:
        """The numbers of the tracks in the row of `track`, itself among them."""
        return next((several for several in self.together() if track in several), [track])

    def at(self, index: int, version: str = "") -> tuple[list[Region], list[Region]]:
        """The regions of frame `index` that are drawn in a version, and those that are left out."""
        changed = self.changed()
        here = [one for one in self.base.regions.at(index) if one.track not in changed]
        for track in sorted(changed):
            rows = self.rows(track)
            row = int(np.searchsorted(rows.frame, index)) if rows is not None else 0
            if rows is not None and row < len(rows.frame) and rows.frame[row] == index:
                here += [one for _, _, one in regions(track, rows.at(np.array([row]))) if self._is_seen(one)]
        kept: tuple[list[Region], list[Region]] = ([], [])
        for one in here:
            kept[self._left_out(one, index, version)].append(one)
        return kept

    def _left_out(self, region: Region, index: int, version: str) -> bool:
        """Whether `region` is not drawn on frame `index`: its track stays visible, or shows nobody, or is an open doubt
        of the check, which leaves out what was found alone."""
        track, doubt = region.track, self.doubt(region.track)
        if track < 0 or region.why not in (*FOUND, Why.MANUAL):
            return False
        if any(one.first <= index < one.end for one in self.shown(track, version)):
            return region.why in FOUND or self._is_edited(track, version)
        if doubt is None or doubt.drawn or not doubt.first <= index < doubt.end:
            return False
        return region.why in FOUND or (doubt.answer is Answer.NOTHING and self._is_edited(track, version))

    def _is_edited(self, track: int, version: str) -> bool:
        """Whether an edit touched `track`: what was written into the file by hand is drawn, whatever it says."""
        return track in self._touched(version)

    def changed(self) -> set[int]:
        """The numbers of the tracks whose boxes differ from `base`."""
        return {key for key in self._state if isinstance(key, int)}

    def _touched(self, version: str) -> list[int]:
        """The numbers of the tracks that an edit touched, but for those of other versions."""
        some = (key for key in self._state if isinstance(key, int | tuple) and not _is_apart(key))
        mine = (key for key in some if isinstance(key, int) or key[0] != "show" or key[2] in ("", version))
        return [key if isinstance(key, int) else key[1] for key in mine]

    def _has_manual(self, track: int) -> bool:
        """Whether a person drew some of the boxes of `track`: whether they are drawn depends on what is decided."""
        rows = self.rows(track)
        return rows is not None and bool((rows.why == MANUAL).any())

    def plan(self, version: str = "") -> Plan:
        """The plan of a version with all edits in force."""
        if version not in self._plans:
            self._plans[version] = self._folded(version) if self.edits else self.base
        return self._plans[version]

    def drawn(self, track: int, version: str = "") -> Rows | None:
        """The boxes of `track` as the plan gets them: without those set by hand where it stays visible or shows nobody,
        since what a person draws is always covered."""
        rows = self.rows(track)
        if rows is None or not (rows.why == MANUAL).any():
            return rows
        spans = [(one.first, one.end) for one in self.shown(track, version)]
        if (doubt := self.doubt(track)) and doubt.answer is Answer.NOTHING:
            spans.append((doubt.first, doubt.end))
        inside = np.zeros(len(rows.frame), bool)
        for first, end in spans:
            inside |= (rows.frame >= first) & (rows.frame < end)
        keep = (rows.why != MANUAL) | ~inside
        return rows.at(keep) if keep.any() else None

    def _folded(self, version: str) -> Plan:
        changed = {track for track in self._touched(version) if track in self._state or self._has_manual(track)}
        made = {track: rows for track in sorted(changed) if (rows := self.drawn(track, version)) is not None}
        new = (row for track, rows in made.items() for row in regions(track, rows) if self._is_seen(row[2]))
        gone = changed - {track for track, rows in made.items() if (rows.why != MANUAL).any()}
        touched = [*(one.track for one in self.base.shown), *(one.track for one in self.base.doubts)]
        touched += [key[1] for key in self._state if isinstance(key, tuple) and not _is_apart(key)]
        there = [track for track in dict.fromkeys(touched) if track not in gone]
        return replace(
            self.base,
            regions=self.base.regions.without(changed).joined(Regions(new)),
            shown=tuple(one for track in there for one in self.shown(track, version)),
            doubts=tuple(doubt for track in there if (doubt := self.doubt(track))),
            silences=self.silences,
            faint=tuple(one for one in self.base.faint if self.reply(Topic.FAINT, one.number, 0) is None),
        )

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

    def _there(self, track: int) -> Rows:
        rows = self.rows(track)
        if rows is None:
            raise EditError(f"there is no track {track}")
        return rows

    # One function for each sort of edit: what it changes, by key of `_state`.

    def _draw(self, edit: Draw) -> dict[Any, Any]:
        first, end = self._frames(edit.frames)
        if edit.track < 0 or self.rows(edit.track) is not None:
            raise EditError(f"there is a track {edit.track} already")
        count = end - first
        if edit.boxes and len(edit.boxes) != count:
            raise EditError(f"{len(edit.boxes)} boxes for {count} frames")
        anchor = np.arange(first, end) == (first if edit.anchor < 0 else edit.anchor)
        drawn = by_hand(first, edit.boxes or [edit.box] * count, edit.kind, edit.shape)
        rows = drawn._replace(anchor=anchor, polygon=edit.polygon)
        self._refuse_outside(rows)
        return {edit.track: rows}

    def _place(self, edit: Place) -> dict[Any, Any]:
        rows = self._there(edit.track)
        if rows.polygon:
            raise EditError("a polygon has no box that could be set: draw it anew")
        first, _ = self._frames((edit.first, edit.first + len(edit.boxes)))
        boxes = np.array(edit.boxes, np.float64).reshape(-1, 4)
        self._refuse_outside(rows.at(np.zeros(len(boxes), np.intp))._replace(xyxy=boxes))
        return {edit.track: placed(rows, first, boxes)}

    def _remove(self, edit: Remove) -> dict[Any, Any]:
        rows, (first, end) = self._there(edit.track), self._frames(edit.frames)
        left = (rows.frame < first) | (rows.frame >= end)
        return {edit.track: rows.at(left) if left.any() else None}

    def _split(self, edit: Split) -> dict[Any, Any]:
        rows = self._there(edit.track)
        if edit.new < 0 or self.rows(edit.new) is not None:
            raise EditError(f"there is a track {edit.new} already")
        early = rows.frame < edit.frame
        if early.all() or not early.any():
            raise EditError(f"track {edit.track} does not go on across frame {edit.frame}")
        changed: dict[Any, Any] = {edit.track: rows.at(early), edit.new: rows.at(~early)}
        for version in ("", *self.versions()):  # both keep what was decided
            parts = [(one, replace(one, track=edit.new)) for one in self.shown(edit.track, version)]
            changed["show", edit.track, version] = tuple(a for a, _ in parts if a.first < edit.frame)
            changed["show", edit.new, version] = tuple(b for _, b in parts if b.end > edit.frame)
        if doubt := self.doubt(edit.track):
            changed["doubt", edit.track] = replace(doubt, end=min(doubt.end, edit.frame))
            changed["doubt", edit.new] = replace(doubt, track=edit.new, first=max(doubt.first, edit.frame))
            for number in (edit.track, edit.new):
                if changed["doubt", number].first >= changed["doubt", number].end:
                    changed["doubt", number] = None
        if len(several := self._in_row_with(edit.track)) > 1:
            changed["row", edit.new] = self._state["row", several[0]]
        return changed

    def _join(self, edit: Merge) -> dict[Any, Any]:
        one, other = self._there(edit.track), self._there(edit.other)
        if edit.track == edit.other:
            raise EditError("a track cannot be joined with itself")
        if one.kind != other.kind or one.polygon or other.polygon:
            raise EditError("only two faces, two plates or two areas without corners can be joined")
        # Neither a consent nor an answer carries over: each was given for its own track alone.
        some = ("", *self.versions())
        gone = {("show", number, version): () for number in (edit.track, edit.other) for version in some}
        answers = {("doubt", number): None for number in (edit.track, edit.other)}
        return {edit.track: merged(one, other), edit.other: None} | gone | answers

    def _change(self, edit: Change) -> dict[Any, Any]:
        rows = self._there(edit.track)
        if (edit.shape is Shape.POLYGON) != bool(rows.polygon):
            raise EditError("a polygon stays one, and nothing else becomes one")
        changed: dict[Any, Any] = {edit.track: rows._replace(kind=edit.kind, shape=edit.shape)}
        # What a person calls an area shows nobody of whom one could be in doubt.
        return changed | ({("doubt", edit.track): None} if edit.kind is Kind.AREA else {})

    def _show(self, edit: Show) -> dict[Any, Any]:
        self._there(edit.track)
        first, end = self._frames(edit.frames)
        one = VisibleTrack(edit.track, first, end, Grounds.CONSENT, edit.reason, edit.chosen, edit.note)
        return {("show", edit.track, edit.version): (*self.shown(edit.track, edit.version), one)}

    def _hide(self, edit: Hide) -> dict[Any, Any]:
        self._there(edit.track)
        # Whoever withdraws a consent means all versions.
        nowhere = (edit.version,) if edit.version else ("", *self.versions())
        return {("show", edit.track, version): () for version in nowhere}

    def _judge(self, edit: Judge) -> dict[Any, Any]:
        rows, known = self._there(edit.track), self.doubt(edit.track)
        if rows.kind is Kind.AREA:
            raise EditError("an area shows nobody: remove it, or say that it is a face or a plate")
        if known is None:
            if edit.answer is not Answer.NOTHING:
                return {("doubt", edit.track): None}
            known = Doubt(edit.track, int(rows.frame[0]), int(rows.frame[-1]) + 1, Raised.FIND)
        answered = replace(known, answer=edit.answer, by=edit.by, at=edit.at)
        own = edit.track in self._doubts
        return {("doubt", edit.track): None if edit.answer is None and not own else answered}

    def _sound(self, edit: Sound) -> dict[Any, Any]:
        first, end = edit.seconds
        if not first < end:
            raise EditError(f"seconds {first:g} to {end:g}: expected the earlier one first")
        return {"silences": resounded(self.silences, first, end, edit.how)}

    def _refuse_outside(self, rows: Rows) -> None:
        """Raise `EditError` where none of `rows` hides anything of the picture."""
        if not any(self._is_seen(region) for _, _, region in regions(0, rows)):
            size = f"{self.base.about.width} x {self.base.about.height}"
            raise EditError(f"it hides nothing: it lies outside the picture, which is {size} pixels")

    def _is_seen(self, region: Region) -> bool:
        """Whether `region` lies in the picture, if only in part."""
        return visible(region, self.base.about.width, self.base.about.height)

    def _reply(self, edit: Reply) -> dict[Any, Any]:
        first, end = self._frames(edit.frames)
        if edit.topic is Topic.FAINT:
            if all(one.number != edit.of for one in self.base.faint):
                raise EditError(f"there is no faint find {edit.of}")
            there = self.rows(edit.track)
            if there is not None:
                raise EditError(f"there is a track {edit.track} already")
        else:
            there = self._there(edit.of)
            if edit.track != edit.of:
                raise EditError(f"an answer about track {edit.of} changes no other")
        if edit.boxes and (len(edit.boxes) != end - first or edit.track < 0):
            raise EditError(f"{len(edit.boxes)} boxes of track {edit.track} for {end - first} frames")
        if edit.boxes and there is not None and there.polygon:
            raise EditError("a polygon is drawn anew where it is to cover more")
        changed: dict[Any, Any] = {_reply_key(edit.topic, edit.of, first): edit}
        if edit.boxes:
            more = by_hand(first, edit.boxes, edit.kind, edit.shape)
            self._refuse_outside(more)
            changed[edit.track] = more if there is None else merged(there, more)
        elif there is not None and edit.topic is Topic.HELD and edit.answer is Answer.NOTHING:
            left = (there.frame < first) | (there.frame >= end)
            changed[edit.track] = there.at(left) if left.any() else None
        return changed

    def _arrange(self, edit: Arrange) -> dict[Any, Any]:
        self._there(edit.track)
        mine = self._in_row_with(edit.track)
        if edit.other < 0:
            if len(mine) == 1:
                raise EditError(f"track {edit.track} has a row of its own")
            rest = [track for track in mine if track != edit.track]
            return {("row", edit.track): edit.track, **{("row", track): rest[0] for track in rest}}
        self._there(edit.other)
        if edit.other in mine:
            raise EditError(f"tracks {edit.track} and {edit.other} are in one row")
        both = sorted([*mine, *self._in_row_with(edit.other)])
        return {("row", track): both[0] for track in both}

    def _frames(self, frames: tuple[int, int]) -> tuple[int, int]:
        """`frames`, if they lie within the video."""
        first, end = frames
        if not 0 <= first < end <= self.base.about.frames:
            raise EditError(f"frames {first} to {end} do not lie within the video's {self.base.about.frames}")
        return first, end


def _reply_key(topic: Topic, of: int, first: int) -> tuple[str, Topic, int, int]:
    """The key of an answer; a faint find is asked about once, a track at several places."""
    return "reply", topic, of, 0 if topic is Topic.FAINT else first


def _is_apart(key: Any) -> bool:
    """Whether a key of the state decides nothing about a track: a question's, or a row's of the time line."""
    return isinstance(key, tuple) and key[0] in ("reply", "row")


_UNCHANGED = object()
_APPLY: Mapping[type, Callable[[Edited, Any], dict[Any, Any]]] = {
    Draw: Edited._draw,
    Place: Edited._place,
    Remove: Edited._remove,
    Split: Edited._split,
    Merge: Edited._join,
    Change: Edited._change,
    Show: Edited._show,
    Hide: Edited._hide,
    Judge: Edited._judge,
    Sound: Edited._sound,
    Reply: Edited._reply,
    Arrange: Edited._arrange,
}
