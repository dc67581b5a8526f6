"""What a page lists of an edited plan, as plain values: tracks, their lanes over time, the regions of a frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Kind, Region
from anonymize.kinds import Answer
from anonymize.plan import Plan
from anonymize.plan.boxes import DETECTED, MANUAL, Rows
from anonymize.plan.edited import Edited
from anonymize.plan.regions import SHAPES, WHYS
from anonymize.review.questions import best_row, best_rows


def tracks(edited: Edited, only: Iterable[int] | None = None, version: str = "") -> list[dict[str, Any]]:
    """A row for each track, by the time of its first frame; whole-frame regions and zones have none.

    Args:
        edited: the plan.
        only: the numbers of some tracks; all if not given.
        version: of the output, which decides who stays visible.
    """
    made: list[dict[str, Any]] = []
    if only is None:
        changed = edited.changed()
        usual, others = _at_once(edited.base)
        only = [*(number for number in others if number not in changed), *changed]
        made = [_decided(edited, number, version, known) for number, known in usual.items() if number not in changed]
    rows = ((number, found) for number in only if (found := edited.rows(number)) is not None)
    made += [_decided(edited, number, version, _alone(edited.base, found)) for number, found in rows]
    return sorted(made, key=lambda row: (row["first"], row["track"]))


def _at_once(base: Plan) -> tuple[dict[int, dict[str, Any]], list[int]]:
    """What is known of the tracks of a plan by their numbers, and the numbers of those to be looked at one by one.

    Those have regions over several frames, or several on one frame.
    """
    columns = base.regions.columns()
    order = np.flatnonzero(columns.track >= 0)
    order = order[np.argsort(columns.track[order], kind="stable")]
    rows = columns.at(order)
    if not len(order):
        return {}, []
    starts = np.flatnonzero(np.diff(rows.track, prepend=-1))
    usual = rows.end - rows.start == 1
    usual &= (np.diff(rows.start, prepend=-1) > 0) | (np.diff(rows.track, prepend=-1) > 0)
    usual = np.logical_and.reduceat(usual, starts)
    best = best_rows(rows, starts, rows.kind[starts], base.about)
    last = np.append(starts[1:], len(order)) - 1
    kinds = {number: Kind(number).label for number in set(rows.kind[starts].tolist())}
    shapes = [shape.value for shape in SHAPES]
    columned = (
        rows.track[starts],
        rows.kind[starts],
        rows.shape[starts],
        rows.start[starts],
        rows.end[last],
        last - starts + 1,
        np.add.reduceat(rows.detected.astype(int), starts),
        np.add.reduceat((rows.why == MANUAL).astype(int), starts),
        np.maximum.reduceat(np.where(rows.detected, rows.score, 0.0), starts),
        rows.start[best],
        rows.xyxy[best],
    )
    found = {
        number: {
            "kind": kinds[kind],
            "shape": shapes[shape],
            "first": first,
            "end": end,
            "frames": frames,
            "found": detected,
            "hand": by_hand,
            "score": round(score, 3),
            "best": shown,
            "box": [round(value, 1) for value in box],
        }
        for number, kind, shape, first, end, frames, detected, by_hand, score, shown, box in zip(
            *(column[usual].tolist() for column in columned), strict=True
        )
    }
    return found, rows.track[starts][~usual].tolist()


def _alone(base: Plan, rows: Rows) -> dict[str, Any]:
    """What is known of one track."""
    detected = rows.why == DETECTED
    best = best_row(rows, base.about)
    return {
        "kind": rows.kind.label,
        "shape": rows.shape.value,
        "first": int(rows.frame[0]),
        "end": int(rows.frame[-1]) + 1,
        "frames": len(rows.frame),
        "found": int(detected.sum()),
        "hand": int((rows.why == MANUAL).sum()),
        "score": round(float(rows.score[detected].max(initial=0.0)), 3),
        "best": int(rows.frame[best]),
        "box": [round(value, 1) for value in rows.xyxy[best].tolist()],
    }


def _decided(edited: Edited, number: int, version: str, known: dict[str, Any]) -> dict[str, Any]:
    """What is known of a track, and what was decided of it."""
    doubt = edited.doubt(number)
    return known | {
        "track": number,
        "doubt": doubt.raised.value if doubt else None,
        "answer": doubt.answer.value if doubt and doubt.answer else None,
        "shown": [
            {"frames": [one.first, one.end], "grounds": one.grounds.value, "reason": one.reason, "note": one.note}
            for one in edited.shown(number, version)
        ],
        "drawn": _drawn(edited, number, version),
    }


def _drawn(edited: Edited, number: int, version: str) -> str:
    """What becomes of a track: hidden, visible, partly, open (until somebody answers) or nothing (it shows nobody)."""
    doubt = edited.doubt(number)
    if doubt and doubt.answer is Answer.NOTHING:
        return "nothing"
    if doubt and not doubt.drawn:
        return "open"
    shown = edited.shown(number, version)
    rows = edited.rows(number) if shown else None
    if rows is None:
        return "hidden"
    inside: NDArray[np.bool_] = np.zeros(len(rows.frame), bool)
    for one in shown:
        inside |= (rows.frame >= one.first) & (rows.frame < one.end)
    return "visible" if inside.all() else "partly"


def lane(rows: Rows) -> list[list[int]]:
    """Runs of frames with one reason: [first, end, code], where codes are the positions in `reasons`."""
    if not len(rows.frame):
        return []
    breaks = (np.diff(rows.frame) != 1) | (np.diff(rows.why.astype(int)) != 0)
    starts = np.flatnonzero(np.concatenate([[True], breaks]))
    ends = np.concatenate([starts[1:], [len(rows.frame)]]) - 1
    runs: list[list[int]] = np.stack([rows.frame[starts], rows.frame[ends] + 1, rows.why[starts]], axis=1).tolist()
    return runs


def reasons() -> list[str]:
    """The words of `Why`, in the order of a lane's codes."""
    return [why.value for why in WHYS]


def region(one: Region, *, drawn: bool) -> list[Any]:
    """A region for the page: track, kind, shape, reason, whether it is drawn, its corners or its box."""
    where: list[Any] = (
        [[round(x, 1), round(y, 1)] for x, y in one.polygon] if one.polygon else [round(v, 1) for v in one.xyxy]
    )
    return [one.track, one.kind.label, one.shape.value, one.why.value, drawn, where]
