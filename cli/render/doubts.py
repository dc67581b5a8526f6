"""The lines that describe the doubts of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anonymize.kinds import Kind
from anonymize.text.words import clock

if TYPE_CHECKING:
    from anonymize.plan import About
    from anonymize.plan.doubts import Doubt
    from anonymize.review.questions import Question

HELP = "h: hide it, n: nothing to hide, s: skip, q: quit; h or n with tracks answers several, as n 4 7"
PROMPT = "h, n, s or q? "
_RAISED = {
    "find": "found weakly",
    "check": "seen by the check",
    "alone": "not seen by another network",
    "behind": "seen from behind",
}
_HEADINGS = ("track", "kind", "from", "to", "frames", "where", "px", "score", "raised", "answer")


def begin(count: int) -> str:
    """How to answer."""
    return (
        f"{count} open doubt{'s' * (count != 1)}. Look at each place in a player, then answer. {HELP}. "
        "Every answer is saved at once."
    )


def begin_everything(count: int) -> str:
    """How to answer the questions of a review."""
    return (
        f"{count} question{'s' * (count != 1)}, those that matter most first. Look at each place in a player, then "
        "answer. h: somebody is there, hide them, n: nobody is there, s: skip, q: quit. Every answer is saved at once."
    )


def question(one: Mapping[str, Any], left: int, time: float, about: About) -> Iterator[str]:
    """One question of a review, in short lines.

    Args:
        one: as `Review.questions` has it.
        left: number of questions.
        time: of its frame, in seconds.
        about: the plan's header.
    """
    yield ""
    yield f"{left} left: {one['kind']}, {_TOPICS[one['topic']]}"
    if about.frames > 1:
        yield f"  on frame {one['frame']}, at {clock(time)}"
    yield f"  {one['place']}, {one['size']:.0f} px {'wide' if Kind.named(one['kind']).wide else 'high'}"
    yield f"  box {','.join(f'{value:.0f}' for value in one['box'])} of {about.width}x{about.height}"
    yield f"  {'covered' if one['covered'] else 'not covered'} while open"


_TOPICS = {
    "doubt": "the machine is not sure",
    "check": "found by the check of an output",
    "faint": "seen faintly",
    "sure": "a cover",
    "begins": "just before a cover begins",
    "ends": "just after a cover ended",
    "gap": "between two covers",
    "held": "covered for a while, though nothing was seen",
}


def asked(one: Question, number: int, count: int, about: About) -> Iterator[str]:
    """One doubt, in short lines.

    Args:
        one: the doubt.
        number: its number, from 1.
        count: number of all open doubts.
        about: the plan's header.
    """
    first, last = one.frames
    yield ""
    yield f"Doubt {number} of {count}: {one.kind.label}, track {one.number}"
    doubt = _doubt(one)
    if doubt.seconds:
        start, end = doubt.seconds
        yield f"  from {clock(start)} to {clock(end)}" if end > start else f"  at {clock(start)}"
    if about.frames > 1:
        yield f"  best seen on frame {one.frame}"
    yield f"  {one.place}, {one.size:.0f} px {'wide' if one.kind.wide else 'high'}"
    yield f"  box {_box(one)} of {about.width}x{about.height}"
    yield f"  {_RAISED[doubt.raised.value]}, score {one.score:.2f}"
    yield f"  {'covered' if doubt.drawn else 'not covered'} while open"
    if about.frames > 1:
        yield f"  the answer is for frames {first} to {last}"


def table(listed: Sequence[Question]) -> list[tuple[str, ...]]:
    """The rows of a table of all doubts; none without doubts."""
    return [_HEADINGS, *map(_row, listed)] if listed else []


def left(listed: Sequence[Question]) -> str:
    """The number of answers and of open doubts, in words."""
    if not listed:
        return "no doubts in this plan"
    counts = answers(listed)
    return f"{counts['hide']} to hide, {counts['nothing']} nothing, {counts['open']} open"


def answers(listed: Sequence[Question]) -> dict[str, int]:
    """The number of open doubts and of each answer."""
    counts = Counter(_answer(one) for one in listed)
    return {name: counts[name] for name in ("open", "hide", "nothing")}


def objects(listed: Sequence[Question], command: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON events with their facts: one for each doubt, and a last one with the numbers and the next command."""
    yield from (("doubt", _facts(one)) for one in listed)
    yield "doubts", {**answers(listed), "command": command}


def _row(one: Question) -> tuple[str, ...]:
    doubt = _doubt(one)
    start, end = map(clock, doubt.seconds) if doubt.seconds else ("", "")
    first, last = one.frames
    by = f", {doubt.by}" if doubt.by else ""
    facts = (f"{one.place} ({_box(one)})", f"{one.size:.0f}", f"{one.score:.2f}", doubt.raised.value)
    return (str(one.number), one.kind.label, start, end, f"{first}-{last}", *facts, f"{_answer(one)}{by}")


def _answer(one: Question) -> str:
    answer = _doubt(one).answer
    return answer.value if answer else "open"


def _doubt(one: Question) -> Doubt:
    assert one.doubt is not None
    return one.doubt


def _facts(one: Question) -> dict[str, Any]:
    """A doubt as plain JSON values."""
    doubt = _doubt(one)
    return {
        "track": one.number,
        "kind": one.kind.label,
        "raised": doubt.raised.value,
        "seconds": list(doubt.seconds) or None,
        "frames": [doubt.first, doubt.end],
        "frame": one.frame,
        "box": [round(value, 1) for value in one.box],
        "place": one.place,
        "size": round(one.size, 1),
        "score": round(one.score, 3),
        "covered": doubt.drawn,
        "answer": doubt.answer.value if doubt.answer else None,
        "by": doubt.by,
        "at": doubt.at,
    }


def _box(one: Question) -> str:
    return ",".join(f"{value:.0f}" for value in one.box)
