"""A plan with the edits of a person: applied in order, and taken back in the opposite order.

    edited = Edited(base)
    edited.apply(Draw(track=7, frames=(120, 180), box=(600, 80, 700, 190), kind=Kind.FACE))
    edited.undo()
    edited.plan()                       # the plan with all edits that are in force

The regions of a plan as found stay in its file; every edit is one line more (`edit_lines`), and so is taking one back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from anonymize.data import Kind, Region, Why
from anonymize.kinds import Answer, Topic
from anonymize.plan.boxes import MANUAL, Rows, regions
from anonymize.plan.changes import UNCHANGED, EditState, change
from anonymize.plan.edits import Change, Draw, Edit, EditError, Reply
from anonymize.plan.model import Plan
from anonymize.plan.regions import FOUND, Regions


class Edited(EditState):
    """A plan with the edits of a person.

    Args:
        base: the plan as its file has it without the edits.
    """

    def __init__(self, base: Plan) -> None:
        super().__init__(base)
        self.undone: list[Edit] = []
        """Those taken back, the next one to bring back last."""
        self._before: list[dict[Any, Any]] = []
        """For each edit in force, what it replaced."""
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
        changed = change(self, edit)
        save()
        self._before.append({key: self.values.get(key, UNCHANGED) for key in changed})
        self.values.update(changed)
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
            if value is UNCHANGED:
                self.values.pop(key, None)
            else:
                self.values[key] = value
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

    def at(self, index: int, version: str = "") -> tuple[list[Region], list[Region]]:
        """The regions of frame `index` that are drawn in a version, and those that are left out."""
        changed = self.changed()
        here = [one for one in self.base.regions.at(index) if one.track not in changed]
        for track in sorted(changed):
            rows = self.rows(track)
            row = int(np.searchsorted(rows.frame, index)) if rows is not None else 0
            if rows is not None and row < len(rows.frame) and rows.frame[row] == index:
                here += [one for _, _, one in regions(track, rows.at(np.array([row]))) if self.is_seen(one)]
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

    def _touched(self, version: str) -> list[int]:
        """The numbers of the tracks that an edit touched, but for those of other versions."""
        some = (key for key in self.values if isinstance(key, int | tuple) and not _is_apart(key))
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
        changed = {track for track in self._touched(version) if track in self.values or self._has_manual(track)}
        made = {track: rows for track in sorted(changed) if (rows := self.drawn(track, version)) is not None}
        new = (row for track, rows in made.items() for row in regions(track, rows) if self.is_seen(row[2]))
        gone = changed - {track for track, rows in made.items() if (rows.why != MANUAL).any()}
        touched = [*(one.track for one in self.base.shown), *(one.track for one in self.base.doubts)]
        touched += [key[1] for key in self.values if isinstance(key, tuple) and not _is_apart(key)]
        there = [track for track in dict.fromkeys(touched) if track not in gone]
        return replace(
            self.base,
            regions=self.base.regions.without(changed).joined(Regions(new)),
            shown=tuple(one for track in there for one in self.shown(track, version)),
            doubts=tuple(doubt for track in there if (doubt := self.doubt(track))),
            silences=self.silences,
            faint=tuple(one for one in self.base.faint if self.reply(Topic.FAINT, one.number, 0) is None),
        )


def _is_apart(key: Any) -> bool:
    """Whether a key of the state decides nothing about a track: a question's, or a row's of the time line."""
    return isinstance(key, tuple) and key[0] in ("reply", "row")
