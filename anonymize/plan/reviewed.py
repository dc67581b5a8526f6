"""What a person looked at, and their sign-off: lines of a plan file, in force until the plan is edited again.

{"sampled": 60, "showing": 0, "at_most": 0.0487, "by": "A. K.", "at": "2026-11-29T09:20:00Z"}
{"signed": "A. K.", "start": "5f0c...", "seen": 0.83, "answered": 40, "open": 2, "note": "", "at": "..."}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from anonymize.plan.doubts import check_name
from anonymize.plan.values import COUNT, version_of
from anonymize.text.ranges import SHARE, shown


@dataclass(frozen=True, slots=True)
class Sampled:
    """A person looked at frames drawn at random, as they will be published.

    Args:
        drawn: so many.
        showing: those of them on which they could recognise somebody.
        at_most: the share of all frames that show somebody to this person is no larger, with 95% confidence.
        by, at: who looked, and when.
        version: of the output; empty for all that are not named.
    """

    drawn: int
    showing: int
    at_most: float
    by: str = ""
    at: str = ""
    version: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Its line, as plain values."""
        values = _plain(self)
        return {"sampled": values.pop("drawn"), **values}


@dataclass(frozen=True, slots=True)
class SignOff:
    """A person signed the plan as it is.

    Args:
        name: as they wish to be called; may be empty.
        start: a random word of the start of the program in which they signed.
        seen: the share of frames that was on the screen in that start.
        answered, open: questions of the queue with and without an answer.
        note: why they changed what they changed, one line; may be empty.
        at: when.
        version: of the output; empty for all that are not named.
    """

    name: str
    start: str
    seen: float
    answered: int
    open: int
    note: str = ""
    at: str = ""
    version: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Its line, as plain values."""
        values = _plain(self)
        return {"signed": values.pop("name"), **values}


Note = Sampled | SignOff


def _plain(one: Note) -> dict[str, Any]:
    return {key: value for key, value in asdict(one).items() if value or key != "version"}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What people did to a plan, and signed.

    Args:
        changes: number of edits in force, by the word of their line; answers as "hide" and "nothing".
        sampled: the last sample since the last edit, if any.
        signed: since the last edit.
    """

    changes: Mapping[str, int]
    sampled: Sampled | None = None
    signed: tuple[SignOff, ...] = ()

    def approvals(self) -> int:
        """The number of people who signed, each with a name of their own in a start of their own."""
        names, starts = set[str](), set[str]()
        for one in self.signed:
            if one.name and one.name not in names and one.start not in starts:
                names.add(one.name)
                starts.add(one.start)
        return len(names)

    def as_dict(self) -> dict[str, Any]:
        """For a report, which says for itself which version it is of. The words of starts are left out."""

        def told(one: Note) -> dict[str, Any]:
            return {key: value for key, value in asdict(one).items() if key not in ("start", "version")}

        return {
            "changes": dict(sorted(self.changes.items())),
            "sample": told(self.sampled) if self.sampled else None,
            "signed": [told(one) for one in self.signed],
        }


def reviewed(changes: Mapping[str, int], notes: Iterable[Note]) -> Reviewed:
    """What is in force of these notes, in order."""
    some = list(notes)
    samples = [one for one in some if isinstance(one, Sampled)]
    signed = tuple(one for one in some if isinstance(one, SignOff))
    return Reviewed(changes, samples[-1] if samples else None, signed)


def is_note(line: Mapping[str, Any]) -> bool:
    """Whether a line of a plan is one of these."""
    return "sampled" in line or "signed" in line


def note_of(line: Mapping[str, Any]) -> Note:
    """The note in a line. Raises `ValueError`, `TypeError` or `KeyError`: it is malformed."""
    at, version = check_name(line.get("at", "")), version_of(line)
    if "sampled" in line:
        _refuse_others(line, {"sampled", "showing", "at_most", "by", "at", "version"})
        drawn, showing = COUNT.whole(line["sampled"]), COUNT.whole(line["showing"])
        if not 0 < drawn >= showing:
            raise ValueError(f"{showing} of {drawn} frames: expected no more than were drawn")
        return Sampled(drawn, showing, SHARE.number(line["at_most"]), check_name(line.get("by", "")), at, version)
    _refuse_others(line, {"signed", "start", "seen", "answered", "open", "note", "at", "version"})
    return SignOff(
        check_name(line["signed"]),
        check_name(line["start"]),
        SHARE.number(line["seen"]),
        COUNT.whole(line["answered"]),
        COUNT.whole(line["open"]),
        check_name(line.get("note", "")),
        at,
        version,
    )


def _refuse_others(line: Mapping[str, Any], known: set[str]) -> None:
    if unknown := line.keys() - known:
        raise ValueError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(known))}")
