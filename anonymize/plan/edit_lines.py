"""Edits as lines of a plan file, after all others: `{"edit": 1, "do": "draw", ...}`, `{"undo": 1}`, `{"redo": 1}`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from anonymize.data import Box, Kind, Shape
from anonymize.kinds import Answer, Silencing, Topic
from anonymize.plan.doubts import check_name
from anonymize.plan.edited import Edited
from anonymize.plan.edits import (
    Arrange,
    Change,
    Draw,
    Edit,
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
from anonymize.plan.model import Plan
from anonymize.plan.reviewed import Note, reviewed
from anonymize.plan.values import COUNT, TRACK, around, box_of, span_of, version_of
from anonymize.settings import check_reason
from anonymize.text.ranges import PIXELS, shown
from anonymize.text.words import printable

LONGEST = 100_000
"""The most boxes of one edit."""


@dataclass(frozen=True, slots=True)
class EditLine:
    """A line: an edit, or an earlier one taken back or brought back.

    Args:
        number: of the edit, from 1 on.
        edit: None where the line takes back or brings back.
        back: whether it takes back.
        by: who did it, as they wish to be called.
        at: when, in UTC.
    """

    number: int
    edit: Edit | None
    back: bool = False
    by: str = ""
    at: str = ""


def entry(step: EditLine) -> dict[str, Any]:
    """`step` as plain values, for a line."""
    signed = {key: value for key, value in (("by", step.by), ("at", step.at)) if value}
    if step.edit is None:
        return {"undo" if step.back else "redo": step.number} | signed
    name, write = word_of(step.edit), next(one[2] for one in _SORTS if isinstance(step.edit, one[1]))
    track = {"track": step.edit.track} if step.edit.track >= 0 else {}
    return {"edit": step.number, "do": name} | track | write(step.edit) | signed


def word_of(edit: Edit) -> str:
    """What a sort of edit is called in a line."""
    return next(name for name, sort, _ in _SORTS if isinstance(edit, sort))


def is_step(line: Mapping[str, Any]) -> bool:
    """Whether a line of a plan is one of these."""
    return any(key in line for key in ("edit", "undo", "redo"))


def step_of(line: Mapping[str, Any]) -> EditLine:
    """The step in a line. Raises `ValueError`, `TypeError`, `KeyError` or `UsageError`: it is malformed."""
    by, at = check_name(line.get("by", "")), check_name(line.get("at", ""))
    for key in ("undo", "redo"):
        if key in line:
            _refuse_others(line, {key, "by", "at"})
            return EditLine(COUNT.whole(line[key]), None, key == "undo", by, at)
    read = _READ.get(line["do"]) if isinstance(line["do"], str) else None
    if read is None:
        raise ValueError(f"do: {shown(line['do'])}: expected one of {', '.join(_READ)}")
    return EditLine(COUNT.whole(line["edit"]), read(line), False, by, at)


@dataclass(slots=True)
class History:
    """A plan with its edits so far.

    Args:
        edited: the plan.
        numbers: of the edits in force, in order.
        undone: of those taken back that may be brought back, the next one last.
        last: the highest number given so far.
        notes: what was looked at and signed since the last edit.
    """

    edited: Edited
    numbers: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)
    last: int = 0
    notes: list[Note] = field(default_factory=list)

    def versions(self) -> list[str]:
        """The names of the versions for which something was decided, or which somebody looked at or signed."""
        return sorted({*self.edited.versions(), *(one.version for one in self.notes if one.version)})

    def plan(self, version: str = "") -> Plan:
        """The plan of a version with all edits in force, and what is known of the review."""
        made = self.edited.plan(version)
        notes = [one for one in self.notes if one.version == version]
        if not self.edited.edits and not notes:
            return made
        words: Counter[str] = Counter()
        for edit in self.edited.edits:
            if getattr(edit, "version", "") in ("", version) and not isinstance(edit, Arrange):
                answer = getattr(edit, "answer", None)
                words[answer.value if answer else word_of(edit)] += 1
        return replace(made, reviewed=reviewed(words, notes))

    def follow(self, step: EditLine, save: Callable[[], None] = lambda: None) -> None:
        """Do what `step` says.

        Args:
            step: the next one.
            save: called once it is known to fit; where it raises, nothing is changed.

        Raises:
            ValueError: it does not follow those before it, or does not fit the plan; nothing is changed.
        """
        if step.edit is not None:
            if step.number <= self.last:
                raise ValueError(f"edit {step.number}: expected a number above {self.last}")
            self.edited.apply(step.edit, save)
            self.notes.clear()
            self.numbers.append(step.number)
            self.undone.clear()
            self.last = step.number
            return
        name, had, gets = ("undo", self.numbers, self.undone) if step.back else ("redo", self.undone, self.numbers)
        if not had or had[-1] != step.number:
            raise ValueError(f"{name}: edit {step.number} is not the next in turn")
        save()
        self.notes.clear()
        if step.back:
            self.edited.undo()
        else:
            self.edited.redo()
        gets.append(had.pop())


def _span(line: Mapping[str, Any]) -> tuple[int, int]:
    first, end = line["frames"]
    return COUNT.whole(first), COUNT.whole(end)


def _text(value: Any) -> str:
    if not isinstance(value, str) or printable(value) != value:
        raise ValueError(f"{shown(value)}: expected one line of text")
    return value


def _refuse_others(line: Mapping[str, Any], known: set[str]) -> None:
    if unknown := line.keys() - known:
        raise ValueError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(known))}")


def _reading(keys: str, make: Callable[[Mapping[str, Any], int], Edit]) -> Callable[[Mapping[str, Any]], Edit]:
    """Reads an edit that has these keys beside the common ones."""

    def read(line: Mapping[str, Any]) -> Edit:
        _refuse_others(line, {"edit", "do", "track", "by", "at", *keys.split()})
        return make(line, TRACK.whole(line["track"]))

    return read


def _draw(line: Mapping[str, Any], track: int) -> Draw:
    polygon = tuple((PIXELS.number(x), PIXELS.number(y)) for x, y in line.get("polygon", ()))
    shape = Shape(line.get("shape", "polygon" if polygon else "box"))
    if len(where := [key for key in ("xyxy", "polygon", "boxes") if line.get(key)]) > 1:
        raise ValueError(f"expected one of xyxy, polygon and boxes, got {' and '.join(where)}")
    boxes = _boxes(line["boxes"]) if "boxes" in line else ()
    box = around(polygon) if polygon else boxes[0] if boxes else box_of(line["xyxy"])
    kind, anchor = Kind.named(line.get("kind", "area")), TRACK.whole(line.get("anchor", -1))
    return Draw(track, _span(line), box, kind, shape, anchor, polygon, boxes)


def _drawn(edit: Draw) -> dict[str, Any]:
    if edit.polygon:
        where: dict[str, Any] = {"polygon": [list(one) for one in edit.polygon]}
    else:
        where = {"boxes": [list(one) for one in edit.boxes]} if edit.boxes else {"xyxy": list(edit.box)}
    anchor = {"anchor": edit.anchor} if edit.anchor >= 0 else {}
    return {"kind": edit.kind.label, "shape": edit.shape.value, "frames": list(edit.frames)} | anchor | where


def _boxes(value: Any) -> tuple[Box, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= LONGEST:
        raise ValueError(f"boxes: expected a list of 1 to {LONGEST} boxes")
    return tuple(box_of(one) for one in value)


def _place(line: Mapping[str, Any], track: int) -> Place:
    return Place(track, COUNT.whole(line["first"]), _boxes(line["boxes"]))


def _show(line: Mapping[str, Any], track: int) -> Show:
    check_reason(_text(line["reason"]))
    edit = _stays(line, track, line)
    if "head" not in line:
        return edit
    head = line["head"]
    if not isinstance(head, Mapping):
        raise ValueError(f"head: {shown(head)}: expected its track and its frames")
    _refuse_others(head, {"track", "frames", "chosen", "note"})
    return replace(edit, head=_stays(head, TRACK.whole(head["track"]), line))


def _stays(line: Mapping[str, Any], track: int, given: Mapping[str, Any]) -> Show:
    """A track and when it stays visible, for the reason and in the version that are `given`."""
    chosen, note = TRACK.whole(line.get("chosen", -1)), _text(line.get("note", ""))
    return Show(track, _span(line), given["reason"], chosen, note, version_of(given))


def _shown(edit: Show) -> dict[str, Any]:
    entry: dict[str, Any] = {"frames": list(edit.frames), "reason": edit.reason, "chosen": edit.chosen}
    entry |= _given(edit, "note", "version")
    if (head := edit.head) is None:
        return entry
    return entry | {
        "head": {"track": head.track, "frames": list(head.frames), "chosen": head.chosen} | _given(head, "note")
    }


def _heads(line: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(TRACK.whole(one) for one in line.get("heads", ()))


def _with_heads(edit: Hide | Merge | Remove) -> dict[str, Any]:
    return {"heads": list(edit.heads)} if edit.heads else {}


def _judge(line: Mapping[str, Any], track: int) -> Judge:
    by, at = check_name(line.get("by", "")), check_name(line.get("at", ""))
    return Judge(track, Answer(line["answer"]) if line.get("answer") is not None else None, by, at)


def _sound(line: Mapping[str, Any]) -> Sound:
    _refuse_others(line, {"edit", "do", "by", "at", "sound", "seconds"})
    how = None if line["sound"] == _HEARD else Silencing(line["sound"])
    return Sound(span_of(line["seconds"]), how)


_HEARD = "keep"
"""In a line, that the sound itself is heard."""


def _reply(line: Mapping[str, Any], track: int) -> Reply:
    topic, answer = Topic(line["topic"]), Answer(line["answer"])
    boxes = _boxes(line["boxes"]) if "boxes" in line else ()
    shape = Shape(line.get("shape", "ellipse"))
    return Reply(
        track, topic, COUNT.whole(line["of"]), _span(line), answer, boxes, Kind.named(line.get("kind", "face")), shape
    )


def _replied(edit: Reply) -> dict[str, Any]:
    entry: dict[str, Any] = {"topic": edit.topic.value, "of": edit.of, "frames": list(edit.frames)}
    entry |= {"answer": edit.answer.value, "kind": edit.kind.label, "shape": edit.shape.value}
    return entry | ({"boxes": [list(one) for one in edit.boxes]} if edit.boxes else {})


def _given(edit: Edit, *names: str) -> dict[str, Any]:
    """Those of an edit's texts that are not empty."""
    return {name: text for name in names if (text := getattr(edit, name))}


_SORTS: tuple[tuple[str, type[Any], Callable[[Any], dict[str, Any]]], ...] = (
    ("draw", Draw, _drawn),
    ("place", Place, lambda e: {"first": e.first, "boxes": [list(box) for box in e.boxes]}),
    ("remove", Remove, lambda e: {"frames": list(e.frames)} | _with_heads(e)),
    ("split", Split, lambda e: {"frame": e.frame, "new": e.new}),
    ("join", Merge, lambda e: {"other": e.other} | _with_heads(e)),
    ("change", Change, lambda e: {"kind": e.kind.label, "shape": e.shape.value}),
    ("show", Show, _shown),
    ("hide", Hide, lambda e: _given(e, "version") | _with_heads(e)),
    ("judge", Judge, lambda e: {"answer": e.answer.value if e.answer else None}),
    ("sound", Sound, lambda e: {"sound": e.how.value if e.how else _HEARD, "seconds": list(e.seconds)}),
    ("reply", Reply, _replied),
    ("row", Arrange, lambda e: {"other": e.other} if e.other >= 0 else {}),
)
"""Of each sort of edit, the word in a line, its class, and what its line has beside the track."""

_READ: Mapping[str, Callable[[Mapping[str, Any]], Edit]] = {
    "draw": _reading("kind shape frames anchor xyxy polygon boxes", _draw),
    "place": _reading("first boxes", _place),
    "remove": _reading("frames heads", lambda line, track: Remove(track, _span(line), _heads(line))),
    "split": _reading(
        "frame new", lambda line, track: Split(track, COUNT.whole(line["frame"]), COUNT.whole(line["new"]))
    ),
    "join": _reading("other heads", lambda line, track: Merge(track, COUNT.whole(line["other"]), _heads(line))),
    "change": _reading("kind shape", lambda line, track: Change(track, Kind.named(line["kind"]), Shape(line["shape"]))),
    "show": _reading("frames reason chosen note version head", _show),
    "hide": _reading("version heads", lambda line, track: Hide(track, version_of(line), _heads(line))),
    "judge": _reading("answer", _judge),
    "sound": _sound,
    "row": _reading("other", lambda line, track: Arrange(track, TRACK.whole(line.get("other", -1)))),
    "reply": lambda line: _reading("topic of frames answer boxes kind shape", _reply)({"track": -1, **line}),
}
